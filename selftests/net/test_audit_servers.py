# SPDX-License-Identifier: BSD-2-Clause
"""
The audit of real servers, each badly and well kept: what is wrong is found, what is right is not called wrong, and what the audit says to
paste mends it.

Audits wait for servers most of the time; that of the bad one and that of the good run at once, on two hosts. What is wrong inside TLS a bad
one without any cannot show: that is seen at a Postfix for each thing.
"""
import re

import pytest

from audits import Audit, audit_of
from courier import Courier
from dovecot import Dovecot
from exim import Exim
from opensmtpd import Opensmtpd
from postfixsite import PostfixSite
from town import HOSTS, RESOLVER

BAD_HOST, GOOD_HOST = HOSTS
KINDS = {"postfix": PostfixSite, "exim": Exim, "opensmtpd": Opensmtpd, "courier": Courier, "dovecot": Dovecot}

# What must be found on the bad one; what is missing from a row, that server cannot do wrong.
FOUND = {
    "postfix": {"relay", "auth-required", "auth-tls", "starttls.offered", "backscatter", "banner.version", "banner.os", "size",
                "helo.forged", "helo.address", "sender.domain", "long-line", "banner.product", "spf.enforced"},
    "exim": {"relay", "auth-required", "auth-tls", "starttls.offered", "backscatter", "banner.version", "banner.os", "size",
             "vrfy", "expn", "helo.forged", "helo.address", "sender.domain", "long-line", "banner.product"},
    "opensmtpd": {"relay", "auth-required", "starttls.offered", "roles.abuse", "helo.forged", "sender.domain"},
    "courier": {"relay", "auth-tls", "starttls.offered", "vrfy", "expn", "sender.domain"},
    "dovecot": {"auth-tls", "starttls.offered", "banner.version", "banner.os", "banner.product"},
}
# What stays wrong on the good one, by no fault of its administrator.
UNMENDED = {
    "postfix": set(),
    "exim": set(),
    # No handshake of Debian 12's works; its greeting and HELP cannot be changed; it asks no DNS about senders.
    "opensmtpd": {"starttls.handshake", "banner.product", "help", "sender.domain", "helo.address", "spf.enforced", "long-line",
                  "size.over"},
    "courier": {"banner.product", "helo.forged", "helo.address", "long-line", "size"},
    "dovecot": set(),
}


# Without passwords: Postfix would wait for who knows them.
ENCRYPTING = """
smtpd_sasl_auth_enable = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
"""
# Not where the fix expects the certificate: one that is in order is there.
POOR = """
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_cert_file = /etc/postfix/poor.pem
smtpd_tls_key_file = /etc/postfix/poor.key
"""
# What goes wrong: (more of main.cf, name and days of the poor certificate, what is found, what is proof of it)
WRONG_IN_TLS = {
    # As Postfix 3.7 comes; with it no security level of OpenSSL 3 stands against them.
    "TLS 1.0 too": ("smtpd_tls_protocols = >=TLSv1\n", None, {("starttls.old", "warn", "low", 25)}, r"TLS 1\.0, \S+"),
    "TLS 1.1 only": ("smtpd_tls_protocols = TLSv1.1\n", None,
                     {("starttls.old", "warn", "low", 25), ("starttls.version", "fail", "medium", 25),
                      ("starttls.version", "fail", "medium", 587)}, r"TLS 1\.1, \S+"),
    "another name": (POOR, ("mail.example.org", "30"),
                     {("starttls.name", "warn", "low", 25), ("starttls.name", "warn", "medium", 587)}, r"names mail\.example\.org"),
    "expired": (POOR, (GOOD_HOST, "-1"),
                {("starttls.expired", "fail", "medium", 25), ("starttls.expired", "fail", "medium", 587)},
                rf"names {re.escape(GOOD_HOST)}"),
}


@pytest.fixture(scope="module")
def hosts(town):
    return {name: town.mail_host(name) for name in HOSTS}


@pytest.fixture
def encrypting(run, hosts, authority):
    made = []

    def make(main, poor):
        made.append(PostfixSite(run, hosts[GOOD_HOST], authority=authority, name=GOOD_HOST, resolver=RESOLVER,
                                main=ENCRYPTING + main, mailboxes=False))
        for end, text in zip(("pem", "key"), poor):
            made[0].machine.write(f"/etc/postfix/poor.{end}", text)
        return made[0]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("case", WRONG_IN_TLS)
