# SPDX-License-Identifier: BSD-2-Clause
"""
`postern audit` of servers that mean harm: it comes to the right end, in its time, and nothing of what they send reaches a
terminal raw. Each behaviour has an address of its own, and all are audited at once, since most of them only make others wait.
"""
import concurrent.futures
import contextlib
import json
import os
import time

import pytest

import dnsserver
from gate import BINARY
from hostile import BEHAVIOURS, HostileServer
from lab import until

CLEAN, FOUND, INCONCLUSIVE = 0, 1, 4
LIMIT_S = 10
# A start, DNS, and a machine with better things to do.
SLACK_S = 10
SLOW = "slow greeting"
SLOW_S = 45
FIRST = 100  # 192.0.2.100 and up
RESOLVER_PORT = 53

# What a finding says: (check, statuses of its findings, words of one of them). A server that never lets the audit
# ask has no relay; one that answers in order, however oddly, is judged by its answers.
UNANSWERED = ("starttls", {"inconclusive"})
CLOSED = ("relay", {"pass"}, "no relay")
CUT = ("relay", {"inconclusive"}, "")
EXPECTED = {
    "polite": CLOSED,
    "silence": (*UNANSWERED, "timeout"),
    "silence later": CUT,
    "tarpit": (*UNANSWERED, ""),
    SLOW: CLOSED,
    "421": CUT,
    "421 later": CUT,
    "closes": (*UNANSWERED, "closed"),
    "resets": (*UNANSWERED, "reset"),
    "resets later": CUT,
    "closes at every byte": (*UNANSWERED, "closed"),
    "endless line": CUT,
    "endless lines": CUT,
    "endless replies": CUT,
    "binary": ("relay", {"pass", "inconclusive"}, ""),
    "binary greeting": (*UNANSWERED, "alien"),
    "escape codes": ("relay", {"pass", "inconclusive"}, ""),
    "bare LF": CLOSED,
    "no last line": CUT,
    "other codes": CLOSED,
    "HTTP": (*UNANSWERED, "HTTP/1.1 400 Bad Request"),
    "TLS on a plain port": (*UNANSWERED, "alien"),
    "replies before asked": CLOSED,
    "two replies": CLOSED,
    "late second replies": ("relay", {"pass", "inconclusive"}, ""),
    "late second replies of DATA": ("relay", {"pass", "inconclusive"}, ""),
    "a long greeting and 421": CUT,
    "keywords of control bytes": CLOSED,
    "NTLM out of bounds": ("banner", {"fail", "warn"}, "10.0.17763"),
    "a certificate of odd names": ("starttls", {"fail", "warn", "pass"}, "\\x1b[2J"),
    "a handshake that trickles": ("starttls", {"fail", "inconclusive"}, ""),
    "garbage after STARTTLS": ("starttls", {"fail", "pass"}, "handshake failed"),
    "plain text after STARTTLS": ("starttls", {"fail", "pass"}, "handshake failed"),
    "silence after STARTTLS": ("starttls", {"fail", "inconclusive"}, ""),
    "closes after STARTTLS": ("starttls", {"fail", "pass"}, "handshake failed"),
}


def nothing(_name, _kind, query, _tcp):
    """There is no such name, whatever it is."""
    return dnsserver.reply(query, dnsserver.NXDOMAIN)


class Audited:
    """What came of one behaviour: as JSON, and as text for people."""

    def __init__(self, host, config, address, limit_s):
        begin = time.monotonic()
        words = (BINARY, "--config", config, "audit", "--host", address, "--own", "--foreign", "foreign.example",
                 "--only", "banner,starttls,relay", "--limit", f"{limit_s}s")
        self.json, self.json_seconds = host.run(words[0], "--json", *words[1:], check=False), time.monotonic() - begin
        begin = time.monotonic()
        self.text, self.text_seconds = host.run(*words, check=False), time.monotonic() - begin
        self.seconds = max(self.json_seconds, self.text_seconds)

    def findings(self, check):
        rows = [json.loads(line) for line in self.json.stdout.splitlines()]
        return [r for r in rows if r.get("id", "").split(".")[0] == check]


@pytest.fixture(scope="module")
def audits(run, lab):
    """{behaviour: Audited}"""
    names = sorted(BEHAVIOURS)
    addresses = {name: f"192.0.2.{FIRST + i}" for i, name in enumerate(names)}
    lab.mail.ip(*(f"addr add {a}/32 dev mx0" for a in addresses.values()))
    config = os.path.join(run.folder, run.next_name("hostile") + ".conf")
    with open(config, "w", encoding="ascii") as file:
        file.write('resolver = ["127.0.0.1:53"];\n')
    resolver = dnsserver.Responder(lab.out, nothing, RESOLVER_PORT)
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        stack.callback(resolver.close)
        for name in names:
            stack.enter_context(HostileServer(lab.mail, name, address=addresses[name]))
        until(lambda: all(f"{a}:25" in lab.mail.run("ss", "-Hlnt").stdout for a in addresses.values()), what="servers")
        jobs = {name: pool.submit(Audited, lab.out, config, addresses[name], SLOW_S if name == SLOW else LIMIT_S)
                for name in names}
        yield {name: job.result() for name, job in jobs.items()}


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_it_comes_to_the_right_end(audits, name):
    audited = audits[name]
    check, statuses, words = EXPECTED[name]
    rows = audited.findings(check)
    assert audited.json.returncode in (CLEAN, FOUND, INCONCLUSIVE), audited.json.stderr
    assert rows and {r["status"] for r in rows} <= statuses, rows
    assert any(words in r["finding"] or words in " ".join(r["evidence"]) for r in rows), rows


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_it_never_hangs(audits, name):
    limit_s = SLOW_S if name == SLOW else LIMIT_S
    assert audits[name].seconds < limit_s + SLACK_S


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_nothing_raw_is_shown(audits, name):
    for done in (audits[name].json, audits[name].text):
        shown = done.stdout + done.stderr
        assert shown and all(c == "\n" or " " <= c <= "~" for c in shown), \
            [c for c in shown if not (c == "\n" or " " <= c <= "~")]


def test_no_server_is_taken_for_a_relay(audits):
    assert not [name for name, a in audits.items() if any(r["status"] == "fail" for r in a.findings("relay"))]
