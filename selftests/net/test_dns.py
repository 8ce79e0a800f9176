# SPDX-License-Identifier: BSD-2-Clause
"""
`postern check` against a real rbldnsd behind a real unbound, and against a responder that is wrong in every way a list or a
resolver has been wrong. In each, what cannot be known lets mail in, and the zone's line says what was the matter.
"""
import json
import os
import re
import signal

import pytest

import dnsserver as dns
import lab as labs
from gate import BINARY, libconfig
from lab import command, descriptors, until

DONE, FAILED, MISUSED = 0, 1, 2
BAD, GOOD, CLEAN = "203.0.113.7", "203.0.113.77", "203.0.113.8"
BAD6, NEAR6, CLEAN6 = "2001:db8:7::1", "2001:db8:7::ffff", "2001:db8:8::1"
TEST_ENTRY = "127.0.0.2\n"
RESPONDER = 5399

ZONES = {
    "bl.example": {"ip4set": f":127.0.0.4:Listed, see http://bl.example/?$\n{TEST_ENTRY}{BAD}\n{GOOD}\n",
                   "ip6trie": ":127.0.0.3:v6 of $\n2001:db8:7::/64\n::ffff:7f00:2\n"},
    "many.example": {"generic": "2.0.0.127 A 127.0.0.2\n7.113.0.203 A 127.0.0.2\n7.113.0.203 A 127.0.0.3\n"
                                "7.113.0.203 A 127.0.0.10\n"},
    "wl.example": {"ip4set": f":127.0.5.2:trusted\n{TEST_ENTRY}{GOOD}\n"},
    "escape.example": {"ip4set": ":127.0.0.2:\x1b[31mred \\ \x07 \xe4\n" + TEST_ENTRY + BAD + "\n"},
    "world.example": {"ip4trie": ":127.0.0.2:all\n0.0.0.0/1\n128.0.0.0/1\n!127.0.0.1\n"},
    "empty.example": {"ip4set": f":127.0.0.2:x\n{BAD}\n"},
    "lists1.example": {"ip4set": f":127.0.0.2:x\n127.0.0.1\n{TEST_ENTRY}{BAD}\n"},
    "key0.paid.example": {"ip4set": f":127.0.0.2:x\n{TEST_ENTRY}{BAD}\n"},
}

