# SPDX-License-Identifier: BSD-2-Clause
"""
Proof before enforcement, with a real Postfix and real lists: a week's traffic in some seconds, honest senders, one of them on a list, and
spammers. The report names that one and nobody else; it is trusted, the gate enforces, and the same traffic comes again.
"""
import json
import os
import shlex

import pytest

import dnsserver as dns
from clients import Talk, fates, mail, recipient
from lab import until
from lists import CONTACT, REASON, TEST_ENTRY, judging
from postfix import Postfix

HONEST = [f"198.51.100.{i}" for i in range(30, 40)] + ["2001:db8:8000::30"]
# Honest as well, and on a list; a list that others do not trust names it too.
UNLUCKY, UNLUCKY_NAME = "203.0.113.70", "mail.unlucky.example"
SPAMMERS = [f"203.0.113.{i}" for i in range(100, 112)]
LISTED = "".join(f"{a}\n" for a in [UNLUCKY, *SPAMMERS])
ZONES = {"bl.example": {"ip4set": f":127.0.0.4:{REASON}$\n{TEST_ENTRY}{LISTED}"},
         "second.example": {"ip4set": f":127.0.0.2:second\n{TEST_ENTRY}{UNLUCKY}\n"}}
NAMES = [f'local-data: "{UNLUCKY_NAME}. A {UNLUCKY}"', f'local-data-ptr: "{UNLUCKY} {UNLUCKY_NAME}"']
# Postfix turns down what is not for here by itself: so spammers deliver nothing in monitor mode either.
RELAY = ("EHLO spam.example", "MAIL FROM:<spam@spam.example>", "RCPT TO:<victim@elsewhere.example>")
MAIN = "smtpd_peername_lookup = yes\nsmtpd_relay_restrictions = reject_unauth_destination\n"
# A real journald with a /run of its own; what Postfix wrote goes to it as from syslog(3), and then a command runs beside it.
JOURNALD = """
mount --make-rprivate / && mount -t tmpfs tmpfs /run || exit 99
mkdir -p /run/systemd/journal /run/log/journal
echo 0123456789abcdef0123456789abcdef >/run/machine-id
mount --bind /run/machine-id /etc/machine-id
/lib/systemd/systemd-journald 2>/run/errors &
journald=$!
trap 'kill $journald; wait $journald' EXIT
/usr/bin/python3 -c '
import re, socket, sys, time
end = time.monotonic() + 10
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
    while out.connect_ex("/run/systemd/journal/dev-log"):
        assert time.monotonic() < end
        time.sleep(0.02)
    for line in open(sys.argv[1], encoding="utf-8"):
        stamp, said = re.match(r"(\\w+ +\\d+ [\\d:]+) \\S+ (.*)", line).groups()
        out.send(f"<22>{stamp} {said}".encode())
    out.send(b"<22>Jan  1 00:00:00 last: the last line")
' "$1" || cat /run/errors >&2
while ! journalctl -q SYSLOG_FACILITY=2 | grep -q "the last line$"; do
	kill -0 $journald && [ $((tries += 1)) -lt 500 ] || exit 98
	sleep 0.02
done
shift
"$@"
"""
SITES = ["bl.example*3", "second.example*1"]
MESSAGES = 3


@pytest.fixture(scope="module")
def zones(run, lab):
    rbldnsd = dns.Rbldnsd(run, lab.mail, ZONES)
    unbound = dns.Unbound(run, lab.mail, ZONES, NAMES)
    yield
    unbound.close()
    rbldnsd.close()


@pytest.fixture(scope="module")
def mta(run, lab, zones):
    one = Postfix(run, lab.mail, MAIN, resolver="127.0.0.1")
    yield one
    one.close()


class Log:
    """The mail log as a file: what Postfix has written until now, but for what it wrote before."""

    def __init__(self, folder, mta):
        self.path, self.mta, self.start = os.path.join(folder, "mail.log"), mta, mta.mark()
        self.write()

    def write(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in self.mta.log.lines[self.start:]))


@pytest.fixture
def log(tmp_path, mta):
    return Log(tmp_path, mta)


def report(g, log, since="1h", status=None):
    """(reasons, sources, summary), by name and address."""
    log.write()
    rows = g.rows(f"report since {since}", status=status)
    summary = rows[-1]
    assert summary["row"] == "summary" and summary["schema"] == 1, summary
    if status is not None:
        assert summary["exit"] == status
    return ({r["reason"]: r for r in rows if r["row"] == "reason"},
            {r["source"]: r for r in rows if r["row"] == "source"}, summary)


