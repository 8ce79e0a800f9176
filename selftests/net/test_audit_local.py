# SPDX-License-Identifier: BSD-2-Clause
"""
`postern audit --local` on a real Postfix: what only the host can tell, seen from the host itself by a namespace of its own.

The Postfix has IPv4 alone. What comes by IPv6 goes through a proxy that translates, as a container engine's does: its
clients have an address of the bridge, for which this Postfix relays.
"""
import contextlib
import json
import os
import re
import smtplib
import socket
import threading

import pytest

from gate import BINARY
from lab import MAIL, STRANGER, until
from postfix import Postfix

BRIDGE = "172.17.0.1"
# Of one sender, that the check calls many (QUEUE_MANY).
MANY = 100
SPAMMER = "spam@bad.example"

MAIN = """
mynetworks = 127.0.0.0/8, 172.16.0.0/12
inet_protocols = ipv4
defer_transports = discard
mailbox_size_limit = 0
mydestination = localhost
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination
"""


class Tee:
    """A host on which what a process says goes into a file too."""

    def __init__(self, host, path):
        self._host = host
        self._path = path

    def start(self, *words, **options):
        return self._host.start("bash", "-c", 'exec "$@" > >(exec tee "$0")', self._path, *words, **options)


class Logged(Postfix):
    """One whose log is a file, which the audit reads."""

    def __init__(self, run, host):
        self.log_path = os.path.join(run.folder, run.next_name("maillog"))
        super().__init__(run, Tee(host, self.log_path), MAIN)
        self.config = self._config

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()


class Proxy:
    """Takes connections by IPv6 and makes them anew by IPv4, from an address of its own."""

    def __init__(self, host):
        host.ip(f"addr add {BRIDGE}/32 dev lo")
        self._host = host
        self._listener = host_socket(host, socket.AF_INET6)
        self._listener.bind((MAIL[6], 25))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = host_socket(self._host, socket.AF_INET)
            server.bind((BRIDGE, 0))
            server.connect((MAIL[4], 25))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=pump, args=(one, other), daemon=True).start()

    def close(self):
        # Wakes accept(), which close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def host_socket(host, family):
    with host.inside():
        made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def pump(one, other):
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def server(run, lab):
    one = Logged(run, lab.mail)
    yield one
    one.close()


@pytest.fixture(scope="module")
def proxy(lab, server):
    one = Proxy(lab.mail)
    yield one
    one.close()


def audit(lab, server, target, *only):
    # Nobody answers questions here, and a closed port says so at once.
    path = os.path.join(server.folder, "postern.conf")
    with open(path, "w", encoding="ascii") as config:
        config.write('resolver = [ "127.0.0.1:9" ];\n')
    done = lab.mail.run(BINARY, "--config", path, "--json", "audit", "--host", target, "--local", "--own", "--only", ",".join(only),
                        "--postfix", server.config, "--mail-log", server.log_path, check=False)
    assert done.returncode in (0, 1, 4), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row for row in rows if "id" in row]


def status(rows, name):
    return [(row["status"], row["severity"]) for row in rows if row["id"] == name]


@pytest.fixture(scope="module")
def crowded(lab, server):
    """The server, with the queue of somebody who sends too much."""
    with lab.out.inside():
        session = smtplib.SMTP(MAIL[4], timeout=10)
    with session:
        for number in range(MANY):
            session.sendmail(SPAMMER, [f"user{number}@example.net"], "Subject: x\r\n\r\nx\r\n")
    return server


@pytest.fixture(scope="module")
def links(lab):
    return lab.mail.run("ip", "-o", "link").stdout


@pytest.fixture(scope="module")
def rows(lab, crowded, links):
    return audit(lab, crowded, MAIL[4], "source", "relay", "mailbox-quota", "queue")


def test_own_address_is_audited_from_outside(lab, server, links, rows):
    assert {row["vantage"] for row in rows if row.get("address")} == {"outside"}, rows
    assert status(rows, "source.log") == [("pass", "info")], rows
    clients = set(re.findall(r" connect from \S+\[([0-9.]+)\]", server.text())) - {STRANGER[4]}
    assert clients and all(re.match(r"203\.0\.113\.|198\.51\.100\.", one) for one in clients), clients
    # The namespace is taken apart a moment after its last socket.
    until(lambda: lab.mail.run("ip", "-o", "link").stdout == links, 5, "nothing stays behind")


def test_configuration_is_read(rows):
    broad = next(row for row in rows if row["id"] == "relay.networks")
    assert (broad["status"], broad["severity"]) == ("fail", "medium"), broad
    assert broad["evidence"][0] == "mynetworks: 172.16.0.0/12"
    # Of Dovecot, where that is installed, and else of Postfix.
    assert status(rows, "mailbox-quota"), rows


def test_sender_who_fills_the_queue_is_traced(rows):
    said = next(row for row in rows if row["id"] == "queue")
    assert (said["status"], said["severity"]) == ("fail", "medium"), said
    assert f"{MANY} of {MANY}" in said["finding"] and SPAMMER in said["finding"]
    assert said["enforce"] == f"postern block {STRANGER[4]} for 7d"


def test_proxy_inside_mynetworks_is_an_open_relay(lab, server, proxy):
    rows = audit(lab, server, MAIL[6], "source")
    assert status(rows, "source.log") == [("fail", "critical")], rows
    said = next(row for row in rows if row["id"] == "source.log")
    assert BRIDGE in said["finding"] and "mynetworks: 172.16.0.0/12" in said["evidence"][0]
