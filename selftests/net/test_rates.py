# SPDX-License-Identifier: BSD-2-Clause
"""
Limits, measured over real connections. What counts is what the server accepted and greeted: a client can believe in a
connection whose last ACK the gate dropped.
"""
import socket
import time

import pytest

from clients import (Sink, attempt, attempt_all, close_all, established, fate, fates, hang_up_abruptly, knock_start)
from lab import Lab, until

FAST = {4: "203.0.113.7", 6: "2001:db8:9000::7"}
SLOW = {4: "203.0.113.8", 6: "2001:db8:9001::8"}

RATE_PER_S = 20
BURST = 20
SECONDS = 5
# What the project promises: a bound to keep, not to loosen.
TOLERANCE = 0.10
# A SYN that is lost is repeated after a second: whoever connects in less lost none.
LOST_SYN_MS = 900
AT_ONCE_MS = 100


@pytest.mark.parametrize("action", ["drop", "refuse"])
def test_rate_holds_the_fast_and_not_the_slow(lab, gate, sink, action):
    g = gate(mode="enforce", limits={"rate": f"{RATE_PER_S}/1s burst {BURST}", "open": 0}, actions={"rate": action})
    fast = [knock_start(lab.out, s, rate=5 * RATE_PER_S, count=5 * RATE_PER_S * SECONDS, greet=True, then="rst",
                        wait_ms=300) for s in FAST.values()]
    slow_count = int(0.95 * RATE_PER_S * SECONDS)
    slow = [knock_start(lab.out, s, rate=0.95 * RATE_PER_S, count=slow_count, greet=True, then="fin",
                        wait_ms=3000) for s in SLOW.values()]
    expected = BURST + RATE_PER_S * SECONDS
    for source, tool in zip(FAST.values(), fast):
        seen = tool.finish()
        assert abs(seen["made"] - expected) <= TOLERANCE * expected, seen
        assert abs(sink.accepted[source] - expected) <= TOLERANCE * expected, sink.accepted
        # Nothing else happened to the rest than what the action says.
        fate_of_rest = {"drop": ("silent", "mute"), "refuse": ("refused", "reset")}[action]
        assert sum(seen[f] for f in fate_of_rest) == seen["tried"] - seen["made"], seen
    for source, tool in zip(SLOW.values(), slow):
        seen = tool.finish()
        assert seen["made"] == seen["tried"] == sink.accepted[source], seen
        assert seen["max_ms"] < LOST_SYN_MS, seen
    assert g.count("rate") > 0


def test_a_rate_given_per_minute_is_a_rate_per_minute(lab, gate, sink):
    """The bucket of 600/1m fills 10 a second."""
    gate(mode="enforce", limits={"rate": "600/1m burst 5", "open": 0})
    seen = knock_start(lab.out, FAST[4], rate=100, count=500, greet=True, then="rst", wait_ms=300).finish()
    expected = 5 + 10 * 5
    assert abs(seen["made"] - expected) <= TOLERANCE * expected, seen


def test_ipv6_sources_are_counted_by_64(lab, gate, sink):
    """Other addresses of one /64 share its bucket; the next /64 has its own."""
    gate(mode="enforce", limits={"rate": "3/1d burst 3", "open": 0})
    same = [f"2001:db8:9000::{i:x}" for i in range(1, 7)]
    seen = [fate(lab.out, s, greet=True, wait_s=0.3) for s in same]
    assert seen == ["open"] * 3 + ["silent"] * 3
    assert fate(lab.out, "2001:db8:9000:1::1", greet=True) == "open"


def test_a_network_has_a_rate_of_its_own(lab, gate, sink):
    g = gate(mode="enforce", limits={"rate": "", "network_rate": "4/1d burst 4", "open": 0})
    same = [f"203.0.113.{i}" for i in range(1, 7)]
    assert [fate(lab.out, s, greet=True, wait_s=0.3) for s in same] == ["open"] * 4 + ["silent"] * 2
    assert fate(lab.out, "198.51.100.9", greet=True) == "open"
    assert g.count("network_rate") > 0


