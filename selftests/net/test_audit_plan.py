# SPDX-License-Identifier: BSD-2-Clause
"""
How far `postern audit` goes, seen from the servers: what they log is what was said to them. Two real Postfix, both in order, each in its own
network, and an auditor who is no neighbour of theirs.
"""
import json
import os
import re
import socket
import time

import pytest

from gate import BINARY
from lab import until
from postfixsite import PostfixSite
from town import AUDITOR, HOSTS, RESOLVER, records_of

MX, MX2 = HOSTS
CONSENT = '_postern-audit.example.net. TXT "ok"'
HEALTHY_MAX_S = 20
LIMIT_S = 4
# What ends by itself once the limit is over: the DNS, and a report.
AFTER_MAX_S = 6
# Of the line in which a Postfix sums up a connection.
HARMLESS = {"ehlo", "starttls", "quit", "commands"}


@pytest.fixture(scope="module")
def servers(run, town, authority):
    made = [PostfixSite(run, town.mail_host(name), good=True, authority=authority, name=name, resolver=RESOLVER)
            for name in (MX, MX2)]
    yield made
    for one in made:
        one.close()


@pytest.fixture
def audit(run, tmp_path):
    """audit(host, resolver, words...): ({id: [findings]}, seconds)."""

    def make(host, resolver, *words):
        path = os.path.join(tmp_path, "postern.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f'resolver = ["{resolver}:53"];\n')
        begun = time.monotonic()
        done = host.run(BINARY, "--json", "--config", path, "audit", *words, "--helo", "auditor.example.org", check=False)
        took = time.monotonic() - begun
        assert done.returncode in (0, 1, 4), done.stdout + done.stderr
        found = {}
        for row in map(json.loads, done.stdout.splitlines()):
            if "id" in row:
                found.setdefault(row["id"], []).append(row)
        return found, took

    return make


def mark(server):
    """Where its log ends, once whoever has come has gone: what is said then is of later visits."""

    def is_empty():
        text = "\n".join(server.log.lines)
        return text.count(": connect from") == text.count(": disconnect from")

    until(is_empty, what="the last line of the last visit")
    return server.mark()


def said_to(server, start):
    """Which commands, by Postfix's own count."""
    mark(server)
    sums = [line for line in server.lines_since(start) if ": disconnect from" in line]
    assert sums, "nobody came"
    return {word for line in sums for word in re.findall(r" (\w+)=\d", line.split("]: disconnect", 1)[1])}


def test_nothing_intrusive_is_said_without_consent(town, servers, audit):
    start = [mark(s) for s in servers]
    found, _ = audit(town.auditor, "198.51.100.1", "example.net")
    for server, begun in zip(servers, start):
        assert said_to(server, begun) <= HARMLESS
        assert not [line for line in server.lines_since(begun) if "reject" in line or "LOGIN" in line]
    for id_ in ("relay", "vrfy", "ports"):
        assert {row["status"] for row in found[id_]} == {"skipped"}, id_


def test_what_the_domain_publishes_is_consent(town, servers, audit):
    start = mark(servers[0])
    town.zone.change([*records_of(), CONSENT])
    try:
        audit(town.auditor, "198.51.100.1", "example.net", "--only", "roles")
    finally:
        town.zone.change(records_of())
    assert "rcpt" in said_to(servers[0], start)


def test_a_healthy_host_with_two_mx_is_soon_done_and_gets_no_mail(town, servers, audit):
    start = [mark(s) for s in servers]
    found, took = audit(town.auditor, "198.51.100.1", "example.net", "--own")
    assert took < HEALTHY_MAX_S, f"{took:.1f} s"
    for server, begun in zip(servers, start):
        assert {"vrfy", "mail", "rcpt"} <= said_to(server, begun)
        lines = server.lines_since(begun)
        assert not [line for line in lines if re.search(r"/(cleanup|qmgr|local|smtp)\[", line)], "a message"
        assert not [line for line in lines if "too many errors" in line], "a server lost its patience"
        assert server.mailbox() == ""
    assert {row["status"] for row in found["ports"]} == {"pass"}


def test_a_server_has_one_connection_at_a_time(town, servers, audit):
    """Without the scan of ports, which is beside the first visits."""
    start = mark(servers[0])
    audit(town.auditor, "198.51.100.1", "example.net", "--own", "--only", "relay,size,vrfy")
    mark(servers[0])
    open_now, come = 0, 0
    for line in servers[0].lines_since(start):
        come += ": connect from" in line
        open_now += (": connect from" in line) - (": disconnect from" in line)
        assert open_now <= 1, line
    assert come > 4 and open_now == 0


def test_this_host_is_seen_from_outside(town, servers, audit):
    start = mark(servers[0])
    found, _ = audit(servers[0].host, RESOLVER, "--host", MX, "--only", "vrfy")
    assert {row["vantage"] for row in found["vrfy"]} == {"outside"}
    peers = set(re.findall(r": connect from \S+\[([0-9a-f:.]+)\]", "\n".join(servers[0].lines_since(start))))
    assert peers and not peers & set(HOSTS[MX]), peers
    assert not [p for p in peers if p.startswith("127.")], peers


def test_a_firewall_of_this_host_is_not_taken_for_a_server_that_is_down(town, servers, audit):
    """It turns away what comes by an interface that it does not know, which that of the audit's namespace is."""
    host = servers[0].host
    host.run("nft", "add table inet wall; add chain inet wall in { type filter hook input priority 0; };"
                    "add rule inet wall in iifname != { lo, eth0 } tcp dport 25 reject with icmpx type admin-prohibited")
    try:
        found, _ = audit(host, RESOLVER, "--host", MX, "--only", "vrfy")
    finally:
        host.run("nft", "delete table inet wall")
    assert {row["vantage"] for row in found["vrfy"]} == {"own address"}
    assert {row["status"] for row in found["vrfy"]} <= {"pass", "fail"}, found["vrfy"]


def test_a_server_that_hangs_costs_no_more_than_the_limit(town, audit):
    with town.auditor.inside():
        listener = socket.create_server((AUDITOR[4], 25))
    with listener:
        found, took = audit(town.auditor, "198.51.100.1", "--host", AUDITOR[4], "--only", "vrfy", "--limit", f"{LIMIT_S}s")
    assert took < LIMIT_S + AFTER_MAX_S, f"{took:.1f} s"
    assert {row["status"] for row in found["vrfy"]} == {"inconclusive"}
