# SPDX-License-Identifier: BSD-2-Clause
"""
What postern says to programs: postern-json(7) names every key of every row, and no other, since a script is written by that page. A gate with lists, feeds,
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
    f"trust {BLOCKED}": "block , allow , trust", "monitor": "enforce , monitor", "show counters": "show counters",
    "show providers": "show providers", "metrics": "metrics", "config sample": "config sample", "import postfix": "import postfix",
    f"block {BLOCKED} for 1h origin another because kept": "block , allow , trust",
    f"distrust {BLOCKED}": "unblock , disallow , distrust",
}
# Rows of what comes on standard input or in a file, and of what goes on until somebody ends it.
LISTED = {"import list": "import list", "block": "block , allow , trust", "unblock": "unblock , disallow , distrust"}

# Their objects have names of other kinds: reasons, faults, what postern.conf(5) has.
FREE = ("show counters", "show status", "show config", "metrics")
# What the page names by the same macro and is no key: values, and the rows of `watch`.
VALUES = {"operator", "import", "own", "gateway", "resolver", "local", "advice", "packet", "decision", "mode", "end", "none", "pass", "fail",
          "temperror", "permerror", "good", "asking", "empty", "held", "refused", "unreachable", "missing", "unreadable", "ndjson", "ipset", "nft", "rbldnsd", "list", "loaded"}


def items():
    """The page's items, each with the words in it."""
    with open(os.path.join(TREE, "tools", "man", "postern-json.7.in"), encoding="utf-8") as file:
        parts = re.split(r"^\.It Cm (.*)$", file.read(), flags=re.MULTILINE)
    return {name: set(re.findall(r"[a-z_0-9]+", text)) for name, text in zip(parts[1::2], parts[2::2])}


def keys_promised():
    """{item: the words that stand there as keys}"""
    with open(os.path.join(TREE, "tools", "man", "postern-json.7.in"), encoding="utf-8") as file:
        text = re.sub(r"^\.(?:Sh|El|Xr).*$", "", file.read().partition(".Sh RULES")[2].partition(".Sh EXAMPLES")[0], flags=re.MULTILINE)
    parts = re.split(r"^\.It Cm (.*)$", text, flags=re.MULTILINE)
    lines = {name: re.findall(r"^\.(?:Li|It Li) (.*)$", body, re.MULTILINE) for name, body in zip(parts[1::2], parts[2::2])}
    return {name: set(re.findall(r"[a-z_0-9]+", re.sub(r"\b(?:Li|No|Ql)\b", "", " ".join(words)))) - VALUES for name, words in lines.items()}


def inside(value):
    """The keys of what stands in a row, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(inside, value.values()))
    return set().union(*map(inside, value)) if isinstance(value, list) else set()


def test_the_manual_names_every_key(lab, gate, lists, sink, tmp_path):
    feed = tmp_path / "feed"
    feed.write_text("203.0.113.128/28\n")
    g = judging(gate, feeds=[{"name": "own", "file": str(feed)}], trust_spf=["example.net"],
                limits={"rate": "100/1h burst 100"})
    g("block 203.0.113.67")
    g.log.wait("provider example.net:", 10)
    meet(g, lab.out, BAD, GOOD)
    # It is written in batches.
    until(lambda: journal(g, BAD), 5, "the journal has it")
    held = [attempt(lab.out, GOOD, greet=True)]
    manual = items()
    everything = set().union(*manual.values())
    seen = {}
    commands = [(words, item, None) for words, item in SAID.items()] + [(f"{verb} -", item, "203.0.113.90\n203.0.113.91\n")
                                                                       for verb, item in LISTED.items()]
    for words, item, stdin in commands:
        done = g(f"--json {words}", status=None, stdin=stdin)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert rows and not [row for row in rows if "error" in row], (words, rows)
        seen.setdefault(item, set()).update(*map(inside, rows))
        lacking = set() if item == "show counters" else {key for row in rows for key in row} - manual[item]
        assert not lacking, (words, lacking)
        deeper = set() if words in FREE else set().union(*(inside(value) for row in rows for value in row.values()))
        assert not deeper - everything, (words, deeper - everything)
    close_all(held)
    for item, promised in keys_promised().items():
        assert item == "watch" or not promised - seen[item], (item, promised - seen[item])
    refused = g("--json block 192.0.2.25", status=1).stderr
    assert set(json.loads(refused)) == {"error", "status"}
