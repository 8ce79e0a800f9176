# SPDX-License-Identifier: BSD-2-Clause
"""
Other programs and the gate: a real fail2ban and the real custom bouncer of CrowdSec ban through it; what is blocked goes to a real
rbldnsd, to nftables and to another gate.
"""
import contextlib
import ipaddress
import datetime
import http.server
import json
import os
import re
import shutil
import signal
import socket
import struct
import threading

import pytest

import dnsserver as dns
from clients import fate
from fail2ban import Fail2ban
from lab import TREE, Lines, command, until
from lists import BAD, judging, meet
from machine import children, package_path

BANNED, OTHER, THIRD, FOURTH = "203.0.113.17", "203.0.113.8", "203.0.113.9", "203.0.113.10"
BOUNCER = os.path.join(TREE, "tools/integrations/crowdsec/postern-bouncer")
LAPI_PORT = 18080
# Both count whole seconds, from moments within the same one.
AGREE_S = 2
FAIL2BAN = {"long": (2, 600), "short": (1, 2), "forever": (1, -1)}


def rules(g):
    return {r["prefix"]: r for r in g.rows("show rules") if r["origin"] not in ("own", "local", "gateway", "resolver")}


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


# ---- fail2ban ----

@pytest.fixture
def fail2ban(run, lab, gate):
    g = gate(mode="monitor")
    one = Fail2ban(run, lab.mail, g.words(), FAIL2BAN)
    yield g, one
    one.close()


def test_fail2ban_bans_and_unbans_through_the_gate(lab, sink, fail2ban):
    g, f = fail2ban
    g(f"block {OTHER} because by hand")
    assert fate(lab.out, BANNED, greet=True) == "open"
    f.client("set", "long", "banip", BANNED)
    until(lambda: BANNED in rules(g), what="the ban is there")
    # From here on in the kernel, and told as fail2ban's.
    assert fate(lab.out, BANNED) == "silent"
    why = g.why(BANNED)
    assert (why["verdict"], why["rule"]["origin"]) == ("drop", "fail2ban"), why
    assert why["rule"]["because"].startswith("fail2ban long,"), why
    assert abs((when(why["rule"]["expires"]) - now()).total_seconds() - 600) < AGREE_S + 5, why
    f.client("set", "long", "unbanip", BANNED)
    until(lambda: BANNED not in rules(g), what="the ban is gone")
    assert fate(lab.out, BANNED, greet=True) == "open"

    # What the operator blocked stays his, whoever bans it too.
    start = f.mark()
    f.client("set", "long", "banip", OTHER)
    f.said(rf"\[long\] Ban {OTHER}", start)
    f.client("set", "long", "unbanip", OTHER)
    f.said(rf"\[long\] Unban {OTHER}", start)
    assert rules(g)[OTHER]["origin"] == "operator" and rules(g)[OTHER]["expires"] is None
    # What he takes back is no trouble for fail2ban afterwards.
    f.client("set", "long", "banip", THIRD)
    until(lambda: THIRD in rules(g), what="the ban is there")
    g(f"unblock {THIRD}")
    f.client("set", "long", "unbanip", THIRD)
    f.said(rf"\[long\] Unban {THIRD}", start)
    # The client's words are done when it returns.
    f.client("set", "long", "banip", FOURTH)
    until(lambda: FOURTH in rules(g), what="the ban is there")
    f.client("set", "forever", "banip", FOURTH)
    until(lambda: rules(g)[FOURTH]["expires"] is None, what="the ban of another jail is there")
    # And that jail alone takes it back, also while a rule of the operator's stands before it.
    g(f"allow {FOURTH}")
    f.client("set", "long", "unbanip", FOURTH)
    f.said(rf"\[long\] Unban {FOURTH}", start)
    g(f"disallow {FOURTH}")
    assert rules(g)[FOURTH]["because"].startswith("fail2ban forever,")
    f.client("set", "forever", "unbanip", FOURTH)
    until(lambda: FOURTH not in rules(g), what="the ban is gone")
    assert not [line for line in f.log.lines if "ERROR" in line], f.log.lines


