# SPDX-License-Identifier: BSD-2-Clause
"""A real nsd in a host, with the zones that a test writes as master files."""
import os
import shutil

from dnsserver import is_listening
from lab import Lines, until

NSD_PORT = 5303
HEAD = "$ORIGIN {zone}.\n$TTL 300\n@ SOA ns.{zone}. admin.{zone}. 1 600 300 86400 300\n"


class Nsd:
    """Zones: {name: text of a master file}; owner and SOA are added."""

    def __init__(self, run, host, zones, port=NSD_PORT):
        self.folder = os.path.join(run.folder, run.next_name("nsd"))
        self.zones, self.port = zones, port
        os.mkdir(self.folder, 0o755)
        clauses = ""
        for zone, text in zones.items():
            path = os.path.join(self.folder, f"{zone}.zone")
            with open(path, "w", encoding="ascii") as file:
                file.write(HEAD.format(zone=zone) + text)
            clauses += f'zone:\n name: "{zone}"\n zonefile: "{path}"\n'
        config = os.path.join(self.folder, "nsd.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"""
server:
 ip-address: 127.0.0.1@{port}
 username: ""
 zonesdir: "{self.folder}"
 database: ""
 pidfile: "{self.folder}/pid"
 xfrdfile: ""
 zonelistfile: "{self.folder}/zone.list"
 xfrdir: "{self.folder}"
 server-count: 1
remote-control:
 control-enable: no
{clauses}""")
        self._process = host.start("nsd", "-d", "-c", config)
        self._errors = Lines(self._process.stderr)
        until(lambda: is_listening(host, port) or self._process.poll() is not None, what="nsd")
        self._errors.wait(r"nsd started", 5)
        # A zone with a fault in it is left out, and all of it with SERVFAIL.
        assert not any("error:" in line for line in self._errors.lines), self._errors.lines

    def stubs(self):
        """What an unbound in front of it needs to know (dnsserver.Unbound, lines)."""
        plain = [f'local-zone: "{zone}." nodefault' for zone in self.zones]
        return plain + [line for zone in self.zones
                        for line in ("stub-zone:", f'name: "{zone}"', f"stub-addr: 127.0.0.1@{self.port}")]

    def close(self):
        self._process.terminate()
        self._process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)
