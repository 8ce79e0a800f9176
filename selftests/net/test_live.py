# SPDX-License-Identifier: BSD-2-Clause
"""
A controller that is lived with: reloads under load, what it answers to them, what systemd and the journal hear of it, and an enforce
mode that ends by itself.
"""
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from clients import fate, forge_start, knock
from gate import descendants
from lab import PINS, clock_set, command, until
from senders import senders, wait_messages

YEAR_S = 31536000
HONEST = "203.0.113.7"
LATER = "203.0.113.8"
BLOCKED = "203.0.113.66"
PORT = {"port": 25, "class": "mx"}
# Each is what a file says beside what it always says.
GOOD = [
    {"limits": {"rate": "60000/1m", "open": 4000}},
    {"ports": [{"port": 587, "class": "submission"}, PORT]},
    {"ports": [PORT, {"port": 465, "class": "submission"}, {"port": 587, "class": "submission"}]},
    {"ports": [{"port": 2525, "class": "mx"}, {"port": 587, "class": "submission"}, PORT]},
    {"ports": [{**PORT, "only": ["203.0.113.0/24"]}]},
    {"guard": ["192.0.2.0/24"]},
    {"actions": {"rate": "refuse", "open": "drop"}},
    {"budgets": {"events": 10, "event_interval": "1m"}},
    {"never_block": ["198.51.100.0/24"]},
    {"local_networks": False},
    {"responder": {"contact": "https://example.net/"}},
    {},
]
MAPS = {"tables": {"rates": 65536, "rules": 4096}}
BAD = ['mode = "enforced";', "limits: { rates = 3; };", "ports = (", 'resolver = ["none"];']


class Honest:
    """Connects all the time, some hundred times a second, and hears the server's greeting each time."""

    def __init__(self, lab):
        self._lab, self._ends, self._seen = lab, False, []
        self._thread = threading.Thread(target=self._knock)
        self._thread.start()

    def _knock(self):
        while not self._ends:
            self._seen.append(knock(self._lab.out, HONEST, count=100, rate=400, greet=True, then="fin", wait_ms=4000))

    def stop(self):
        """How many connections were made; not one failed."""
        self._ends = True
        self._thread.join(20)
        assert all(seen["made"] == 100 for seen in self._seen), self._seen
        return 100 * len(self._seen)


def reload_by_signal(g):
    """What the log says of it."""
    start = len(g.log.lines)
    g.controller.send_signal(signal.SIGHUP)
    return g.log.wait(r".*(reloaded |the configuration in force stays).*", 10, start).group(0)


