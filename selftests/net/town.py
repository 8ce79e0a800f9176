# SPDX-License-Identifier: BSD-2-Clause
"""
A small internet for the audit: a router, a host from which it is made, mail hosts with addresses of both families in two networks, and a
resolver that knows the names of all of them and that nothing else exists. The auditor is no neighbour of any mail host, as an
outsider is not.
"""
import ipaddress
import socket

from dnsserver import UnboundServer
from lab import Host, until

AUDITOR = {4: "198.51.100.2", 6: "2001:db8:8000::2"}
_ROUTER = {4: ("192.0.2.1/24", "203.0.113.1/24"), 6: ("2001:db8:25::1/64", "2001:db8:71::1/64")}
_ROUTER_AUDITOR = ("198.51.100.1/24", "2001:db8:8000::1/64")
RESOLVER = "192.0.2.1"
# name: addresses. Two networks, as two MX should have.
HOSTS = {
    "mx.example.net": ("192.0.2.25", "2001:db8:25::25"),
    "mx2.example.net": ("203.0.113.25", "2001:db8:71::25"),
}


def pointer(address, name):
    return f"{ipaddress.ip_address(address).reverse_pointer}. PTR {name}."


def records_of(domain="example.net", hosts=None):
    """A domain that is in order in every respect, and the foreign ones that are asked about."""
    hosts = hosts or HOSTS
    lines = [f"{domain}. MX {10 * n} {name}." for n, name in enumerate(hosts, 1)]
    for name, addresses in hosts.items():
        for address in addresses:
            lines += [f"{name}. {'AAAA' if ':' in address else 'A'} {address}", pointer(address, name)]
    key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
    return lines + [
        f'{domain}. TXT "v=spf1 mx -all"',
        f'_dmarc.{domain}. TXT "v=DMARC1; p=reject; rua=mailto:postmaster@{domain}"',
        f'_mta-sts.{domain}. TXT "v=STSv1; id=20260101000000Z"',
        f'_smtp._tls.{domain}. TXT "v=TLSRPTv1; rua=mailto:postmaster@{domain}"',
        f'mail._domainkey.{domain}. TXT "v=DKIM1; k=ed25519; p={key}"',
        "example.org. MX 10 mail.example.org.", f"mail.example.org. A {AUDITOR[4]}", f"example.org. A {AUDITOR[4]}",
        "example.com. MX 0 .", "example.com. A 198.51.100.80",
        "auditor.example.org. A " + AUDITOR[4], "auditor.example.org. AAAA " + AUDITOR[6],
        pointer(AUDITOR[4], "auditor.example.org"), pointer(AUDITOR[6], "auditor.example.org"),
    ]


class Zone(UnboundServer):
    """A real unbound that has these records as local data, and answers for all else that it does not exist."""

    def __init__(self, run, host, addresses, records):
        super().__init__(run, host, "zone")
        self.addresses = addresses
        self.change(records)

    def change(self, records):
        """From now on these are all."""
        self.stop()
        self.configure(["access-control: 0.0.0.0/0 allow", "unblock-lan-zones: yes", 'local-zone: "." static',
                        'local-data: ". 300 SOA ns.example.net. admin.example.net. 1 600 300 86400 300"',
                        *(f"interface: {a}" for a in self.addresses), *(f"local-data: '{r}'" for r in records)])
        self.start()


def is_reached(host, address):
    """A port where nobody listens says so: the way there and back carries."""
    with host.inside():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(0.2)
        try:
            sock.connect((address, 1))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return True


class Town:
    def __init__(self, run, records=None):
        self.run = run
        self.router = Host(run.next_name("router"))
        self.auditor = Host(run.next_name("auditor"))
        self._mail_hosts = []
        for host in (self.router, self.auditor):
            self._prepare(host)
        self.router.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        self.router.ip("link add br0 type bridge", "link set br0 up",
                       *(f"addr add {a} dev br0" for a in _ROUTER[4]), *(f"addr add {a} dev br0 nodad" for a in _ROUTER[6]),
                       f"link add au0 type veth peer name out0 netns {self.auditor.name}", "link set au0 up",
                       f"addr add {_ROUTER_AUDITOR[0]} dev au0", f"addr add {_ROUTER_AUDITOR[1]} dev au0 nodad")
        self.auditor.ip("link set out0 up", f"addr add {AUDITOR[4]}/24 dev out0", f"addr add {AUDITOR[6]}/64 dev out0 nodad",
                        "route add default via 198.51.100.1", "route add default via 2001:db8:8000::1")
        self.zone = Zone(run, self.router, (RESOLVER, "198.51.100.1"), records or records_of())

    @staticmethod
    def _prepare(host):
        host.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0,
                    ipv6__conf__default__router_solicitations=0)

    def mail_host(self, name="mx.example.net"):
        """A new host that has the addresses of this name; there may be one of the name at a time."""
        host = Host(self.run.next_name("site"))
        self._prepare(host)
        four, six = HOSTS[name]
        end = f"s{len(self._mail_hosts)}"
        self.router.ip(f"link add {end} type veth peer name eth0 netns {host.name}", f"link set {end} master br0 up")
        gateway = {4: str(ipaddress.ip_network(f"{four}/24", False)[1]), 6: str(ipaddress.ip_network(f"{six}/64", False)[1])}
        host.ip("link set eth0 up", f"addr add {four}/24 dev eth0", f"addr add {six}/64 dev eth0 nodad",
                f"route add default via {gateway[4]}", f"route add default via {gateway[6]}")
        self._mail_hosts.append(host)
        for source in AUDITOR.values():
            until(lambda a=source: is_reached(host, a), what="the way to the auditor")
        return host

    def close(self):
        self.zone.close()
        for host in (*self._mail_hosts, self.auditor, self.router):
            host.close()