@pytest.fixture(scope="module")
def host(run):
    one = labs.Host(run.next_name("dns"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def lists(run, host):
    rbldnsd = dns.Rbldnsd(run, host, ZONES)
    lines = ['local-zone: "113.0.203.in-addr.arpa." nodefault', 'local-zone: "113.0.203.in-addr.arpa." static',
             'local-zone: "ok.example." static', 'local-zone: "wrong.example." static',
             'local-data-ptr: "203.0.113.20 mail.ok.example"', 'local-data: "mail.ok.example. A 203.0.113.20"',
             'local-data-ptr: "203.0.113.21 mail.wrong.example"', 'local-data: "mail.wrong.example. A 203.0.113.99"',
             'local-data-ptr: "203.0.113.22 h22.dyn.ok.example"', 'local-data: "h22.dyn.ok.example. A 203.0.113.22"',
             'local-data-ptr: "203.0.113.23 gone.ok.example"', 'local-data-ptr: "203.0.113.24 mail.nowhere.example2"']
    unbound = dns.Unbound(run, host, ZONES, lines)
    yield unbound
    unbound.close()
    rbldnsd.close()


class Checker:
    def __init__(self, run, host):
        self.run, self.host = run, host
        self.path = os.path.join(run.folder, run.next_name("check") + ".conf")

    def configure(self, sites, resolver="127.0.0.1:53", rdns=None, **dnsbl):
        keys = {"sites": sites, "ask_nonglobal": True, "timeout": "1s", **dnsbl}
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(f'resolver = ["{resolver}"];\ndnsbl = {libconfig(keys)};\n')
            if rdns:
                file.write(f"rdns = {libconfig(rdns)};\n")

    def words(self, *words):
        return (BINARY, "--config", self.path, *words)

    def cli(self, *words, status=DONE, before=()):
        done = self.host.run(*before, *self.words(*words), check=False)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return done

    def __call__(self, address, sites=None, resolver="127.0.0.1:53", **config):
        """({zone: row}, last row)"""
        if sites is not None:
            self.configure(sites, resolver, **config)
        rows = [json.loads(x) for x in self.cli("--json", "check", address).stdout.splitlines()]
        return {row["zone"]: row for row in rows[:-1]}, rows[-1]


@pytest.fixture
def check(run, host):
    return Checker(run, host)


# ---- what check says ----

def test_check_says_one_line_for_each_zone_and_a_last_one(check, lists):
    zones, last = check(BAD, ["bl.example*3", "wl.example=127.0.[0..255].[1..3]*-2"])
    assert list(zones) == ["bl.example", "wl.example"]
    assert (zones["bl.example"]["outcome"], zones["bl.example"]["codes"], zones["bl.example"]["added"]) == \
        ("listed", ["127.0.0.4"], 3)
    assert zones["bl.example"]["text"] == f"Listed, see http://bl.example/?{BAD}"
    assert zones["wl.example"]["outcome"] == "clean" and zones["wl.example"]["text"] is None
    assert (last["addr"], last["score"], last["threshold"], last["verdict"], last["zone"]) == \
        (BAD, 3, 3, "listed", "bl.example")
    said = check.cli("check", BAD).stdout
    assert f"{BAD} is listed: score 3, threshold 3, most by bl.example" in said, said


@pytest.mark.parametrize("sites, threshold, score, verdict", [
    (["bl.example*2"], 3, 2, "clean"),
    (["bl.example=127.0.0.[2..4]*3"], 3, 3, "listed"),
    (["bl.example=127.0.0.[5..9]*3"], 3, 0, "clean"),
    (["many.example=127.0.0.2*1", "many.example=127.0.0.[3;10]*4"], 5, 5, "listed"),
    (["many.example=127.0.0.[0..255]*2"], 3, 2, "clean"),
    (["many.example bl.example, bl.example"], 3, 3, "listed"),
    (["bl.example*3", "many.example*-1"], 3, 2, "clean"),
])
def test_scores(check, lists, sites, threshold, score, verdict):
    _, last = check(BAD, sites, threshold=threshold)
    assert (last["score"], last["verdict"]) == (score, verdict)


def test_an_allow_list_turns_a_listing(check, lists):
    _, last = check(GOOD, ["bl.example*3", "wl.example*-2"])
    assert (last["score"], last["verdict"], last["zone"]) == (1, "clean", None)


def test_lifetimes(check, lists):
    """Of a listing the record's, of a negative answer the SOA's MINIMUM (unbound counts down), clamped by configuration."""
    assert 0 < check(CLEAN, ["bl.example*3"])[1]["ttl_s"] <= 300
    assert 800 < check(BAD, ["bl.example*3"])[1]["ttl_s"] <= 900
    assert check(BAD, ["bl.example*3"], listed_max_ttl="2m")[1]["ttl_s"] == 120
    assert check(CLEAN, ["bl.example*3"], clean_min_ttl="10m")[1]["ttl_s"] == 600


def test_ipv6_is_asked_by_nibbles(check, lists):
    zones, last = check(BAD6, ["bl.example*3"])
    assert (zones["bl.example"]["codes"], last["verdict"], last["prefix"]) == (["127.0.0.3"], "listed", BAD6)
    assert check(NEAR6)[1]["verdict"] == "listed"
    assert check(CLEAN6)[1]["verdict"] == "clean"


def test_a_list_of_64s_gives_a_verdict_for_the_64(check, lists, tmp_path):
    data = tmp_path / "zones.conf"
    data.write_text("wide bl.example\n")
    _, last = check(BAD6, ["bl.example*3"], data=[str(data)])
    assert (last["verdict"], last["prefix"]) == ("listed", "2001:db8:7::/64")
    _, last = check(BAD, ["bl.example*3"], data=[str(data)])
    assert last["prefix"] == BAD


def test_foreign_text_is_escaped(check, lists):
    zones, _ = check(BAD, ["escape.example*3"])
    assert zones["escape.example"]["text"].isascii() and zones["escape.example"]["text"].isprintable()
    assert "\\x1b[31mred \\\\ \\x07" in zones["escape.example"]["text"]
    said = check.cli("check", BAD).stdout
    assert "\\x1b[31mred" in said and "\x1b" not in said and "\x07" not in said


def test_a_key_in_a_domain_is_never_shown(check, lists):
    sites = ["key0.paid.example*3", "bl.example*1"]
    check.configure(sites, reply_names=["key0.paid.example=paid.example"])
    for words in (("check", BAD), ("--json", "check", BAD)):
        done = check.cli(*words)
        assert "paid.example" in done.stdout and "key0" not in done.stdout + done.stderr
    for bad in (["key0.paid.example*x"], ["key0.paid.example=1"], ["key0..paid.example"]):
        check.configure(bad)
        done = check.cli("check", BAD, status=FAILED)
        assert "key0" not in done.stderr and re.search(r"\.conf:2: dnsbl\.sites: ", done.stderr), done.stderr


# ---- what check refuses ----

@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.2", "169.254.1.1", "192.0.2.1", "224.0.0.1", "::1", "fe80::1",
                                     "fd00::1", "2001:db8::1"])
