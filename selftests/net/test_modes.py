# SPDX-License-Identifier: BSD-2-Clause
"""Monitor mode watches, enforce mode acts, and neither a timer nor a limit depends on a controller that lives."""
import json
import threading
import time

import pytest

from clients import attempt, close_all, fate, fates, knock
from lab import until

SOURCE = "203.0.113.7"
OTHER = "203.0.113.8"
LIMITS = {"rate": "5/1d burst 5", "open": 3}
# The controller renews its sign of life to last 10 s.
ALIVE_S = 10


def test_monitor_is_the_default_and_drops_nothing_automatic(lab, gate, sink):
    g = gate(limits=LIMITS)
    assert g.row("show status")["mode"] == "monitor"
    seen = knock(lab.out, SOURCE, count=50, rate=200, greet=True, then="rst")
    assert seen["made"] == 50, seen
    held = [attempt(lab.out, OTHER, greet=True) for _ in range(8)]
    assert {o.fate for o in held} == {"open"}
    counters = g.counters()
    assert counters["rate"]["would"] >= 45, counters["rate"]
    assert counters["rate"]["packets"] == 0
    # The sixth to eighth of OTHER are over its rate as well, but open is judged first.
    assert counters["open"]["would"] == 5, counters["open"]
    assert counters["open"]["packets"] == 0
    why = g.why(OTHER)
    assert (why["verdict"], why["would"], why["reason"]) == ("pass", "refuse", "open")
    assert why["open"] == 8
    close_all(held)


def test_explicit_blocks_hold_in_monitor_mode(lab, gate, sink):
    g = gate(mode="monitor")
    g(f"block {SOURCE}")
    g(f"block {OTHER} with refuse")
    g("block 2001:db8:9000::/48 with refuse")
    assert fates(lab.out, [SOURCE, OTHER, "2001:db8:9000::7"]) == {
        SOURCE: "silent", OTHER: "refused", "2001:db8:9000::7": "refused"}


def test_the_mode_is_switched_by_a_word_and_kept(lab, gate, sink):
    g = gate(mode="monitor", limits=LIMITS)
    knock(lab.out, SOURCE, count=5, then="rst")
    until(lambda: g.why(SOURCE)["would"] == "drop", what="the rate is used up")
    assert fate(lab.out, SOURCE, greet=True) == "open"
    g("enforce")
    assert g.row("show status")["mode"] == "enforce"
    assert fate(lab.out, SOURCE) == "silent"
    # A controller that comes anew keeps what was said.
    g.stop()
    g.start()
    assert g.row("show status")["mode"] == "enforce"
    assert fate(lab.out, SOURCE) == "silent"
    g("monitor")
    assert fate(lab.out, SOURCE, greet=True) == "open"


def first_open(lab, source, since, limit_s):
    """Seconds after `since` at which a connection first succeeds."""
    while time.monotonic() - since < limit_s:
        begin = time.monotonic()
        if fate(lab.out, source, greet=True, wait_s=0.1) == "open":
            return begin - since
    raise AssertionError(f"still not open after {limit_s} s")


@pytest.mark.parametrize("controller", ["running", "killed"])
def test_enforce_for_a_time_ends_by_itself(lab, gate, sink, controller):
    g = gate(mode="monitor", limits=LIMITS)
    knock(lab.out, SOURCE, count=5, then="rst")
    before = time.monotonic()
    g("enforce for 3s")
    ordered = time.monotonic()
    if controller == "killed":
        g.kill()
    assert g.row("show status")["mode"] == "enforce"
    assert fate(lab.out, SOURCE) == "silent"
    lasted = first_open(lab, SOURCE, ordered, 5)
    assert 3 - (ordered - before) <= lasted < 3.4, lasted
    assert g.row("show status")["mode"] == "monitor"


def test_a_dead_controller_leaves_no_open_limit_behind(lab, gate, sink):
    """pn_open may be wrong without somebody to reconcile it, so it is judged only while somebody lives."""
    g = gate(mode="enforce", limits=LIMITS)
    g("block 198.51.100.9")
    held = [attempt(lab.out, SOURCE, greet=True) for _ in range(3)]
    assert knock(lab.out, OTHER, count=5, rate=50, greet=True, then="rst")["made"] == 5
    assert fate(lab.out, SOURCE) == "refused"
    g.kill()
    died = time.monotonic()
    assert fate(lab.out, SOURCE) == "refused", "for a while it goes on"
    lasted = first_open(lab, SOURCE, died, ALIVE_S + 2)
    assert lasted > ALIVE_S / 2, lasted
    # What needs nobody goes on: rules and rates.
    assert fates(lab.out, [OTHER, "198.51.100.9"]) == {OTHER: "silent", "198.51.100.9": "silent"}
    # And a controller that comes back judges again.
    held += [attempt(lab.out, SOURCE, greet=True)]
    g.start()
    until(lambda: fate(lab.out, SOURCE, wait_s=0.3) == "refused", 2.0, "the limit is back")
    close_all(held)


def test_reload_changes_limits_without_a_gap(lab, gate, sink):
    g = gate(mode="enforce", limits={"rate": "", "open": 2})
    held = [attempt(lab.out, SOURCE, greet=True) for _ in range(2)]
    assert fate(lab.out, SOURCE) == "refused"
    g.configure(limits={"rate": "", "open": 3})
    g("reload")
    held.append(attempt(lab.out, SOURCE, greet=True))
    assert held[-1].fate == "open"
    assert fate(lab.out, SOURCE) == "refused"
    close_all(held)


def test_events_are_told_once_and_to_who_watches(lab, gate, sink):
    g = gate(mode="enforce", limits=LIMITS)
    g(f"block {SOURCE} with refuse")
    watch = g.host.start(*g.words("--json", "watch"))
    try:
        # The watcher says nothing until something happens, and something happens until it has said it.
        first = []
        reader = threading.Thread(target=lambda: first.append(json.loads(watch.stdout.readline())), daemon=True)
        reader.start()
        number = 0
        end = time.monotonic() + 5
        while reader.is_alive() and time.monotonic() < end:
            # A new source each time, since one is told once in a while only.
            number += 1
            g(f"block 198.51.100.{number} with refuse")
            assert fate(lab.out, f"198.51.100.{number}") == "refused"
            reader.join(0.1)
        assert first and first[0]["source"].startswith("198.51.100."), first
        assert first[0]["reason"] == "rule" and first[0]["action"] == "refuse" and first[0]["port"] == 25
        for _ in range(20):
            assert fate(lab.out, SOURCE) == "refused"
        g.log.wait(rf"refused?.* {SOURCE}", 2.0)
        assert sum(SOURCE in line for line in g.log.lines) == 1, "twenty refusals, one line"
    finally:
        watch.kill()
        watch.wait()