def test_fail2ban_and_the_gate_end_a_ban_together(lab, sink, fail2ban):
    g, f = fail2ban
    # By a log that comes late: the time counts from the failure on, on both sides.
    f.fail("long", BANNED, 2, ago_s=100)
    f.said(rf"\[long\] Ban {BANNED}")
    until(lambda: BANNED in rules(g), what="the ban is there")
    ends = f.ends("long", BANNED)
    assert abs((when(rules(g)[BANNED]["expires"]) - ends).total_seconds()) <= AGREE_S
    assert (ends - now()).total_seconds() < 520, ends
    # A restart takes it back and bans again: until the same moment as before.
    start = f.mark()
    f.stop()
    assert BANNED not in rules(g)
    f.start()
    f.said(rf"\[long\] Restore Ban {BANNED}", start)
    until(lambda: BANNED in rules(g), what="the ban is there again")
    assert f.ends("long", BANNED) == ends
    assert abs((when(rules(g)[BANNED]["expires"]) - ends).total_seconds()) <= AGREE_S
    # A short one ends on both sides, in whatever order.
    until(lambda: OTHER not in rules(g), what="no other ban")
    start = f.mark()
    f.client("set", "short", "banip", OTHER)
    f.said(rf"\[short\] Ban {OTHER}", start)
    f.said(rf"\[short\] Unban {OTHER}", start)
    until(lambda: OTHER not in rules(g), AGREE_S, "it has ended in the gate too")
    assert fate(lab.out, OTHER, greet=True) == "open"
    assert not [line for line in f.log.lines if "ERROR" in line], f.log.lines


def test_the_sample_of_a_jail_can_be_used(run):
    etc = os.path.join(run.folder, run.next_name("jail"))
    shutil.copytree("/etc/fail2ban", etc)
    shutil.rmtree(os.path.join(etc, "jail.d"))
    shutil.copytree(os.path.join(TREE, "tools/integrations/fail2ban"), etc, dirs_exist_ok=True)
    # Of no service of this machine.
    with open(os.path.join(etc, "jail.local"), "w", encoding="ascii") as file:
        file.write(f"[DEFAULT]\nbackend = polling\npostfix_log = {file.name}\n[postfix]\nlogpath = {file.name}\n")
    said = command("fail2ban-client", "-c", etc, "-d").stdout
    assert re.search(r"\['set', 'postfix', 'addaction', 'postern'\]", said), said
    assert "['set', 'postfix', 'bantime', '1d']" in said, said


# ---- CrowdSec ----

