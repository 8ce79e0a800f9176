# SPDX-License-Identifier: BSD-2-Clause
"""Interfaces come and go; the gate is back on them within a second, and says so."""
import pytest

from clients import Sink, fates, recipient
from gate import READY
from lab import GATEWAY, Lab, until

WITHIN_S = 1.0
BLOCKED = "203.0.113.7"
HONEST = "203.0.113.8"
GUARDED = r"mx0: guarded"


@pytest.fixture
def lab(run):
    """These tests take the interface apart: a lab for each."""
    one = Lab(run)
    yield one
    one.close()


def assert_guards(lab):
    assert fates(lab.out, [BLOCKED, HONEST], greet=True) == {BLOCKED: "silent", HONEST: "open"}


def attached(g, name):
    return any(i["name"] == name for i in g.row("show status")["interfaces"])


def test_deleted_and_made_again(lab, gate, sink):
    g = gate()
    g(f"block {BLOCKED}")
    for _ in range(3):
        start = len(g.log.lines)
        lab.mail.ip("link del mx0")
        g.log.wait(r"mx0: the interface is gone", WITHIN_S, start)
        start = len(g.log.lines)
        lab.cable()
        g.log.wait(GUARDED, WITHIN_S, start)
        assert_guards(lab)
        # Own addresses are known again, and refused as ever.
        g("block 192.0.2.25", status=1)


def test_missing_at_the_start(lab, gate, sink):
    """The controller waits for an interface that is yet to come, with its rules loaded."""
    lab.mail.ip("link del mx0")
    g = gate(start=READY)
    g(f"block {BLOCKED}")
    start = len(g.log.lines)
    lab.cable()
    g.log.wait(GUARDED, WITHIN_S, start)
    assert_guards(lab)


def test_renamed(lab, gate, sink):
    """An interface that was guarded stays guarded under its new name."""
    g = gate()
    g(f"block {BLOCKED}")
    start = len(g.log.lines)
    lab.mail.ip("link set mx0 down", "link set mx0 name mail0")
    lab.mail_up("mail0")
    g.log.wait(r"mx0: renamed to mail0", WITHIN_S, start)
    assert_guards(lab)
    until(lambda: attached(g, "mail0") and not attached(g, "mx0"), WITHIN_S, "the new name is shown")
    start = len(g.log.lines)
    lab.mail.ip("link set mail0 down", "link set mail0 name mx0")
    lab.mail_up()
    g.log.wait(r"mail0: renamed to mx0", WITHIN_S, start)
    assert_guards(lab)


def test_down_and_up(lab, gate, sink):
    g = gate()
    g(f"block {BLOCKED}")
    start = len(g.log.lines)
    lab.mail.ip("link set mx0 down")
    g.log.wait(r"mx0: the interface is down", WITHIN_S, start)
    start = len(g.log.lines)
    lab.mail_up()
    g.log.wait(r"mx0: the interface is up", WITHIN_S, start)
    assert_guards(lab)


def test_default_interfaces_are_those_of_the_default_routes(lab, gate, sink):
    lab.mail.ip("link add idle0 type veth peer name idle1", "link set idle0 up", "addr add 10.9.9.1/24 dev idle0")
    g = gate(interfaces=[])
    g(f"block {BLOCKED}")
    assert attached(g, "mx0") and not attached(g, "idle0")
    assert_guards(lab)


def test_an_interface_that_a_default_route_brings_leads_to_the_responder_at_once(lab, gate, sink):
    """At boot the address often comes after the controller."""
    lab.mail.ip("route del default")
    lab.mail.run("ip", "-6", "route", "del", "default")
    g = gate(start=READY, interfaces=[])
    g(f"block {BLOCKED} with reply saying Enough of this")
    until(lambda: g.why(BLOCKED)["verdict"] == "reply", 5, "a responder")
    start = len(g.log.lines)
    lab.mail.ip(f"route add default via {GATEWAY[4]} dev mx0")
    g.log.wait(GUARDED, WITHIN_S, start)
    assert "Enough of this" in recipient(lab.out, BLOCKED)


def test_new_addresses_are_own_at_once(lab, gate, sink):
    g = gate()
    g("block 198.51.100.200")
    g("unblock 198.51.100.200")
    lab.mail.ip("addr add 198.51.100.200/32 dev mx0")
    until(lambda: g("block 198.51.100.200", status=None).returncode == 1, WITHIN_S, "it is own")
    g("unblock 198.51.100.200", status=None)
    lab.mail.ip("addr del 198.51.100.200/32 dev mx0")
    until(lambda: g("block 198.51.100.200", status=None).returncode == 0, WITHIN_S, "it is a stranger again")


def test_private_networks_of_the_link_are_never_judged(lab, gate, run):
    """... unless local_networks = false. The network is seen the moment it is there."""
    lab.mail.ip("addr add 10.7.0.25/24 dev mx0")
    lab.out.ip("addr add 10.7.0.9/24 dev out0")
    sink = Sink(lab.mail)
    g = gate(mode="enforce", limits={"rate": "1/1d burst 1", "open": 0})
    for _ in range(3):
        assert fates(lab.out, ["10.7.0.9"], greet=True) == {"10.7.0.9": "open"}
    g("block 10.7.0.9", status=1)
    g.stop()
    g.configure(local_networks=False)
    g.start()
    assert [fates(lab.out, ["10.7.0.9"], greet=True)["10.7.0.9"] for _ in range(2)] == ["open", "silent"]
    g("block 10.7.0.9")
    sink.close()
