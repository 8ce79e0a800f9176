# SPDX-License-Identifier: BSD-2-Clause
"""
Where verdicts come from and how long they hold: lists and resolvers that are wrong in every way they have been wrong, lists that go
mad, allow lists that do not answer, IPv6; and what the store keeps. In each, honest mail flows through a real Postfix.
"""
import signal
import time

import dnsserver as dns
from clients import attempt_all, close_all, fate, is_hung_up, mail, recipient
from lab import until
from lists import (BAD, BAD2, EXACT6, EXACT6_NEAR, GOOD, GOOD2, MAD, MAD_TOO, SANE, SCRIPTED, TRUSTED, WIDE6, WIDE6_FAR,
                   WIDE6_NEAR, ZONES, after, answering, failing, journal, judging, meet, negative, only, saying, seconds_left,
                   silent, source_wait, sources, well, zones, zones_wait)
from test_dns import cut_short, garbage, pointer_loop

AT_ONCE_MS = 600
PATIENCE_S = 2.5
PARTIAL_MOST_S = 60 + 1  # times are told in whole seconds
KNOWN_LEAST_S = 6 * 86400  # clean ones are known for a week
GONE_S = 10


def wrong(message):
    """Of the functions (query, name) that make a broken message."""
    return lambda query, name, kind: message(query, name)


# name: (what it says, state, what `show zones` says of it) where it is wrong about every name asked,
EVERY = {
    "typo.example": (saying("127.255.255.252"), "refusing", "typing error"),
    "public.example": (saying("127.255.255.254"), "refusing", "public or unattributable"),
    "volume.example": (saying("127.255.255.255"), "refusing", "too many questions"),
    "one.example": (saying("127.0.0.1"), "refusing", "127.0.0.1"),
    "world.example": (saying("127.0.0.2"), "suspended", "lists the world"),
    "empty.example": (negative, "suspended", "does not list its test entry"),
    "parked.example": (saying("192.0.2.80"), "suspended", "lapsed"),
    "servfail.example": (failing(dns.SERVFAIL), "unreachable", "SERVFAIL"),
    "refused.example": (failing(dns.REFUSED), "unreachable", "REFUSED"),
    "silent.example": (silent, "unreachable", "answer"),
    "garbage.example": (wrong(garbage), "unreachable", ""),
    "list.dnswl.org": (saying("127.0.0.255"), "refusing", "quota"),
}
# and where it is wrong about strangers alone, so that no test finds it: one who asks for nobody else is told.
STRANGERS = {
    "typo.example": saying("127.255.255.252"),
    "public.example": saying("127.255.255.254"),
    "one.example": saying("127.0.0.1"),
    "parked.example": saying("192.0.2.80"),
    "servfail.example": failing(dns.SERVFAIL),
    "refused.example": failing(dns.REFUSED),
    "silent.example": silent,
    "garbage.example": wrong(garbage),
    "pointer.example": wrong(pointer_loop),
    "cut.example": lambda query, name, kind: cut_short(query, name),
    "other.example": lambda query, name, kind: dns.reply(
        query, answers=[dns.address("127.0.0.2", owner=dns.name_bytes("x.example"))]),
    "question.example": lambda query, name, kind: dns.reply(
        query, answers=[dns.address("127.0.0.2")], question=dns.name_bytes("x." + name) + b"\0\1\0\1"),
}


def assert_mail_flows(lab, *sources_of_mail):
    """From these, though they be strangers: after the repeat of the SYN at the latest."""
    for source in sources_of_mail:
        assert mail(lab.out, source, timeout_s=5) is None, source


# ---- every trap ----

def test_lists_that_are_wrong_about_everybody_let_mail_in_and_are_shown(lab, postfix, scripted, gate):
    scripted(answering({zone: row[0] for zone, row in EVERY.items()} | {"fine.example": only([BAD])}))
    allow_all = "list.dnswl.org=127.[0..255].[0..255].[0..255]*-2"
    sites = [f"{zone}*9" for zone in EVERY if zone != "list.dnswl.org"] + [allow_all, "fine.example*9"]
    g = judging(gate, sites, resolver=SCRIPTED, tested=False, dnsbl={"threshold": 5})
    rows = zones_wait(g, lambda rows: all(z in rows and rows[z]["state"] == row[1] for z, row in EVERY.items()))
    for zone, (_, _, says) in EVERY.items():
        assert says.lower() in rows[zone]["why"].lower(), rows[zone]
    assert rows["fine.example"]["state"] == "good" and not rows["fine.example"]["why"]
    assert_mail_flows(lab, GOOD, "2001:db8:8000::9")
    # One list that is well is enough, even if an allow list that is asked in vain were on his side.
    assert recipient(lab.out, BAD)[:3] == "550"
    # People see it without knowing where to look.
    said = g("show zones").stdout
    assert "lists the world" in said and "suspended" in said