def test_what_is_wrong_in_tls_is_found_and_mended(case, town, encrypting, authority):
    main, poor, expected, proof = WRONG_IN_TLS[case]
    site = encrypting(main, authority.pem(poor[0], days=poor[1]) if poor else ())
    wrong = audit_of(town, authority, GOOD_HOST, "--only", "starttls").end().wrong()
    assert {(x["id"], x["status"], x["severity"], x["port"]) for x in wrong} == expected, wrong
    assert all(any(re.fullmatch(proof, line) for line in x["evidence"]) for x in wrong), wrong
    site.paste(wrong[0]["fix"])
    after = audit_of(town, authority, GOOD_HOST, "--only", "starttls").end()
    assert not after.wrong()
    assert {25, 587} <= {x["port"] for x in after.findings if (x["id"], x["status"]) == ("starttls", "pass")}, after.findings


class Pair:
    """A server of a kind badly kept, and one well kept, and what the audit says of each."""

    def __init__(self, kind, run, town, hosts, authority):
        self.kind, self.town, self.authority = kind, town, authority
        make = KINDS[kind]
        options = {} if kind == "dovecot" else {"resolver": RESOLVER}
        self.bad = make(run, hosts[BAD_HOST], good=False, authority=authority, name=BAD_HOST, **options)
        self.good = make(run, hosts[GOOD_HOST], good=True, authority=authority, name=GOOD_HOST, **options)
        self.marks = self.bad.mark(), self.good.mark()
        running = [audit_of(town, authority, name) for name in (BAD_HOST, GOOD_HOST)]
        self.of_bad, self.of_good = [one.end() for one in running]

    def close(self):
        self.bad.close()
        self.good.close()


@pytest.fixture(scope="module", params=list(KINDS))
def pair(request, run, town, hosts, authority):
    one = Pair(request.param, run, town, hosts, authority)
    yield one
    one.close()


def test_what_is_wrong_is_found_with_evidence(pair):
    wrong = {x["id"]: x for x in pair.of_bad.wrong()}
    assert FOUND[pair.kind] <= set(wrong)
    without = [x["id"] for x in wrong.values() if not x["evidence"] and not x["id"].startswith("rdns")]
    assert not without


def test_what_is_right_is_not_called_wrong(pair):
    wrong = {x["id"]: (x["finding"], x["evidence"][-2:]) for x in pair.of_good.wrong() if x["id"] not in UNMENDED[pair.kind]}
    assert not wrong


def test_a_good_one_is_proved_closed_and_by_reason(pair):
    if pair.kind == "dovecot":
        return
    found = [x for x in pair.of_good.findings if x["id"] == "relay" and x["address"]]
    assert [x.get("ladder") for x in found] == ["closed"], (found, pair.good.log.lines[-20:])
    assert found[0]["status"] == "pass" and not [x for x in found[0]["evidence"] if "unknown reason" in x]


def test_who_is_told_only_an_address_finds_the_names_himself(pair):
    """Neither our name, nor a foreign domain, nor one that it hosts: nothing comes out worse."""
    if pair.kind == "dovecot":
        return
    asked = "relay,backscatter,roles"
    after = Audit(pair.town, pair.authority, "--host", HOSTS[GOOD_HOST][0], "--own", "--only", asked, named=False).end()
    found = [(x["id"], x["status"], x["finding"]) for x in after.findings if x["address"]]
    assert found and {status for _, status, _ in found} == {"pass"}, found


def test_no_audit_sends_mail(pair):
    """Not by an open relay either."""
    accepted = re.compile(r"message-id=|postfix/qmgr.* from=|status=| <= | => |smtp message |newmsg|,status: ")
    for server, start in zip((pair.bad, pair.good), pair.marks):
        lines = [x for x in server.lines_since(start) if accepted.search(x)]
        assert not lines
        if hasattr(server, "mailbox"):
            assert server.mailbox() == ""


def test_what_is_pasted_mends_it(pair):
    if pair.kind == "courier":
        return  # what is said of it are hints: half of it is in files that only its packages' scripts make
    wrong = [x for x in pair.of_bad.wrong() if x["fix"]]
    mended = {x["id"] for x in wrong} - UNMENDED[pair.kind]
    # One fix may do for many findings; each is pasted once, in the order of the report, with the names of this site.
    lines = [line for fix in dict.fromkeys(tuple(x["fix"]) for x in wrong) for line in fix]
    pair.bad.paste([line.replace("mx.example.org", BAD_HOST).replace("example.org", "example.net") for line in lines])
    checks = ",".join(sorted({name.split(".")[0] for name in mended}))
    after = audit_of(pair.town, pair.authority, BAD_HOST, "--only", checks).end()
    still = {x["id"]: (x["port"], x["finding"], x["evidence"][-2:]) for x in after.wrong() if x["id"] in mended}
    assert mended and not still
