# SPDX-License-Identifier: BSD-2-Clause
"""
The limit of a mailbox as a real Dovecot tells it to who is logged in: with the plugin and without, and after what the audit says was pasted.
The password is in nothing that is written, and is not said to a server whose certificate proves nothing.
"""
import os
import re

import pytest

from audits import Audit
from certs import Authority
from dovecot import Dovecot
from machine import ACCOUNT, PASSWORD
from town import HOSTS

HOST = next(iter(HOSTS))
QUOTA = """
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1G
}
"""
LIMIT_KIB = 1 << 20


@pytest.fixture(scope="module")
def store(town):
    return town.mail_host(HOST)


class Asking:
    """An audit of mailbox-quota with a name and a password, and all that it wrote."""

    def __init__(self, town, authority, folder, user=ACCOUNT, password=PASSWORD, own=True):
        secret, self.page, self.baseline = (os.path.join(folder, name) for name in ("secret", "page.html", "baseline"))
        with open(secret, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(password + "\nanother line\n")
        words = ["--own"] if own else []
        self.audit = Audit(town, authority, "example.net", "--host", HOST, "--only", "mailbox-quota", "--imap-user", user,
                           "--imap-password", secret, "--html", self.page, "--baseline", self.baseline, "--update", *words).end()

    def findings(self):
        """Of each address one."""
        rows = [x for x in self.audit.findings if x["address"]]
        assert rows and len({(x["id"], x["status"]) for x in rows}) == 1, rows
        return rows

    def written(self):
        texts = [str(self.audit.findings)]
        for path in (self.page, self.baseline):
            with open(path, encoding="utf-8") as file:
                texts.append(file.read())
        return "".join(texts)


@pytest.fixture
def served(run, store, authority):
    """served(lines): a good Dovecot with these in its configuration."""
    made = []

    def make(main="", by=authority):
        made.append(Dovecot(run, store, good=True, authority=by, name=HOST, main=main))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_limit_is_told(town, authority, served, tmp_path):
    one = served(QUOTA)
    asking = Asking(town, authority, tmp_path)
    for row in asking.findings():
        assert row["id"] == "mailbox-quota.imap" and row["status"] == "pass" and row["port"] == 993, row
        assert any(f"(STORAGE 0 {LIMIT_KIB})" in line for line in row["evidence"]), row
        assert f"limit: {LIMIT_KIB} KiB (1024 MiB)" in row["evidence"]
    assert PASSWORD not in asking.written()
    logins = [x for x in one.log.lines if f"user=<{ACCOUNT}>" in x and "Login:" in x]
    assert len(logins) == len(asking.findings()), "each address is asked once"
    assert all("TLS" in x for x in logins)


def test_no_limit_is_a_warning_and_what_is_pasted_mends_it(town, authority, served, tmp_path):
    one = served()
    row = Asking(town, authority, tmp_path).findings()[0]
    assert row["status"] == "warn" and "does not know QUOTA" in row["finding"], row
    one.paste(row["fix"])
    assert Asking(town, authority, tmp_path).findings()[0]["status"] == "pass"


def test_a_rule_without_storage_is_no_limit(town, authority, served, tmp_path):
    served(QUOTA.replace("*:storage=1G", "*:storage=0"))
    row = Asking(town, authority, tmp_path).findings()[0]
    assert row["status"] == "warn" and "not limited" in row["finding"], row


def test_a_wrong_password_is_inconclusive_and_tried_once(town, authority, served, tmp_path):
    one = served(QUOTA)
    asking = Asking(town, authority, tmp_path, password="wrong-horse")
    for row in asking.findings():
        assert row["status"] == "inconclusive" and "does not take" in row["finding"], row
        assert [x for x in row["evidence"] if x.startswith("> ")] == ["> q3 LOGIN (the name and the password that were given)"]
    assert "wrong-horse" not in asking.written()
    refused = [x for x in one.log.lines if re.search(r"auth failed, 1 attempts", x)]
    assert len(refused) == len(asking.findings())


def test_nothing_is_said_to_a_stranger_or_without_consent(town, authority, served, tmp_path):
    one = served(QUOTA, by=Authority(tmp_path))
    rows = Asking(town, authority, tmp_path).findings()
    assert {x["status"] for x in rows} == {"inconclusive"} and "not trusted" in rows[0]["finding"], rows
    rows = Asking(town, authority, tmp_path, own=False).findings()
    assert rows[0]["status"] == "skipped" and "consent" in rows[0]["finding"]
    assert not [x for x in one.log.lines if "user=<" in x and ACCOUNT in x]


def test_starttls_where_nothing_listens_on_993(town, authority, served, tmp_path):
    one = served(QUOTA + "service imap-login {\n  inet_listener imaps {\n    port = 0\n  }\n}\n")
    rows = Asking(town, authority, tmp_path).findings()
    assert {(x["status"], x["port"]) for x in rows} == {("pass", 143)}, rows
    assert all("TLS" in x for x in one.log.lines if "Login: user" in x)
