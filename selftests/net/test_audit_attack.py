# SPDX-License-Identifier: BSD-2-Clause
"""
What a break into the audit would be worth: the process that reads foreign bytes has no rights, no files but those it must write, and
does not outlive whoever waits for it. And what a domain can make the audit do that somebody was talked into auditing.
"""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

import dnsserver as dns
from gate import descendants
from hostile import HostileServer
from lab import MAIL, descriptors, until
from lists import SCRIPTED

SILENT_PORT = 5397
HOST = f"audit --host {MAIL[4]} --local"
# What an event loop waits with, and where it talks.
HARMLESS = re.compile(r"socket:|pipe:|anon_inode:\[(eventpoll|timerfd|signalfd)\]|/dev/null")


class Running:
    """An audit whose questions are never answered, and its worker, which by then has given up what it has to."""

    def __init__(self, gate, *words):
        self.gate = gate
        self.silent = dns.Responder(gate.host, lambda *_: None, SILENT_PORT)
        gate.configure(resolver=[f"127.0.0.1:{SILENT_PORT}"])
        self.child = gate.host.start(*gate.words(*HOST.split(), *words), stdout=subprocess.DEVNULL)
        until(lambda: self.silent.asked, 20, "it asks")
        self.worker = next(pid for pid, name in descendants(self.child.pid).items() if name == "postern")

    def status(self, key):
        with open(f"/proc/{self.worker}/status", encoding="ascii") as file:
            return next(line.split()[1:] for line in file if line.startswith(key + ":"))

    def files(self):
        return descriptors(self.worker)

    def may_write(self, fd):
        with open(f"/proc/{self.worker}/fdinfo/{fd}", encoding="ascii") as file:
            flags = next(int(line.split()[1], 8) for line in file if line.startswith("flags:"))
        return flags & os.O_ACCMODE != os.O_RDONLY

    def close(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(5)
        self.silent.close()


@pytest.fixture
def running(gate):
    audit = gate(start=False)
    page, baseline = (os.path.join(audit.folder, name) for name in ("page.html", "baseline.jsonl"))
    one = Running(audit, "--html", page, "--baseline", baseline, "--update")
    yield one
    one.close()


def test_the_reader_of_foreign_bytes_has_no_rights(running):
    assert "0" not in running.status("Uid") + running.status("Gid") and running.status("Groups") == []
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(running.status(kind)[0], 16) == 0, kind
    assert running.status("NoNewPrivs") == ["1"] and running.status("Seccomp") == ["2"]
    assert re.fullmatch(r".*/postern-empty\.\w+ \(deleted\)", os.readlink(f"/proc/{running.worker}/root"))
    files = {fd: path for fd, path in running.files().items() if not HARMLESS.match(path)}
    written = [path for fd, path in files.items() if running.may_write(fd)]
    assert sorted(re.sub(r"\.\w{6}$", "", os.path.basename(path)) for path in written) == ["baseline.jsonl", "page.html"]
    # The rest is the mail log.
    assert all(path.startswith("/var/log/") for path in files.values() if path not in written), files


def test_nothing_outlives_an_audit_that_is_killed(running):
    links = running.gate.host.run("ip", "-j", "link").stdout
    assert "veth" in links or '"link_netnsid"' in links
    left = {running.worker, *descendants(running.child.pid)}
    running.child.kill()
    running.child.wait(5)
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), 5, "all of it is gone")
    until(lambda: running.gate.host.run("ip", "-j", "link").stdout != links, 5, "the cable is gone")


# ---- a domain that means harm ----

MX, A, TXT, AAAA, CNAME = 15, 1, 16, 28, 5
HERE = b"\xc0\x0c"
CONSENT = "_postern-audit."
EVIL = "evil.example"
# Where it leads those who audit it: to themselves, to their neighbours, to nowhere.
WITHIN = ["127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255"]
WITHIN6 = ["::1", "::", "::ffff:127.0.0.1", "fe80::1", "ff02::1"]
LIMIT_S, SLACK_S = 8, 6


def mx(preference, name):
    return dns.record(HERE, MX, struct.pack("!H", preference) + name)


def labels(*raw):
    return b"".join(bytes([len(x)]) + x for x in raw) + b"\0"


def texts(value):
    return dns.record(HERE, TXT, b"".join(bytes([len(part)]) + part
                                          for part in (value[i:i + 255] for i in range(0, len(value), 255))))


