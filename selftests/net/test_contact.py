# SPDX-License-Identifier: BSD-2-Clause
"""
Strangers meet the gate for the first time, in front of a real Postfix, and the DNS is asked who they are: what they see on the
wire, and what the operator is told.
"""
import threading
import time

import pytest

from clients import (DIALOGUE, SILENCE_REPEAT_S, Sink, Talk, attempt, close_all, fate, fates, forge_start, is_hung_up,
                     is_reset, mail, recipient, swaks)
from lists import (BAD, BAD2, CONTACT, DYNAMIC, EXACT6, GOOD, GOOD2, REASON, SCRIPTED, after, answering,
                   journal, judging, meet, negative, only, saying, silent, source_wait, sources, well, zones_wait)
from lab import until

SUBMISSION = 587
PORTS = [{"port": 25}, {"port": SUBMISSION}]
LATER = "2001:db8:8000::1"
# At once, on a busy machine; and after the first repeat of a SYN, which the kernel sends after a second (the next: after three).
AT_ONCE_MS = 600
REPEATED_MS = (900, 2200)
# Longer than the first repeat, shorter than the second.
PATIENCE_S = 2.5
CUT_UNTIL_S = 10  # a verdict that comes later cuts nothing
# Of a few hundred first SYNs at once, each with its cell among 65536, hardly ever as many find theirs taken. Such a one waits for its
# repeat without being asked about, and a forged one has none.
COLLIDE_MOST = 5


def refusal_of(address, zone="bl.example", reason=None):
    return (f"550 5.7.1 Service unavailable; client [{address}] blocked using {zone}; {reason or REASON + address}; "
            f"{CONTACT}")


def arrival_ms(host, source, **options):
    """After how many ms its connection stands. It is closed at once."""
    outcome = attempt(host, source, wait_s=PATIENCE_S, greet=True, **options)
    close_all([outcome])
    assert outcome.fate == "open", outcome
    return outcome.ms


def assert_held(host, source):
    assert REPEATED_MS[0] < arrival_ms(host, source) < REPEATED_MS[1]


def assert_at_once(host, source, **options):
    assert arrival_ms(host, source, **options) < AT_ONCE_MS


def assert_never_seen(lab, postfix, source, start):
    """Postfix logs in order: when it has logged somebody who came later, it has not seen the source."""
    assert mail(lab.out, LATER) is None
    postfix.log.wait(rf"connect from unknown\[{LATER}\]", 5, start)
    assert not [x for x in postfix.log.lines[start:] if f"[{source}]" in x]


# ---- hold ----

def test_hold_lets_a_strangers_repeat_in_and_then_knows_him(lab, postfix, lists, gate):
    g = judging(gate)
    why = g.why(GOOD)
    assert (why["verdict"], why["reason"]) == ("hold", "held")
    start = postfix.mark()
    assert_held(lab.out, GOOD)
    source_wait(g, GOOD, "known")
    for _ in range(3):
        assert_at_once(lab.out, GOOD)
    done = swaks(lab.out, GOOD)
    assert done.returncode == 0, done.stdout
    postfix.wait_sent(start)
    why = g.why(GOOD)
    assert (why["verdict"], why["reason"]) == ("pass", "known")
    assert why["known"]["fresh_until"] < why["known"]["until"]
    assert f"known    until {why['known']['until']}; asked about again" in g(f"why {GOOD}").stdout
    assert g.count("held") == 1
    # Who tries again by himself need not wait for the repeat: the verdict is there long before it.
    begin = time.monotonic()
    assert fate(lab.out, GOOD2, wait_s=0.02) == "silent"
    source_wait(g, GOOD2, "known")
    assert_at_once(lab.out, GOOD2)
    assert time.monotonic() - begin < REPEATED_MS[0] / 1000


