# SPDX-License-Identifier: BSD-2-Clause
"""
`postern audit` as a command: its reports and exit statuses, files that are written whole or not at all, what has changed since a baseline,
and the timer. The server is a real Postfix in the mail host, which is audited from there; no question of the DNS leaves it.
"""
import json
import os
import re
import shutil
import signal
import stat
import subprocess

import pytest

import dnsserver as dns
from lab import MAIL, TREE, until
from lists import SCRIPTED

CLEAN, FOUND, MISUSED, NOTHING = 0, 1, 2, 4
OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
HOST = f"audit --host {MAIL[4]}"
KEYS = ["schema", "id", "status", "severity", "target", "address", "port", "vantage", "finding", "evidence", "fix",
        "checklist"]


@pytest.fixture
def audit(gate, scripted, postfix):
    """An instance that does not run, whose DNS knows nothing."""
    scripted(lambda name, kind, query, tcp: dns.reply(query, dns.NXDOMAIN))
    return gate(start=False, resolver=[SCRIPTED])


def findings(done):
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert "summary" in rows[-1], done.stdout + done.stderr
    return rows[:-1], rows[-1]["summary"]


def test_the_address_of_this_host_is_audited(audit):
    rows, summary = findings(audit(f"--json {HOST} --only banner,rdns", status=FOUND))
    assert {row["id"].split(".")[0] for row in rows} == {"banner", "rdns"}
    assert all(list(row)[:len(KEYS)] == KEYS and row["address"] == MAIL[4] for row in rows), rows
    # No name leads to it here.
    assert next(row for row in rows if row["id"].startswith("rdns"))["status"] == "fail"
    assert summary["exit"] == FOUND and summary["target"] == MAIL[4]


def test_the_manual_names_every_key(audit):
    with open(os.path.join(TREE, "tools", "man", "postern-audit.8.in"), encoding="utf-8") as file:
        manual = file.read().partition(".Sh JSON\n")[2].partition(".Sh ")[0]
    baseline = os.path.join(audit.folder, "baseline.jsonl")
    rows, summary = findings(audit(f"--json {HOST} --only rdns,relay,limits --baseline {baseline} --update", status=None))
    keys = {*summary, *(key for row in rows for key in row)}
    named = set(re.findall(r"[a-z_]+", manual))
    assert len(named) > len(keys) and not keys - named


def test_what_is_left_out_is_not_there(audit):
    rows, _ = findings(audit(f"--json {HOST} --skip rdns,ports,relay", status=None))
    assert not {"rdns", "ports", "relay"} & {row["id"].split(".")[0] for row in rows}


@pytest.mark.parametrize("fail_on, status, nagios", [("critical", CLEAN, OK), ("medium", FOUND, WARNING)])
def test_the_status_is_that_of_the_severity_asked_for(audit, fail_on, status, nagios):
    audit(f"{HOST} --only rdns --fail-on {fail_on}", status=status)
    done = audit(f"{HOST} --only rdns --fail-on {fail_on} --nagios", status=nagios)
    assert done.stdout.startswith(f"AUDIT {('OK', 'WARNING')[nagios]} - ") and done.stdout.count("\n") == 1, done.stdout
    assert done.stdout.count("|") == 1 and " medium=1 " in done.stdout, done.stdout


def test_misuse_asks_nobody(audit, scripted):
    for words in ("audit", f"{HOST} --only rely", f"{HOST} --fail-on hihg", f"{HOST} --changes"):
        done = audit(words, status=MISUSED)
        assert done.stdout == "" and done.stderr
    assert "did you mean" in audit(f"{HOST} --only rely", status=MISUSED).stderr
    assert audit(f"{HOST} --only rely --nagios", status=UNKNOWN).stdout.startswith("AUDIT UNKNOWN - ")