def leads_within(name, kind, query, _tcp):
    answers = []
    if name.startswith(CONSENT) and kind == TXT:
        answers = [texts(b"ok")]
    elif name == EVIL and kind == MX:
        answers = [mx(10, dns.name_bytes("mx." + EVIL)), mx(20, dns.name_bytes("localhost")),
                   mx(30, dns.name_bytes("127.0.0.1"))]
    elif name in ("mx." + EVIL, "localhost") and kind == A:
        answers = [dns.address(a) for a in WITHIN]
    elif name in ("mx." + EVIL, "localhost") and kind == AAAA:
        answers = [dns.record(HERE, AAAA, socket.inet_pton(socket.AF_INET6, a)) for a in WITHIN6]
    return dns.reply(query, answers=answers)


def is_wild(name, kind, query, tcp):
    """As much of everything as there may be, and names of bytes that none should have."""
    odd = [labels(b"\x1b[2J\x9b", b"evil"), labels(b"a.b", b"<script>"), labels(b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 61),
           labels(b"\0\r\nMAIL", b"evil"), labels(b"%s%n", b"$(id)`id`")]
    answers = []
    if name == EVIL and kind == MX:
        answers = [mx(i, n) for i, n in enumerate(odd)] + [mx(i, dns.name_bytes(f"m{i}.{EVIL}")) for i in range(60)]
    elif kind == A and name.startswith("m"):
        answers = [dns.address(f"198.18.{sum(name.encode()) % 250}.{i}") for i in range(1, 60)]
    elif kind == TXT and name.startswith("_dmarc"):
        answers = [texts(b"v=DMARC1; p=\x1b[2J<b>" + b"A" * 30000)]
    elif kind == TXT and name == EVIL:
        answers = [texts(b"v=spf1 include:" + EVIL.encode() + b" redirect=%{i}.\x1b[2J" + b"a" * 400)]
    elif kind == TXT:
        answers = [texts(b"v=STSv1;" + bytes(range(256)) * 100)]
    elif kind == CNAME or name.startswith("c"):
        answers = [dns.record(HERE, CNAME, HERE)]
    if not tcp and sum(map(len, answers)) > 1000:
        return dns.reply(query, truncated=True)
    return dns.reply(query, answers=answers)


@pytest.fixture
def evil(gate, lab, scripted):
    """evil(answer, words): the findings of an audit of that domain."""
    def run(answer, *words):
        scripted(answer)
        one = gate(start=False, resolver=[SCRIPTED])
        begin = time.monotonic()
        done = one.cli("--json", "audit", EVIL, "--limit", f"{LIMIT_S}s", *words, status=None)
        assert done.returncode in (0, 1, 4) and time.monotonic() - begin < LIMIT_S + SLACK_S
        assert all(c == "\n" or " " <= c <= "~" for c in done.stdout + done.stderr)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert "summary" in rows[-1], done.stdout + done.stderr
        return rows[:-1]
    return run


def test_a_domain_cannot_turn_the_audit_against_those_within(evil, lab):
    with HostileServer(lab.mail, "polite") as server:
        relay = {x["address"]: x for x in evil(leads_within, "--only", "relay,mx") if x["id"] == "relay"}
    assert {x["status"] for x in relay.values()} <= {"skipped", "not applicable"} and "127.0.0.1" in relay, relay
    assert server.heard and not [line for line in server.heard if line.startswith((b"MAIL", b"RCPT"))]


def test_a_domain_of_too_much_of_everything(evil):
    found = evil(is_wild)
    assert {x["target"] for x in found if x["id"].startswith("mx")}
    assert any("\\x1b[2J" in " ".join((x["finding"], *x["evidence"])) for x in found)


# ---- a host that means harm to itself ----

RENAMED = """
import os, socket, sys
socket.sethostname("x\\r\\nVRFY root")
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_the_name_of_the_host_is_no_command(gate, lab, scripted):
    scripted(lambda name, kind, query, tcp: dns.reply(query, dns.NXDOMAIN))
    one = gate(start=False, resolver=[SCRIPTED])
    with HostileServer(lab.mail, "polite", address=MAIL[4]) as server:
        one.cli("audit", "--host", MAIL[4], "--only", "starttls", status=None,
                before=("unshare", "--uts", sys.executable, "-c", RENAMED))
    assert server.heard[0].startswith(b"EHLO ") and b"VRFY root" not in server.heard, server.heard