def traffic(lab, mta, honest):
    """Every honest sender's messages, which must all arrive."""
    start = mta.mark()
    for _ in range(MESSAGES):
        for source in honest:
            assert mail(lab.out, source) is None, source
    sent = MESSAGES * len(honest)
    until(lambda: sum("status=sent" in x for x in mta.log.lines[start:]) == sent, 10, "every message has arrived")


def test_the_whole_story(lab, mta, gate, log, tmp_path):
    g = judging(gate, SITES, mode="monitor", mail_log=log.path, budgets={"event_interval": "1s"})
    traffic(lab, mta, [*HONEST, UNLUCKY])
    for _ in range(2):
        for spammer in SPAMMERS:
            assert recipient(lab.out, spammer, lines=RELAY)[:3] == "554"
        # What was seen is in the store within a second or so; and who comes again is no stranger.
        until(lambda: report(g, log)[2]["would_sources"] == len(SPAMMERS) + 1, 5, "all are in the report")
    reasons, sources, summary = report(g, log, status=4)
    assert (summary["mode"], summary["verdict"], summary["left"], summary["refused"]) == ("monitor", "explain", 1, 0)
    assert set(reasons) == {"listed"} and reasons["listed"]["by"][0]["name"] == "bl.example"
    assert set(sources) == {UNLUCKY}, "the honest one and nobody else"
    row = sources[UNLUCKY]
    assert (row["state"], row["host"], row["reason"], row["lists"]) == \
        ("left", UNLUCKY_NAME, "listed", ["bl.example", "second.example"])
    assert (row["messages"], row["recipients"], row["sender_domains"]) == (MESSAGES, MESSAGES, ["example.org"])
    assert row["says"] == REASON + UNLUCKY
    # What is told of some connections is of the same moment as the count of all.
    assert summary["watched_from"] and summary["connections"] >= summary["would"]
    made = MESSAGES * (len(HONEST) + 1) + 2 * len(SPAMMERS)
    until(lambda: report(g, log)[2]["connections"] >= made, 5, "all are counted, long before an hour is full")
    assert row["signs"] == ["name"] and row["days"] == 1
    page = tmp_path / "report.html"
    said = g(f"report since 1h --html {page}", status=4).stdout
    for part in (UNLUCKY, UNLUCKY_NAME, row["command"], "1 source is left to explain"):
        assert part in said, (part, said)
    assert not [s for s in SPAMMERS if s in said]
    html = page.read_text()
    assert "<svg" in html and UNLUCKY_NAME in html and row["command"] in html and "://" not in html.replace(REASON, "")

    # The command as it is printed.
    g.cli(*shlex.split(row["command"].removeprefix("postern ")))
    _, sources, summary = report(g, log, status=4)
    assert (sources[UNLUCKY]["state"], sources[UNLUCKY]["command"]) == ("settled", None)
    # And it says that so little proves nothing yet: no script enforces on it.
    assert (summary["verdict"], summary["left"], summary["settled"]) == ("early", 0, 1)
    assert "too early" in g("report since 1h", status=4).stdout

    g("enforce")
    start = mta.mark()
    traffic(lab, mta, [*HONEST, UNLUCKY])
    for spammer in SPAMMERS:
        with Talk(lab.out, spammer) as talk:
            talk.hear()
            assert [talk.say(line)[:3] for line in RELAY][-1] == "550"
            assert talk.heard[-1].endswith(CONTACT)
    assert not [x for x in mta.log.lines[start:] if any(f"[{s}]" in x for s in SPAMMERS)], "they never reached Postfix"

    def all_are_told():
        # Of who came just before the mode changed, the kernel has told too lately: they come again.
        fates(lab.out, SPAMMERS, wait_s=0.1)
        return report(g, log)[2]["refused_sources"] == len(SPAMMERS)

    until(all_are_told, 5, "all are in the report")
    _, sources, summary = report(g, log, status=0)
    assert (summary["mode"], summary["verdict"], summary["left"]) == ("enforce", "ready", 0)
    assert summary["refused"] >= len(SPAMMERS)

    # At its end a controller leaves nothing unwritten. A second connection before there is a verdict is no other stranger's.
    g.stop()
    reasons, _, summary = report(g, log, status=0)
    assert 1 <= reasons["listed"]["would"] - 2 * len(SPAMMERS) <= MESSAGES
    assert summary["connections"] >= 2 * MESSAGES * (len(HONEST) + 1) + 3 * len(SPAMMERS)