def test_lists_are_never_asked_about_what_is_not_global(check, host, address):
    responder = dns.Responder(host, lambda *_: None)
    try:
        check.configure(["bl.example*3"], f"127.0.0.1:{RESPONDER}", ask_nonglobal=False, untested=["bl.example"])
        done = check.cli("check", address, status=FAILED)
        assert "never asked" in done.stderr
        told = json.loads(check.cli("--json", "check", address, status=FAILED).stderr)
        assert told["status"] == FAILED
        assert not responder.asked
    finally:
        responder.close()


DEAD = ["dnsbl.sorbs.net", "spam.dnsbl.sorbs.net", "ix.dnsbl.manitu.net", "dnsbl.ahbl.org", "dnsbl.njabl.org",
        "relays.ordb.org", "list.dsbl.org", "dul.ru", "rbl.megarbl.net", "bl.spamcannibal.org", "dsn.rfc-ignorant.org",
        "spam.abuse.ch"]


@pytest.mark.parametrize("zone", DEAD)
def test_a_dead_zone_is_refused_by_name(check, zone):
    check.configure(["bl.example", f"{zone}*2"])
    for words in (("check", BAD), ("config", "check"), ("run",)):
        done = check.cli(*words, status=FAILED)
        assert zone in done.stderr and "must not be asked" in done.stderr and ":2:" in done.stderr, done.stderr


def test_misuse(check, lists):
    check.configure(["bl.example*3"])
    for words in ((), ("mail.example.org",), ("203.0.113.0/24",), (BAD, BAD), ("203.0.113.256",)):
        assert check.cli("check", *words, status=MISUSED).stderr
    check.configure([])
    assert "no list is configured" in check.cli("check", BAD, status=FAILED).stderr
    check.configure(["bl.example*3"], data=["/nonexistent/zones.conf"])
    assert "/nonexistent/zones.conf" in check.cli("check", BAD, status=FAILED).stderr


def test_the_warnings(check, host, lists):
    host.ip("addr add 9.9.9.9/32 dev lo")
    check.configure(["bl.example*1"], "9.9.9.9:53")
    said = check.cli("check", BAD).stderr
    assert "Quad9" in said and "cannot" not in said
    assert "nobody can be listed" in said and "nobody can be listed" in check.cli("config", "check").stderr
    check.configure(["bl.example*3"])
    assert not check.cli("check", BAD).stderr


# ---- zones that are not well ----