class LocalApi:
    """As crowdsec's own: the first answer has all that is decided, the later ones what has changed."""

    def __init__(self, host):
        self.new, self.deleted = [], []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"new": api.new, "deleted": api.deleted}).encode()
                api.new, api.deleted = [], []
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with host.inside():
            self._server = http.server.ThreadingHTTPServer(("127.0.0.1", LAPI_PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def decision(value, duration="10m0s", scenario="crowdsecurity/postfix-spam", kind="ban", scope="Ip"):
    return {"id": 1, "origin": "crowdsec", "type": kind, "scope": scope, "value": value, "duration": duration, "scenario": scenario}


@pytest.fixture
def crowdsec(run, lab, gate):
    """(gate, api, the bouncer's log); what is decided when it starts is in api.new."""
    g = gate(mode="monitor")
    folder = os.path.join(run.folder, run.next_name("crowdsec"))
    os.mkdir(folder)
    # POSTERN is one word: a command of several stands in a file.
    with open(os.path.join(folder, "postern"), "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexec " + " ".join(g.words()) + ' "$@"\n')
    os.chmod(file.name, 0o755)
    with open(os.path.join(folder, "bouncer.yaml"), "w", encoding="ascii") as config:
        config.write(f"bin_path: {BOUNCER}\nfeed_via_stdin: false\npiddir: {folder}/\nupdate_frequency: 200ms\n"
                     "cache_retention_duration: 1s\ndaemonize: false\nlog_mode: stdout\nlog_level: info\n"
                     f"api_url: http://127.0.0.1:{LAPI_PORT}/\napi_key: key\nprometheus:\n  enabled: false\n")
    api = LocalApi(lab.mail)
    api.new = [decision(BANNED, "1h0m0s"), decision("203.0.113.128/25", scope="Range"), decision("FR", scope="Country")]
    program = os.path.join(package_path("crowdsec-custom-bouncer"), "usr/bin/crowdsec-custom-bouncer")
    process = lab.mail.start(program, "-c", config.name, env={**os.environ, "POSTERN": file.name}, stderr=-2)
    yield g, api, Lines(process.stdout)
    process.terminate()
    process.wait(10)
    api.close()


def test_crowdsec_bans_through_the_gate(lab, sink, crowdsec):
    g, api, _ = crowdsec
    until(lambda: len(rules(g)) == 2, 10, "both bans are there")
    assert fate(lab.out, BANNED) == "silent"
    why = g.why(BANNED)
    assert (why["rule"]["origin"], why["rule"]["because"]) == ("crowdsec", "crowdsec: crowdsecurity/postfix-spam"), why
    assert abs((when(why["rule"]["expires"]) - now()).total_seconds() - 3600) < AGREE_S + 5, why
    g(f"block {OTHER}")
    api.deleted = [decision(BANNED), decision(OTHER)]
    until(lambda: set(rules(g)) == {OTHER, "203.0.113.128/25"}, 10, "one is taken back, and it alone")


BOUNCER_ROWS = {
    "seconds": (("add", BANNED, "600", "spam", ""), f"block {BANNED} for 600s with drop origin crowdsec because crowdsec: spam"),
    "a duration of Go": (("add", "2001:db8::/32", "3h59m57.123456789s", "x", ""),
                         "block 2001:db8::/32 for 14397s with drop origin crowdsec because crowdsec: x"),
    "less than a second": (("add", BANNED, "120ms", "x", ""), f"block {BANNED} for 1s with drop origin crowdsec because crowdsec: x"),
    "a hundred years": (("add", BANNED, "876000h", "x", ""), f"block {BANNED} for 31622400s with drop origin crowdsec because crowdsec: x"),
    "a reason with a command": (("add", BANNED, "60", "$(id)`id`'\"\n\x1b[31m", ""),
                                f"block {BANNED} for 60s with drop origin crowdsec because crowdsec: ??id??id??????31m"),
    "a reason with clauses": (("add", BANNED, "60", "x origin operator", '{"type":"ban"}'),
                              f"block {BANNED} for 60s with drop origin crowdsec because crowdsec: x origin operator"),
    "a captcha": (("add", BANNED, "60", "x", '{"type":"captcha","scenario":"\\"type\\":\\"ban\\""}'), ""),
    "taken back": (("del", BANNED, "60", "x", '{"type":"ban"}'), f"unblock {BANNED} origin crowdsec"),
    "words in the address": (("add", f"{BANNED} anyway", "60", "x", ""), None),
    "an option for an address": (("add", "--json", "60", "x", ""), None),
    "standard input for an address": (("del", "-", "60", "x", ""), None),
    "a country": (("add", "FR", "60", "x", ""), None),
    "a sum for a duration": (("add", BANNED, "1+a[$(id)]", "x", ""), None),
    "no duration": (("add", BANNED, "", "x", ""), None),
    "another verb": (("flush", BANNED, "60", "x", ""), None),
}


@pytest.mark.parametrize("name", BOUNCER_ROWS)
def test_what_the_bouncer_makes_of_its_arguments(name):
    words, said = BOUNCER_ROWS[name]
    done = command(BOUNCER, *words, check=False, env={**os.environ, "POSTERN": "echo"})
    assert (done.returncode == 0) == (said is not None), done
    assert done.stdout.strip() == (said or ""), done


# ---- what is blocked, elsewhere ----

LINES = """198.51.100.7
198.51.100.8 for 1h with refuse
203.0.113.0/24 with reply because {secret}
203.0.113.9 for 2h
2001:db8:9001::/48
2001:db8:9002::7 for 10m
"""
SECRET = "the neighbour"
ALLOWED, ALLOWED6, ELSEWHERE = "203.0.113.77", "2001:db8:9001::77", "192.0.2.200"
BLOCKED = {"198.51.100.7", "198.51.100.8", "203.0.113.5", "203.0.113.9", "2001:db8:9001::5", "2001:db8:9002::7"}
FREE = {"198.51.100.9", ALLOWED, "192.0.2.200", "2001:db8:9002::8", ALLOWED6}


@pytest.fixture
def blocking(gate):
    g = gate(start=False)
    g("block -", stdin=LINES.format(secret=SECRET))
    for prefix in (ALLOWED, ALLOWED6, ELSEWHERE):
        g(f"allow {prefix}")
    return g


def exported(g, form, folder):
    text = g(f"export {form}").stdout
    # What was written behind because stays here.
    assert SECRET not in text
    path = os.path.join(folder, form)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def is_in_zone(host, address, zone):
    """Asks the rbldnsd itself."""
    packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    turned = ".".join(f"{b & 15:x}.{b >> 4:x}" for b in reversed(packed)) if ":" in address else ".".join(map(str, reversed(packed)))
    with host.inside():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(5)
        sock.sendto(struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + dns.name_bytes(f"{turned}.{zone}") + struct.pack("!2H", dns.A, 1),
                    ("127.0.0.1", dns.RBLDNSD_PORT))
        answer = sock.recv(512)
    return struct.unpack("!H", answer[6:8])[0] > 0


def test_a_zone_for_rbldnsd(run, lab, blocking):
    with open(exported(blocking, "rbldnsd", blocking.folder), encoding="ascii") as file:
        rbldnsd = dns.Rbldnsd(run, lab.mail, {"own.example": {"combined": file.read()}})
    with contextlib.closing(rbldnsd):
        listed = {a for a in BLOCKED | FREE | {"127.0.0.2"} if is_in_zone(lab.mail, a, "own.example")}
    assert listed == BLOCKED | {"127.0.0.2"}


def test_sets_for_nftables(lab, blocking):
    path = exported(blocking, "nft", blocking.folder)
    # As often as one likes.
    for _ in range(2):
        lab.out.run("nft", "-f", path)

    def has(name, address):
        number = 6 if ":" in address else 4
        return lab.out.run("nft", "get", "element", "inet", "postern", f"{name}{number}", f"{{ {address} }}", check=False).returncode == 0

    try:
        assert {a for a in BLOCKED | FREE if has("blocked", a) and not has("allowed", a)} == BLOCKED
        rows = json.loads(lab.out.run("nft", "-j", "list", "set", "inet", "postern", "blocked4").stdout)["nftables"]
        elements = next(row["set"] for row in rows if "set" in row)["elem"]
        timeouts = {e["elem"]["val"]: e["elem"].get("timeout") for e in elements if isinstance(e["elem"]["val"], str)}
        assert timeouts["198.51.100.7"] is None and 3500 < timeouts["198.51.100.8"] <= 3600
        # The one inside a longer one is that one's.
        assert "203.0.113.9" not in timeouts
    finally:
        lab.out.run("nft", "delete", "table", "inet", "postern")


def test_a_list_for_another_gate(gate, blocking):
    path = exported(blocking, "list", blocking.folder)
    other = gate(start=False)
    row = other.row(f"import list {path} with refuse for 1d because from there")
    there = rules(other)
    assert row["count"] == len(there)
    # What is allowed there is allowed to nobody here: it is no part of what is blocked.
    assert {r["origin"] for r in there.values()} == {"import"} and {r["action"] for r in there.values()} == {"refuse"}
    assert {"198.51.100.7", "198.51.100.8", "2001:db8:9002::7"} <= set(there)
    again = gate(start=False)
    again("import list -", stdin=other("export list").stdout)
    assert set(rules(again)) == set(there)
    # In force, they mean the same.
    for one in (blocking, other):
        one.start()
        found = {address: one.why(address)["reason"] for address in BLOCKED | FREE}
        assert {address for address, reason in found.items() if reason in ("rule", "block")} == BLOCKED, found
        one.stop(signal.SIGINT)


@pytest.mark.parametrize("form", ("list", "rbldnsd", "nft"))
def test_what_was_exported_is_imported_as_the_same(gate, blocking, form):
    other = gate(start=False)
    done = other(f"import list {exported(blocking, form, blocking.folder)}")
    nets = [ipaddress.ip_network(prefix) for prefix in rules(other)]
    found = {a for a in BLOCKED | FREE if any(ipaddress.ip_address(a) in net for net in nets)}
    assert found == BLOCKED, (found ^ BLOCKED, done)
    # What it cannot take it says, and a zone's test entries are no such thing.
    assert " line " not in done.stderr, done.stderr


def test_what_lists_of_the_dns_say_has_their_name_on_it(lab, lists, sink, gate):
    g = judging(gate)
    g(f"block {OTHER}")
    meet(g, lab.out, BAD)
    done = g("export list")
    assert re.search(rf"^{BAD} # reply, origin dnsbl, until ", done.stdout, re.M), done.stdout
    assert "1 of them have the origin dnsbl" in done.stderr, done.stderr
    done = g("export list origin operator")
    assert OTHER in done.stdout and BAD not in done.stdout and not done.stderr, done
    # Lists do not keep out who is trusted.
    g(f"trust {BAD}")
    done = g("export list")
    assert OTHER in done.stdout and BAD not in done.stdout and not done.stderr, done
    g(f"distrust {BAD}")
    # Who is let in is not exported as blocked.
    g("monitor")
    done = g("export list")
    assert OTHER in done.stdout and BAD not in done.stdout and "# Not here: 1 source found" in done.stdout, done.stdout
    # Nor counted where one asks for others.
    assert "Not here" not in g("export list origin operator").stdout


def test_a_list_with_what_is_never_blocked(gate):
    g = gate(start=False)
    g("block 198.51.100.7 because by hand")
    done = g("import list - for 1h origin some-list", stdin="198.51.100.7 # hand\n192.0.2.0/24 our own\n192.0.2.25\n"
             "bogus\n1.2.3.4-1.2.3.6\n10.1.2.3\n198.51.100.9\n203.0.113.1\n203.0.113.3\n")
    assert "line 4: 'bogus'" in done.stderr and "not blocked: 192.0.2.0/24 covers 192.0.2.25" in done.stderr, done.stderr
    there = rules(g)
    assert {p for p, r in there.items() if r["origin"] == "some-list"} == {
        "1.2.3.4/31", "1.2.3.6", "10.1.2.3", "198.51.100.9", "203.0.113.1", "203.0.113.3"}, there
    # The operator's own rule stays as it was.
    assert there["198.51.100.7"]["because"] == "by hand" and there["198.51.100.7"]["expires"] is None
    assert g("import list /nowhere", status=1).stderr
    done = g("import list -", stdin="<html>\n", status=1)
    assert "web page" in done.stderr, done.stderr


def test_a_list_is_read_without_privileges(run, lab, gate):
    g = gate(start=False)
    pipe = os.path.join(run.folder, run.next_name("pipe"))
    os.mkfifo(pipe)
    process = lab.mail.start(*g.words("import", "list", pipe))
    # Opened by both, nothing written yet: the reader waits.
    with open(pipe, "w", encoding="ascii") as writer:
        reader = until(lambda: children(process.pid), what="the reader")[0]

        def status():
            with open(f"/proc/{reader}/status", encoding="ascii") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

        until(lambda: status()["Seccomp"] == "2", what="it has given up all")
        has = status()
        assert {has[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}, has
        assert "0" not in has["Uid"].split() and has["NoNewPrivs"] == "1", has
        assert os.listdir(f"/proc/{reader}/root") == []
        writer.write("203.0.113.7\n")
    assert process.wait(10) == 0, process.stderr.read()
    assert set(rules(g)) == {"203.0.113.7"}
