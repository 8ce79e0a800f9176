# SPDX-License-Identifier: BSD-2-Clause
"""
Nothing forged counts. Whoever can send SYNs in an honest host's name, or act it out in a network namespace of his own,
costs that host nothing.
"""
import pwd
import subprocess
import sys

import pytest

from clients import attempt, close_all, forge_start, knock
from lab import MAIL

HONEST = {4: "203.0.113.10", 6: "2001:db8:9000::10"}
FORGED = 100000
LOST_SYN_MS = 900
families = pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
LIMITS = {"rate": "10/1d burst 10", "network_rate": "20/1d burst 20", "open": 3, "total_open": 100}


@families
@pytest.mark.parametrize("cookies", [0, 1, 2], ids=["nocookies", "", "syncookies"])
def test_forged_syns_charge_nobody(lab, gate, sink, family, cookies):
    source = HONEST[family]
    lab.mail.sysctl(ipv4__tcp_syncookies=cookies)
    g = gate(mode="enforce", limits=LIMITS)
    seen = forge_start(lab.out, [source], count=FORGED).finish()
    assert seen["sent"] == FORGED, seen
    first = attempt(lab.out, source, greet=True)
    assert first.fate == "open" and first.ms < LOST_SYN_MS, first
    close_all([first])
    # All of its allowance is there: ten connections in all.
    rest = knock(lab.out, source, count=9, rate=100, greet=True, then="rst")
    assert rest["made"] == 9, rest
    assert not g.rows("show open")
    rates = {r["source"]: r["used"] for r in g.rows("show rates")}
    assert max(rates.values()) == 10, rates
    for reason in ("rate", "network_rate", "open", "total_open", "rule", "block", "listed"):
        assert g.count(reason) == 0, reason
    lab.mail.sysctl(ipv4__tcp_syncookies=1)


def test_forged_syns_while_the_honest_host_connects(lab, gate, sink):
    """Its connections all succeed under the flood, none of them a lost SYN later."""
    g = gate(mode="enforce", limits={**LIMITS, "rate": "100/1d burst 100", "network_rate": ""})
    flood = forge_start(lab.out, [HONEST[4]], rate=20000, count=FORGED)
    seen = knock(lab.out, HONEST[4], count=80, rate=25, greet=True, then="rst", wait_ms=5000)
    assert seen["made"] == 80, seen
    assert g.count("rate") == 0
    assert flood.finish()["sent"] == FORGED


# In a user and network namespace of one's own one may be anybody.
PLAY = """
import socket, subprocess, sys
mail, honest = sys.argv[1:]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for address in (mail, honest):
    subprocess.run(["ip", "addr", "add", address, "dev", "lo", *(["nodad"] if ":" in address else [])], check=True)
family = socket.AF_INET6 if ":" in mail else socket.AF_INET
server = socket.create_server((mail, 25), family=family)
held = []
for _ in range(200):
    client = socket.socket(family)
    client.bind((honest, 0))
    client.connect((mail, 25))
    held += [client, server.accept()[0]]
print(len(held))
sys.stdin.read()
"""


@families
def test_who_plays_the_honest_host_in_his_own_namespace_charges_nobody(lab, gate, sink, family):
    source = HONEST[family]
    g = gate(mode="enforce", limits=LIMITS)
    nobody = pwd.getpwnam("nobody")
    player = subprocess.Popen(["unshare", "-Urn", sys.executable, "-c", PLAY, MAIL[family], source], text=True,
                              user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd="/",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert player.stdout.readline() == "400\n"
        assert not g.rows("show open")
        assert not g.rows("show rates")
        first = attempt(lab.out, source, greet=True)
        assert first.fate == "open" and first.ms < LOST_SYN_MS, first
        close_all([first])
    finally:
        player.communicate()
    # His sockets close: nothing is given back that was never taken.
    rest = knock(lab.out, source, count=9, rate=100, greet=True, then="rst")
    assert rest["made"] == 9, rest
    assert not g.rows("show open")
