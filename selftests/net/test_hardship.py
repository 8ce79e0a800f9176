# SPDX-License-Identifier: BSD-2-Clause
"""
Verdicts while something else goes on: a store that is locked, full or gone, reloads, commands that take back what is still on its
way, a gate that is made anew. What was judged holds, what was taken back stays so, and the gate never waits.
"""
import contextlib
import ctypes
import ipaddress
import os
import signal
import socket
import struct
import subprocess
import time

from clients import Talk, attempt_all, close_all, is_hung_up, is_reset, mail, recipient
from gate import READY as GATE_READY
from lab import PINS, clock_set, command, descriptors, until
from lists import (BAD, BAD2, GOOD, GOOD2, SCRIPTED, after, answering, judging, meet, negative, only, saying, source_wait,
                   sources, well, zones_wait)

AT_ONCE_MS = 600
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # asm-generic/unistd.h
# user/daemon/messages.h
READY, VERDICT, ZONE = 1, 3, 4
LISTED, GOOD_STATE, SUSPENDED = 1, 0, 1
NEWS = 2000
# Longer than any patience for the lock of the store, and than the dead man's switch would wait.
LOCKED_S = 12


def rows(g, query="SELECT * FROM verdict"):
    """What the store itself says, read beside whoever else uses it."""
    with g.store(timeout=5) as store:
        return store.execute(query).fetchall()


def kept(g, listed=1):
    """How many verdicts of a kind the store has."""
    return rows(g, f"SELECT count(*) FROM verdict WHERE listed = {listed}")[0][0]


def hosts(network, count):
    return [f"{network}.{i}" for i in range(1, count + 1)]


# ---- a store that keeps others waiting ----

def test_a_locked_store_keeps_no_verdict_waiting(lab, postfix, scripted, gate):
    """
    Each listed stranger is met by his verdict at the repeat of his SYN, though nothing can be written down; it is, later. The same when
    the wall clock is set meanwhile.
    """
    bad = hosts("203.0.113", LOCKED_S + 6)
    scripted(answering({"bl.example": only(bad)}))
    g = judging(gate, resolver=SCRIPTED)
    assert recipient(lab.out, bad[0])[:3] == "550"
    until(lambda: kept(g) == 1, 3, "the store has it")
    before = len(g.log.lines)
    with g.locked():
        clock_set()
        g.log.wait(r"the wall clock was set", start=before)
        begin, met = time.monotonic(), 1
        while time.monotonic() - begin < LOCKED_S:
            assert recipient(lab.out, bad[met])[:3] == "550", f"{bad[met]} after {time.monotonic() - begin:.1f} s"
            met += 1
    until(lambda: kept(g) == met, 5, "what waited is written down")
    said = [line for line in g.log.lines[before:] if "store:" in line or "could not be kept" in line]
    assert len(said) <= 1, said


def test_what_is_suspended_while_the_store_is_locked_leaves_it_later(lab, postfix, scripted, gate):
    mad = []
    scripted(answering({"mad.example": lambda *q: (saying("127.0.0.2") if mad else only([BAD]))(*q),
                        "sane.example": only([BAD2])}))
    g = judging(gate, ["mad.example*3", "sane.example*3"], resolver=SCRIPTED, dnsbl={"probe_every": "1s"})
    meet(g, lab.out, BAD, BAD2)
    until(lambda: kept(g) == 2, 3, "the store has them")
    with g.locked():
        mad.append(True)
        until(lambda: BAD not in sources(g), 10, "it is gone from the maps")
        zones_wait(g, lambda rows: rows["mad.example"]["state"] == "suspended")
        time.sleep(6)  # longer than a command would wait for the lock
    until(lambda: kept(g) == 1, 5, "it is gone from the store")
    assert g.why(BAD2)["reason"] == "listed"


