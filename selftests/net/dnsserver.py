# SPDX-License-Identifier: BSD-2-Clause
"""
Servers of the DNS in a host: a real rbldnsd with lists, a real unbound that forwards to it, and a hostile responder that
answers in every wrong way. All listen on loopback, each in its own namespace, so ports never collide.
"""
import contextlib
import os
import shutil
import signal
import socket
import struct
import threading

from lab import Lines, until

RBLDNSD_PORT = 5301
# Lists need an owner's record, or rbldnsd gives no negative TTL. The last number is it.
SOA = "$SOA 600 ns.{zone} admin.{zone} 1 600 300 86400 {negative}\n"

A, SOA_TYPE, PTR, TXT, AAAA, OPT = 1, 6, 12, 16, 28, 41
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


class Rbldnsd:
    """Zones: {name: {dataset type: text}}. The test entry 127.0.0.2 is added unless bare."""

    def __init__(self, run, host, zones, negative=300, port=RBLDNSD_PORT):
        self.folder = os.path.join(run.folder, run.next_name("rbldnsd"))
        os.mkdir(self.folder, 0o755)
        words = []
        for zone, datasets in zones.items():
            for kind, text in datasets.items():
                name = f"{zone}.{kind}"
                with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                    file.write(SOA.format(zone=zone, negative=negative) + text)
                words.append(f"{zone}:{kind}:{name}")
        self._process = host.start("rbldnsd", "-n", "-r", self.folder, "-w", "/", "-q", "-c", "0", "-t", "900:1:900",
                                   "-b", f"127.0.0.1/{port}", *words)
        self._log = Lines(self._process.stdout)
        self._errors = Lines(self._process.stderr)
        until(lambda: is_listening(host, port) or self._process.poll() is not None, what="rbldnsd")
        assert self._process.poll() is None, self._log.lines + self._errors.lines

    def change(self, zone, kind, text):
        """Another text of a dataset from now on; what follows is answered from it."""
        name = f"{zone}.{kind}"
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            owner = file.readline()
        # rbldnsd reads again what has another size or time than before.
        with open(os.path.join(self.folder, name + ".new"), "w", encoding="utf-8") as file:
            file.write(owner + text)
        os.replace(file.name, os.path.join(self.folder, name))
        start = len(self._log.lines)
        self._process.send_signal(signal.SIGHUP)
        self._log.wait(r"zones reloaded", 5, start)

    def close(self):
        self._process.kill()
        self._process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)


def is_listening(host, port):
    return f":{port} " in host.run("ss", "-Hlnu").stdout


class UnboundServer:
    """An unbound of the host's own, with what stands in its configuration."""

    def __init__(self, run, host, what):
        self.host = host
        self.folder = os.path.join(run.folder, run.next_name(what))
        os.mkdir(self.folder, 0o755)
        self._process = None

    def configure(self, server, rest=()):
        """Lines of the server's section, and behind it."""
        with open(os.path.join(self.folder, "unbound.conf"), "w", encoding="utf-8") as file:
            file.write(f"""
server:
 do-daemonize: no
 username: ""
 chroot: ""
 directory: "{self.folder}"
 pidfile: ""
 use-syslog: no
 module-config: "iterator"
 root-hints: ""
 num-threads: 1
""" + "".join(f" {line}\n" for line in server) + "".join(f"{line}\n" for line in rest) + """
remote-control:
 control-enable: no
""")

    def start(self):
        self._process = self.host.start("unbound", "-d", "-c", os.path.join(self.folder, "unbound.conf"))
        errors = Lines(self._process.stderr)
        until(lambda: is_listening(self.host, 53) or self._process.poll() is not None, what="unbound")
        assert self._process.poll() is None, errors.lines

    def stop(self):
        if self._process:
            self._process.kill()
            self._process.wait(5)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Unbound(UnboundServer):
    """A resolver on 127.0.0.1:53 that asks rbldnsd about what lies under these domains."""

    def __init__(self, run, host, domains, lines=(), port=RBLDNSD_PORT):
        super().__init__(run, host, "unbound")
        stubs = [f'stub-zone:\n name: "{d}"\n stub-addr: 127.0.0.1@{port}' for d in domains]
        self.configure(["interface: 127.0.0.1", "access-control: 127.0.0.0/8 allow", "do-not-query-localhost: no", *lines], stubs)
        self.start()


# ---- messages ----

def name_bytes(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"


def question_read(message):
    """(name, type, bytes of the question)"""
    at, labels = 12, []
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(labels), struct.unpack("!H", message[at + 1:at + 3])[0], message[12:at + 5]


def record(owner, kind, data, ttl=300):
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def address(text, ttl=300, owner=b"\xc0\x0c"):
    return record(owner, A, socket.inet_aton(text), ttl)


def text_record(value, ttl=300):
    return record(b"\xc0\x0c", TXT, bytes([len(value)]) + value, ttl)


def soa(zone, ttl=300, minimum=300):
    return record(name_bytes(zone), SOA_TYPE,
                  name_bytes("ns." + zone) + name_bytes("admin." + zone) + struct.pack("!IIIII", 1, 2, 3, 4, minimum), ttl)


def reply(query, rcode=NOERROR, answers=(), authorities=(), truncated=False, question=None):
    flags = 0x8180 | rcode | (0x0200 if truncated else 0)
    asked = question_read(query)[2] if question is None else question
    return query[:2] + struct.pack("!HHHHH", flags, 1 if asked else 0, len(answers), len(authorities), 0) + asked + \
        b"".join(answers) + b"".join(authorities)


class Later:
    """An answer that comes so many seconds after its question."""

    def __init__(self, delay_s, said):
        self.delay_s, self.said = delay_s, said


class Responder:
    """
    Answers on 127.0.0.1:PORT by a function of (name, type, query, over TCP): bytes, a list of them, Later (by UDP), or None
    for silence. Runs in threads of this process, with sockets of the host's namespace. It counts the questions it has seen.
    """

    def __init__(self, host, answer, port=5399):
        self.answer, self.port = answer, port
        self.asked = []
        with host.inside():
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._udp.bind(("127.0.0.1", port))
        self._tcp.bind(("127.0.0.1", port))
        self._tcp.listen(64)
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def _answers(self, query, tcp):
        name, kind, _ = question_read(query)
        self.asked.append((name, kind, tcp))
        said = self.answer(name.lower(), kind, query, tcp)
        return [] if said is None else [said] if isinstance(said, (bytes, Later)) else said

    def _serve_udp(self):
        while True:
            try:
                query, peer = self._udp.recvfrom(4096)
                if not query:
                    return
                for said in self._answers(query, False):
                    self._send(said, peer)
            except OSError:
                return

    def _send(self, said, peer):
        if not isinstance(said, Later):
            self._udp.sendto(said, peer)
        elif said.said is not None:
            timer = threading.Timer(said.delay_s, self._send_late, (said.said, peer))
            timer.daemon = True
            timer.start()

    def _send_late(self, said, peer):
        # Closed meanwhile: nobody waits for it.
        with contextlib.suppress(OSError):
            self._udp.sendto(said, peer)

    def _serve_tcp(self):
        while True:
            try:
                peer, _ = self._tcp.accept()
            except OSError:
                return
            with peer:
                size = peer.recv(2)
                if len(size) == 2:
                    query = peer.recv(struct.unpack("!H", size)[0])
                    for said in self._answers(query, True):
                        peer.sendall(struct.pack("!H", len(said)) + said)

    def close(self):
        """The port is free afterwards: a thread that waits on a socket would keep it."""
        self._udp.sendto(b"", ("127.0.0.1", self.port))
        self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()
