# SPDX-License-Identifier: BSD-2-Clause
"""
The real servers that the audit is tried against, by themselves: a test of an audit says nothing when its server is not what it
is taken for.
"""
import os
import pwd
import smtplib
import socket
import ssl

import pytest

from courier import Courier
from dovecot import Dovecot
from exim import Exim
from lab import until
from machine import ACCOUNT, PASSWORD
from opensmtpd import Opensmtpd
from postfixsite import PostfixSite
from server import places
from town import HOSTS, RESOLVER

NAME = "mx.example.net"
HERE = HOSTS[NAME][0]
ELSEWHERE = "someone@example.com"
SENDER = "a@example.org"
UNKNOWN = "nosuchuser@example.net"
# Each as (class, fix that limits the size of a message to 1 MiB).
SMTP_SERVERS = {
    "postfix": (PostfixSite, ["# main.cf", "message_size_limit = 1048576"]),
    "exim": (Exim, ["# exim4.conf, main section", "message_size_limit = 1M"]),
    "opensmtpd": (Opensmtpd, ["# smtpd.conf", "smtp max-message-size 1M"]),
    "courier": (Courier, ["# /etc/courier/esmtpd", "SIZELIMIT=1048576"]),
}
PASTED_SIZE = 1048576


@pytest.fixture(scope="module")
def mail_host(town):
    return town.mail_host()


@pytest.fixture(scope="module")
def store_host(town):
    return town.mail_host("mx2.example.net")


@pytest.fixture(scope="module", params=[(name, good) for name in SMTP_SERVERS for good in (False, True)],
                ids=lambda p: f"{p[0]}-{'good' if p[1] else 'bad'}")
def server(request, run, mail_host, authority):
    name, good = request.param
    one = SMTP_SERVERS[name][0](run, mail_host, good=good, authority=authority, resolver=RESOLVER)
    one.name, one.good, one.fix = name, good, SMTP_SERVERS[name][1]
    yield one
    one.close()


def session(town, port=25):
    kind = smtplib.SMTP_SSL if port == 465 else smtplib.SMTP
    options = {"context": ssl._create_unverified_context()} if port == 465 else {}
    with town.auditor.inside():
        one = kind(HERE, port, "auditor.example.org", timeout=10, **options)
    one.ehlo()
    return one


def recipient_code(smtp, recipient, sender=SENDER):
    smtp.rset()
    mail = smtp.mail(sender)
    return mail[0] if mail[0] != 250 else smtp.rcpt(recipient)[0]


def test_it_takes_mail_for_its_user(town, server):
    with session(town) as smtp:
        smtp.sendmail(SENDER, [f"{ACCOUNT}@example.net"], "Subject: one\r\n\r\nA test.\r\n")
    until(lambda: "A test." in server.mailbox(), what="the mail in the mailbox")


def test_it_relays_when_it_is_bad_and_never_when_it_is_good(town, server):
    with session(town) as smtp:
        code = recipient_code(smtp, ELSEWHERE)
        assert code == 250 if not server.good else code in (513, 550, 554)


def test_it_refuses_unknown_users_when_it_is_good(town, server):
    if not server.good and server.name in ("opensmtpd", "courier"):
        return  # these know their users, whatever they are told
    with session(town) as smtp:
        code = recipient_code(smtp, UNKNOWN)
        assert code == 250 if not server.good else code == 550


@pytest.mark.parametrize("role", ("postmaster", "abuse"))
def test_it_takes_mail_for_roles_when_it_is_good(town, server, role):
    expected = 250 if server.good or server.name != "opensmtpd" or role != "abuse" else 550
    with session(town) as smtp:
        assert recipient_code(smtp, f"{role}@example.net") == expected
        assert recipient_code(smtp, f"{role}@example.net", "") == expected


def test_it_has_tls_of_the_tests_authority_when_it_is_good(town, server, authority):
    with session(town) as smtp:
        assert smtp.has_extn("starttls") == server.good
        if server.good and server.name == "opensmtpd":
            with pytest.raises(ssl.SSLError):  # broken, see there
                smtp.starttls(context=ssl._create_unverified_context())
            smtp.close()
        elif server.good:
            smtp._host = NAME
            assert smtp.starttls(context=ssl.create_default_context(cafile=authority.path))[0] == 220


def test_it_takes_passwords_only_in_tls_when_it_is_good(town, server):
    with session(town) as smtp:
        assert smtp.has_extn("auth") == (not server.good and server.name != "opensmtpd")
    if not server.good or server.name not in ("postfix", "exim"):
        return
    for port in (465, 587):
        with session(town, port) as smtp:
            if port == 587:
                smtp.starttls(context=ssl._create_unverified_context())
                smtp.ehlo()
            assert smtp.mail(f"{ACCOUNT}@example.net")[0] >= 500
            smtp.rset()
            smtp.login(ACCOUNT, PASSWORD)
            assert smtp.mail(f"{ACCOUNT}@example.net")[0] == 250
            assert smtp.rcpt(ELSEWHERE)[0] == 250


def test_what_is_pasted_counts_at_once(town, server):
    def limit_is_pasted():
        with session(town) as smtp:
            # Courier tells no limit, OpenSMTPD looks at it later.
            return smtp.esmtp_features["size"] == str(PASTED_SIZE) or smtp.mail(SENDER, [f"size={2 * PASTED_SIZE}"])[0] >= 500

    assert not limit_is_pasted()
    server.paste(server.fix)
    assert limit_is_pasted()


def test_a_good_one_asks_the_dns_about_senders(town, server):
    with session(town) as smtp:
        code = recipient_code(smtp, f"{ACCOUNT}@example.net", "a@no-such-domain.example")
        assert code == 250 if not server.good or server.name == "opensmtpd" else code >= 450


@pytest.mark.parametrize("good", (False, True), ids=("bad", "good"))
def test_dovecot_takes_passwords_in_clear_only_when_it_is_bad(town, run, store_host, authority, good):
    one = Dovecot(run, store_host, good=good, authority=authority)
    try:
        with Pop3(town) as reader:
            assert ("+OK" in reader.say(f"USER {ACCOUNT}") and "+OK" in reader.say(f"PASS {PASSWORD}")) == (not good)
        one.paste(["# dovecot.conf", "login_greeting = pasted"])
        with Pop3(town) as reader:
            assert reader.greeting == "+OK pasted"
    finally:
        one.close()


class Pop3:
    """poplib has no way to say what it was refused."""

    def __init__(self, town):
        with town.auditor.inside():
            self._sock = socket.create_connection((HOSTS["mx2.example.net"][0], 110), 10)
        self._file = self._sock.makefile("rw", encoding="latin-1", newline="")
        self.greeting = self._file.readline().strip()

    def say(self, line):
        self._file.write(line + "\r\n")
        self._file.flush()
        return self._file.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._sock.close()


def test_nothing_of_it_is_on_the_real_machine(server):
    """Each has users, files and folders that only its own machine has."""
    assert ACCOUNT not in [entry.pw_name for entry in pwd.getpwall()]
    assert not os.path.exists("/etc/exim4/exim4.conf") and not os.path.exists("/etc/smtpd.conf")
    with open("/proc/mounts", encoding="utf-8") as mounts:
        assert server.machine.folder not in mounts.read()


def test_a_fix_names_its_places():
    assert places(["# main.cf", "a = b", "# why", "# exim4.conf, main section", "c = d"]) == [
        ("main.cf", "", ["a = b", "# why"]), ("exim4.conf", "main section", ["c = d"])]
    with pytest.raises(AssertionError):
        places(["a = b"])