def test_a_limit_is_told_from_a_list_and_by_time(lab, mta, gate, log):
    """Who delivers while it is over its limit is to be explained; trust does not help it."""
    g = gate(mode="monitor", mail_log=log.path, limits={"rate": "2/1h burst 2"})
    for _ in range(4):
        assert mail(lab.out, HONEST[0]) is None
    mta.log.wait(r"status=sent", 5, log.start)
    until(lambda: report(g, log)[2]["would_sources"] == 1, 5, "it is in the report")
    until(lambda: report(g, log)[1][HONEST[0]]["messages"] == 4, 5, "all is in the log")
    _, sources, summary = report(g, log, status=4)
    row = sources[HONEST[0]]
    assert (row["state"], row["kind"], row["host"]) == ("left", "limit", None)
    assert "trust does not lift a limit" in row["advice"] and "2/1h burst 2" in row["advice"]
    assert row["command"].startswith(f"postern allow {HONEST[0]} because ")
    # A block settles it as well: it is what the operator wants.
    g(f"block {HONEST[0]} for 30d with reply")
    assert report(g, log)[1][HONEST[0]]["state"] == "settled"
    assert "blocked" in g("report since 1h", status=4).stdout
    g(f"unblock {HONEST[0]}")
    g(f"trust {HONEST[0]}")
    assert report(g, log)[1][HONEST[0]]["state"] == "left"
    g.cli(*shlex.split(row["command"].removeprefix("postern ")))
    assert report(g, log)[1][HONEST[0]]["state"] == "settled"


def test_a_feed_is_named(lab, mta, gate, log, tmp_path):
    """Silence is for every packet, and each is judged: a connection counts once all the same."""
    feed = tmp_path / "feed.txt"
    feed.write_text(f"{HONEST[1]}\n")
    g = gate(mode="monitor", mail_log=log.path, feeds=[{"name": "somebody", "file": str(feed), "action": "drop"}])
    until(lambda: g.why(HONEST[1])["reason"] == "feed", 5, "the feed is in force")
    assert mail(lab.out, HONEST[1]) is None
    mta.log.wait(r"status=sent", 5, log.start)
    until(lambda: HONEST[1] in report(g, log)[1], 5, "it is in the report")
    reasons, sources, _ = report(g, log, status=4)
    assert (reasons["feed"]["would"], reasons["feed"]["by"]) == (1, [{"name": "somebody", "connections": 1}])
    row = sources[HONEST[1]]
    assert (row["state"], row["kind"], row["feed"]) == ("left", "feed", "somebody") and "somebody" in row["advice"]
    g.cli(*shlex.split(row["command"].removeprefix("postern ")))
    assert report(g, log)[1][HONEST[1]]["state"] == "settled"


def test_without_a_log_nothing_is_proved(lab, mta, gate, log, tmp_path):
    g = judging(gate, SITES, mode="monitor", mail_log="none")
    for spammer in SPAMMERS[:2]:
        assert recipient(lab.out, spammer, lines=RELAY)[:3] == "554"
    until(lambda: report(g, log)[2]["would_sources"] == 2, 5, "all are in the report")
    _, sources, summary = report(g, log, status=4)
    assert not sources and (summary["verdict"], summary["blind_sources"]) == ("blind", 2)
    assert "do not enforce on it" in g("report since 1h", status=4).stdout
    # A report that goes nowhere says so, once.
    done = g.cli("--json", "report", status=1, before=("sh", "-c", 'exec "$@" >/dev/full', "--"))
    assert json.loads(done.stderr) == {"error": "cannot write to standard output", "status": 1}
    # A page for which there is no room does as well.
    full = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=4k none {tmp_path}; exec "$@"', "--")
    done = g.cli("--json", "report", "--html", f"{tmp_path}/report.html", status=1, before=full)
    assert json.loads(done.stderr) == {"error": "cannot write the page: No space left on device", "status": 1}
    # A log without a line of a mail server is none.
    g.configure(mail_log=g.config_path)
    summary = report(g, log, status=4)[2]
    assert (summary["verdict"], summary["log"]["state"]) == ("blind", "strange")
    # And one that is not there.
    g.configure(mail_log="/nonexistent/mail.log")
    summary = report(g, log, status=4)[2]
    assert summary["log"]["state"] == "none" and "/nonexistent/mail.log" in summary["log"]["why"]