def test_a_full_disk_is_said_once(lab, postfix, scripted, gate):
    bad = hosts("203.0.113", 9)
    scripted(answering({"bl.example": only(bad)}))
    g = judging(gate, start=None, tested=False, resolver=SCRIPTED)
    os.makedirs(g.state, exist_ok=True)
    command("mount", "-t", "tmpfs", "-o", "size=2m", "none", g.state)
    try:
        g.start()
        g.log.wait(r"strangers are asked about", 10)
        meet(g, lab.out, bad[0])
        until(lambda: kept(g) == 1, 3, "the store has it")
        with open(os.path.join(g.state, "filling"), "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)
        before = len(g.log.lines)
        for source in bad[1:8]:
            meet(g, lab.out, source)
            assert recipient(lab.out, source, wait_s=AT_ONCE_MS / 1000)[:3] == "550"
            time.sleep(0.5)  # a batch for each
        said = [line for line in g.log.lines[before:] if "store" in line or "could not be kept" in line]
        assert 1 <= len(said) <= 2, said
        os.unlink(os.path.join(g.state, "filling"))
        meet(g, lab.out, bad[8])
        until(lambda: kept(g) >= 2, 5, "the store takes verdicts again")
    finally:
        g.stop(signal.SIGINT)
        command("umount", "-l", g.state)


# ---- what was taken back stays so ----

def test_what_is_forgotten_does_not_come_back_with_a_reload(lab, postfix, scripted, gate):
    """Nor with new maps."""
    scripted(answering({"bl.example": only([BAD, BAD2])}))
    g = judging(gate, resolver=SCRIPTED)
    meet(g, lab.out, BAD, BAD2)
    until(lambda: kept(g) == 2, 3, "the store has them")
    g(f"forget {BAD}")
    g("reload")
    assert set(sources(g)) == {BAD2}
    g(f"forget {BAD2}")
    g.configure(tables={"listed": 70000})
    g("reload")
    assert not sources(g)


def test_a_clean_verdict_that_is_forgotten_on_its_way_to_the_store_is_not_written_down(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, resolver=SCRIPTED)
    with g.locked():
        meet(g, lab.out, GOOD, GOOD2, BAD)
    # The command waits for nobody now; the batch may have been written before it.
    g(f"forget {GOOD}")
    until(lambda: kept(g) == 1 and kept(g, 0), 5, "the batch is written")
    assert kept(g, 0) == 1


# ---- what was judged holds ----

def test_who_is_known_stays_so_in_new_maps(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, resolver=SCRIPTED)
    meet(g, lab.out, GOOD, BAD)
    until(lambda: kept(g) == 1 and kept(g, 0) == 1, 3, "the store has them")
    g.configure(tables={"known": 70000})
    g("reload")
    assert g.why(GOOD)["reason"] == "known"
    assert g.why(BAD)["reason"] == "listed"


def test_new_maps_wait_for_another_gate_that_is_being_loaded(gate):
    """All gates of the machine are ordered by one lock."""
    g = gate()
    g.configure(tables={"known": 70000})
    other = subprocess.Popen(["flock", PINS, "-c", "echo held; sleep 0.5"], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    g("reload")
    assert other.wait(5) == 0


def test_verdicts_by_another_threshold_do_not_outlive_a_restart(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD]), "worse.example": only([BAD2])}))
    sites = ["bl.example*3", "worse.example*9"]
    g = judging(gate, sites, resolver=SCRIPTED)
    meet(g, lab.out, BAD, BAD2)
    until(lambda: kept(g) == 2, 3, "the store has them")
    g.stop()
    g.configure(dnsbl={**g.config["dnsbl"], "threshold": 5})
    g.start()
    assert BAD not in sources(g)
    assert kept(g) == 0, "they are asked about anew"
    g.log.wait(r"strangers are asked about", 10)
    assert recipient(lab.out, BAD)[:3] == "250"
    assert recipient(lab.out, BAD2)[:3] == "550"


# ---- who is touched ----