def test_lists_that_cannot_be_had_take_no_resolver_along(audit):
    """With none the audit would find that nothing of a domain is there."""
    audit.configure(dnsbl={"sites": ["bl.example"], "data": ["/nowhere/zones.conf"]})
    done = audit(f"--json {HOST} --only rdns", status=FOUND)
    assert "going on without the configured lists" in done.stderr
    assert findings(done)[0][0]["id"] == "rdns.none"


def test_a_page_is_written_whole(audit):
    page = os.path.join(audit.folder, "page.html")
    audit(f"{HOST} --only rdns --html {page}", status=FOUND)
    with open(page, encoding="utf-8") as file:
        text = file.read()
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n") and MAIL[4] in text
    assert stat.S_IMODE(os.stat(page).st_mode) == 0o644
    assert sorted(os.listdir(audit.folder)) == ["page.html", "postern.conf"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_audit_that_is_ended_leaves_the_old_page(audit, how, scripted):
    """Its questions are never answered, so that it surely still runs."""
    silent = dns.Responder(audit.host, lambda *_: None, 5398)
    audit.configure(resolver=["127.0.0.1:5398"])
    page = os.path.join(audit.folder, "page.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write("old")
    try:
        child = audit.host.start(*audit.words(*f"{HOST} --only rdns --html {page}".split()), stdout=subprocess.DEVNULL)
        until(lambda: silent.asked, 10, "it asks")
        child.send_signal(how)
        assert child.wait(5) == 128 + how
    finally:
        silent.close()
    with open(page, encoding="utf-8") as file:
        assert file.read() == "old"
    assert sorted(os.listdir(audit.folder)) == ["page.html", "postern.conf"]


def test_a_baseline_tells_what_changed(audit):
    baseline = os.path.join(audit.folder, "baseline.jsonl")
    again = f"{HOST} --baseline {baseline} --update --changes"
    rows, _ = findings(audit(f"--json {again} --only rdns", status=FOUND))
    assert [row["change"] for row in rows] == ["new"]
    rows, summary = findings(audit(f"--json {again} --only rdns", status=CLEAN))
    assert rows == [] and summary["only_changes"]
    assert "Nothing has changed" in audit(f"{again} --only rdns", status=CLEAN).stdout
    # Of a check that is not made any more nothing is there.
    rows, _ = findings(audit(f"--json {again} --only roles", status=None))
    assert "gone" in [row["change"] for row in rows]


@pytest.mark.parametrize("text", ["hello", '{"schema":1}', "[" * 100000, "\x1b[2J\xff"])
def test_a_baseline_that_is_none_is_refused(audit, text):
    baseline = os.path.join(audit.folder, "baseline.jsonl")
    with open(baseline, "w", encoding="latin-1") as file:
        file.write(text)
    done = audit(f"{HOST} --only rdns --baseline {baseline}", status=NOTHING)
    assert "line 1 of the baseline" in done.stderr and "\x1b" not in done.stderr
    assert done.stdout == ""


def test_a_timer_audits_again_and_again(audit):
    units = os.path.join(audit.folder, "units")
    os.mkdir(units)
    audit(f"{HOST} --own --only rdns,expn --schedule 12h --units {units}")
    service, timer = (os.path.join(units, f"postern-audit-{MAIL[4]}.{kind}") for kind in ("service", "timer"))
    with open(service, encoding="utf-8") as file:
        line = next(x for x in file if x.startswith("ExecStart="))
    assert f' --own --only "rdns,expn" --baseline "{audit.state}/{audit.instance}/audit-{MAIL[4]}.jsonl"' in line, line
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "verify", timer, service], check=True)
    # What the timer would run.
    words = [word.strip('"') for word in line.removeprefix("ExecStart=").split()]
    for status in (FOUND, CLEAN):
        done = audit.host.run(*words, check=False)
        assert done.returncode == status, done.stdout + done.stderr
    assert "Nothing has changed" in done.stdout
    audit(f"{HOST} --unschedule --units {units}")
    assert os.listdir(units) == []
    audit(f"{HOST} --unschedule --units {units}", status=3)
