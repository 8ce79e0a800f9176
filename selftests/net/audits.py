# SPDX-License-Identifier: BSD-2-Clause
"""
`postern audit` as tests run it: from the auditor of a small internet (town.py), with its findings as JSON.
"""
import json
import os
import subprocess
import time

import gate
from town import HOSTS

AUDIT_MAX_S = 90
WRONG = ("fail", "warn")


def config_of(town):
    """Made once for each town."""
    path = os.path.join(town.zone.folder, "postern.conf")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write('interfaces = ["out0"];\nresolver = ["198.51.100.1:53"];\n')
    return path


class Audit:
    """One that runs; its findings when it has ended."""

    def __init__(self, town, authority, *words, named=True):
        self._begin = time.monotonic()
        names = ("--helo", "auditor.example.org", "--foreign", "example.org", "--mailbox", "inbox@example.net") if named else ()
        words = (gate.BINARY, "--config", config_of(town), "audit", *words, "--json", *names, "--trust", authority.path)
        self._process = town.auditor.start(*words, stdin=subprocess.DEVNULL)

    def end(self):
        out, err = self._process.communicate(timeout=AUDIT_MAX_S)
        self.took_s = time.monotonic() - self._begin
        assert self._process.returncode in (0, 1, 4), err
        rows = [json.loads(line) for line in out.splitlines()]
        self.findings = [row for row in rows if "id" in row]
        assert "summary" in rows[-1], out
        return self

    def wrong(self):
        return [x for x in self.findings if x["status"] in WRONG and x["address"]]


def audit(town, authority, *words):
    return Audit(town, authority, *words).end()


def audit_of(town, authority, name, *words):
    """Of one host by IPv4: the other family would say the same once more."""
    return Audit(town, authority, "example.net", "--host", HOSTS[name][0], "--own", *words)