def test_a_listed_stranger_at_an_address_that_is_not_guarded_is_left_alone(lab, postfix, scripted, gate):
    one = scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, contact="watch", resolver=SCRIPTED, guard=["2001:db8:25::25"])
    with Talk(lab.out, BAD) as talk:
        talk.hear()
        assert not is_hung_up(talk.sock, 1)
    assert not [a for a in one.asked if "7.113.0.203" in str(a)]
    assert BAD not in sources(g)


def test_a_listed_stranger_at_an_interface_that_is_not_guarded_is_left_alone(lab, postfix, scripted, gate):
    """Though an instance that guards another one enforces what the lists say: it is that of the guarded interface that decides."""
    one = scripted(answering({"bl.example": only([BAD])}))
    judging(gate, contact="watch", resolver=SCRIPTED, interfaces=["other0"], start=GATE_READY)
    for source in (BAD, "2001:db8:9001::bad"):
        with Talk(lab.out, source) as talk:
            talk.hear()
            assert not is_hung_up(talk.sock, 1)
    assert not [a for a in one.asked if "7.113.0.203" in str(a)]
    g = judging(gate, contact="watch", resolver=SCRIPTED)
    with Talk(lab.out, BAD) as talk:
        assert is_reset(talk.sock, 3)
    source_wait(g, BAD, "listed")


def test_whom_the_operator_trusts_while_the_lists_are_asked_is_not_cut(lab, postfix, scripted, gate):
    scripted(answering({"slow.example": after(2, only([BAD, BAD2]))}))
    g = judging(gate, ["slow.example*3"], "watch", SCRIPTED, {"timeout": "6s"})
    with Talk(lab.out, BAD) as talk, Talk(lab.out, BAD2) as other:
        talk.hear()
        other.hear()
        g(f"trust {BAD}")
        assert is_reset(other.sock, 4), "who is not trusted is cut"
        source_wait(g, BAD, "listed")
        assert not is_hung_up(talk.sock, 1)


def test_a_listing_by_reverse_dns_names_no_list(lab, postfix, scripted, gate):
    """Nobody is told to ask a list that has nothing to do with it."""
    scripted(answering({"bl.example": only([BAD2]), "in-addr.arpa": negative, "ip6.arpa": negative}))
    g = judging(gate, resolver=SCRIPTED, rdns={"none": 3, "alone": True})
    told = recipient(lab.out, BAD)
    assert told[:3] == "550" and "bl.example" not in told, told
    assert "bl.example" not in " ".join(x for x in g.log.lines if "listed: " in x)
    assert "using bl.example" in recipient(lab.out, BAD2)


# ---- a resolver that is in somebody else's hands ----

def message(kind, body):
    return struct.pack("=II", kind, 8 + len(body)) + body


def zone_news(state):
    return message(ZONE, struct.pack("=IIII4QII160s", 0, state, 1, 0, 0, 0, 0, 0, 0, 0, b"so I say"))


def listing(address):
    mapped = ipaddress.ip_address("::ffff:" + address).packed
    result = struct.pack("=IIqII4I", 0, 0, 3, 3600, 0, 0, 0, 0, 0)
    return message(VERDICT, mapped + struct.pack("=qq12Iq", 3, 3, LISTED, 1, 128, 3600, 0, 0, 0, 1, 0, 0, 0, 0, 0) +
                   result * 16 + bytes(320 + 256))


