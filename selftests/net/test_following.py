# SPDX-License-Identifier: BSD-2-Clause
"""
The mail log followed live: what a real Postfix logs is counted once for each message, over rotations, a reader that is killed and a
controller that is, and who delivers becomes a known source.
"""
import os
import shutil

import pytest

from clients import mail
from lab import until
from senders import senders, wait_messages

HONEST = "203.0.113.7"
OTHER = "2001:db8:9000::7"


class MailLog:
    """
    A file with what Postfix says; written to as a logger does, which opens it anew after a rotation. It is not root's but its
    group's, as Exim's and that of many a syslogd are: root without capabilities can only read it as one of the group.
    """

    def __init__(self, postfix, folder):
        self._postfix = postfix
        self._at = postfix.mark()
        self.path = os.path.join(folder, "mail.log")
        self.write()

    def write(self):
        with open(self.path, "a", encoding="utf-8") as file:
            lines = self._postfix.log.lines[self._at:]
            file.write("".join(line + "\n" for line in lines))
        shutil.chown(self.path, "nobody", "adm")
        os.chmod(self.path, 0o640)
        self._at += len(lines)

    def rotate(self):
        os.rename(self.path, self.path + ".1")
        self.write()


@pytest.fixture
def log(run, postfix):
    folder = os.path.join(run.folder, run.next_name("live"))
    os.mkdir(folder)
    shutil.chown(folder, "nobody", "adm")
    os.chmod(folder, 0o2750)
    return MailLog(postfix, folder)


def deliver(lab, postfix, log, *sources):
    for source in sources:
        start = postfix.mark()
        assert mail(lab.out, source) is None
        postfix.wait_sent(start)
    log.write()


def test_a_delivery_is_counted_once_and_its_sender_known(lab, postfix, gate, log):
    g = gate(mail_log=log.path)
    deliver(lab, postfix, log, HONEST, OTHER, HONEST)
    wait_messages(g, 3)
    assert senders(g)[HONEST] == 2
    found = {r["source"]: r for r in g.rows("show sources")}
    assert found[HONEST]["origin"] == "seen"
    assert found["2001:db8:9000::/64"]["origin"] == "seen"
    assert g.why(HONEST)["reason"] == "known"
    # Its reader dies in between: the next begins where it stood.
    g.child_kill("follower")
    deliver(lab, postfix, log, HONEST)
    wait_messages(g, 4)
    # The controller is killed; mail goes on, and the log is rotated.
    g.kill()
    deliver(lab, postfix, log, HONEST)
    log.rotate()
    deliver(lab, postfix, log, OTHER)
    g.start()
    wait_messages(g, 6)
    row = until(lambda: (r := g.row("show status")["mail_log"]) and r["deliveries"] == 2 and r, 8, "the status")
    assert (row["state"], row["source"]) == ("up", log.path)
    assert f"{log.path}: 2 messages taken" in g("show status").stdout
    # What nobody has a copy of is said to be missing.
    g.kill()
    os.truncate(log.path, 0)
    g.start()
    g.log.wait("the mail log .* a part of it may not have been read")
    until(lambda: g.row("show status")["mail_log"]["gaps"] == 1, 8, "the status")
    assert "not all of it was read" in g("show status").stdout


def test_a_log_that_is_not_there_is_no_fault_and_is_found_when_it_comes(lab, postfix, gate, log):
    os.rename(log.path, log.path + ".away")
    g = gate(mail_log=log.path)
    g.log.wait(rf"there is no mail log at {log.path}")
    until(lambda: (g.row("show status")["mail_log"] or {}).get("state") == "absent", 8, "the status")
    # A reload looks anew at once.
    os.rename(log.path + ".away", log.path)
    g("reload")
    g.log.wait("is followed")
    deliver(lab, postfix, log, HONEST)
    wait_messages(g, 1)
    g.configure(mail_log="none")
    g("reload")
    until(lambda: (g.row("show status")["mail_log"] or {}).get("state") == "off", 8, "the status")
    assert not g.child("follower")
