# SPDX-License-Identifier: BSD-2-Clause
"""
What postern says to programs: postern-json(7) names every key of every row, since a script is written by that page. A gate with lists, feeds,
rules and a listed sender has something to say in each of them.
"""
import json
import os
import re

from clients import attempt, close_all
from lab import TREE, until
from lists import BAD, GOOD, journal, judging, meet

BLOCKED = "203.0.113.66"
# {verbs: their item in the page}
SAID = {
    f"block {BLOCKED} for 2h because of a letter": "block , allow , trust", "unblock 203.0.113.67": "unblock , disallow , distrust",
    "show rules": "show rules", "export list": "export", "enforce": "enforce , monitor", f"why {BAD}": "why", f"why {BLOCKED}": "why",
    "show status": "show status", "show sources": "show sources", "show rates": "show rates", "show open": "show open",
    "show zones": "show zones", "show feeds": "show feeds", "feed load all": "feed load", "show journal": "show journal",
    "show config": "show config", f"check {BAD}": "check", f"evidence {BAD} no contact": "evidence", "reload": "reload",
    "config check": "config check", "doctor": "doctor", "version": "version", "help": "help", f"forget {BAD}": "forget",
}

# Their objects have names of other kinds: reasons, faults, what postern.conf(5) has.
FREE = ("show counters", "show status", "show config")


def items():
    """The page's items, each with the words in it."""
    with open(os.path.join(TREE, "tools", "man", "postern-json.7.in"), encoding="utf-8") as file:
        parts = re.split(r"^\.It Cm (.*)$", file.read(), flags=re.MULTILINE)
    return {name: set(re.findall(r"[a-z_]+", text)) for name, text in zip(parts[1::2], parts[2::2])}


def inside(value):
    """The keys of what stands in a row, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(inside, value.values()))
    return set().union(*map(inside, value)) if isinstance(value, list) else set()


def test_the_manual_names_every_key(lab, gate, lists, sink, tmp_path):
    feed = tmp_path / "feed"
    feed.write_text("203.0.113.128/28\n")
    g = judging(gate, feeds=[{"name": "own", "file": str(feed)}])
    g("block 203.0.113.67")
    meet(g, lab.out, BAD, GOOD)
    # It is written in batches.
    until(lambda: journal(g, BAD), 5, "the journal has it")
    held = [attempt(lab.out, GOOD, greet=True)]
    manual = items()
    everything = set().union(*manual.values())
    for words, item in SAID.items():
        rows = g.rows(words, status=None)
        assert rows and not [row for row in rows if "error" in row], (words, rows)
        lacking = {key for row in rows for key in row} - manual[item]
        assert not lacking, (words, lacking)
        deeper = set() if words in FREE else set().union(*(inside(value) for row in rows for value in row.values()))
        assert not deeper - everything, (words, deeper - everything)
    close_all(held)
    refused = g("--json block 192.0.2.25", status=1).stderr
    assert set(json.loads(refused)) == {"error", "status"}
