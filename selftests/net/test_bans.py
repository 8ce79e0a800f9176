# SPDX-License-Identifier: BSD-2-Clause
"""
Who offends again and again is banned, longer each time; who is trusted, or delivers mail as a rule, is not, and nobody is by SYNs that
anybody can send in his name.
"""
import datetime
import json
import os
import signal
import sqlite3
import time

from clients import DIALOGUE, Sink, Talk, attempt_all, close_all, fate
from lab import until
from lists import BAD, journal, judging, sources

BADLY, OTHER, THIRD, FOURTH = "203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10"
SIX, SIX_KEY = "2001:db8:9000::7", "2001:db8:9000::/64"
NETWORK = "203.0.113.0/24"
# Used up by four connections at once, and there again within seconds.
LIMITS = {"rate": "60/1m burst 3", "open": 0}
# So that a story takes seconds: one offence is enough, and none has to wait.
QUICK = {"after": 1, "within": "1s", "first": "1h", "longest": "7d", "forget": "7d", "neighbours": 0}
EVENTS = {"event_interval": "1s"}


def strict(gate, bans=None, **config):
    return gate(**{"mode": "enforce", "limits": LIMITS, "budgets": EVENTS, "bans": {**QUICK, **(bans or {})}, **config})


def connect_too_often(lab, *offenders):
    """Each uses his credit up by whole handshakes, and comes again."""
    close_all(attempt_all(lab.out, [o for o in offenders for _ in range(3)], wait_s=0.3))
    close_all(attempt_all(lab.out, offenders, wait_s=0.1))


def banned(g, source):
    row = g.why(source)
    return row if row["reason"] == "banned" else None


def ban(lab, g, *offenders):
    connect_too_often(lab, *offenders)
    return [until(lambda o=o: banned(g, o), what=f"{o} is banned") for o in offenders]


def seconds_of(row):
    left = datetime.datetime.fromisoformat(row["rule"]["expires"]) - datetime.datetime.now(datetime.timezone.utc)
    return left.total_seconds()


def store_of(g):
    return os.path.join(g.state, g.instance, "postern.db")


def stored(g, source):
    """It is in the store, and so outlives whatever comes."""
    return until(lambda: g.why(source)["ban"], what="the ban is in the store")


def deliver_as_a_rule(g, source):
    """What following the mail log would have left there: two messages a day for a week."""
    last = int(time.time()) - 3600
    mapped = bytes(10) + b"\xff\xff" + bytes(map(int, source.split(".")))
    with sqlite3.connect(store_of(g), timeout=5) as db:
        db.execute("INSERT INTO sender (addr, host, first_wall_s, last_wall_s, messages, recipients) "
                   "VALUES (?, 'mail.example.org', ?, ?, 14, 20)", (mapped, last - 7 * 86400, last))
    db.close()


def assert_told_why(lab, source):
    """And no farewell: silence begins when it has been said."""
    with Talk(lab.out, source) as talk:
        assert talk.hear()[:3] == "220"
        assert [talk.say(line) for line in DIALOGUE][-1][:3] == "550"


def test_a_ban_is_silence_and_the_next_is_twice_as_long(lab, gate, sink):
    g = strict(gate, {"first": "3s"})
    first, = ban(lab, g, BADLY)
    assert first["verdict"] == first["would"] == "drop" and 0 < seconds_of(first) <= 4
    assert fate(lab.out, BADLY) == "silent" and fate(lab.out, OTHER) == "open"
    row = sources(g)[BADLY]
    assert (row["reason"], row["origin"], row["action"], row["zone"]) == ("banned", "ban", "drop", None)
    until(lambda: not banned(g, BADLY), what="the ban ends")
    second, = ban(lab, g, BADLY)
    assert 3 < seconds_of(second) <= 7
    told = until(lambda: (lambda j: j if len(j) == 2 else None)(journal(g, BADLY)), what="both bans in the journal")
    assert "for 6s, ban 2 of it: 1 offence within 1s" in told[0] and "over its rate" in told[0], told
    assert "for 3s, ban 1 of it" in told[1], told
    kept = until(lambda: (lambda b: b if b["level"] == 2 else None)(stored(g, BADLY)), what="the second is stored")
    assert (kept["offences"], kept["reason"]) == (2, "rate")
    assert "2 of 203.0.113.7 after 2 offences" in g(f"why {BADLY}").stdout
    assert g.count("banned") > 0