def test_lists_that_are_wrong_about_strangers_alone_let_mail_in(lab, postfix, scripted, gate):
    scripted(answering({zone: well(said) for zone, said in STRANGERS.items()}))
    g = judging(gate, [f"{zone}*9" for zone in STRANGERS], resolver=SCRIPTED)
    assert_mail_flows(lab, GOOD, "2001:db8:8000::9")
    assert mail(lab.out, GOOD) is None
    assert not [s for s, row in sources(g).items() if row["reason"] == "listed"]
    rows = zones_wait(g, lambda rows: all(r["errors"] or r["zone"] == "other.example" for r in rows.values()))
    assert rows["parked.example"]["state"] == "suspended"
    assert all(row["listed"] == 0 for row in rows.values()), rows


def test_an_allow_list_over_its_quota_trusts_nobody(lab, postfix, scripted, gate):
    """It answers so for every address, while its tests find nothing: a listing it might turn is not acted on, another is."""
    scripted(answering({"list.dnswl.org": lambda q, n, k: saying("127.0.10.3")(q, n, k), "fine.example": only([BAD])}))
    sites = ["fine.example*4", "list.dnswl.org=127.0.[0..255].[0..255]*-2"]
    g = judging(gate, sites, resolver=SCRIPTED, tested=False, dnsbl={"threshold": 2})
    zones_wait(g, lambda rows: rows["list.dnswl.org"]["state"] == "refusing")
    assert recipient(lab.out, BAD)[:3] == "550"
    assert_mail_flows(lab, GOOD)


def test_truncated_answers_and_chains_of_names(lab, postfix, scripted, gate):
    chain = [dns.record(b"\xc0\x0c", 5, dns.name_bytes("c0.example")),
             dns.record(dns.name_bytes("c0.example"), dns.A, b"\x7f\0\0\2")]
    loop = [dns.record(b"\xc0\x0c", 5, dns.name_bytes("c0.example")),
            dns.record(dns.name_bytes("c0.example"), 5, dns.name_bytes("c0.example"))]
    listed = only([BAD, BAD2])

    def answer(name, kind, query, tcp):
        about = name.startswith(("7.113.0.203.", "8.113.0.203."))
        if not about or kind != dns.A:
            return listed(query, name, kind)
        if "tcp" in name:
            return listed(query, name, kind) if tcp else dns.reply(query, truncated=True)
        if "chain" in name:
            return dns.reply(query, answers=chain if name.startswith("7.") else loop)
        return dns.reply(query, answers=[dns.address("127.0.0.2")], truncated=True)

    scripted(answer)
    for site, told in (("tcp.example*3", "using tcp.example"), ("chain.example*3", "using chain.example"),
                       ("short.example*3", "250 ")):
        g = judging(gate, [site], resolver=SCRIPTED)
        meet(g, lab.out, BAD, BAD2)
        assert told in recipient(lab.out, BAD)
        if "chain" in site:
            assert recipient(lab.out, BAD2)[:3] == "250", "a chain without an end"
        g.remove()


def test_a_dead_list_in_the_configuration_is_refused_by_name(lab, lists, gate):
    """At the start; and a reload that names it keeps what was."""
    g = judging(gate)
    g.configure(dnsbl={**g.config["dnsbl"], "sites": ["dnsbl.sorbs.net*3"]})
    done = g("reload", status=1)
    assert "sorbs" in done.stdout + done.stderr + "\n".join(g.log.lines)
    assert g.why(GOOD)["reason"] == "held"
    assert list(zones_wait(g, bool)) == ["bl.example"]
    g.stop()
    g.start(ready=None)
    g.log.wait(r"dnsbl\.sorbs\.net.*must not be asked")
    assert g.controller.wait(5) == 1


