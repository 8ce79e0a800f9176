# SPDX-License-Identifier: BSD-2-Clause
"""
Crowds at the gate: a flood of forged SYNs, and thousands of real strangers at once. `make test` runs the short forms
(test_flood.py), `make soak` the whole (selftests/soak).
"""
import contextlib
import os
import socket
import struct
import threading
import time

import clients
import dnsserver as dns
import lists
from clients import Sink, attempt, close_all, fate, forge_start
from lab import until
from lists import TEST_ENTRY

ZONE = "bl.example"
# Who is listed, who was blocked by hand; the honest come from the other network, each once.
BAD, BLOCKED = "203.0.113.7", "203.0.113.66"
HONEST = "198.51.100.{}"
HONEST_EVERY_S = 0.2
HONEST_MOST = 254
FIRST_CONTACT_S = 3.0
COMMAND_S = 2.0

# Forged names: half a billion addresses, none of them special.
FORGED, FORGED_SPAN = "32.0.0.0", 1 << 29
# Many times what pn_wait could hold: each would take one of its 65536 cells for a minute. Faster than this the cable
# itself loses packets, in bursts: of the honest too, and a handshake by SYN cookies does not survive that.
FORGED_PER_S = 40000
# Real strangers: each of a /24 of its own, so that no network is judged as a whole; every third is listed.
CROWD, CROWD_STRIDE, LISTED_EVERY = "64.0.0.1", 257, 3

# This part of it meets the server: the rest was listed before its handshake ended, or lost a packet.
MET_LEAST = 0.8

# Questions about those that never completed a handshake: a second's share; and what a probe of a list asks.
SHARE_PER_S = 50
PROBES = 10
# Resident, of all processes of an instance together: nothing that grows with the number of strangers for long.
RSS_MOST_MB = 192
# Some seconds pass between the last packet and the last answer.
SETTLE_S = 30.0
QUIET_S = 2.5
POLL_S = 0.1


def crowd_source(number):
    base, = struct.unpack("!I", socket.inet_aton(CROWD))
    return socket.inet_ntoa(struct.pack("!I", base + number * CROWD_STRIDE))


class Lists:
    """A list with BAD and a part of the crowd, served by rbldnsd behind unbound in the mail host."""

    def __init__(self, run, host, crowd=0):
        self.listed = [crowd_source(n) for n in range(0, crowd, LISTED_EVERY)]
        text = ":127.0.0.4:Listed $\n" + TEST_ENTRY + "".join(f"{a}\n" for a in [BAD, *self.listed])
        self.rbldnsd = dns.Rbldnsd(run, host, {ZONE: {"ip4set": text}})
        self.unbound = dns.Unbound(run, host, [ZONE])

    def close(self):
        self.unbound.close()
        self.rbldnsd.close()


def judging(gate, **keys):
    """Drops who is listed; nobody is limited."""
    return lists.judging(gate, actions={"dnsbl": "drop"}, limits={"rate": "", "open": 0}, dnsbl=keys)


def asked(g):
    """How much the list was asked in all, once that grows no more: it is told a second late."""
    seen, since = None, time.monotonic()
    end = since + SETTLE_S
    while time.monotonic() < min(since + QUIET_S, end):
        row = g.rows("show zones", status=None)
        if row and row[0]["asked"] != seen:
            seen, since = row[0]["asked"], time.monotonic()
        time.sleep(POLL_S)
    return seen


def listed_sources(g):
    return {row["source"] for row in g.rows("show sources") if row["reason"] == "listed"}


def processes(pid):
    """A process and all that descend from it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    found += processes(int(child))
    return found


def rss_mb(g):
    """Of the controller and its children."""
    sum_kb = 0
    for pid in processes(g.controller.pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as file:
            sum_kb += sum(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return sum_kb / 1024


class Honest:
    """Strangers who come one after the other while something else happens: how long each took to be greeted."""

    def __init__(self, host):
        self.host = host
        self.outcomes = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._come, daemon=True)
        self._thread.start()

    def _come(self):
        visits = []
        for number in range(1, HONEST_MOST + 1):
            visit = threading.Thread(target=self._visit, args=(HONEST.format(number),))
            visit.start()
            visits.append(visit)
            if self._end.wait(HONEST_EVERY_S):
                break
        for visit in visits:
            visit.join()

    def _visit(self, source):
        outcome = attempt(self.host, source, wait_s=FIRST_CONTACT_S, greet=True)
        close_all([outcome])
        self.outcomes.append(outcome)

    def stop(self):
        self._end.set()
        self._thread.join()
        return self.outcomes


def timed(what):
    begin = time.monotonic()
    what()
    return time.monotonic() - begin


def block_at_once(g, lab):
    """The operator's word, in the middle of it."""
    assert timed(lambda: g(f"block {BLOCKED}")) < COMMAND_S
    assert fate(lab.out, BLOCKED, wait_s=clients.SILENCE_REPEAT_S) == "silent"