def test_a_ban_outlives_the_controller_and_the_gate_and_is_forgotten_with_its_history(lab, gate, sink):
    g = strict(gate)
    ban(lab, g, BADLY, SIX)
    assert SIX_KEY in sources(g), "IPv6 is banned by /64"
    ends = sources(g)[BADLY]["expires"]
    stored(g, BADLY), stored(g, SIX)
    g.kill()
    assert fate(lab.out, BADLY) == "silent", "the kernel needs no controller for it"
    g("detach all")
    g.start()
    again = sources(g)
    assert again[BADLY]["reason"] == again[SIX_KEY]["reason"] == "banned"
    apart = datetime.datetime.fromisoformat(again[BADLY]["expires"]) - datetime.datetime.fromisoformat(ends)
    assert abs(apart.total_seconds()) <= 2
    # A reload changes nothing about it.
    g("reload")
    assert banned(g, BADLY)
    assert g.row(f"forget {BADLY}")["bans"] == [BADLY]
    assert not banned(g, BADLY) and g.why(BADLY)["ban"] is None
    g("reload")
    assert not banned(g, BADLY) and banned(g, SIX)
    until(lambda: fate(lab.out, BADLY) == "open", what="he gets in")
    once_more, = ban(lab, g, BADLY)
    assert 3500 < seconds_of(once_more) <= 3600, "the first again"
    # Nobody is to be banned any more: so a controller finds it that starts.
    g.stop(signal.SIGTERM)
    g.configure(bans={**QUICK, "after": 0})
    g.start()
    assert not banned(g, BADLY) and not banned(g, SIX)
    assert not sources(g)


def test_the_trusted_and_who_delivers_as_a_rule_are_never_banned(lab, gate, sink):
    g = strict(gate, {"neighbours": 2})
    g(f"trust {BADLY}")
    deliver_as_a_rule(g, OTHER)
    connect_too_often(lab, BADLY)
    g.log.wait(f"not banned: {BADLY} .* trusted")
    connect_too_often(lab, OTHER)
    g.log.wait(f"not banned: {OTHER} .* delivers mail here as a rule")
    # Nor is the network that they are in, though two others of it are.
    ban(lab, g, THIRD, FOURTH)
    g.log.wait(f"not banned: {NETWORK} ")
    assert set(sources(g)) == {THIRD, FOURTH}
    assert g.why(OTHER)["reason"] != "banned" != g.why(BADLY)["reason"]


def test_neighbours_bring_a_ban_on_their_network(lab, gate, sink):
    g = strict(gate, {"neighbours": 3})
    ban(lab, g, BADLY, OTHER)
    assert fate(lab.out, FOURTH) == "open"
    ban(lab, g, THIRD)
    row = until(lambda: banned(g, FOURTH), what="the network is banned")
    assert row["rule"]["prefix"] == NETWORK and fate(lab.out, FOURTH) == "silent"
    assert fate(lab.out, "198.51.100.7") == "open"
    told, = until(lambda: journal(g, NETWORK), what="it is in the journal")
    assert "3 sources in it are banned" in told
    assert "name an address in it" in g(f"forget {NETWORK}", status=2).stderr
    g(f"forget {FOURTH}")
    assert not banned(g, FOURTH) and banned(g, THIRD), "its own bans, not its neighbours'"


def test_monitor_mode_bans_nobody_and_says_whom_it_would(lab, gate, sink):
    g = strict(gate, mode="monitor")
    row, = ban(lab, g, BADLY)
    assert (row["verdict"], row["would"]) == ("pass", "drop")
    assert fate(lab.out, BADLY) == "open"
    assert g.count("banned", "would") > 0 and g.count("banned") == 0
    told, = until(lambda: journal(g, BADLY), what="it is in the journal")
    assert "in monitor mode it is only counted" in told
    g.log.wait(f"would ban: {BADLY} for 1h")


def test_syns_alone_earn_no_ban(lab, gate, sink):
    """He has used up his credit once, and for long. What comes then in his name may be anybody's."""
    g = strict(gate, {"after": 2, "within": "2s"}, limits={"rate": "3/1d burst 3", "open": 0})
    connect_too_often(lab, BADLY)

    def told_often():
        assert fate(lab.out, BADLY, wait_s=0.1) == "silent"
        return sum(f"dropped: {BADLY} port 25 rate" in line for line in g.log.lines) > 3

    until(told_often, 10, "four events, a second apart")
    assert g.why(BADLY)["reason"] == "rate" and not sources(g)


def test_a_ban_and_a_verdict_on_one_source_do_not_erase_each_other(lab, lists, gate):
    sink = Sink(lab.mail)
    g = judging(gate, budgets=EVENTS, bans={**QUICK, "first": "2s"})
    # The first conversation with the responder is the offence.
    assert_told_why(lab, BAD)
    until(lambda: banned(g, BAD), what="he is banned")
    assert g.why(BAD)["dnsbl"]["verdict"] == "listed", "the verdict is remembered"
    row = until(lambda: (lambda w: w if w["reason"] == "listed" else None)(g.why(BAD)), what="the verdict is back")
    assert row["rule"]["origin"] == "dnsbl"
    told = json.dumps(journal(g, BAD))
    assert "listed, told so, and back, by bl.example" in told
    # A verdict that comes behind a ban, as all do at a reload, does not shorten it, and forgetting takes both.
    assert_told_why(lab, BAD)
    until(lambda: banned(g, BAD), what="he is banned again")
    g("reload")
    assert banned(g, BAD)
    gone = g.row(f"forget {BAD}")
    assert gone["bans"] == [BAD] and gone["verdicts"] == [BAD]
    assert g.why(BAD)["reason"] not in ("banned", "listed")
    sink.close()