@pytest.mark.parametrize("zone, says", [
    ("world.example", "lists the world"),
    ("empty.example", "does not list its test entry"),
    ("lists1.example", "lists 127.0.0.1"),
])
def test_a_zone_that_has_gone_mad_counts_for_nothing(check, lists, zone, says):
    zones, last = check(BAD, [f"{zone}*3", "bl.example*2"])
    assert (zones[zone]["outcome"], zones[zone]["state"], zones[zone]["added"]) == ("suspended", "suspended", 0)
    assert says in zones[zone]["why"]
    assert (last["score"], last["verdict"], last["partial"]) == (2, "clean", True) and last["ttl_s"] <= 60
    # Alone it leaves nothing to be clean by.
    assert check(BAD, [f"{zone}*3"])[1]["verdict"] == "unknown"


def test_a_suspended_allow_list_keeps_its_weight(check, lists):
    _, last = check(BAD, ["bl.example*3", "empty.example*-1"])
    assert (last["verdict"], last["partial"]) == ("unknown", True)
    assert check(BAD, ["bl.example*4", "empty.example*-1"])[1]["verdict"] == "listed"


def test_a_list_without_test_entries_can_be_named(check, lists):
    _, last = check(BAD, ["empty.example*3"], untested=["empty.example"])
    assert last["verdict"] == "listed"
    zones, last = check(BAD, ["world.example*3"], untested=["world.example"])
    assert zones["world.example"]["state"] == "suspended" and last["verdict"] == "unknown"


# ---- resolvers and lists that are wrong ----

def listing(code):
    return lambda query, name: dns.reply(query, answers=[dns.address(code)])


def wrong_question(query, name):
    """An answer for another name comes first, then nothing."""
    _, _, asked = dns.question_read(query)
    return dns.reply(query, answers=[dns.address("127.0.0.2")], question=dns.name_bytes("x." + name) + asked[-4:])


def alias_chain(length, loops=False):
    def answer(query, name):
        owners = [name] + [f"c{i}.example" for i in range(length)]
        chain = [dns.record(dns.name_bytes(a), 5, dns.name_bytes(b), 300) for a, b in zip(owners, owners[1:])]
        if loops:
            chain.append(dns.record(dns.name_bytes(owners[-1]), 5, dns.name_bytes(name), 300))
        return dns.reply(query, answers=chain + [dns.address("127.0.0.2", owner=dns.name_bytes(owners[-1]))])
    return answer


def garbage(query, name):
    return query[:2] + b"\x81\x80\x00\x01\x00\x05\x00\x00\x00\x00" + dns.question_read(query)[2] + b"\xc0\x0c\x00\x01" + b"\xff" * 40


def pointer_loop(query, name):
    asked = dns.question_read(query)[2]
    at = 12 + len(asked)
    return dns.reply(query, answers=[dns.record(bytes([0xc0 | at >> 8, at & 0xff]), dns.A, b"\x7f\0\0\2")])


def cut_short(query, name):
    return dns.reply(query, answers=[dns.address("127.0.0.2")])[:-2]


HOSTILE = {
    # zone: (answer to what is listed, expected outcome, expected verdict of a zone of weight 3 and threshold 3)
    "fine": (listing("127.0.0.2"), "listed", "listed"),
    "typo": (listing("127.255.255.252"), "refusing", "unknown"),
    "public": (listing("127.255.255.254"), "refusing", "unknown"),
    "volume": (listing("127.255.255.255"), "refusing", "unknown"),
    "one": (listing("127.0.0.1"), "refusing", "unknown"),
    "parked": (listing("192.0.2.80"), "parked", "unknown"),
    "mixed": (lambda q, n: dns.reply(q, answers=[dns.address("127.0.0.2"), dns.address("127.255.255.254")]),
              "refusing", "unknown"),
    "servfail": (lambda q, n: dns.reply(q, dns.SERVFAIL), "servfail", "unknown"),
    "refused": (lambda q, n: dns.reply(q, dns.REFUSED), "refused", "unknown"),
    "silent": (lambda q, n: None, "timeout", "unknown"),
    "garbage": (garbage, "malformed", "unknown"),
    "pointer": (pointer_loop, "malformed", "unknown"),
    "cut": (cut_short, "malformed", "unknown"),
    "wrong": (wrong_question, "timeout", "unknown"),
    "chain": (alias_chain(3), "listed", "listed"),
    "longchain": (alias_chain(20), "malformed", "unknown"),
    "loop": (alias_chain(2, loops=True), "malformed", "unknown"),
    "other": (lambda q, n: dns.reply(q, answers=[dns.address("127.0.0.2", owner=dns.name_bytes("x.example"))]),
              "clean", "clean"),
    "nodata": (lambda q, n: dns.reply(q, authorities=[dns.soa("nodata.example", 300, 77)]), "clean", "clean"),
    "nxdomain": (lambda q, n: dns.reply(q, dns.NXDOMAIN, authorities=[dns.soa("nxdomain.example", 77, 300)]),
                 "clean", "clean"),
}


