# SPDX-License-Identifier: BSD-2-Clause
"""
Providers that are trusted by their SPF records: a listed source of theirs gets in, limits hold for it, a record that goes mad is held
back, and what was read last holds without DNS, until the configuration names them no more.
"""
import json

import dnsserver as dns
from clients import fate
from lab import until
from lists import BAD, BAD2, GOOD, SCRIPTED, SITES, answering, journal, judging, negative, only, source_wait
from test_processes import assert_unprivileged

ZONE = "provider.example"
GOOD_ONE, WIDE, NONE, NEUTRAL, HOSTS = (f"{name}.{ZONE}" for name in ("good", "wide", "none", "neutral", "hosts"))
# BAD lies in it, and BAD2 behind it.
NETWORK, MAD = "203.0.113.0/29", "198.18.0.0/16"
BY_HOST = "198.51.100.25"
# A provider with more networks than one message to the controller holds.
LARGE, PARTS, EACH = f"large.{ZONE}", 7, 15


def records(table):
    """A zone of SPF records: {name: text or address}, looked at anew for each question."""
    def answer(query, name, kind):
        said = table.get(name)
        if said is None:
            return negative(query, name, kind)
        if kind == dns.TXT and said.startswith("v=spf1"):
            return dns.reply(query, answers=[dns.text_record(b"verification=x"), dns.text_record(said.encode())])
        if kind == dns.A and not said.startswith("v=spf1"):
            return dns.reply(query, answers=[dns.address(said)])
        return dns.reply(query, authorities=[dns.soa(ZONE)])
    return answer


def providers(g):
    """{domain: row} of `show providers`; nothing before the controller has told for the first time."""
    done = g.cli("--json", "show", "providers", status=None)
    assert done.returncode == 0 or "yet" in done.stderr, done.stderr
    return {row["domain"]: row for row in map(json.loads, done.stdout.splitlines()) if "domain" in row}


def provider_wait(g, domain, state):
    def row():
        found = providers(g).get(domain)
        return found if found and found["state"] == state else None
    return until(row, 10, f"{domain} is {state}")


def test_a_listed_source_of_a_provider_gets_in_within_limits(lab, postfix, scripted, gate):
    scripted(answering({"bl.example": only([BAD, BAD2]), ZONE: records({GOOD_ONE: f"v=spf1 ip4:{NETWORK} -all"})}))
    g = judging(gate, SITES, resolver=SCRIPTED, trust_spf=[GOOD_ONE], limits={"rate": "3/1h burst 3"})
    row = provider_wait(g, GOOD_ONE, "good")
    assert {"networks": 1, "in_gate": 1, "addresses": 8, "subnets6": 0, "why": None}.items() <= row.items() and row["read"]
    assert [fate(lab.out, BAD, greet=True) for _ in range(3)] == ["open"] * 3
    fate(lab.out, BAD2, wait_s=0.01)
    source_wait(g, BAD2, "listed")
    why = g.why(BAD)
    assert why["trust"] == NETWORK and why["provider"] == GOOD_ONE and not why["dnsbl"]
    assert f"{NETWORK}, by the SPF record of {GOOD_ONE}" in g(f"why {BAD}").stdout
    assert g.why(BAD)["reason"] == "rate" and fate(lab.out, BAD) == "silent"
    # It is nobody's rule, and a rule of the operator's goes before it.
    assert f"the SPF record of {GOOD_ONE} names" in g(f"distrust {BAD}", status=3).stderr
    g(f"trust {NETWORK}")
    done = g(f"distrust {NETWORK}")
    assert "no longer trusted by a rule" in done.stdout and "names (trust_spf" in done.stderr and GOOD_ONE in done.stderr
    assert g.why("203.0.113.3")["provider"] == GOOD_ONE, "the rule is gone, and what it stood over is back"
    g(f"block {BAD}")
    assert g.why(BAD)["reason"] == "rule"
    g("allow 203.0.113.0/24")
    until(lambda: g.why("203.0.113.3")["reason"] == "allowed", 5, "a network of a provider gives way to what is allowed")
    g("disallow 203.0.113.0/24")
    until(lambda: g.why("203.0.113.3")["trust"] == NETWORK, 5, "and comes back")


