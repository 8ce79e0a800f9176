# SPDX-License-Identifier: BSD-2-Clause
"""The logs of Exim and OpenSMTPD, as these really write them: the report knows who delivered. (Postfix: test_report.py.)"""
import time

import pytest

from clients import mail, recipient
from exim import Exim
from lab import until
from opensmtpd import Opensmtpd

SOURCES = ("198.51.100.40", "2001:db8:8000::40")
UNKNOWN = ("EHLO client.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<nosuchuser@example.net>")
MESSAGES = 2


def as_syslog(lines):
    """What comes to standard output comes to the logger in service: it puts time, host and program before it."""
    return [f"{time.strftime('%b %e %H:%M:%S')} mx smtpd[7]: {line}" for line in lines]


@pytest.fixture(scope="module", params=[(Exim, False, list), (Opensmtpd, True, as_syslog)], ids=["exim", "opensmtpd"])
def server(request, run, lab, authority):
    kind, good, written = request.param
    one = kind(run, lab.mail, good=good, authority=authority, resolver="127.0.0.1")
    one.written = written
    yield one
    one.close()


def test_the_report_reads_it(lab, server, gate, tmp_path):
    log = tmp_path / "mail.log"
    log.touch()
    g = gate(mode="monitor", limits={"rate": "1/1h burst 1"}, mail_log=str(log))
    for source in SOURCES:
        for _ in range(MESSAGES):
            assert mail(lab.out, source) is None
        recipient(lab.out, source, lines=UNKNOWN)

    def told():
        log.write_text("".join(f"{line}\n" for line in server.written(list(server.log.lines))))
        rows = {r["source"]: r for r in g.rows("report since 1h", status=None) if r["row"] == "source"}
        return set(rows) == set(SOURCES) and all(r["messages"] == MESSAGES for r in rows.values()) and rows

    for row in until(told, 10, "both are in the report").values():
        assert (row["state"], row["recipients"], row["sender_domains"]) == ("left", MESSAGES, ["example.org"]), row
        # Whom OpenSMTPD turned down; to Exim as it is here an unknown recipient is none.
        assert row["rejected"] == (1 if server.written is as_syslog else 0), row
