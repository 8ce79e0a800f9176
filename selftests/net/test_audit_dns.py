# SPDX-License-Identifier: BSD-2-Clause
"""
`postern audit` of domains whose names in the DNS are as wrong as real ones: a real nsd has them, a real unbound asks it, a real rbldnsd
lists one of their addresses. No mail server stands behind the addresses, which refuse at once: here only the DNS is looked at.
"""
import json
import os

import pytest

import dnsserver as dns
from gate import BINARY, libconfig
from lab import Host
from nsd import Nsd

# What the audit says when its own findings are what it found.
CLEAN, FOUND, INCONCLUSIVE = 0, 1, 4
ONLY = "rdns,mx,spf,dmarc,dkim,mta-sts,tls-rpt,dane,blacklisted"
GOOD, GOOD2, GOOD6 = "192.0.2.10", "198.51.100.10", "2001:db8:10::1"
NAMELESS, WRONG, GENERIC, LISTED = "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"
ADDRESSES = (GOOD, GOOD2, NAMELESS, WRONG, GENERIC, LISTED)

STRING_MAX = 255


def strings(text):
    """As a TXT record of as many strings as it takes."""
    return " ".join(f'"{text[at:at + STRING_MAX]}"' for at in range(0, len(text), STRING_MAX))


# One domain for each thing that is wrong. Two records of one name are two lines.
NAMES = f"""
good            MX 10 mx1.good
good            MX 20 mx2.good
good            TXT "something-verification=1"
good            TXT "v=spf1 mx include:_spf.good.test -all"
_spf.good       TXT "v=spf1 ip4:192.0.2.0/24 ?all"
_dmarc.good     TXT "v=DMARC1; p=reject; rua=mailto:postmaster@good.test"
_mta-sts.good   TXT "v=STSv1; id=1"
_smtp._tls.good TXT "v=TLSRPTv1; rua=mailto:postmaster@good.test"
mx1.good        A {GOOD}
mx2.good        A {GOOD2}
mx2.good        AAAA {GOOD6}
nameless        MX 10 mx.nameless
mx.nameless     A {NAMELESS}
wrong           MX 10 mx.wrong
mx.wrong        A {WRONG}
generic         MX 10 mx.generic
mx.generic      A {GENERIC}
192-0-2-13.isp  A {GENERIC}
listed          MX 10 mx.listed
mx.listed       A {LISTED}
one             MX 10 mx1.good
same            MX 10 a.same
same            MX 20 b.same
a.same          A {GOOD}
b.same          A {GOOD}
near            MX 10 mx1.good
near            MX 20 mx.nameless
null            MX 0 .
null            TXT "v=spf1 -all"
dangling        MX 10 mx1.good
dangling        MX 20 gone.dangling
alias           MX 10 cname.alias
cname.alias     CNAME mx1.good
implicit        A {GOOD}
broken          TXT "v=spf1 ipv4:192.0.2.1 -all"
broken          MX 0 .
open            TXT "v=spf1 +all"
open            MX 0 .
two             TXT "v=spf1 -all"
two             TXT "v=spf1 mx -all"
two             MX 0 .
unended         TXT "v=spf1 mx"
unended         MX 0 .
loop            TXT "v=spf1 include:loop.test -all"
loop            MX 0 .
eleven          TXT {strings(f"v=spf1 {' '.join(f'include:n{i}.eleven.test' for i in range(11))} -all")}
eleven          MX 0 .
{chr(10).join(f'n{i}.eleven TXT "v=spf1 -all"' for i in range(11))}
long            TXT {strings(f"v=spf1 {' '.join(f'ip4:192.0.2.{i}' for i in range(40))} -all")}
long            MX 0 .
_dmarc.null     TXT "v=DMARC1; p=reject; rua=mailto:postmaster@good.test"
_dmarc.open     TXT "v=DMARC1; p=none"
_dmarc.two      TXT "v=DMARC1; p=none"
_dmarc.two      TXT "v=DMARC1; p=reject"
_dmarc.broken   TXT "v=DMARC1; policy=reject"
old._domainkey.good TXT "v=DKIM1; p="
escape          TXT "v=spf1 \\027[31m -all"
escape          MX 0 .
"""
REVERSE = {"2.0.192.in-addr.arpa": "10 PTR mx1.good.test.\n12 PTR mx1.good.test.\n13 PTR 192-0-2-13.isp.test.\n"
                                   "14 PTR mx.listed.test.\n",
           "100.51.198.in-addr.arpa": "10 PTR mx2.good.test.\n",
           "8.b.d.0.1.0.0.2.ip6.arpa": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0 PTR mx2.good.test.\n"}
LISTS = {
    "bl.example": {"ip4set": f":127.0.0.4:Listed, see http://bl.example/?$\n127.0.0.2\n{LISTED}\n"},
    # It lists the whole world, its address and all.
    "mad.example": {"ip4trie": ":127.0.0.2:all\n0.0.0.0/1\n128.0.0.0/1\n"},
    # It refuses to answer us.
    "refusing.example": {"ip4trie": ":127.255.255.254:public resolver\n0.0.0.0/1\n128.0.0.0/1\n"},
    # It has lapsed, and somebody has bought the name.
    "parked.example": {"ip4trie": ":203.0.113.80:parked\n0.0.0.0/1\n128.0.0.0/1\n"},
    "wl.example": {"ip4set": f":127.0.5.2:trusted\n127.0.0.2\n{GOOD}\n{LISTED}\n"},
}
MUTE = "mute.example"  # of which nobody knows anything
BAD_LISTS = ["mad.example", "refusing.example", "parked.example", MUTE]


class Auditor:
    def __init__(self, run, host):
        self.host = host
        self.path = os.path.join(run.folder, run.next_name("audit") + ".conf")

    def __call__(self, *words, sites=("bl.example",)):
        """{id: [findings]} and the exit status."""
        with open(self.path, "w", encoding="ascii") as file:
            dnsbl = {"sites": list(sites), "ask_nonglobal": True, "timeout": "1s"}
            file.write(f'resolver = ["127.0.0.1:53"];\ndnsbl = {libconfig(dnsbl)};\n')
        done = self.host.run(BINARY, "--json", "--config", self.path, "audit", *words, "--only", ONLY, check=False)
        assert done.returncode in (CLEAN, FOUND, INCONCLUSIVE), done.stdout + done.stderr
        assert done.stdout.isascii() and "\x1b" not in done.stdout
        found = {}
        for row in map(json.loads, done.stdout.splitlines()):
            if "id" in row:
                found.setdefault(row["id"], []).append(row)
        return found, done.returncode


@pytest.fixture(scope="module")
def host(run):
    one = Host(run.next_name("auditdns"))
    # Who connects to them is refused at once, and need not be waited for.
    one.ip(*(f"addr add {a}/32 dev lo" for a in ADDRESSES), f"addr add {GOOD6}/128 dev lo nodad")
    yield one
    one.close()


@pytest.fixture(scope="module")
def names(run, host):
    nsd = Nsd(run, host, {"test": NAMES, **REVERSE})
    rbldnsd = dns.Rbldnsd(run, host, LISTS)
    unbound = dns.Unbound(run, host, LISTS, [f'local-zone: "{MUTE}." refuse', *nsd.stubs()])
    yield unbound
    unbound.close()
    rbldnsd.close()
    nsd.close()


@pytest.fixture
def audit(run, host, names):
    return Auditor(run, host)


def statuses(found, check):
    """{id: statuses} of the findings of one check."""
    return {i: sorted({r["status"] for r in rows}) for i, rows in found.items() if i == check or i.startswith(check + ".")}


def test_a_domain_in_order(audit):
    found, _ = audit("good.test")
    for check in ("rdns", "spf", "dmarc", "mta-sts", "tls-rpt", "blacklisted"):
        assert statuses(found, check) == {check: ["pass"]}, found[check]
    assert set(statuses(found, "mx")) <= {"mx.silent"}
    assert statuses(found, "dane") == {"dane": ["not applicable"]}
    # Every address of every host has a name of its own.
    assert {row["address"] for row in found["rdns"]} == {GOOD, GOOD2, GOOD6}
    assert "2 of 10 lookups" in found["spf"][0]["finding"]


@pytest.mark.parametrize("domain, finding, status, proof", [
    ("nameless", "rdns.none", "fail", "publish: 11.2.0.192.in-addr.arpa. PTR mx.nameless.test."),
    ("wrong", "rdns.mismatch", "fail", f"publish: mx1.good.test. A {WRONG}"),
    ("generic", "rdns.generic", "warn", "publish: 13.2.0.192.in-addr.arpa. PTR mx.generic.test."),
    ("one", "mx.single", "warn", "publish: one.test. MX 20 "),
    ("same", "mx.same-address", "fail", ""),
    ("near", "mx.network", "warn", ""),
    ("dangling", "mx.dangling", "fail", "publish: gone.dangling.test. A "),
    ("alias", "mx.alias", "warn", ""),
    ("implicit", "mx.implicit", "warn", "publish: implicit.test. MX 10 "),
    ("absent", "mx.none", "fail", "publish: absent.test. MX 10 "),
    ("one", "spf.missing", "fail", 'publish: one.test. TXT "v=spf1 mx -all"'),
    ("broken", "spf.broken", "fail", "ipv4:192.0.2.1"),
    ("loop", "spf.broken", "fail", ""),
    ("eleven", "spf.lookups", "fail", ""),
    ("open", "spf.all", "fail", "v=spf1 +all"),
    ("unended", "spf.all", "warn", "v=spf1 mx"),
    ("two", "spf.two", "fail", ""),
    ("escape", "spf.broken", "fail", "\\x1b[31m"),
    ("one", "dmarc.missing", "fail", 'publish: _dmarc.one.test. TXT "v=DMARC1; '),
    ("open", "dmarc.none", "warn", "v=DMARC1; p=none"),
    ("two", "dmarc.two", "fail", ""),
    ("broken", "dmarc.broken", "fail", "policy=reject"),
    ("one", "mta-sts.missing", "warn", "publish: _mta-sts.one.test. TXT "),
])
def test_what_is_wrong_is_found(audit, domain, finding, status, proof):
    found, code = audit(f"{domain}.test")
    assert finding in found, sorted(found)
    row = found[finding][0]
    assert row["status"] == status, row
    assert any(proof in line for line in row["evidence"]) or not proof, row
    # What needs a mail server is not what makes the difference here.
    assert code == FOUND


def test_a_domain_that_takes_no_mail(audit):
    found, code = audit("null.test")
    for check in ("mx", "spf", "dmarc"):
        assert statuses(found, check) == {check: ["pass"]}, found
    assert statuses(found, "mta-sts") == {"mta-sts": ["not applicable"]}
    assert code == CLEAN, found


def test_a_record_of_several_strings_is_one(audit):
    found, _ = audit("long.test")
    assert statuses(found, "spf") == {"spf": ["pass"]}, found


def test_a_key_is_looked_for_by_its_selector(audit):
    found, _ = audit("good.test", "--dkim", "old,gone")
    assert statuses(found, "dkim") == {"dkim.revoked": ["warn"], "dkim.missing": ["fail"]}, found


def test_a_host_by_its_address(audit):
    found, _ = audit("--host", NAMELESS)
    assert statuses(found, "rdns") == {"rdns.none": ["fail"]}, found
    found, _ = audit("--host", "mx1.good.test")
    assert statuses(found, "rdns") == {"rdns": ["pass"]}, found


def test_an_address_that_is_listed(audit):
    found, code = audit("listed.test", sites=["bl.example", "wl.example*-1"])
    row, = found["blacklisted.bl.example"]
    assert row["status"] == "fail" and row["severity"] == "medium" and row["address"] == LISTED and code == FOUND, row
    assert f"its reason: Listed, see http://bl.example/?{LISTED}" in row["evidence"], row
    # To be on an allow list is no fault.
    assert set(statuses(found, "blacklisted")) == {"blacklisted.bl.example"}, found


@pytest.mark.parametrize("sites", [[one] for one in BAD_LISTS] + [BAD_LISTS], ids=lambda sites: " ".join(sites))
def test_a_list_in_error_lists_nobody(audit, sites):
    found, _ = audit("good.test", sites=sites)
    assert statuses(found, "blacklisted") == {"blacklisted.unknown": ["inconclusive"]}, found
    for row in found["blacklisted.unknown"]:
        assert {line.split(":")[0] for line in row["evidence"]} == set(sites), row


def test_a_list_in_error_hides_no_other(audit):
    found, _ = audit("listed.test", sites=["bl.example", *BAD_LISTS])
    assert statuses(found, "blacklisted") == {"blacklisted.bl.example": ["fail"],
                                              "blacklisted.unknown": ["inconclusive"]}, found


def test_a_resolver_that_is_gone_accuses_nobody(audit, names):
    names.stop()
    try:
        found, code = audit("good.test")
    finally:
        names.start()
    said = {row["status"] for rows in found.values() for row in rows}
    assert not said & {"pass", "fail", "warn"}, found
    assert code == INCONCLUSIVE
