# SPDX-License-Identifier: BSD-2-Clause
"""
Controllers die, are replaced and upgraded; the gate stands. A client hammers from a blocked address meanwhile: one
answer to it, of whatever kind, is a packet that went unjudged.
"""
import os
import signal

import pytest

from clients import Sink, attempt, close_all, fate, fates, forge_start, knock, knock_start
from gate import BINARY, READY, ids_alive
from lab import PINS, RUN_DIR, Lab, tree_remove, until

BLOCKED = "203.0.113.7"
BLOCKED6 = "2001:db8:9000::7"
HONEST = "203.0.113.8"
HAMMER_PER_S = 5000
HAMMER_LIFE_S = 300  # longer than any test may take
REPLACEMENTS = 20
ANY = 10**9
ABI2 = BINARY + "-abi2"
LIMITS = {"rate": "20/1d burst 20", "open": 5}


class Hammer:
    """SYNs from blocked addresses of both families, all the time."""

    def __init__(self, lab):
        self.tools = [forge_start(lab.out, [s], count=ANY, rate=HAMMER_PER_S, listen_ms=200, life_s=HAMMER_LIFE_S)
                      for s in (BLOCKED, BLOCKED6)]

    def stop(self):
        seen = [t.stop() for t in self.tools]
        for one in seen:
            assert one["sent"] > 100, one
            assert one["missed"] == 0, one
        return sum(one["synack"] + one["rst"] + one["other"] for one in seen)


def block_both(g):
    g(f"block {BLOCKED} because it hammers")
    g("block 2001:db8:9000::/48")


def assert_nothing_of(ids):
    until(lambda: not any(ids_alive(ids).values()), 3.0, f"{ids_alive(ids)} are gone")


def test_kill_leaves_the_gate_working_and_a_new_run_adopts_it(lab, gate, sink):
    g = gate(mode="enforce", limits=LIMITS)
    block_both(g)
    held = [attempt(lab.out, HONEST, greet=True) for _ in range(5)]
    counted = g.count("rule")
    before = g.ids()
    g.kill()
    assert fates(lab.out, [BLOCKED, BLOCKED6]) == {BLOCKED: "silent", BLOCKED6: "silent"}
    # Commands need no controller.
    g("block 198.51.100.9 with refuse because of something said while nobody ran")
    g("unblock 2001:db8:9000::/48")
    assert fates(lab.out, ["198.51.100.9", BLOCKED6]) == {"198.51.100.9": "refused", BLOCKED6: "open"}
    held.pop().sock.close()
    g.start()
    assert before["map"] == g.ids()["map"], "the maps are the same"
    assert g.count("rule") > counted, "and so are the counters"
    rules = g.rules()
    assert set(rules) == {BLOCKED, "198.51.100.9"}
    assert rules["198.51.100.9"]["because"] == "of something said while nobody ran"
    assert fates(lab.out, [BLOCKED, "198.51.100.9", BLOCKED6]) == {
        BLOCKED: "silent", "198.51.100.9": "refused", BLOCKED6: "open"}
    # The closing while nobody ran was counted: there is room for exactly one.
    held.append(attempt(lab.out, HONEST, greet=True))
    assert held[-1].fate == "open"
    assert fate(lab.out, HONEST) == "refused"
    assert g.open(HONEST) == 5
    # Six connections were charged before the refused ones, by two controllers.
    assert next(r["used"] for r in g.rows("show rates") if r["source"] == HONEST) == 6
    close_all(held)


def test_replaced_twenty_times_under_a_hammer(lab, gate, sink):
    g = gate()
    block_both(g)
    hammer = Hammer(lab)
    programs = set()
    for turn in range(REPLACEMENTS):
        g.stop(signal.SIGKILL if turn % 2 else signal.SIGTERM)
        g.start()
        programs.add(g.program_id())
        assert fate(lab.out, HONEST, greet=True, wait_s=0.5) == "open"
    assert hammer.stop() == 0
    assert len(programs) == REPLACEMENTS, "each run brought its own program"
    # The hammer can hear: unblocked, it is answered.
    g(f"unblock {BLOCKED}")
    assert forge_start(lab.out, [BLOCKED], count=100, listen_ms=200).finish()["synack"] > 0


def test_connections_are_counted_across_replacements(lab, gate, sink):
    """What opens and closes while pn_conn is replaced is neither lost nor counted twice."""
    g = gate(mode="enforce", limits={"rate": "", "open": 1000})
    held = [attempt(lab.out, HONEST, greet=True) for _ in range(7)]
    for _ in range(4):
        busy = knock_start(lab.out, HONEST, count=200, rate=200, greet=True, then="rst")
        g.stop()
        g.start()
        busy.finish()
        until(lambda: g.open(HONEST) == 7, 2.0, "exactly the seven are open")
    close_all(held)
    until(lambda: g.open(HONEST) == 0, 2.0, "none is open")


def test_an_upgrade_that_cannot_load_changes_nothing(lab, gate, sink):
    """A new run that finds no BTF fails; the old gate goes on."""
    g = gate()
    block_both(g)
    hammer = Hammer(lab)
    before = g.ids()
    g.stop()
    g.start(ready=None, before=["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"])
    assert g.controller.wait(10) == 1
    assert g.ids() == before
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "silent", HONEST: "open"}
    assert hammer.stop() == 0