def test_fifty_reloads_under_load(lab, gate, sink):
    base = {"mode": "enforce", "limits": {"rate": "", "open": 5000}}
    g = gate(**base)
    g(f"block {BLOCKED}")
    before = dict(g.config)
    rules, done, seen = g.rules(), 0, 0
    forged = forge_start(lab.out, [BLOCKED], count=10**9, rate=4000, life_s=60)
    honest = Honest(lab)
    for number in range(50):
        if number % 5 == 4:
            g.configure()
            with open(g.config_path, encoding="utf-8") as file:
                text = file.read()
            g.configure_text(text + BAD[number // 5 % len(BAD)] + "\n")
            assert "stays" in reload_by_signal(g)
        else:
            change = MAPS if number == 20 else GOOD[number % len(GOOD)]
            g.config = {**before, **(MAPS if 20 <= number < 30 else {}), **change}
            g.configure()
            assert "reloaded" in reload_by_signal(g)
            done += 1
        if number % 10 == 5:
            assert seen <= g.count("rule"), "a counter went back"
            seen = g.count("rule")
    g.configure()
    assert g.rules() == rules
    sent = forged.stop()
    assert honest.stop() > 100
    # Of two changes of the maps each loses what came in its instant.
    assert sent["sent"] * 0.98 <= g.count("rule") <= sent["sent"] + 10
    status = g.row("show status")
    assert (status["mode"], status["blocks"]) == ("enforce", 1)
    assert done == 40


def test_a_store_that_is_held_keeps_nobody_waiting(lab, gate, sink):
    """
    While another process holds the store the configuration is read again, a controller follows another and a gate is made anew, with its
    rules; what was ordered meanwhile is made up for.
    """
    other = "198.51.100.9"
    g = gate(mode="monitor")
    g(f"block {BLOCKED}")
    g(f"block {other}")
    with g.locked() as store:
        # As a command leaves it that was killed before it came to the kernel.
        for step in ("DELETE FROM rule WHERE substr(addr, 13) = x'cb007142'", "COMMIT", "BEGIN IMMEDIATE"):
            store.execute(step)
        for change in {"mode": "enforce"}, {"tables": {"rules": 4096}}:
            g.configure(**change)
            assert "1 key has changed" in g("reload").stdout
            g.log.wait(r"store: .*; its rules and its mode are compared with the kernel's as soon as")
            assert g.row("show status")["mode"] == "enforce"
            assert (g.why(HONEST)["verdict"], g.why(other)["verdict"]) == ("pass", "drop")
        g.stop()
        g.start()
        assert (g.row("show status")["mode"], g.why(other)["verdict"]) == ("enforce", "drop")
        g.stop(signal.SIGINT)
        g.start()
        assert (g.row("show status")["mode"], g.why(other)["verdict"]) == ("enforce", "drop")
    g.log.wait(r"store: its rules and its mode are in force", 5)
    assert (g.why(BLOCKED)["verdict"], g.why(other)["verdict"]) == ("pass", "drop")


def test_reload_says_what_changed_or_what_is_wrong(gate):
    g = gate(dnsbl={"sites": ["key.bl.example*3"]}, resolver=["127.0.0.1"])
    assert "0 keys have changed" in g("reload").stdout
    g.configure(limits={"rate": "60/1m burst 60"}, tables={"rules": 4096}, dnsbl={"sites": ["secret.bl.example*3"]})
    said = g("reload").stdout.splitlines()
    assert said[0] == "limits.rate: 120/1m burst 120 -> 60/1m burst 60"
    assert 'dnsbl.sites: ["key.bl.example*3"] -> ["secret.bl.example*3"]' in said
    assert "tables.rules: 262144 -> 4096 (new maps)" in said
    assert said[-1] == f"the controller has read {g.config_path} again: 3 keys have changed"
    # The log has the same, but for what may be a key to a service.
    g.log.wait(r"reload: limits\.rate: 120/1m burst 120 -> 60/1m burst 60")
    g.log.wait(r"reload: dnsbl\.sites has changed")
    assert not [line for line in g.log.lines if "reload" in line and "secret" in line]
    g.configure(limits={"rate": "50/1m burst 50"})
    assert g.row("reload")["changes"] == [{"key": "limits.rate", "was": "60/1m burst 60", "now": "50/1m burst 50",
                                           "effect": "live"}]
    # A fault that only the controller can see, and one that any reader does.
    g.configure(state_dir=g.state + "-elsewhere")
    said = g("reload", status=1).stderr
    assert "`state_dir` has changed" in said and "takes a restart" in said and "goes on with the old" in said, said
    g.log.wait(r"`state_dir` has changed .* the configuration in force stays")
    g.configure_text("mode = \"monitor\";\nlimits: { rats = 1; };\n")
    said = g("reload", status=1).stderr
    assert f"{g.config_path}:2" in said and "goes on with the old" in said, said


def test_enforce_for_a_time_outlives_reload_and_restart_and_no_more(lab, gate, sink):
    g = gate()
    g(f"block {BLOCKED}")
    g("enforce for 4s")
    until_when = g.row("show status")["enforce_until"]
    g.log.wait(r"enforce mode until \S+, as ordered")
    g.configure(limits={"open": 7})
    g("reload")
    assert g.row("show status")["enforce_until"] == until_when
    g.kill()
    g.start()
    assert g.row("show status")["enforce_until"] == until_when
    assert re.search(r"enforce until \S+ \(\ds left\), then monitor", g("show status").stdout)
    g.log.wait(r"monitor mode: the time for which enforce was ordered is over", 8)
    assert g.row("show status")["mode"] == "monitor"
    # When the clock is set the wall time is written anew that the order ends by after a reboot; here it is a year late.
    g("enforce for 1h")

    def stored():
        with g.store() as store:
            return store.execute("SELECT value FROM value WHERE name = 'mode'").fetchone()[0].split()

    def late(words):
        return [str(int(word) + YEAR_S) if at == len(words) - 2 else word for at, word in enumerate(words)]
    right = stored()
    with g.store() as store, store:
        store.execute("UPDATE value SET value = ? WHERE name = 'mode'", [" ".join(late(right))])
    clock_set()
    until(lambda: abs(int(stored()[-2]) - int(right[-2])) <= 1, 5, "the wall time is right again")
    # A timed commit: said again without a time, it stays.
    g("enforce")
    status = g.row("show status")
    assert (status["mode"], status["enforce_until"]) == ("enforce", None)


@contextlib.contextmanager
def loading():
    """As while another process loads a gate."""
    folder = os.open(PINS, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


class Manager:
    """The socket of a service manager: what the controller tells it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def wait(self, word, timeout_s=8):
        """The first message that has it, as a dictionary."""
        end = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            said = dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())
            if word in said:
                return said

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    one = Manager(str(tmp_path))
    yield one
    one.close()


def test_the_service_manager_hears_how_things_stand(gate, manager):
    g = gate(start=False)
    g.start(environment={**os.environ, "NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"})
    ready = manager.wait("READY")
    assert int(ready["MAINPID"]) == g.controller.pid
    assert re.fullmatch(r"monitor mode, guarding mx0 \(native\), 0 rules, 0 listed", ready["STATUS"])
    for _ in range(3):
        assert manager.wait("WATCHDOG", 5)["WATCHDOG"] == "1"
    g(f"block {BLOCKED}")
    g("enforce")
    while not (said := manager.wait("STATUS")["STATUS"]).startswith("enforce mode, guarding mx0 (native), 1 rule,"):
        assert said
    g.controller.send_signal(signal.SIGHUP)
    assert int(manager.wait("RELOADING")["MONOTONIC_USEC"]) > 0
    assert manager.wait("READY")["STATUS"].startswith("enforce mode")
    # A reload that needs new maps waits for a process that is loading others, and the loop does not.
    g.configure(tables={"rules": 4096})
    with loading():
        g.controller.send_signal(signal.SIGHUP)
        assert manager.wait("RELOADING")
        for _ in range(3):
            assert manager.wait("WATCHDOG")
    assert manager.wait("READY")
    g.log.wait(r"reload: tables\.rules: 262144 -> 4096")
    assert g.stop() == 0
    assert manager.wait("STOPPING") == {"STOPPING": "1"}
    # A start that fails says why.
    g.configure(interfaces=["mx0"], responder={"certificate": "/none.pem", "key": "/none.key"})
    g.start(ready=None, environment={**os.environ, "NOTIFY_SOCKET": manager.path})
    said = manager.wait("STOPPING")
    assert int(said["ERRNO"]) == 2 and "/none.pem" in said["STATUS"], said
    assert g.controller.wait(5) == 1


class Journald:
    """A real systemd-journald with a journal of its own, seen by those who start with `before`."""

    MOUNTS = "mount --bind {0}/run /run/systemd && mount --bind {0}/log /var/log/journal || exit 1\n"
    # What systemd gives to a service whose standard error is its own.
    STREAM = "JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec \"$@\""

    def __init__(self, folder):
        with open("/etc/machine-id", encoding="ascii") as file:
            self._journal = os.path.join(folder, "log", file.read().strip())
        os.makedirs(os.path.join(folder, "run", "journal"))
        os.makedirs(self._journal)
        for name in ("/run/systemd", "/var/log/journal"):
            os.makedirs(name, exist_ok=True)
        # Its sign that the disk may be written to.
        with open(os.path.join(folder, "run", "journal", "flushed"), "w", encoding="ascii"):
            pass
        mounts = self.MOUNTS.format(folder)
        self.before = ["unshare", "--mount", "sh", "-c", mounts + self.STREAM, "--"]
        self._process = subprocess.Popen(["unshare", "--mount", "sh", "-c", mounts + "exec /lib/systemd/systemd-journald"])
        self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._to = os.path.join(folder, "run", "journal", "dev-log")
        until(lambda: os.path.exists(self._to), 10, "journald")

    def syslog(self, line):
        """A line of the mail facility (RFC 3164: 2 * 8 + 6)."""
        self._syslog.sendto(b"<22>" + line.encode(), self._to)

    def find(self, *fields):
        """Entries that have these, as dictionaries."""
        done = command("journalctl", "--quiet", "--no-pager", "--output=json", "--directory", self._journal, *fields)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def close(self):
        self._syslog.close()
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def journald(tmp_path):
    one = Journald(str(tmp_path))
    yield one
    one.close()


def log_message(journald, number, client=HONEST):
    """As Postfix logs a message that it took."""
    name = f"4F{number:04X}"
    for line in (f"smtpd[7]: {name}: client=mx.example.org[{client}]", f"cleanup[8]: {name}: message-id=<1@example.org>",
                 f"qmgr[9]: {name}: from=<a@example.org>, size=300, nrcpt=1 (queue active)"):
        journald.syslog(f"postfix/{line}")


def test_a_real_journal_is_searched_and_followed(lab, gate, sink, journald):
    g = gate(start=False, mail_log="journal")
    g.start(before=journald.before)
    g(f"block {BLOCKED}")
    assert fate(lab.out, BLOCKED) == "silent"
    entry = until(lambda: journald.find(f"POSTERN_SOURCE={BLOCKED}", "POSTERN_REASON=rule"), 8, "the entry")[0]
    assert entry["MESSAGE"].startswith(f"dropped: {BLOCKED} port 25 rule: ")
    assert {k: v for k, v in entry.items() if k.startswith("POSTERN_")} == {
        "POSTERN_SOURCE": BLOCKED, "POSTERN_PORT": "25", "POSTERN_REASON": "rule", "POSTERN_ACTION": "drop",
        "POSTERN_INTERFACE": "mx0", "POSTERN_SUPPRESSED": "0"}
    assert (entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == ("6", "postern") and len(entry["MESSAGE_ID"]) == 32
    # What is no decision about a source goes the ordinary way, with its priority.
    assert any(line.startswith("<6>ready: ") for line in g.log.lines)
    # Who prints the journal may nothing more.
    reader = until(lambda: next((p for p, name in descendants(g.controller.pid).items() if name == "journalctl"), None))
    with open(f"/proc/{reader}/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0 and status["NoNewPrivs"] == "1"
    # The mail server's lines, over a controller that is killed: each message once.
    log_message(journald, 1)
    wait_messages(g, 1)
    g.kill()
    log_message(journald, 2)
    g.start(before=journald.before)
    log_message(journald, 3)
    wait_messages(g, 3)
    assert senders(g) == {HONEST: 3}
    # A place that a wrong clock has left in the future: what the journal has by now is not told again, and a part of it may be missing.
    g.kill()
    with g.store() as store, store:
        store.execute("UPDATE value SET value = ? WHERE name = 'mail_log_place'", [f"journal {int(time.time() + 86400) * 10 ** 6} 1"])
    log_message(journald, 4)
    g.start(before=journald.before)
    until(lambda: g.row("show status")["mail_log"]["gaps"] == 1, 8, "the gap")

    def is_read_on():
        log_message(journald, 5, LATER)
        return LATER in senders(g)
    until(is_read_on, 10, "what came later")
    assert senders(g)[HONEST] == 3