def test_what_a_provider_says_is_believed_within_bounds(lab, scripted, gate):
    table = {GOOD_ONE: f"v=spf1 ip4:{NETWORK} -all", WIDE: "v=spf1 ip4:0.0.0.0/1 -all", NEUTRAL: "v=spf1 ?all",
             HOSTS: f"v=spf1 a:mx.{ZONE} exists:%{{i}}.{ZONE} -all", f"mx.{ZONE}": BY_HOST}
    table[LARGE] = "v=spf1 " + " ".join(f"include:part{i}.{ZONE}" for i in range(PARTS)) + " -all"
    table |= {f"part{i}.{ZONE}": "v=spf1 " + " ".join(f"ip4:192.31.{i}.{2 * k}" for k in range(EACH)) for i in range(PARTS)}
    server = scripted(answering({ZONE: records(table)}))
    # No list is configured: providers are asked about all the same.
    g = gate(resolver=[SCRIPTED], trust_spf=[GOOD_ONE, WIDE, NONE, NEUTRAL, HOSTS, LARGE])
    for domain, state, why in ((GOOD_ONE, "good", None), (HOSTS, "good", None), (LARGE, "good", None),
                               (NEUTRAL, "empty", "ends in ?all"), (NONE, "refused", "publishes no SPF record"),
                               (WIDE, "refused", "it names 0.0.0.0/1")):
        row = provider_wait(g, domain, state)
        assert why in (row["why"] or "") if why else row["why"] is None, row
    assert_unprivileged(g.child("spf"))
    assert "exists" in providers(g)[HOSTS]["note"] and g.why(BY_HOST)["provider"] == HOSTS
    assert providers(g)[LARGE]["networks"] == providers(g)[LARGE]["in_gate"] == PARTS * EACH
    assert g.why(f"192.31.{PARTS - 1}.{2 * EACH - 2}")["provider"] == LARGE and g.why(GOOD)["trust"] is None
    assert any(GOOD_ONE in line and "1 network is trusted" in line for line in journal(g))

    g.stop()
    assert g.why(BAD)["provider"] == GOOD_ONE, "what was known stands in the gate without a controller"
    table[GOOD_ONE] = f"v=spf1 ip4:{MAD} -all"
    g.start()
    row = provider_wait(g, GOOD_ONE, "held")
    assert "more than 10 times as many" in row["why"] and "held back until" in row["why"] and row["networks"] == 1
    assert g.why(BAD)["trust"] == NETWORK and g.why("198.18.0.1")["trust"] is None
    assert any("held back" in line for line in journal(g))

    g.stop()
    server.answer = lambda *_: None
    g("detach all")
    g.start()
    assert g.why(BAD)["trust"] == NETWORK, "at once, before the DNS was asked"
    g.configure(trust_spf=[HOSTS])
    g("reload")
    assert g.why(BAD)["trust"] is None and g.why(BY_HOST)["trust"] == BY_HOST
    assert set(until(lambda: (lambda p: GOOD_ONE not in p and p)(providers(g)), 5, "it is shown no more")) == {HOSTS}
    assert any("taken out of trust_spf" in line for line in journal(g))
    g.configure(tables={"allow": 2048})
    g("reload")
    assert g.why(BY_HOST)["trust"] == BY_HOST, "other maps have it too"
    g.configure(trust_spf=[])
    g("reload")
    assert not [row for row in g.rows("show rules") if row["origin"] == "spf"]
    until(lambda: "no provider is trusted" in g("show providers").stdout, 5, "nobody is shown")
    g.configure(trust_spf=["not a domain"])
    done = g("config check", status=1)
    assert "trust_spf" in done.stdout + done.stderr