def test_another_abi_is_migrated_there_and_back(lab, gate, sink):
    assert os.path.exists(ABI2), "make tests builds it"
    g = gate(mode="enforce", limits=LIMITS)
    block_both(g)
    g("allow 198.51.100.0/28")
    held = [attempt(lab.out, HONEST, greet=True) for _ in range(4)]
    hammer = Hammer(lab)
    for binary in (ABI2, BINARY, ABI2, BINARY):
        before = g.ids()
        g.stop()
        # Commands of one do not understand the gate of the other: they say so and change nothing.
        g.binary = binary
        assert "another version" in g(f"block {HONEST}", status=1).stderr
        g.start()
        after = g.ids()
        assert not before["map"] & after["map"], "new maps"
        assert_nothing_of({"map": before["map"] - after["map"], "prog": before["prog"] - after["prog"]})
        assert set(g.rules()) == {BLOCKED, "2001:db8:9000::/48", "198.51.100.0/28"}
        assert g.row("show status")["mode"] == "enforce"
        until(lambda: g.open(HONEST) == 4, 2.0, "connections that were open are counted")
    assert hammer.stop() == 0
    held.append(attempt(lab.out, HONEST, greet=True))
    assert fate(lab.out, HONEST) == "refused", "five are open, and five are the limit"
    close_all(held)


def test_changed_table_sizes_are_migrated(lab, gate, sink):
    g = gate()
    block_both(g)
    hammer = Hammer(lab)
    g.stop()
    g.configure(tables={"rules": 2048, "open": 2048})
    g.start()
    assert set(g.rules()) == {BLOCKED, "2001:db8:9000::/48"}
    assert hammer.stop() == 0


@pytest.mark.parametrize("controller", ["running", "stopped", "killed"])
def test_detach_all_leaves_nothing(lab, gate, sink, controller):
    g = gate(mode="enforce", limits=LIMITS)
    block_both(g)
    close_all([attempt(lab.out, HONEST, greet=True)])
    ids = g.ids()
    assert all(ids.values()) and any(ids_alive(ids).values())
    if controller == "stopped":
        g.stop()
    elif controller == "killed":
        g.kill()
    g("detach all")
    if controller == "running":
        g.stop()
    assert not os.path.exists(g.pins)
    assert_nothing_of(ids)
    assert "xdp" not in lab.mail.run("ip", "link", "show", "mx0").stdout
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "open", HONEST: "open"}
    # Rules are the operator's and stay in the store.
    g.start()
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "silent", HONEST: "open"}


def test_ctrl_c_leaves_nothing(lab, gate, sink):
    g = gate()
    block_both(g)
    ids = g.ids()
    assert g.stop(signal.SIGINT) == 0
    assert not os.path.exists(g.pins)
    assert not os.path.exists(os.path.join(RUN_DIR, g.instance))
    assert_nothing_of(ids)
    assert fate(lab.out, BLOCKED, greet=True) == "open"


def test_attach_and_detach_without_a_daemon(lab, gate, sink):
    g = gate(start=False)
    block_both(g)
    g("attach mx0")
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "silent", HONEST: "open"}
    g("block 198.51.100.9 with refuse")
    assert fate(lab.out, "198.51.100.9") == "refused"
    g("detach mx0")
    assert fate(lab.out, BLOCKED, greet=True) == "open"
    g("detach mx0", status=3)
    g("attach mx0")
    assert fate(lab.out, BLOCKED) == "silent"
    ids = g.ids()
    g("detach all")
    assert_nothing_of(ids)


def test_reboot(run, gate):
    """
    Played by removing all pins and the interface. The machine comes up: first the controller, then the interface, and
    before it can answer, the rules are back.
    """
    lab = Lab(run)
    sink = Sink(lab.mail)
    g = gate(host=lab.mail, mode="monitor")
    block_both(g)
    g("enforce")
    g("block 198.51.100.9 for 1s")
    g("block 198.51.100.10 for 2h")
    g.kill()
    ids = g.ids()
    tree_remove(g.pins)
    tree_remove(os.path.join(RUN_DIR, g.instance))
    lab.mail.ip("link del mx0")
    assert_nothing_of(ids)
    until(lambda: "198.51.100.9" not in g.rules(), 2.0, "one second is over")
    g.start(READY)
    start = len(g.log.lines)
    lab.plug()
    g.log.wait(r"mx0: guarded", 1.0, start)
    lab.outside_up()
    hammer = Hammer(lab)
    lab.mail_up()
    until(lambda: fate(lab.out, HONEST, greet=True, wait_s=0.3) == "open", 5.0, "the honest are served")
    assert fates(lab.out, ["198.51.100.9", "198.51.100.10"], wait_s=0.5) == {
        "198.51.100.9": "open", "198.51.100.10": "silent"}
    assert hammer.stop() == 0
    assert g.row("show status")["mode"] == "enforce"
    sink.close()
    g.remove()
    lab.close()


def test_two_instances_side_by_side(lab, gate, sink):
    """One guards mx0, the other wants it as well and is told who sits there; each has rules of its own."""
    first = gate()
    lab.mail.ip("link add second0 type veth peer name second1")
    second = gate(interfaces=["second0"])
    first(f"block {BLOCKED}")
    assert not second.rules()
    second("block 198.51.100.9")
    assert set(first.rules()) == {BLOCKED}
    assert fates(lab.out, [BLOCKED, "198.51.100.9"]) == {BLOCKED: "silent", "198.51.100.9": "open"}
    done = second("attach mx0", status=1)
    assert "mx0" in done.stderr
    assert sorted(os.listdir(PINS)) and first.pinned() and second.pinned()
    lab.mail.ip("link del second0")


def test_a_killed_command_loses_nothing_it_reported(lab, gate, sink):
    """kill -9 of the controller right after each `block` was reported as done."""
    g = gate()
    for number in range(1, 4):
        g(f"block 198.51.100.{number}")
        g.kill()
        g.start()
    assert set(g.rules()) == {f"198.51.100.{n}" for n in range(1, 4)}
    assert knock(lab.out, "198.51.100.3", count=1, wait_ms=500)["silent"] == 1
