# SPDX-License-Identifier: BSD-2-Clause
"""
Lists of the DNS beside the mail host, and gates that ask them: who is listed where, a real rbldnsd behind a real unbound,
servers that are wrong as told, and what `postern` says about verdicts.
"""
import datetime
import json
import os

import dnsserver as dns
from clients import fate
from lab import until

RESOLVER = "127.0.0.1:53"
SCRIPTED_PORT = 5399
SCRIPTED = f"127.0.0.1:{SCRIPTED_PORT}"
CONTACT = "https://example.net/postmaster"
TEST_ENTRY = "127.0.0.2\n"

# Listed by the list that is asked when a test names none, each in one kind of test.
BAD, BAD2, BAD3 = "203.0.113.7", "203.0.113.8", "203.0.113.9"
# Listed as a dynamic range, by policy; and listed and trusted.
DYNAMIC, TRUSTED = "203.0.113.40", "203.0.113.41"
# Listed by the list that goes mad, by that and another one, and by the other alone.
MAD, MAD_TOO, SANE = "203.0.113.60", "203.0.113.61", "203.0.113.62"
# Listed nowhere.
GOOD, GOOD2, GOOD3 = "198.51.100.7", "198.51.100.8", "198.51.100.9"
# Listed alone, with an honest neighbour in its /64; and in a list of /64s.
EXACT6, EXACT6_NEAR = "2001:db8:9001::bad", "2001:db8:9001::600d"
WIDE6, WIDE6_NEAR, WIDE6_FAR = "2001:db8:9002::bad", "2001:db8:9002::2", "2001:db8:9002:1::2"

REASON = "Listed, see http://bl.example/?"
ZONES = {
    "bl.example": {"ip4set": f":127.0.0.4:{REASON}$\n{TEST_ENTRY}{BAD}\n{BAD2}\n{BAD3}\n{TRUSTED}\n",
                   "ip6trie": f":127.0.0.3:v6 of $\n{EXACT6}/128\n::ffff:7f00:2\n"},
    "wide.example": {"ip6trie": ":127.0.0.2:a customer of $\n2001:db8:9002::/64\n::ffff:7f00:2\n"},
    "pbl.example": {"ip4set": f":127.0.0.10:a dynamic address\n{TEST_ENTRY}{DYNAMIC}\n"},
    "mad.example": {"ip4trie": f":127.0.0.2:mad\n{TEST_ENTRY}{MAD}\n{MAD_TOO}\n"},
    "sane.example": {"ip4set": f":127.0.0.2:sane\n{TEST_ENTRY}{MAD_TOO}\n{SANE}\n"},
    "wl.example": {"ip4set": f":127.0.5.2:trusted\n{TEST_ENTRY}{TRUSTED}\n"},
}
# What is known of these lists, as the file that ships has it of real ones.
FACTS = "policy pbl.example 127.0.0.10\nwide wide.example\n"
SITES = ["bl.example*3"]
# A SYN is sent at once.
KNOCK_S = 0.005


class Lists:
    """rbldnsd and the unbound in front of it."""

    def __init__(self, run, host):
        self.rbldnsd = dns.Rbldnsd(run, host, ZONES)
        self.unbound = dns.Unbound(run, host, ZONES)
        self.facts = os.path.join(self.rbldnsd.folder, "facts.conf")
        with open(self.facts, "w", encoding="ascii") as file:
            file.write(FACTS)

    def close(self):
        self.unbound.close()
        self.rbldnsd.close()


def judging(gate, sites=SITES, contact="hold", resolver=RESOLVER, dnsbl=None, tested=True, **config):
    """An instance that enforces what these lists say of strangers, once it has tested the lists."""
    keys = {"sites": sites, "ask_nonglobal": True, "timeout": "1s", "threshold": 3, **(dnsbl or {})}
    config = {"mode": "enforce", "first_contact": contact, "resolver": [resolver] if resolver else [], "dnsbl": keys,
              "responder": {"contact": CONTACT, "name": "mx.example.net"}, **config}
    g = gate(**config)
    if tested:
        # Until then nobody is held; and while there is nobody to tell why, nobody is refused.
        g.log.wait(r"strangers are asked about", 10)
        g.log.wait(r"the responder is ready", 10)
    return g