def negative(query, zone):
    return dns.reply(query, dns.NXDOMAIN, authorities=[dns.soa(zone)])


def hostile(name, kind, query, tcp):
    zone = name.split(".")[-2]
    if name.endswith("in-addr.arpa") or zone not in HOSTILE:
        return negative(query, "example")
    # The zone is well as long as only its test entries are asked for; what is wrong shows with the stranger.
    if name.startswith("2.0.0.127."):
        return dns.reply(query, answers=[dns.address("127.0.0.2")])
    if not name.startswith("7.113.0.203."):
        return negative(query, zone + ".example")
    if kind == dns.TXT:
        return dns.reply(query, answers=[dns.text_record(b"because")])
    return HOSTILE[zone][0](query, name)


@pytest.fixture
def responder(host):
    made = []

    def make(answer=hostile):
        made.append(dns.Responder(host, answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("zone", HOSTILE)
def test_every_wrong_answer_lets_mail_in_and_is_told(check, responder, zone):
    responder()
    _, outcome, verdict = HOSTILE[zone]
    zones, last = check(BAD, [f"{zone}.example*3"], f"127.0.0.1:{RESPONDER}")
    row = zones[f"{zone}.example"]
    assert (row["outcome"], last["verdict"]) == (outcome, verdict), (row, last)
    assert (row["why"] is None) == (outcome in ("listed", "clean"))
    if zone in ("nodata", "nxdomain"):
        assert last["ttl_s"] == 77
    if verdict == "unknown":
        assert last["partial"] and last["ttl_s"] <= 60


def test_a_wrong_answer_in_front_of_the_right_one_is_passed_over(check, responder):
    def answer(name, kind, query, tcp):
        right = hostile(name, kind, query, tcp)
        if kind == dns.A and name.startswith("7.113"):
            forged = bytes([query[0] ^ 1]) + dns.reply(query, dns.NXDOMAIN)[1:]
            return [wrong_question(query, name), forged, right]
        return right

    responder(answer)
    assert check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}")[1]["verdict"] == "listed"


def test_what_is_truncated_is_asked_by_tcp(check, responder):
    def answer(name, kind, query, tcp):
        if name.startswith("7.113") and not tcp:
            return dns.reply(query, truncated=True)
        return hostile(name, kind, query, tcp)

    one = responder(answer)
    zones, last = check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}")
    assert last["verdict"] == "listed" and zones["fine.example"]["text"] == "because"
    assert [x for x in one.asked if x[2]]


def test_truncated_by_tcp_too_is_no_answer(check, responder):
    responder(lambda name, kind, query, tcp: dns.reply(query, answers=[dns.address("127.0.0.2")], truncated=True)
              if name.startswith("7.113") else hostile(name, kind, query, tcp))
    zones, last = check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}")
    assert (zones["fine.example"]["outcome"], last["verdict"]) == ("malformed", "unknown")


@pytest.mark.parametrize("answer, says", [
    (listing("127.255.255.254"), "public or unattributable"),
    (listing("127.255.255.255"), "too many questions"),
])
def test_a_list_that_refuses_us_for_every_question(check, responder, answer, says):
    responder(lambda name, kind, query, tcp: answer(query, name))
    zones, last = check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}")
    row = zones["fine.example"]
    assert (row["state"], row["outcome"], last["verdict"]) == ("refusing", "suspended", "unknown")
    assert says in row["why"]


