# SPDX-License-Identifier: BSD-2-Clause
"""
What a break into the audit would be worth: the process that reads foreign bytes has no rights, no files but those it must write, and
does not outlive whoever waits for it.
"""
import os
import re
import signal
import subprocess

import pytest

import dnsserver as dns
from gate import descendants
from lab import MAIL, until

SILENT_PORT = 5397
HOST = f"audit --host {MAIL[4]} --local"
# What an event loop waits with, and where it talks.
HARMLESS = re.compile(r"socket:|pipe:|anon_inode:\[(eventpoll|timerfd|signalfd)\]|/dev/null")


class Running:
    """An audit whose questions are never answered, and its worker, which by then has given up what it has to."""

    def __init__(self, gate, *words):
        self.gate = gate
        self.silent = dns.Responder(gate.host, lambda *_: None, SILENT_PORT)
        gate.configure(resolver=[f"127.0.0.1:{SILENT_PORT}"])
        self.child = gate.host.start(*gate.words(*HOST.split(), *words), stdout=subprocess.DEVNULL)
        until(lambda: self.silent.asked, 20, "it asks")
        self.worker = next(pid for pid, name in descendants(self.child.pid).items() if name == "postern")

    def status(self, key):
        with open(f"/proc/{self.worker}/status", encoding="ascii") as file:
            return next(line.split()[1:] for line in file if line.startswith(key + ":"))

    def files(self):
        folder = f"/proc/{self.worker}/fd"
        return {fd: os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}

    def may_write(self, fd):
        with open(f"/proc/{self.worker}/fdinfo/{fd}", encoding="ascii") as file:
            flags = next(int(line.split()[1], 8) for line in file if line.startswith("flags:"))
        return flags & os.O_ACCMODE != os.O_RDONLY

    def close(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(5)
        self.silent.close()


@pytest.fixture
def running(gate):
    audit = gate(start=False)
    page, baseline = (os.path.join(audit.folder, name) for name in ("page.html", "baseline.jsonl"))
    one = Running(audit, "--html", page, "--baseline", baseline, "--update")
    yield one
    one.close()


def test_the_reader_of_foreign_bytes_has_no_rights(running):
    assert "0" not in running.status("Uid") + running.status("Gid") and running.status("Groups") == []
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(running.status(kind)[0], 16) == 0, kind
    assert running.status("NoNewPrivs") == ["1"] and running.status("Seccomp") == ["2"]
    assert re.fullmatch(r".*/postern-empty-\w+ \(deleted\)", os.readlink(f"/proc/{running.worker}/root"))
    files = {fd: path for fd, path in running.files().items() if not HARMLESS.match(path)}
    written = [path for fd, path in files.items() if running.may_write(fd)]
    assert sorted(re.sub(r"\.\w{6}$", "", os.path.basename(path)) for path in written) == ["baseline.jsonl", "page.html"]
    # The rest is the mail log.
    assert all(path.startswith("/var/log/") for path in files.values() if path not in written), files


def test_nothing_outlives_an_audit_that_is_killed(running):
    links = running.gate.host.run("ip", "-j", "link").stdout
    assert "veth" in links or '"link_netnsid"' in links
    left = {running.worker, *descendants(running.child.pid)}
    running.child.kill()
    running.child.wait(5)
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), 5, "all of it is gone")
    until(lambda: running.gate.host.run("ip", "-j", "link").stdout != links, 5, "the cable is gone")