def test_a_listed_stranger_is_told_why_three_times_and_then_nothing(lab, postfix, lists, gate):
    """His first connection is answered, with the list's reason, and no connection ever reaches Postfix."""
    g = judging(gate)
    start = postfix.mark()
    begin = time.monotonic()
    with Talk(lab.out, BAD) as talk:
        assert REPEATED_MS[0] < talk.ms < REPEATED_MS[1]
        greeting = talk.hear()
        # As a mail server does, and at no other place than the recipient.
        assert greeting.startswith("220 mx.example.net") and "ESMTP" in greeting, greeting
        assert [talk.say(line)[:3] for line in DIALOGUE] == ["250", "250", "550"]
        assert talk.heard[-1] == refusal_of(BAD)
        assert talk.say("RCPT TO:<another@example.net>") == refusal_of(BAD)
        assert talk.say("DATA")[:1] == "5"
        assert talk.say("QUIT")[:3] == "221"
        assert talk.hear() == ""
    assert recipient(lab.out, BAD, wait_s=AT_ONCE_MS / 1000) == refusal_of(BAD)
    assert recipient(lab.out, BAD, wait_s=AT_ONCE_MS / 1000) == refusal_of(BAD)
    assert fate(lab.out, BAD, wait_s=SILENCE_REPEAT_S) == "silent"
    assert time.monotonic() - begin < 10
    meet(g, lab.out, LATER, BAD2)
    assert_never_seen(lab, postfix, BAD, start)
    why = g.why(BAD)
    assert (why["verdict"], why["reason"], why["answers"]) == ("drop", "listed", 3), why
    counters = g.counters()
    assert counters["listed"]["packets"] >= 4 and counters["held"]["packets"] == 3, counters
    # The others are not touched by it, and another one who is listed has three answers of his own.
    assert recipient(lab.out, BAD2) == refusal_of(BAD2)


def test_what_is_told_about_a_verdict(lab, postfix, lists, gate):
    g = judging(gate, ["bl.example*3", "wl.example=127.0.[0..255].[1..3]*-2"], dnsbl={"threshold": 3})
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    row = source_wait(g, BAD, "listed")
    assert (row["action"], row["origin"]) == ("reply", "dnsbl")
    why = g.why(BAD)
    assert (why["verdict"], why["reason"], why["would"], why["answers"]) == ("reply", "listed", "reply", 1)
    told = str(why)
    for part in ("bl.example", "127.0.0.4", REASON + BAD, "'asked': 2"):
        assert part in told, (part, why)
    said = g("why " + BAD).stdout
    for part in ("bl.example", "127.0.0.4", "score", REASON + BAD, "reply"):
        assert part in said, (part, said)
    assert f"postern forget {BAD}" in said and f"postern trust {BAD}" in said
    assert max(map(len, said.splitlines())) <= 80, said
    rows = zones_wait(g, lambda rows: rows and rows["bl.example"]["listed"])
    assert (rows["bl.example"]["state"], rows["bl.example"]["listed"]) == ("good", 1)
    assert rows["bl.example"]["asked"] >= 1 and rows["wl.example"]["listed"] == 0
    assert set(rows["bl.example"]) >= {"zone", "state", "why", "asked", "listed", "errors", "latency_ms"}
    found = until(lambda: journal(g, BAD), 5, "the journal has it")
    assert any("listed" in text and "bl.example" in text for text in found), found
    meet(g, lab.out, GOOD)
    status = g.row("show status")
    assert (status["listed"], status["known"], status["first_contact"]) == (1, 1, "hold"), status
    assert "1 listed, 1 known" in g("show status").stdout
    g.stop()
    status = g.row("show status")
    assert status["first_contact"] == "off" and "no controller" in status["first_contact_why"], status