def test_a_lapsed_list_is_suspended(check, responder):
    responder(lambda name, kind, query, tcp: listing("192.0.2.80")(query, name))
    zones, last = check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}")
    assert (zones["fine.example"]["state"], last["verdict"]) == ("suspended", "unknown")
    assert "lapsed" in zones["fine.example"]["why"]


@pytest.mark.parametrize("code", ["127.0.0.255", "127.0.10.0", "127.0.10.3"])
def test_dnswl_over_quota_trusts_nobody(check, responder, code):
    """It answers so for every address: an error, and not a reason to let a listed host in as trusted."""
    responder(lambda name, kind, query, tcp: listing(code)(query, name) if "dnswl" in name else
              hostile(name, kind, query, tcp))
    sites = ["fine.example*3", "list.dnswl.org=127.0.[0..255].[0..255]*-2"]
    zones, last = check(BAD, sites, f"127.0.0.1:{RESPONDER}")
    assert (zones["list.dnswl.org"]["state"], zones["list.dnswl.org"]["added"]) == ("refusing", 0)
    assert (last["score"], last["verdict"]) == (3, "unknown")


def test_a_silent_allow_list_never_loses_its_weight(check, responder):
    responder()
    _, last = check(BAD, ["fine.example*3", "silent.example*-1"], f"127.0.0.1:{RESPONDER}")
    assert (last["verdict"], last["score"], last["partial"]) == ("unknown", 3, True)
    _, last = check(BAD, ["fine.example*4", "silent.example*-1"], f"127.0.0.1:{RESPONDER}")
    assert last["verdict"] == "listed"
    _, last = check(BAD, ["nxdomain.example*3", "silent.example*3"], f"127.0.0.1:{RESPONDER}")
    assert last["verdict"] == "unknown"


def test_a_resolver_that_dies_and_comes_back(check, lists):
    check.configure(["bl.example*3"])
    lists.stop()
    try:
        zones, last = check(BAD)
        assert (zones["bl.example"]["state"], last["verdict"]) == ("unreachable", "unknown")
    finally:
        lists.start()
    assert check(BAD)[1]["verdict"] == "listed"


def test_a_second_resolver_is_asked_when_the_first_fails(check, responder, host, lists):
    responder(lambda name, kind, query, tcp: dns.reply(query, dns.REFUSED))
    check.configure(["bl.example*3"], f'127.0.0.1:{RESPONDER}", "127.0.0.1:53')
    assert check(BAD)[1]["verdict"] == "listed"


def test_reasons_are_asked_for_after_a_hit_alone_and_nothing_twice(check, responder):
    one = responder()
    check(BAD, ["fine.example=127.0.0.2*3", "fine.example*1", "nxdomain.example*3"], f"127.0.0.1:{RESPONDER}")
    about = [(name, kind) for name, kind, _ in one.asked if name.startswith("7.113.0.203.") and "arpa" not in name]
    assert sorted(about) == [("7.113.0.203.fine.example", dns.A), ("7.113.0.203.fine.example", dns.TXT),
                             ("7.113.0.203.nxdomain.example", dns.A)]
    # Probes ask about digits alone: no made-up names.
    assert all(re.fullmatch(r"([0-9a-f]+\.)+(fine|nxdomain)\.example", name) for name, _, _ in one.asked
               if name.endswith(".example"))


# ---- reverse DNS ----