def test_a_resolver_that_dies_and_comes_back(lab, postfix, lists, gate):
    g = judging(gate, dnsbl={"probe_every": "1s"})
    meet(g, lab.out, BAD)
    assert recipient(lab.out, BAD)[:3] == "550"
    lists.unbound.stop()
    try:
        zones_wait(g, lambda rows: rows["bl.example"]["state"] == "unreachable")
        begin = time.monotonic()
        assert_mail_flows(lab, GOOD)
        assert time.monotonic() - begin < PATIENCE_S
        # What was known holds: nobody who was found listed is let in by it.
        assert recipient(lab.out, BAD)[:3] == "550"
        # A stranger who is listed is let in unasked, and not taken for clean.
        meet(g, lab.out, BAD2)
        assert recipient(lab.out, BAD2)[:3] == "250"
        row = sources(g).get(BAD2)
        assert row is None or seconds_left(row) <= PARTIAL_MOST_S, row
        assert zones(g)["bl.example"]["why"]
    finally:
        lists.unbound.start()
    zones_wait(g, lambda rows: rows["bl.example"]["state"] == "good", 15)
    g(f"forget {BAD2}", status=None)
    meet(g, lab.out, BAD2, GOOD2)
    assert recipient(lab.out, BAD2)[:3] == "550"
    assert_mail_flows(lab, GOOD2)


# ---- a list that goes mad while it is asked ----

def test_a_list_that_goes_mad_loses_its_verdicts_within_ten_seconds(lab, postfix, lists, gate):
    """From the maps and from the store; those that rest on another list stay, and who was hurt is let in."""
    g = judging(gate, ["mad.example*3", "sane.example*2"], dnsbl={"probe_every": "1s", "threshold": 2})
    meet(g, lab.out, MAD, MAD_TOO, SANE)
    for source in (MAD, MAD_TOO, SANE):
        assert recipient(lab.out, source)[:3] == "550", source
    begin = time.monotonic()
    lists.rbldnsd.change("mad.example", "ip4trie", ":127.0.0.2:mad\n0.0.0.0/1\n128.0.0.0/1\n!127.0.0.1\n")
    try:
        until(lambda: MAD not in sources(g), GONE_S, "its verdicts are gone")
        assert set(sources(g)) == {SANE}
        row = zones_wait(g, lambda rows: rows["mad.example"]["state"] == "suspended")["mad.example"]
        assert "lists the world" in row["why"]
        assert zones(g)["sane.example"]["state"] == "good"
        until(lambda: any("taken back" in text and "mad.example" in text for text in journal(g)), 3, "it is written down")
        assert time.monotonic() - begin < GONE_S
        # Out of the store as well, and so out of a gate that is built anew from it.
        assert not g.why(MAD)["dnsbl"] and not g.why(MAD_TOO)["dnsbl"]
        assert g.why(SANE)["dnsbl"]["verdict"] == "listed"
        assert stored(g) == {SANE}
        meet(g, lab.out, MAD, MAD_TOO)
        assert recipient(lab.out, MAD)[:3] == "250"
        assert recipient(lab.out, SANE)[:3] == "550"
        assert "using sane.example" in recipient(lab.out, MAD_TOO)
    finally:
        lists.rbldnsd.change("mad.example", "ip4trie", ZONES["mad.example"]["ip4trie"])


def test_a_list_that_lists_those_known_for_good_is_suspended(lab, postfix, scripted, gate):
    """It lists no random addresses, so no probe finds it: those who were clean so far and are asked about again do."""
    senders, listed = [f"198.51.100.{i}" for i in range(1, 26)], []
    scripted(lambda name, kind, query, tcp: only(listed)(query, name, kind))
    g = judging(gate, resolver=SCRIPTED, dnsbl={"clean_min_ttl": "1s", "clean_max_ttl": "1s"})
    meet(g, lab.out, *senders)
    listed.extend(senders)

    def is_suspended():
        close_all(attempt_all(lab.out, senders, wait_s=0.1))
        return zones(g)["bl.example"]["state"] == "suspended"

    until(is_suspended, 10, "it is suspended")
    assert "known for good" in zones(g)["bl.example"]["why"]
    until(lambda: not [s for s, row in sources(g).items() if row["reason"] == "listed"], 3, "all is taken back")
    assert_mail_flows(lab, senders[0])


def stored(g):
    """What a gate that is removed and built from the store knows as listed."""
    g.stop(signal.SIGINT)
    assert not g.pinned()
    g.start()
    g.log.wait(r"strangers are asked about", 10)
    return {s for s, row in sources(g).items() if row["reason"] == "listed"}


# ---- allow lists ----

def test_a_silent_allow_list_never_loses_its_weight(lab, postfix, scripted, gate):
    """Who could be saved by it is let in; who could not is refused."""
    scripted(answering({"bl.example": only([BAD]), "worse.example": only([BAD2]), "wl.example": well(silent)}))
    g = judging(gate, ["bl.example*3", "worse.example*4", "wl.example*-1"], resolver=SCRIPTED)
    meet(g, lab.out, BAD, BAD2)
    assert recipient(lab.out, BAD)[:3] == "250"
    assert recipient(lab.out, BAD2)[:3] == "550"
    # What is known in part is not taken for clean: it is asked again within a minute.
    row = sources(g).get(BAD)
    assert row is None or (row["reason"] == "known" and seconds_left(row) <= PARTIAL_MOST_S), row


