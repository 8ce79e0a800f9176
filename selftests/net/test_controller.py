# SPDX-License-Identifier: BSD-2-Clause
"""
The controller's own affairs: trials that leave nothing however they end, interfaces that swap their names or are somebody
else's, and what it does when a command takes the gate away under it.
"""
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from clients import attempt, fate, fates
from lab import RUN_DIR, TOOLS, Lab, Lines, command, until

BLOCKED = "203.0.113.7"
HONEST = "203.0.113.8"
# After this time without a controller open connections are not judged.
SWITCH_S = 11.0


@pytest.fixture
def lab(run):
    """These tests take the interface apart: a lab for each."""
    one = Lab(run)
    yield one
    one.close()


def run_dir(g):
    return os.path.join(RUN_DIR, g.instance)


def trial_start(g):
    """A trial in the place of the controller."""
    g.controller = g.host.start(*g.words("run", "--trial"), stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    g.log = Lines(g.controller.stderr)
    g.log.wait(r"ready:", 10)
    return g


def assert_nothing_left(g):
    assert not os.path.exists(g.pins)
    assert not os.path.exists(run_dir(g))
    assert not os.path.exists(g.state)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_trial_leaves_nothing(lab, gate, sink, how):
    g = trial_start(gate(start=False))
    g(f"block {BLOCKED}")
    assert fates(lab.out, [BLOCKED, HONEST], greet=True) == {BLOCKED: "silent", HONEST: "open"}
    assert g.stop(how) == 0
    assert_nothing_left(g)
    assert fate(lab.out, BLOCKED, greet=True) == "open"


def test_a_trial_whose_terminal_is_closed_leaves_nothing(lab, gate):
    g = gate(start=False)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("nsenter", g.host.words(*g.words("run", "--trial")))
    said = b""
    while b"ready:" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitpid(pid, 0)[1] == 0
    assert_nothing_left(g)


def test_what_a_killed_trial_left_is_cleared_by_the_next(lab, gate, sink):
    g = trial_start(gate(start=False))
    g(f"block {BLOCKED}")
    g.kill()
    assert fate(lab.out, BLOCKED) == "silent"
    trial_start(g)
    assert fate(lab.out, BLOCKED, greet=True) == "open"
    g(f"block {BLOCKED}")
    g.kill()
    # A real run keeps none of the trial's rules either, and its own state lies where it belongs.
    g.start()
    assert fate(lab.out, BLOCKED, greet=True) == "open"
    assert not os.path.exists(os.path.join(run_dir(g), "trial"))
    assert os.path.exists(g.state)


def test_a_trial_beside_rules_or_a_gate_is_refused(lab, gate, sink):
    g = gate()
    g(f"block {BLOCKED}")
    g.stop()
    said = g("run --trial", status=1).stderr
    assert "detach all" in said, said
    assert fate(lab.out, BLOCKED) == "silent"
    g("detach all")
    said = g("run --trial", status=1).stderr
    assert g.state in said, said
    g.start()
    assert g.rules()[BLOCKED]["action"] == "drop"


def test_two_interfaces_swap_their_names(lab, gate, sink):
    """All at once, as the controller sees it: the guard of neither may be lost, for not one packet."""
    lab.mail.ip("link add mx1 type veth peer name mx1p", "link set mx1 up")
    g = gate(interfaces=["mx0", "mx1"], attach="auto")
    g(f"block {BLOCKED}")
    ids = g.ids()["link"]
    start = len(g.log.lines)
    g.controller.send_signal(signal.SIGSTOP)
    lab.mail.ip("link set mx0 name spare", "link set mx1 name mx0", "link set spare name mx1")
    g.controller.send_signal(signal.SIGCONT)
    g.log.wait(r"mx0: renamed to mx1", 1, start)
    g.log.wait(r"mx1: renamed to mx0", 1, start)
    assert g.ids()["link"] == ids
    assert fates(lab.out, [BLOCKED, HONEST], greet=True) == {BLOCKED: "silent", HONEST: "open"}
    assert not any("NOT guarded" in line or "gone" in line for line in g.log.lines[start:])


def test_an_interface_that_is_somebody_elses_is_named_and_does_not_stop_the_others(lab, gate, sink):
    lab.mail.ip("link add mx1 type veth peer name mx1p", "link set mx1 up")
    lab.mail.run("ip", "link", "set", "mx1", "xdpdrv", "object", os.path.join(TOOLS, "pass.bpf.o"), "section",
                 "xdp.frags")
    g = gate(interfaces=["mx0", "mx1"])
    g.log.wait(r"mx1: NOT guarded: .*XDP program 'pass'", 1)
    g(f"block {BLOCKED}")
    assert fates(lab.out, [BLOCKED, HONEST], greet=True) == {BLOCKED: "silent", HONEST: "open"}
    lab.mail.run("ip", "link", "set", "mx1", "xdpdrv", "off")
    g.log.wait(r"mx1: guarded", 15)
    assert sum("mx1: NOT guarded" in line for line in g.log.lines) == 1


def test_detached_by_hand_stays_so_until_a_reload(lab, gate, sink):
    g = gate()
    g(f"block {BLOCKED}")
    g("detach mx0")
    start = len(g.log.lines)
    lab.mail.ip("link set mx0 down")
    lab.mail_up()
    g.log.wait(r"mx0: detached by hand", 1, 0)
    assert fate(lab.out, BLOCKED, greet=True) == "open"
    g("reload")
    g.log.wait(r"mx0: guarded", 1, start)
    assert fate(lab.out, BLOCKED) == "silent"


def test_detach_all_ends_the_controller(lab, gate):
    g = gate()
    ids = g.ids()
    assert ids["prog"]
    g("detach all")
    assert g.controller.wait(5) == 0
    g.log.end()
    assert not os.path.exists(g.pins)
    assert not os.path.exists(run_dir(g))


def test_a_gate_that_was_made_anew_is_followed(lab, gate, sink):
    """Taken away and made again by commands, before the controller looks: it goes over to the new maps."""
    g = gate(mode="enforce", limits={"open": 1})
    start = len(g.log.lines)
    g.controller.send_signal(signal.SIGSTOP)
    g("detach all")
    g("attach mx0")
    g.controller.send_signal(signal.SIGCONT)
    g.log.wait(r"new maps in the place of ours", 30, start)
    # The dead man's switch is renewed in the new maps: the limit still holds when its time has passed.
    switch_passed = time.monotonic() + SWITCH_S
    held = attempt(lab.out, HONEST, greet=True)
    assert held.fate == "open"
    until(lambda: time.monotonic() > switch_passed, SWITCH_S + 1, "the switch's time")
    assert fate(lab.out, HONEST) == "refused"


def test_expired_rules_leave_the_maps(lab, gate):
    g = gate()
    g(f"block {BLOCKED} for 2s")
    g("block 198.51.100.0/28 for 2s")

    def left():
        done = command("bpftool", "-j", "map", "dump", "pinned", g.map_path("pn_rule"))
        return json.loads(done.stdout)

    assert len(left()) == 1
    until(lambda: not left(), 5, "reaped")