@pytest.mark.parametrize("address, result, named, generic", [
    ("203.0.113.20", "pass", "mail.ok.example", False),
    ("203.0.113.21", "fail", "mail.wrong.example", False),
    ("203.0.113.22", "pass", "h22.dyn.ok.example", True),
    ("203.0.113.23", "fail", "gone.ok.example", False),
    ("203.0.113.25", "permerror", None, False),
])
def test_reverse_dns(check, lists, address, result, named, generic):
    _, last = check(address, ["bl.example*3"], rdns={"none": 1, "mismatch": 2, "generic": 4})
    assert (last["rdns"]["result"], last["rdns"]["host"], last["rdns"]["generic"]) == (result, named, generic)
    assert last["rdns"]["added"] == {"permerror": 1, "fail": 2, "pass": 0}[result] + (4 if generic else 0)
    # However much it adds: alone it lists nobody, unless that is configured.
    assert last["verdict"] == "clean"
    if last["rdns"]["added"] >= 2:
        assert check(address, ["bl.example*3"], threshold=2, rdns={"mismatch": 2, "generic": 4, "alone": True}
                     )[1]["verdict"] == "listed"


def rdns_responder(names, addresses):
    def answer(name, kind, query, tcp):
        if kind == dns.PTR:
            return dns.reply(query, answers=[dns.record(b"\xc0\x0c", dns.PTR, dns.name_bytes(n)) for n in names])
        if name.endswith("fine.example"):
            return hostile(name, kind, query, tcp)
        found = addresses(name)
        return dns.reply(query, found) if isinstance(found, int) else \
            dns.reply(query, answers=[dns.address(a) for a in found])
    return answer


@pytest.mark.parametrize("names, addresses, result", [
    (["a.example"], lambda n: dns.SERVFAIL, "temperror"),
    (["a.example", "b.example"], lambda n: dns.SERVFAIL if n == "a.example" else [BAD], "pass"),
    (["a.example", "b.example"], lambda n: dns.SERVFAIL if n == "a.example" else ["192.0.2.1"], "temperror"),
    ([f"n{i}.example" for i in range(10)], lambda n: [BAD] if n == "n9.example" else ["192.0.2.1"], "pass"),
    ([f"n{i}.example" for i in range(20)], lambda n: [BAD] if n == "n15.example" else ["192.0.2.1"], "fail"),
])
def test_reverse_dns_follows_names(check, responder, names, addresses, result):
    one = responder(rdns_responder(names, addresses))
    _, last = check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}", rdns={"mismatch": 1})
    assert last["rdns"]["result"] == result
    assert len({name for name, _, _ in one.asked if name in names}) <= 10


def test_servfail_for_the_name_is_no_fault_of_the_sender(check, responder):
    responder(lambda name, kind, query, tcp: dns.reply(query, dns.SERVFAIL) if kind == dns.PTR else
              hostile(name, kind, query, tcp))
    _, last = check(BAD, ["fine.example*3"], f"127.0.0.1:{RESPONDER}", rdns={"none": 5, "mismatch": 5})
    assert (last["rdns"]["result"], last["rdns"]["added"], last["score"]) == ("temperror", 0, 3)


# ---- privileges ----

def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def test_the_dns_is_read_without_privileges(check, responder, host):
    one = responder(lambda *_: None)
    check.configure(["fine.example*3"], f"127.0.0.1:{RESPONDER}", timeout="10s")
    process = host.start(*check.words("check", BAD))
    try:
        until(lambda: one.asked, what="a question")
        status = status_of(process.pid)
        assert all(int(x) != 0 for x in status["Uid"].split() + status["Gid"].split())
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, name
        assert (status["NoNewPrivs"], status["Seccomp"], status["Groups"].strip()) == ("1", "2", "")
        assert "(deleted)" in os.readlink(f"/proc/{process.pid}/root")
        kinds = [target.split(":")[0] for target in descriptors(process.pid).values()]
        assert not [k for k in kinds if k not in ("socket", "pipe", "anon_inode")], kinds
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(5)


def test_anybody_may_check(check, lists):
    os.chmod(check.run.folder, 0o755)
    check.configure(["bl.example*3"])
    os.chmod(check.path, 0o644)
    done = check.cli("check", BAD, before=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    assert "is listed" in done.stdout


def test_check_changes_nothing(check, lists):
    before = command("sh", "-c", "ls -la /run /tmp | grep postern-empty; true").stdout
    check(BAD, ["bl.example*3"])
    assert command("sh", "-c", "ls -la /run /tmp | grep postern-empty; true").stdout == before == ""
