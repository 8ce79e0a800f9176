# SPDX-License-Identifier: BSD-2-Clause
"""What whoever watches is told: packets, decisions and changes of the mode, as far as he wants to hear of them."""
import json
import os
import re
import signal

import pytest

from clients import fate, forge_start
from lab import Lines, until
from lists import BAD, GOOD, judging, meet
from screen import Screen

SOURCE = "198.51.100.9"


def watchers(g):
    """How many the controller tells."""
    return g.host.run("ss", "-Hx", "state", "connected").stdout.count(f"/run/postern/{g.instance}/events")


class Watch:
    """`postern watch` in the background, once it is heard by the controller, if there is one."""

    def __init__(self, g, sentence="watch", *options):
        self.process = g.host.start(*g.words(*options, *sentence.split()))
        self.out = Lines(self.process.stdout)
        if g.is_running():
            self.wait_heard(g)

    def wait_heard(self, g):
        until(lambda: watchers(g) or self.out.ended(), 5, "a watcher")

    def rows(self):
        return [json.loads(line) for line in self.out.lines]

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def watching():
    made = []

    def make(*words):
        made.append(Watch(*words))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_decisions_and_the_mode_are_told_beside_packets(lab, gate, lists, sink, watching):
    g = judging(gate, ["bl.example*3"])
    all_rows, lines = watching(g, "watch", "--json"), watching(g)
    narrow, listed = watching(g, f"watch source {BAD}", "--json"), watching(g, "watch reason listed", "--json")
    g(f"block {SOURCE} with refuse")
    meet(g, lab.out, BAD, GOOD)
    assert fate(lab.out, SOURCE) == "refused"
    assert fate(lab.out, BAD) == "open", "the responder answers"
    g("monitor")
    lines.out.wait(rf"^\S+Z listed {re.escape(BAD)}: by bl.example, score 3")
    lines.out.wait(rf"^\S+Z refused {re.escape(SOURCE)} port 25 on mx0: rule$")
    lines.out.wait(rf"^\S+Z answered {re.escape(BAD)} port 25 on mx0: listed$")
    lines.out.wait(r"^\S+Z mode monitor$")
    g("enforce for 1h")
    lines.out.wait(r"^\S+Z mode enforce until \S+Z$")
    all_rows.out.wait('"mode":"enforce"')
    kinds = {row["kind"] for row in all_rows.rows()}
    assert kinds == {"packet", "decision", "mode"}
    row = next(row for row in all_rows.rows() if row["kind"] == "decision" and row["prefix"] == BAD)
    assert row["what"] == "listed" and "bl.example" in row["text"] and set(row) == {"time", "kind", "what", "prefix", "text"}
    # What is wanted is all there, and nothing else: the mode is of no source.
    assert {(r["kind"], r.get("source") or r["prefix"]) for r in narrow.rows()} == {("packet", BAD), ("decision", BAD)}
    assert {(r["kind"], r.get("reason") or r["what"]) for r in listed.rows()} == {("packet", "listed"), ("decision", "listed")}


def test_a_filter_is_held_to_its_form(gate):
    g = gate(start=None)
    assert "no reason \"lsited\"" in g("watch reason lsited", status=2).stderr
    assert "watch" in g("watch source nobody", status=2).stderr


def test_who_reads_too_slowly_is_told_so(lab, gate, watching):
    """A megabyte of events waits for a watcher, and then he is cut off."""
    g = gate(mode="enforce", budgets={"events": 100000, "event_interval": "1s"})
    g("block 11.0.0.0/8 with refuse")
    slow = watching(g, "watch", "--json")
    os.kill(slow.process.pid, signal.SIGSTOP)
    # Each from another source, as long as it takes: of how many the controller hears depends on how busy the machine is.
    forged = forge_start(lab.out, ["11.0.0.1"], span=1 << 24, count=10**9, rate=20000, life_s=60, listen_ms=0)
    g.log.wait(r"1 of those who watch took events too slowly and were cut off", 60)
    forged.stop()
    os.kill(slow.process.pid, signal.SIGCONT)
    assert slow.process.wait(20) == 1
    assert "the controller has cut us off" in slow.process.stderr.read()
    # Whoever comes now hears on, and is told of the end.
    again = watching(g, "watch", "--json")
    g.stop()
    assert again.process.wait(10) == 1 and "the controller has ended" in again.process.stderr.read()
    assert again.rows()[-1]["kind"] == "end"
    # Without a controller the ring of the gate is read, and with the next one its reader is heard again.
    g(f"block {SOURCE} with refuse")
    alone = watching(g)

    def told():
        assert fate(lab.out, SOURCE) == "refused"
        return [x for x in alone.out.lines if f"Z refused {SOURCE} port 25 on mx0: rule" in x]

    # Who shares a cell of the table of those told with somebody of the flood is told of when that one's interval is over.
    until(told, 10, "what the ring has is told")
    g.start()
    alone.wait_heard(g)
    g("monitor")
    alone.out.wait(r"Z mode monitor$")
    g.stop(signal.SIGINT)
    assert alone.process.wait(10) == 1


def test_a_terminal_gets_colour_unless_it_is_not_wanted(run, lab, gate, sink):
    g = gate(mode="enforce")
    g("block 203.0.113.0/24 with refuse")
    for number, (wanted, sign) in enumerate((("1", False), ("", True))):
        screen = Screen(run, lab.mail, 120, 24, {"NO_COLOR": wanted})
        screen.type(" ".join(g.words("watch")))
        path = f"/run/postern/{g.instance}/events"
        until(lambda p=path: p in g.host.run("ss", "-Hx", "state", "connected").stdout, 5, "a watcher")
        assert fate(lab.out, f"203.0.113.{number + 1}") == "refused"
        screen.wait(rf"Z refused 203\.0\.113\.{number + 1} port 25 on mx0: block")
        assert bool(re.search(r"\x1b\[[0-9;]*31m", screen.colours())) == sign
        screen.keys("C-c")
        screen.close()