def test_a_late_allow_list_never_loses_its_weight(lab, postfix, scripted, gate):
    """At the repeat of the SYN it has not answered yet: he is let in, and its answer keeps him in."""
    scripted(answering({"bl.example": only([TRUSTED, BAD]), "wl.example": after(1.5, only([TRUSTED], "127.0.5.2"))}))
    g = judging(gate, ["bl.example*3", "wl.example=127.0.[0..255].[1..3]*-2"], resolver=SCRIPTED, dnsbl={"timeout": "6s"})
    outcomes = attempt_all(lab.out, [TRUSTED, BAD], wait_s=PATIENCE_S, greet=True)
    assert {o.fate for o in outcomes} == {"open"}
    row = source_wait(g, TRUSTED, "known")
    assert seconds_left(row) > KNOWN_LEAST_S, "asked in full: known for long"
    assert not is_hung_up(outcomes[0].sock, 0.2)
    close_all(outcomes)
    assert recipient(lab.out, TRUSTED)[:3] == "250"
    # The same lists without the trust.
    source_wait(g, BAD, "listed")
    assert recipient(lab.out, BAD)[:3] == "550"


def test_a_suspended_allow_list_never_loses_its_weight(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD]), "worse.example": only([BAD2]), "wl.example": negative}))
    g = judging(gate, ["bl.example*3", "worse.example*4", "wl.example*-1"], resolver=SCRIPTED, tested=False)
    zones_wait(g, lambda rows: rows["wl.example"]["state"] == "suspended" and rows["bl.example"]["state"] == "good")
    meet(g, lab.out, BAD, BAD2)
    assert recipient(lab.out, BAD)[:3] == "250"
    assert recipient(lab.out, BAD2)[:3] == "550"


def test_an_allow_list_saves_whom_a_list_names(lab, postfix, lists, gate):
    g = judging(gate, ["bl.example*3", "wl.example=127.0.[0..255].[1..3]*-2"])
    meet(g, lab.out, TRUSTED, BAD)
    assert_mail_flows(lab, TRUSTED)
    assert recipient(lab.out, BAD)[:3] == "550"
    assert source_wait(g, TRUSTED, "known")["origin"] == "dnsbl"


# ---- how long a verdict holds ----

def test_a_clean_verdict_makes_known_for_a_week_and_a_partial_one_for_a_minute(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD]), "moody.example": well(
        lambda q, n, k: silent(q, n, k) if n.startswith("8.100.51.198.") else negative(q, n, k))}))
    g = judging(gate, ["bl.example*3", "moody.example*3"], resolver=SCRIPTED)
    meet(g, lab.out, GOOD, GOOD2)
    assert_mail_flows(lab, GOOD, GOOD2)
    assert seconds_left(source_wait(g, GOOD, "known")) > KNOWN_LEAST_S
    row = sources(g).get(GOOD2)
    assert row is None or seconds_left(row) <= PARTIAL_MOST_S, row


def test_a_verdict_ends_with_its_time_and_is_asked_anew(lab, postfix, scripted, gate):
    life_s = 2
    one = scripted(answering({"bl.example": only([BAD])}))
    g = judging(gate, resolver=SCRIPTED, dnsbl={"listed_min_ttl": f"{life_s}s", "listed_max_ttl": f"{life_s}s"})
    for turn in range(2):
        asked = len(one.asked)
        meet(g, lab.out, BAD)
        assert len(one.asked) > asked, "he was a stranger"
        assert recipient(lab.out, BAD)[:3] == "550"
        assert g.why(BAD)["answers"] == 1, "another verdict counts its answers anew"
        if turn == 0:
            until(lambda: g.why(BAD)["verdict"] == "hold", life_s + 2, "the verdict has ended")


def test_who_is_known_is_asked_about_again_without_being_held(lab, postfix, scripted, gate):
    """And found listed meanwhile, he is refused from then on."""
    bad = []
    scripted(lambda name, kind, query, tcp: only(bad)(query, name, kind))
    g = judging(gate, resolver=SCRIPTED, dnsbl={"clean_min_ttl": "1s", "clean_max_ttl": "1s"})
    meet(g, lab.out, GOOD)
    bad.append(GOOD)

    def listed_now():
        # Each connection after the second of freshness asks, and none waits. The verdict may come quickly enough to cut it.
        if g.why(GOOD)["reason"] == "known":
            assert fate(lab.out, GOOD, wait_s=AT_ONCE_MS / 1000) in ("open", "reset")
        return g.why(GOOD)["reason"] == "listed"

    until(listed_now, 5, "he is asked about again")
    assert g.count("held") == 1
    assert recipient(lab.out, GOOD)[:3] == "550"