@contextlib.contextmanager
def voice_of(pid):
    """The socket by which a child speaks to the keeper."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    handle = call(PIDFD_OPEN, pid, 0)
    assert handle >= 0
    try:
        for number, target in descriptors(pid).items():
            if not target.startswith("socket:"):
                continue
            fd = call(PIDFD_GETFD, handle, number, 0)
            assert fd >= 0, os.strerror(ctypes.get_errno())
            sock = socket.socket(fileno=fd)
            if sock.family == socket.AF_UNIX:
                sock.setblocking(True)
                with sock:
                    yield sock
                return
            sock.close()
        raise AssertionError("it has no such socket")
    finally:
        os.close(handle)


def test_a_resolver_in_foreign_hands_cannot_list_whom_nobody_asked_about(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, resolver=SCRIPTED)
    with voice_of(g.child("resolver")) as voice:
        for address in (GOOD, GOOD2, "203.0.113.77"):
            voice.sendall(listing(address))
        # In order: when this one has been met, those before it have been heard.
        meet(g, lab.out, BAD)
    assert set(sources(g)) == {BAD}
    assert mail(lab.out, GOOD, timeout_s=5) is None


def test_a_resolver_in_foreign_hands_cannot_flood_the_log_nor_hold_up_the_keeper(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, resolver=SCRIPTED)
    before = len(g.log.lines)
    with voice_of(g.child("resolver")) as voice:
        for _ in range(NEWS):
            voice.sendall(zone_news(SUSPENDED))
            voice.sendall(zone_news(GOOD_STATE))
        until(lambda: g.why(BAD)["reason"] == "held", 5)
        assert recipient(lab.out, BAD)[:3] == "550"
        assert len(g.log.lines) - before < NEWS / 4, len(g.log.lines) - before
        assert rows(g, "SELECT count(*) FROM journal")[0][0] < NEWS / 4


def test_a_resolver_that_is_ready_twice_is_ended(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, resolver=SCRIPTED)
    with voice_of(g.child("resolver")) as voice:
        voice.sendall(message(READY, b""))
        g.log.wait(r"the resolver .*was ended", 5)
    g.log.wait(r"the resolver is ready", 10, len(g.log.lines))
    until(lambda: g.why(BAD)["reason"] == "held", 5, "strangers are asked about again")
    assert recipient(lab.out, BAD)[:3] == "550"


# ---- more than there is room for ----

CROWD = 350  # at once


def knock_all(lab, strangers, wait_s=1.0):
    """How many of them got in."""
    made = 0
    for at in range(0, len(strangers), CROWD):
        outcomes = attempt_all(lab.out, strangers[at:at + CROWD], wait_s=wait_s)
        made += sum(o.fate == "open" for o in outcomes)
        close_all(outcomes)
    return made


def test_a_network_full_of_listed_sources_becomes_one_entry(lab, postfix, scripted, gate):
    """Which spares who is known, goes with the list it rests on, and outlives a restart."""
    net, mad = "2001:db8:9100", []
    scripted(lambda name, kind, query, tcp: (
        saying("127.0.0.2") if mad else
        well(negative if name.startswith("d.0.0.6.") else saying("127.0.0.2")))(query, name, kind))
    # A quarter of the least table is 256: entries are joined where no more are free.
    g = judging(gate, ["wide.example*3"], contact="watch", resolver=SCRIPTED, tables={"listed": 1024},
                dnsbl={"probe_every": "1s", "timeout": "4s", "budget_per_s": 10000})
    good = f"{net}:ffff::600d"
    meet(g, lab.out, good)
    assert g.why(good)["reason"] == "known"
    customers = [f"{net}:{i:x}::1" for i in range(900)]
    # A question whose answer is lost is asked again at the next contact.
    until(lambda: knock_all(lab, customers, 0.3) < len(customers) and f"{net}::/48" in sources(g), 30, "one entry for all")
    # But for those whose answers were on their way, which are fewer than are asked about at once.
    assert len([s for s, row in sources(g).items() if row["reason"] == "listed"]) < CROWD
    assert g.why(f"{net}:7777::1")["reason"] == "listed", "a neighbour"
    assert g.why(good)["reason"] == "known"
    assert mail(lab.out, good, timeout_s=3) is None
    time.sleep(1)
    g.kill()
    g.start()
    assert g.why(f"{net}:7777::1")["reason"] == "listed", "after a restart too"
    assert g.why(good)["reason"] == "known"
    g.log.wait(r"strangers are asked about", 10)
    mad.append(True)
    until(lambda: not [s for s, row in sources(g).items() if row["reason"] == "listed"], 10, "it rested on a list that is mad")
    until(lambda: kept(g) == 0, 3, "in the store too")