def flood(run, lab, gate, syns, life_s):
    """
    So many forged SYNs from random names, each sent twice: the honest are greeted in time, the listed stay out, the
    operator is obeyed, and no more is asked than the share. The numbers of it.
    """
    servers = Lists(run, lab.mail)
    sink = Sink(lab.mail)
    try:
        g = judging(gate)
        # Found guilty before: a flood must not let him in again.
        assert fate(lab.out, BAD, wait_s=FIRST_CONTACT_S) == "silent"
        until(lambda: BAD in listed_sources(g), what=f"{BAD} is listed")
        before, begin = asked(g), time.monotonic()
        forged = forge_start(lab.out, [FORGED], span=FORGED_SPAN, random=True, twice=True, count=syns,
                             rate=FORGED_PER_S, life_s=life_s)
        honest = Honest(lab.out)
        block_at_once(g, lab)
        assert fate(lab.out, BAD, wait_s=clients.SILENCE_REPEAT_S) == "silent"
        sent = forged.finish(life_s + SETTLE_S)
        outcomes = honest.stop()
        bad = fate(lab.out, BAD, wait_s=clients.SILENCE_REPEAT_S)
        lasted_s = time.monotonic() - begin
        told = {"sent": sent["sent"], "per_s": round(sent["sent"] * 1000 / sent["ms"]), "honest": len(outcomes),
                "slowest_ms": round(max(o.ms for o in outcomes)), "asked": asked(g) - before,
                "share": round(SHARE_PER_S * (lasted_s + 1)), "rss_mb": round(rss_mb(g))}
        print(told)
        assert told["sent"] == 2 * syns, told
        assert all(o.fate == "open" for o in outcomes), [o for o in outcomes if o.fate != "open"]
        assert bad == "silent"
        assert told["asked"] <= told["share"] + len(outcomes) + PROBES, told
        assert told["rss_mb"] < RSS_MOST_MB, told
        assert g.is_running()
        return told
    finally:
        sink.close()
        servers.close()


def crowd(run, lab, gate, strangers):
    """
    So many strangers at once, each with a handshake of its own. Whoever of them is listed is found guilty: no question
    is lost, nor a verdict.
    """
    servers = Lists(run, lab.mail, strangers)
    sink = Sink(lab.mail)
    try:
        g = judging(gate, budget_per_s=100000, budget_per_day=100000000)
        before = asked(g)
        came = forge_start(lab.out, [CROWD], span=strangers, stride=CROWD_STRIDE, twice=True, shake=True,
                           count=strangers, life_s=60, listen_ms=5000).finish(90)
        met = set(sink.accepted)
        # Those alone that the server has met: a packet of a handshake may be lost on the way, as anywhere.
        wanted = met.intersection(servers.listed)
        with contextlib.suppress(AssertionError):
            until(lambda: wanted <= listed_sources(g), SETTLE_S)
        told = {"met": len(met), "listed": len(wanted), "lost": len(wanted - listed_sources(g)),
                "asked": asked(g) - before, "per_s": round(came["sent"] * 1000 / came["ms"]),
                "rss_mb": round(rss_mb(g))}
        print(told)
        assert len(met) > MET_LEAST * strangers and not told["lost"], told
        assert listed_sources(g) <= set(servers.listed)
        # One question about each, another for the reason of those that are listed, and perhaps one more where both the
        # SYN and the handshake asked.
        assert told["asked"] <= 2 * strangers + len(wanted) + PROBES, told
        assert told["rss_mb"] < RSS_MOST_MB, told
        return told
    finally:
        sink.close()
        servers.close()
