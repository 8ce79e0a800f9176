# SPDX-License-Identifier: BSD-2-Clause
"""
What an audit does to servers: without consent nothing that could be taken for an attack, and never for long. And a relay that stands open
for one family of addresses alone.
"""
import re
import socket
import threading

import pytest

from audits import WRONG, audit
from exim import Exim
from postfixsite import PostfixSite
from town import HOSTS, RESOLVER, records_of

SECOND = "mx2.example.net"
# The promise for two MX that answer at once.
HEALTHY_MAX_S = 20


@pytest.fixture(scope="module")
def hosts(town):
    return {name: town.mail_host(name) for name in HOSTS}


# ---- IPv6 through a translating proxy ----

class Proxy:
    """What containers do: who comes by IPv6 is seen by the server as somebody of its own."""

    def __init__(self, host, source, target):
        self._target = target
        self._host = host
        with host.inside():
            self._sock = socket.create_server(source, family=socket.AF_INET6)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                one, _ = self._sock.accept()
            except OSError:
                return
            with self._host.inside():
                other = socket.create_connection(self._target)
            for ends in ((one, other), (other, one)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    @staticmethod
    def _carry(source, target):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


def test_a_relay_for_ipv6_alone_is_found(run, town, hosts, authority):
    """Its mynetworks are as they should be, and yet it relays for all that the proxy brings."""
    four, six = HOSTS[SECOND]
    server = PostfixSite(run, hosts[SECOND], good=True, authority=authority, name=SECOND, resolver=RESOLVER,
                         main="inet_protocols = ipv4\n", mailboxes=False)
    proxy = Proxy(hosts[SECOND], (six, 25), ("127.0.0.1", 25))
    try:
        done = audit(town, authority, "example.net", "--host", SECOND, "--own", "--only", "relay,source")
        relay = {x["address"]: x["status"] for x in done.findings if x["id"] == "relay"}
        assert relay == {four: "pass", six: "fail"}
    finally:
        proxy.close()
        server.close()


def test_a_server_that_takes_us_for_somebody_of_its_own_is_found(run, town, hosts, authority):
    """By what its answer to EHLO calls us."""
    four, six = HOSTS[SECOND]
    server = Exim(run, hosts[SECOND], good=True, authority=authority, name=SECOND, resolver=RESOLVER,
                  main="local_interfaces = 0.0.0.0\n")
    proxy = Proxy(hosts[SECOND], (six, 25), ("127.0.0.1", 25))
    try:
        done = audit(town, authority, "example.net", "--host", SECOND, "--own", "--only", "source")
        source = {x["address"]: x["status"] for x in done.findings if x["id"].startswith("source") and x["address"]}
        assert source[four] == "pass" and source[six] in WRONG
    finally:
        proxy.close()
        server.close()


# ---- manners ----

@pytest.fixture(scope="module")
def two(run, town, hosts, authority):
    """Two MX that are in order."""
    made = [PostfixSite(run, hosts[name], good=True, authority=authority, name=name, resolver=RESOLVER) for name in HOSTS]
    yield made
    for one in made:
        one.close()


def test_a_healthy_domain_with_two_mx_is_audited_in_good_time(town, authority, two):
    done = audit(town, authority, "example.net", "--own")
    assert not [x["id"] for x in done.findings if x["status"] in WRONG]
    assert {x["address"] for x in done.findings if x["id"] == "relay" and x["status"] == "pass"} == \
        {address for addresses in HOSTS.values() for address in addresses}
    assert done.took_s < HEALTHY_MAX_S


# As Postfix counts them for each connection; a number with a slash was refused.
INTRUSIVE = re.compile(r"\b(?:mail|rcpt|vrfy|expn|data|auth)=|NOQUEUE|replacing command|non-SMTP command")


def test_without_consent_nothing_intrusive_is_sent(town, authority, two):
    start = [server.mark() for server in two]
    done = audit(town, authority, "example.net")
    said = [x for server, at in zip(two, start) for x in server.lines_since(at)]
    connections = [x for x in said if "disconnect from" in x and "dovecot" not in x]
    assert connections
    assert not [x for x in said if INTRUSIVE.search(x) and "/smtpd[" in x]
    assert {x["status"] for x in done.findings if x["id"] == "relay"} == {"skipped"}
    assert any("consent" in x["finding"] or "--own" in x["finding"] for x in done.findings if x["id"] == "relay")


def test_a_domain_that_consents_may_be_asked(town, authority, two):
    town.zone.change(records_of() + ['_postern-audit.example.net. TXT "ok"'])
    try:
        start = two[0].mark()
        done = audit(town, authority, "example.net", "--only", "relay")
        assert {x["status"] for x in done.findings if x["id"] == "relay"} == {"pass"}
        assert any("rcpt=" in x for x in two[0].lines_since(start))
    finally:
        town.zone.change(records_of())