def test_forget_takes_a_verdict_back_from_maps_and_store(lab, postfix, lists, gate):
    g = judging(gate)
    meet(g, lab.out, BAD, BAD2, GOOD)
    assert recipient(lab.out, BAD)[:3] == "550"
    # In the store within a second; what is not there cannot be seen to go.
    until(lambda: any("listed" in t for t in journal(g, BAD)), 3, "the store has it")
    for source in (BAD, GOOD):
        g(f"forget {source}")
        assert source not in sources(g)
        assert g.why(source)["reason"] == "held", "a stranger again"
    g("forget 203.0.113.77", status=3)
    # Read again before the controller has looked what was forgotten.
    g("reload")
    assert set(sources(g)) == stored(g) == {BAD2}
    # And once more all of it.
    meet(g, lab.out, BAD)
    assert recipient(lab.out, BAD)[:3] == "550"
    assert g.why(BAD)["answers"] == 1


def test_verdicts_outlive_the_gate_and_its_controller(lab, postfix, lists, gate):
    g = judging(gate)
    meet(g, lab.out, BAD, GOOD)
    expires = source_wait(g, BAD, "listed")["expires"]
    source_wait(g, GOOD, "known")
    until(lambda: any("listed" in t for t in journal(g, BAD)), 3, "the store has it")
    lists.unbound.stop()
    try:
        assert stored(g) == {BAD}
        assert abs(seconds_left(sources(g)[BAD]) - seconds_left({"expires": expires})) < 3, "with what is left of its time"
        # He is known without being asked about, and told why with the words that the store has.
        assert "blocked using bl.example; Listed, see" in recipient(lab.out, BAD)
        assert sources(g)[GOOD]["reason"] == "known"
        assert fate(lab.out, GOOD, wait_s=AT_ONCE_MS / 1000) == "open"
    finally:
        lists.unbound.start()


# ---- IPv6 ----

def test_ipv6_is_asked_by_nibbles_and_an_exact_verdict_holds_for_one_address(lab, postfix, lists, gate):
    g = judging(gate, ["bl.example*3", "wide.example*3"], dnsbl={"data": [lists.facts]})
    meet(g, lab.out, EXACT6)
    assert "using bl.example; v6 of" in recipient(lab.out, EXACT6)
    assert EXACT6 in sources(g)
    meet(g, lab.out, EXACT6_NEAR)
    assert recipient(lab.out, EXACT6_NEAR)[:3] == "250"
    # And the neighbour's good name saves nobody.
    assert recipient(lab.out, EXACT6)[:3] == "550"


def test_a_list_of_64s_lists_the_neighbour_too(lab, postfix, lists, gate):
    g = judging(gate, ["wide.example*3"], dnsbl={"data": [lists.facts]})
    meet(g, lab.out, WIDE6)
    assert "using wide.example" in recipient(lab.out, WIDE6)
    assert "2001:db8:9002::/64" in sources(g)
    held = g.count("held")
    assert g.why(WIDE6_NEAR)["verdict"] == "reply"
    assert "using wide.example" in recipient(lab.out, WIDE6_NEAR, wait_s=AT_ONCE_MS / 1000)
    assert g.count("held") == held, "he is no stranger"
    meet(g, lab.out, WIDE6_FAR)
    assert recipient(lab.out, WIDE6_FAR)[:3] == "250"


def test_the_hosts_own_resolver_may_change(lab, postfix, lists, gate, tmp_path):
    """Where the configuration names none, the lists are asked through whom /etc/resolv.conf names now."""
    names = tmp_path / "resolv.conf"
    names.write_text("nameserver 127.0.0.9\n")
    g = judging(gate, resolver=None, tested=False, start=None)
    g.start(before=("unshare", "--mount", "sh", "-c", f'mount --bind {names} /etc/resolv.conf && exec "$@"', "--"))
    g.log.wait(r"strangers are asked about", 10)
    names.write_text("nameserver 127.0.0.1\n")
    zones_wait(g, lambda rows: rows["bl.example"]["state"] == "good", 40)
    meet(g, lab.out, BAD)
    assert g.why(BAD)["reason"] == "listed"