def test_all_together_have_a_rate(lab, gate, sink):
    g = gate(mode="enforce", limits={"rate": "", "total_rate": "4/1d burst 4", "open": 0})
    sources = ["203.0.113.7", "198.51.100.9", "2001:db8:9000::7", "2001:db8:a000::7", "203.0.113.99"]
    assert [fate(lab.out, s, greet=True, wait_s=0.3) for s in sources] == ["open"] * 4 + ["silent"]
    assert g.count("total_rate") > 0


# ---- open connections ----

OPEN_MAX = 5


def close_by_fin(_lab, sock):
    sock.close()


def close_by_rst(_lab, sock):
    hang_up_abruptly(sock)


CLOSINGS = {"fin": close_by_fin, "rst": close_by_rst}


def fill(lab, source, greet=True):
    held = []
    for _ in range(OPEN_MAX):
        held.append(attempt(lab.out, source, greet=greet))
        assert held[-1].fate == "open"
    until(lambda: established(lab.mail, source) == OPEN_MAX, what="the server sees them")
    return held


def assert_full(lab, g, source):
    over = attempt(lab.out, source)
    assert over.fate == "refused" and over.ms < AT_ONCE_MS, over
    shown = g.open(source if ":" not in source else source.split("::")[0] + "::/64")
    assert shown == OPEN_MAX


def assert_room_for_one(lab, g, source, greet=True):
    def once_more():
        outcome = attempt(lab.out, source, greet=greet, wait_s=0.3)
        return outcome if outcome.fate == "open" else None

    one = until(once_more, 1.0, "room for one more")
    until(lambda: established(lab.mail, source) == OPEN_MAX, what="the server sees it")
    assert_full(lab, g, source)
    return one