def test_who_got_in_without_a_verdict_is_told_as_such(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": well(silent)}))
    g = judging(gate, resolver=SCRIPTED)
    assert mail(lab.out, GOOD, timeout_s=5) is None
    source_wait(g, GOOD, "known")
    assert g.why(GOOD)["dnsbl"] is None
    assert "without a verdict" in g(f"why {GOOD}").stdout


def test_the_other_actions_of_a_listing(lab, postfix, lists, gate):
    g = judging(gate, actions={"dnsbl": "refuse"})
    meet(g, lab.out, BAD)
    assert fate(lab.out, BAD) == "refused"
    assert g.why(BAD)["verdict"] == "refuse"
    g.configure(actions={"dnsbl": "drop"})
    g("reload")
    until(lambda: g.why(BAD)["verdict"] == "drop", 3, "what is known is judged by it as well")
    meet(g, lab.out, BAD2)
    assert fates(lab.out, [BAD, BAD2]) == {BAD: "silent", BAD2: "silent"}
    assert g.why(BAD2)["verdict"] == "drop"


def test_hold_works_where_syn_cookies_are_sent_to_all(lab, postfix, lists, gate):
    """The program that steers runs at the SYN and again at the cookie's return: it must say the same, and count once."""
    lab.mail.sysctl(ipv4__tcp_syncookies=2)
    try:
        g = judging(gate)
        assert [recipient(lab.out, BAD) for _ in range(3)] == [refusal_of(BAD)] * 3
        assert fate(lab.out, BAD) == "silent"
        assert g.why(BAD)["answers"] == 3
        assert mail(lab.out, GOOD) is None
    finally:
        lab.mail.sysctl(ipv4__tcp_syncookies=1)


# ---- watch ----

def test_watch_cuts_a_listed_stranger_before_his_recipient_is_answered(lab, postfix, lists, gate):
    g = judging(gate, contact="watch")
    start = postfix.mark()
    cut, heard = False, []
    try:
        with Talk(lab.out, BAD) as talk:
            heard = talk.heard
            assert talk.ms < AT_ONCE_MS
            talk.hear()
            for line in DIALOGUE[:-1]:
                talk.say(line)
            cut = is_reset(talk.sock, 3)
    except ConnectionError:
        cut = True
    assert cut and not any(said.startswith("550") for said in heard), heard
    source_wait(g, BAD, "listed")
    # Cut before it looked, the server does not even know who it was.
    postfix.log.wait(rf"disconnect from unknown\[({BAD}|unknown)\]", 5, start)
    assert not [x for x in postfix.log.lines[start:] if "rcpt=" in x and BAD in x]
    # The report has what was cut, with the list.
    told = until(lambda: [r for r in g.rows("report since 1h", status=None) if r.get("reason") == "listed"], 3, "it is in the report")
    assert told[0]["refused"] == 1 and told[0]["by"][0]["name"], told
    # From now on he is known for what he is.
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    until(lambda: any("cut" in text for text in journal(g, BAD)), 3, "the journal has it")


def test_watch_does_not_disturb_an_honest_stranger(lab, postfix, lists, gate):
    g = judging(gate, contact="watch")
    start = postfix.mark()
    with Talk(lab.out, GOOD) as talk:
        assert talk.ms < AT_ONCE_MS
        talk.hear()
        source_wait(g, GOOD, "known")
        assert [talk.say(line)[:3] for line in DIALOGUE] == ["250"] * 3
        assert talk.say("DATA")[:3] == "354"
        assert talk.say("Subject: a test\r\n\r\n.")[:3] == "250"
    postfix.wait_sent(start)
    assert g.count("held") == 0


def test_a_verdict_that_comes_late_cuts_nothing_but_counts(lab, postfix, gate, scripted):
    """After ten seconds a message may be under way."""
    late_s = CUT_UNTIL_S + 0.4
    zone = {"slow.example": after(late_s, only([BAD]))}
    scripted(answering(zone))
    # Two attempts share the time.
    g = judging(gate, ["slow.example*3"], "watch", SCRIPTED, {"timeout": f"{2 * CUT_UNTIL_S + 4}s"})
    with Talk(lab.out, BAD) as talk:
        talk.hear()
        assert [talk.say(line)[:3] for line in DIALOGUE] == ["250"] * 3
        source_wait(g, BAD, "listed", late_s + 3)
        assert not is_hung_up(talk.sock, 0.3)
        talk.sock.settimeout(3)
        assert talk.say("DATA")[:3] == "354"
        assert talk.say("Subject: late\r\n\r\n.")[:3] == "250"
    assert recipient(lab.out, BAD) == refusal_of(BAD, "slow.example", "because")


def test_hold_cuts_like_watch_when_the_verdict_comes_after_the_repeat(lab, postfix, gate, scripted):
    scripted(answering({"slow.example": after(1.5, only([BAD]))}))
    judging(gate, ["slow.example*3"], "hold", SCRIPTED, {"timeout": "6s"})
    with Talk(lab.out, BAD) as talk:
        assert REPEATED_MS[0] < talk.ms < REPEATED_MS[1]
        assert talk.hear().startswith("220"), "no verdict by the repeat: it is let in"
        assert is_reset(talk.sock, 3)
    assert recipient(lab.out, BAD) == refusal_of(BAD, "slow.example", "because")


# ---- pass ----

def assert_first_goes_on(lab, g):
    """The first connection of who is found listed meanwhile: at once, and to its end."""
    with Talk(lab.out, BAD) as talk:
        assert talk.ms < AT_ONCE_MS
        talk.hear()
        source_wait(g, BAD, "listed")
        assert not is_hung_up(talk.sock, 0.3)
        talk.sock.settimeout(3)
        assert [talk.say(line)[:3] for line in DIALOGUE] == ["250"] * 3


def test_pass_lets_the_first_connection_in_and_answers_the_next(lab, postfix, lists, gate):
    g = judging(gate, contact="pass")
    assert_first_goes_on(lab, g)
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    assert g.count("held") == 0


# ---- monitor ----

@pytest.mark.parametrize("contact", ["hold", "watch"])
def test_monitor_counts_what_would_have_been_and_does_nothing(lab, postfix, lists, gate, contact):
    g = judging(gate, contact=contact, mode="monitor")
    assert_first_goes_on(lab, g)
    for _ in range(5):
        assert_at_once(lab.out, BAD)
    assert_at_once(lab.out, GOOD)
    counters = g.counters()
    assert (counters["held"]["packets"], counters["listed"]["packets"]) == (0, 0)
    assert counters["listed"]["would"] >= 5
    assert counters["held"]["would"] == (2 if contact == "hold" else 0), counters["held"]
    why = g.why(BAD)
    assert (why["verdict"], why["reason"], why["would"]) == ("pass", "listed", "reply")
    found = until(lambda: journal(g, BAD), 5, "the journal has it")
    assert any("bl.example" in text for text in found), found
    # What was learnt while it watched holds when it is told to act.
    g("enforce")
    assert recipient(lab.out, BAD) == refusal_of(BAD)


def test_the_operators_own_rule_is_answered_in_monitor_mode_too(lab, postfix, lists, gate):
    g = judging(gate, mode="monitor")
    g("block 203.0.113.99 with reply saying Your host was asked to stop because of a secret")
    g("block 198.51.100.128/25 with reply")
    told = recipient(lab.out, "203.0.113.99")
    assert told == ("550 5.7.1 Service unavailable; client [203.0.113.99] blocked; Your host was asked to stop; "
                    f"{CONTACT}")
    told = recipient(lab.out, "198.51.100.200")
    assert told.startswith("550 5.7.1 Service unavailable; client [198.51.100.200] blocked") and "secret" not in told
    assert (g.why("203.0.113.99")["verdict"], g.why("203.0.113.99")["reason"]) == ("reply", "rule")
    assert g.rules()["203.0.113.99"]["action"] == "reply"
    for _ in range(2):
        recipient(lab.out, "203.0.113.99")
    assert fate(lab.out, "203.0.113.99") == "silent"
    g("unblock 203.0.113.99")
    assert recipient(lab.out, "203.0.113.99")[:3] == "250"


def test_a_reload_changes_first_contact_and_forgets_what_other_lists_said(lab, postfix, lists, gate):
    g = judging(gate)
    meet(g, lab.out, BAD, GOOD)
    g.configure(first_contact="watch")
    g("reload")
    until(lambda: g.why(GOOD2)["reason"] == "stranger", 5, "strangers are watched")
    assert_at_once(lab.out, GOOD2)
    assert recipient(lab.out, BAD) == refusal_of(BAD)
    # Verdicts of lists that are not asked any more are none; who is known stays so.
    g.configure(dnsbl={**g.config["dnsbl"], "sites": ["wl.example*3"]})
    g("reload")
    until(lambda: g.why(BAD)["reason"] == "stranger", 5, "the verdict is gone")
    assert recipient(lab.out, BAD)[:3] == "250"
    assert g.why(GOOD)["reason"] == "known"
    g.configure(dnsbl={**g.config["dnsbl"], "sites": []})
    g("reload")
    until(lambda: g.why(BAD2)["reason"] == "clean", 5, "nobody is asked about")
    until(lambda: g.child("resolver") is None, 5, "and there is nobody to ask")


# ---- for whom verdicts hold ----

def test_verdicts_never_touch_submission(lab, postfix, lists, gate):
    """Neither those by policy, which list the dynamic addresses that one's own users have, nor firm ones."""
    submission = Sink(lab.mail, SUBMISSION)
    try:
        g = judging(gate, ["bl.example*3", "pbl.example*3"], dnsbl={"data": [lists.facts]}, ports=PORTS)
        for source, zone, reason in ((DYNAMIC, "pbl.example", "a dynamic address"), (BAD, "bl.example", None)):
            # A stranger there is not held, and not asked about.
            assert_at_once(lab.out, source, port=SUBMISSION)
            assert source not in sources(g)
            meet(g, lab.out, source)
            assert recipient(lab.out, source) == refusal_of(source, zone, reason)
            for _ in range(5):
                assert_at_once(lab.out, source, port=SUBMISSION)
            assert g.row(f"why {source} port {SUBMISSION}")["verdict"] == "pass"
            assert g.why(source)["verdict"] == "reply"
        assert submission.accepted == {DYNAMIC: 6, BAD: 6}
    finally:
        submission.close()


@pytest.mark.parametrize("word", ["trust", "allow"])
def test_whom_the_operator_trusts_is_neither_held_nor_refused(lab, postfix, lists, gate, word):
    g = judging(gate)
    g(f"{word} {BAD}")
    g(f"{word} 198.51.100.0/24")
    for source in (BAD, GOOD):
        assert_at_once(lab.out, source)
        assert mail(lab.out, source) is None
        prefix = BAD if source == BAD else "198.51.100.0/24"
        assert g.why(source)["trust"] == (prefix if word == "trust" else None)
        assert f"postern dis{word} {prefix}" in g(f"why {source}").stdout
    assert not sources(g) and g.count("held") == 0
    # Said of one who is refused already, it is obeyed at once; and taken back, the verdict is as it was.
    meet(g, lab.out, BAD2)
    assert recipient(lab.out, BAD2) == refusal_of(BAD2)
    g(f"{word} {BAD2}")
    assert mail(lab.out, BAD2) is None
    g(f"dis{word} {BAD2}")
    assert recipient(lab.out, BAD2) == refusal_of(BAD2)


def test_both_families_are_met_alike(lab, postfix, lists, gate):
    g = judging(gate)
    assert_held(lab.out, "2001:db8:8000::7")
    assert_at_once(lab.out, "2001:db8:8000::7")
    meet(g, lab.out, EXACT6)
    told = recipient(lab.out, EXACT6)
    assert told == refusal_of(EXACT6, reason=f"v6 of {EXACT6}")
    assert g.why(EXACT6)["reason"] == "listed"


def test_many_strangers_at_once_each_get_their_own_verdict(lab, postfix, scripted, gate):
    bad = [f"203.0.113.{i}" for i in range(1, 41)]
    good = [f"198.51.100.{i}" for i in range(1, 41)]
    scripted(answering({"bl.example": only(bad)}))
    g = judging(gate, resolver=SCRIPTED)
    said = {}

    def come(source):
        try:
            said[source] = recipient(lab.out, source, wait_s=5)
        except ConnectionError:
            said[source] = ""
        # On a busy machine, or where two meet in one cell, the repeat may come before the verdict, which then cuts or is too late for it.
        if source in bad and said[source][:3] != "550":
            source_wait(g, source, "listed")
            said[source] = recipient(lab.out, source, wait_s=5)

    threads = [threading.Thread(target=come, args=(s,)) for s in bad + good]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {s: t[:3] for s, t in said.items()} == {**dict.fromkeys(bad, "550"), **dict.fromkeys(good, "250")}
    assert all(f"client [{s}] blocked using bl.example" in said[s] for s in bad)
    found = sources(g)
    assert {s for s, row in found.items() if row["reason"] == "listed"} == set(bad)


def test_without_lists_nobody_is_a_stranger(lab, postfix, gate):
    g = gate(mode="enforce", first_contact="hold")
    assert_at_once(lab.out, GOOD)
    assert g.why(GOOD)["reason"] == "clean"
    assert g.count("held") == 0


def test_every_first_syn_is_held_by_itself(lab, postfix, scripted, gate):
    """While there is no verdict: the patience of one connection does not open the door for another."""
    scripted(answering({"bl.example": after(1.5, only([BAD]))}))
    g = judging(gate, resolver=SCRIPTED, dnsbl={"timeout": "6s"})
    for count in (1, 2):
        assert fate(lab.out, GOOD, wait_s=0.5) == "silent"
        assert g.count("held") == count


def test_forged_neighbours_do_not_speak_for_an_honest_stranger(lab, postfix, scripted, gate):
    """Whose network is listed but for him: anybody can bring the neighbours up by forged SYNs, and he has his own verdict."""
    neighbours = [f"198.51.100.{i}" for i in range(1, 251)]
    honest = "198.51.100.254"
    scripted(answering({"bl.example": only(neighbours)}))
    g = judging(gate, resolver=SCRIPTED, dnsbl={"unproven_per_s": 1000, "budget_per_s": 5000})
    forge_start(lab.out, neighbours, count=len(neighbours), rate=500, listen_ms=100).finish()
    until(lambda: sum(row["reason"] == "listed" for row in sources(g).values()) >= len(neighbours) - COLLIDE_MOST, 10,
          "the neighbours are listed")
    assert g.why(honest)["reason"] == "held"
    assert mail(lab.out, honest) is None


def test_one_entry_stands_for_a_network_before_the_table_is_full(lab, scripted, gate):
    """Four networks with every address listed, and a table that holds as many entries."""
    scripted(answering({"bl.example": lambda query, name, kind: (
        saying("127.0.0.2") if name.endswith(".0.64.bl.example") else well(negative))(query, name, kind)}))
    g = judging(gate, resolver=SCRIPTED, dnsbl={"unproven_per_s": 1000, "budget_per_s": 5000},
                tables={"listed": 1024})
    forge_start(lab.out, ["64.0.0.0"], span=1024, count=1024, rate=800, listen_ms=100).finish()
    until(lambda: "64.0.3.0/24" in sources(g), 10, "the last network is judged as a whole")
    assert g.why("64.0.3.255")["reason"] == "listed" and g.why("64.0.0.1")["reason"] == "listed"
    g.log.wait(r"listed: 64\.0\.3\.0/24 as a whole")