def test_the_journal_is_a_log_too(lab, mta, gate, log):
    """Where no file is written, as on a Debian of today. Its messages have the time of their coming, so they come at once."""
    g = gate(mode="monitor", mail_log="journal", limits={"rate": "1/1h burst 1"})
    for _ in range(2):
        assert mail(lab.out, HONEST[2]) is None
    until(lambda: report(g, log)[2]["would_sources"] == 1, 5, "it is in the report")
    until(lambda: sum("queue active" in x for x in mta.log.lines[log.start:]) == 2, 5, "Postfix has written it")
    log.write()
    done = g.cli("--json", "report", "since", "1h", status=4,
                 before=("unshare", "--mount", "sh", "-c", JOURNALD, "--", log.path))
    rows = {r.get("source", r["row"]): r for r in map(json.loads, done.stdout.splitlines())}
    assert rows["summary"]["log"]["name"] == "the journal" and rows["summary"]["log"]["understood"] > 4, rows["summary"]
    assert (rows[HONEST[2]]["state"], rows[HONEST[2]]["messages"]) == ("left", 2)


def test_one_story_of_bans_feeds_and_mail(lab, mta, gate, log, tmp_path):
    """A spammer in a feed, one over his rate, and an honest one who sends too fast and is banned: all that tells of them says the same."""
    fed, fast, hasty, calm = SPAMMERS[0], SPAMMERS[1], HONEST[3], HONEST[4]
    feed = tmp_path / "feed.txt"
    feed.write_text(f"{fed}\n")
    g = gate(mode="monitor", mail_log=log.path, limits={"rate": "20/1m burst 3", "open": 0},
             budgets={"event_interval": "1s"}, feeds=[{"name": "somebody", "file": str(feed), "action": "drop"}],
             bans={"after": 1, "within": "1s", "first": "1h", "neighbours": 0})
    until(lambda: g.why(fed)["reason"] == "feed", 5, "the feed is in force")
    for source in (fast, hasty):
        for _ in range(4):
            assert recipient(lab.out, source, lines=RELAY)[:3] == "554"
        until(lambda s=source: g.why(s)["reason"] == "banned", 5, f"{source} would be banned")
    assert recipient(lab.out, fed, lines=RELAY)[:3] == "554"
    assert mail(lab.out, hasty) is None and mail(lab.out, calm) is None
    until(lambda: sum("status=sent" in x for x in mta.log.lines[log.start:]) == 2, 10, "both messages have arrived")

    def told():
        reasons, sources, _ = report(g, log)
        return {"feed", "rate", "banned"} <= set(reasons) and set(sources) == {hasty} and (reasons, sources[hasty])

    reasons, row = until(told, 10, "each reason is in the report, and who delivered")
    assert reasons["feed"]["by"][0]["name"] == "somebody" and reasons["banned"]["kind"] == "ban"
    assert (row["state"], row["reason"], row["kind"], row["messages"]) == ("left", "banned", "ban", 1)
    # The controller follows the same log.
    delivered = until(lambda: g.why(hasty)["delivered"], 10, "who delivered is known")
    assert delivered["messages"] == 1 and delivered["first"] == delivered["last"]
    assert "delivered 1 message since" in g(f"why {hasty}").stdout
    evidence = g.row(f"evidence {hasty} no contact")
    assert evidence["ban"]["level"] == 1 and evidence["delivered"] == delivered
    assert [c for c in evidence["counts"] if c["what"] == "banned"]
    said = g(f"evidence {hasty} no contact").stdout
    assert "Kept out for repeated offences" in said and "Mail that was taken from it: 1 message" in said
    assert g.row(f"evidence {fed} no contact")["gate"]["feed"] == "somebody"
    assert "(feed: somebody)" in g(f"evidence {fed} no contact").stdout
    assert "1 of 1 loaded, 1 entry" in g("show status").stdout
    assert "raise limits.rate above 20/1m burst 3" in row["advice"]
    assert {x["reason"]: x["name"] for x in row["by"]} == {"rate": "20/1m burst 3", "banned": None}
    assert sum(x["would"] for x in row["by"]) == row["would"]
    # The command as it is printed lifts the ban; the limit, over which it was as well, stays to be explained.
    g.cli(*shlex.split(row["command"].removeprefix("postern ")))
    row = report(g, log)[1][hasty]
    assert (row["state"], row["kind"]) == ("left", "limit") and row["command"].startswith(f"postern allow {hasty} ")
    assert g.why(hasty)["reason"] != "banned"
    g("enforce")
    assert fates(lab.out, [fed, fast], wait_s=0.2) == {fed: "silent", fast: "silent"}
    assert mail(lab.out, calm) is None and until(lambda: mail(lab.out, hasty) is None, 10, "the honest one is let in")