@pytest.mark.parametrize("cookies", [1, 2], ids=["", "syncookies"])
@pytest.mark.parametrize("family", [4, 6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("closing", sorted(CLOSINGS))
def test_open_is_exact_and_freed(lab, gate, sink, closing, family, cookies):
    source = FAST[family]
    lab.mail.sysctl(ipv4__tcp_syncookies=cookies)
    g = gate(mode="enforce", limits={"rate": "", "open": OPEN_MAX})
    held = fill(lab, source)
    assert_full(lab, g, source)
    assert fate(lab.out, SLOW[family], greet=True) == "open", "others are not in it"
    CLOSINGS[closing](lab, held.pop().sock)
    held.append(assert_room_for_one(lab, g, source))
    for outcome in held:
        CLOSINGS[closing](lab, outcome.sock)
    until(lambda: g.open(source if family == 4 else "2001:db8:9000::/64") == 0, what="all are given back")
    lab.mail.sysctl(ipv4__tcp_syncookies=1)


@pytest.mark.parametrize("cookies", [1, 2], ids=["", "syncookies"])
def test_open_is_freed_by_timeout(lab, gate, cookies):
    """The client's host is gone without a word; the server's keepalive finds out."""
    source = "192.0.2.99"  # an address of the host itself, which can be taken from it
    lab.out.ip(f"addr replace {source}/32 dev out0")
    lab.mail.sysctl(ipv4__tcp_syncookies=cookies)
    sink = Sink(lab.mail, options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
                                   (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
                                   (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
                                   (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 1)])
    g = gate(mode="enforce", limits={"rate": "", "open": OPEN_MAX})
    held = fill(lab, source)
    assert_full(lab, g, source)
    lab.out.ip(f"addr del {source}/32 dev out0")
    until(lambda: established(lab.mail, source) == 0, what="the server gives them up")
    until(lambda: g.open(source) == 0, 1.0, "all are given back")
    lab.out.ip(f"addr replace {source}/32 dev out0")
    held += fill(lab, source)
    assert_full(lab, g, source)
    close_all(held)
    sink.close()
    lab.mail.sysctl(ipv4__tcp_syncookies=1)


@pytest.mark.parametrize("cookies", [1, 2], ids=["", "syncookies"])
def test_open_counts_and_frees_what_was_never_accepted(lab, gate, cookies):
    source = FAST[4]
    lab.mail.sysctl(ipv4__tcp_syncookies=cookies)
    sink = Sink(lab.mail, accept=False)
    g = gate(mode="enforce", limits={"rate": "", "open": OPEN_MAX})
    held = fill(lab, source, greet=False)
    assert_full(lab, g, source)
    hang_up_abruptly(held.pop().sock)
    held.append(assert_room_for_one(lab, g, source, greet=False))
    # The server is restarted: whatever lay in the queue of the old one is gone.
    sink.close()
    until(lambda: g.open(source) == 0, 1.0, "all are given back")
    close_all(held)
    lab.mail.sysctl(ipv4__tcp_syncookies=1)


def test_all_together_have_open_connections_and_a_fifth_is_kept(lab, gate, sink):
    """Nobody is known without zones, so strangers have four fifths."""
    g = gate(mode="enforce", limits={"rate": "", "open": 0, "total_open": 10})
    sources = [f"203.0.113.{i}" for i in range(1, 10)]
    held = [attempt(lab.out, s, greet=True, wait_s=0.5) for s in sources]
    assert [o.fate for o in held] == ["open"] * 8 + ["refused"]
    held[0].sock.close()
    held.append(until(lambda: (lambda o: o if o.sock else None)(attempt(lab.out, sources[8], greet=True)), 1.0))
    assert g.count("total_open") > 0
    close_all(held[1:])


# ---- three hundred at once ----

LIMIT = 30
AT_ONCE = 300
DELAY_MS = 200
# Time for the repeats of SYNs, of ACKs and of SYN-ACKs to try their luck.
PATIENCE_MS = 3500
# ARP, handshake and greeting are each a way there and back.
SLOWLY_S = 5.0


@pytest.fixture
def slow(run):
    """A lab whose cable takes its time, with a server."""
    lab = Lab(run, wire=True)
    lab.sink = Sink(lab.mail)
    lab.wire_start(delay_ms=DELAY_MS)
    yield lab
    lab.sink.close()
    lab.close()


@pytest.mark.parametrize("cookies", [1, 2], ids=["", "syncookies"])
@pytest.mark.parametrize("limit", ["rate", "open"])
def test_parallel_connects_end_with_exactly_the_limit(slow, gate, limit, cookies):
    """From one source of each family at the same time."""
    slow.mail.sysctl(ipv4__tcp_syncookies=cookies)
    limits = {"rate": {"rate": f"{LIMIT}/1d burst {LIMIT}", "open": 0}, "open": {"rate": "", "open": LIMIT}}[limit]
    g = gate(mode="enforce", limits=limits, host=slow.mail)
    # Neighbours find each other before the clock runs.
    assert set(fates(slow.out, SLOW.values(), greet=True, wait_s=SLOWLY_S).values()) == {"open"}
    tools = {s: knock_start(slow.out, s, count=AT_ONCE, greet=True, then="hold", wait_ms=PATIENCE_MS)
             for s in FAST.values()}
    seen = {source: tool.result() for source, tool in tools.items()}
    for source, network in ((FAST[4], FAST[4]), (FAST[6], "2001:db8:9000::/64")):
        assert seen[source]["made"] == LIMIT, seen
        assert established(slow.mail, source) == LIMIT
        assert slow.sink.accepted[source] == LIMIT
        assert g.open(network) == LIMIT
    # And strangers are still let in.
    assert set(fates(slow.out, SLOW.values(), greet=True, wait_s=SLOWLY_S).values()) == {"open"}
    assert [tool.finish()["held"] for tool in tools.values()] == [LIMIT, LIMIT]


def test_a_full_house_takes_no_time_to_say_so(lab, gate, sink):
    """The refusal does not wait for the server: 100 refusals in one go are all milliseconds."""
    gate(mode="enforce", limits={"rate": "", "open": OPEN_MAX})
    held = fill(lab, FAST[4])
    begin = time.monotonic()
    outcomes = attempt_all(lab.out, [FAST[4]] * 100)
    assert {o.fate for o in outcomes} == {"refused"}
    assert time.monotonic() - begin < 1
    close_all(held)