# ---- what is said about verdicts ----

def zones(g):
    """{zone: row} of `show zones`; nothing before the controller has told for the first time."""
    done = g.cli("--json", "show", "zones", status=None)
    assert done.returncode == 0 or "yet" in done.stderr, done.stderr
    rows = map(json.loads, done.stdout.splitlines())
    return {row["zone"]: row for row in rows if "zone" in row}


def zones_wait(g, condition, timeout_s=10.0):
    """The rows of `show zones`, as soon as they are so."""
    return until(lambda: (lambda rows: rows and condition(rows) and rows)(zones(g)), timeout_s, "the zones")


def sources(g):
    return {row["source"]: row for row in g.rows("show sources")}


def source_wait(g, source, reason, timeout_s=5.0):
    """The row of a source that was found `listed` or is `known`."""
    def found():
        row = sources(g).get(source)
        return row if row and row["reason"] == reason else None
    return until(found, timeout_s, f"{source} is {reason}")


def meet(g, outside, *strangers):
    """Each knocks once, and there is a verdict: what he sees next he need not wait for."""
    for stranger in strangers:
        fate(outside, stranger, wait_s=KNOCK_S)
    for stranger in strangers:
        until(lambda s=stranger: g.why(s)["reason"] in ("listed", "known"), 5, f"a verdict of {stranger}")


def seconds_left(row):
    """Of a row of `show sources`."""
    left = datetime.datetime.fromisoformat(row["expires"]) - datetime.datetime.now(datetime.timezone.utc)
    return left.total_seconds()


def journal(g, source=""):
    """What the journal says (of a source), the latest first, each row as one text."""
    return [json.dumps(row) for row in g.rows("show journal") if source in ("", row["prefix"])]


# ---- servers that are told what to say ----

def question_of_stranger(name):
    """Probes ask about test entries and random global addresses; strangers here have addresses of documentation networks."""
    return any(net in name for net in (".113.0.203.", ".100.51.198.", ".8.b.d.0.1.0.0.2."))


def answering(behaviours):
    """
    An answer for dnsserver.Responder: by the longest of these zones that the name lies in, a function of (query, name,
    kind). Other names are refused.
    """
    def answer(name, kind, query, _tcp):
        for zone in sorted(behaviours, key=len, reverse=True):
            if name.endswith("." + zone):
                return behaviours[zone](query, name, kind)
        return dns.reply(query, dns.REFUSED)
    return answer


def negative(query, name, kind):
    return dns.reply(query, dns.NXDOMAIN, authorities=[dns.soa("example")])


def saying(code, text=b"because"):
    """A listing of whatever is asked about."""
    def answer(query, _name, kind):
        return dns.reply(query, answers=[dns.text_record(text) if kind == dns.TXT else dns.address(code)])
    return answer


def failing(rcode):
    return lambda query, name, kind: dns.reply(query, rcode)


def silent(query, name, kind):
    return None


def well(behaviour):
    """A list that is well as far as tests go: it behaves so when asked about strangers alone."""
    def answer(query, name, kind):
        if name.startswith(("2.0.0.127.", "2.0.0.0.0.0.f.7.f.f.f.f.")):
            return saying("127.0.0.2")(query, name, kind)
        return behaviour(query, name, kind) if question_of_stranger(name) else negative(query, name, kind)
    return answer


def only(listed, code="127.0.0.2"):
    """A list of these IPv4 addresses alone."""
    heads = tuple(".".join(reversed(a.split("."))) + "." for a in listed)
    return well(lambda query, name, kind: (saying(code) if name.startswith(heads) else negative)(query, name, kind))


def after(delay_s, behaviour):
    """The same, so many seconds late; reasons come at once."""
    def answer(query, name, kind):
        said = behaviour(query, name, kind)
        return dns.Later(delay_s, said) if question_of_stranger(name) and kind == dns.A else said
    return answer
