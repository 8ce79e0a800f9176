# SPDX-License-Identifier: BSD-2-Clause
"""
Those who connect, and a mail server simple enough to be told what not to do. What a test asserts is what these see.
"""
import collections
import json
import os
import selectors
import signal
import smtplib
import socket
import threading
import time

from lab import MAIL, MAIL_MAC, TOOLS

SMTP = 25
SENDER = "someone@example.org"
RECIPIENT = "inbox@example.net"
# Answers take a millisecond here: after this, silence is meant.
SILENCE_S = 0.5
# And after this the SYN was repeated (1 s), and the repeat went unheard as well.
SILENCE_REPEAT_S = 1.3


def family_of(address):
    return 6 if ":" in address else 4


Outcome = collections.namedtuple("Outcome", "source fate ms sock")


def client_socket(host, source):
    kind = socket.AF_INET6 if family_of(source) == 6 else socket.AF_INET
    with host.inside():
        sock = socket.socket(kind, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.bind((source, 0))
    return sock


def attempt_all(host, sources, wait_s=SILENCE_S, port=SMTP, greet=False):
    """
    Connect from each source at once. Fates: open (with greet: and the server spoke), refused, silent, reset, mute.
    Sockets of open ones are the caller's, in order of the sources.
    """
    sources = list(sources)
    chosen = selectors.DefaultSelector()
    done = {}
    begin = time.monotonic()

    def finish(index, fate):
        sock = socks[index]
        chosen.unregister(sock)
        if fate != "open":
            sock.close()
        ms = (time.monotonic() - begin) * 1000
        done[index] = Outcome(sources[index], fate, ms, sock if fate == "open" else None)

    def step(index, connected):
        sock = socks[index]
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            refused = isinstance(OSError(error, ""), ConnectionRefusedError)
            finish(index, "refused" if refused and index not in connected else "reset")
        elif not greet:
            finish(index, "open")
        elif index not in connected:
            connected.add(index)
            chosen.modify(sock, selectors.EVENT_READ, index)
        else:
            try:
                finish(index, "open" if sock.recv(512, socket.MSG_PEEK) else "reset")
            except OSError:
                finish(index, "reset")

    socks = [client_socket(host, source) for source in sources]
    connected = set()
    for index, sock in enumerate(socks):
        sock.connect_ex((MAIL[family_of(sources[index])], port))
        chosen.register(sock, selectors.EVENT_WRITE, index)
    while len(done) < len(socks):
        left = begin + wait_s - time.monotonic()
        if left <= 0:
            break
        for key, _ in chosen.select(left):
            step(key.data, connected)
    for index in range(len(socks)):
        if index not in done:
            finish(index, "mute" if index in connected else "silent")
    chosen.close()
    return [done[i] for i in range(len(socks))]


def attempt(host, source, **options):
    return attempt_all(host, [source], **options)[0]


def fates(host, sources, **options):
    """{source: fate}, with nothing left open."""
    outcomes = attempt_all(host, sources, **options)
    close_all(outcomes)
    return {o.source: o.fate for o in outcomes}


def fate(host, source, **options):
    return fates(host, [source], **options)[source]


def close_all(outcomes):
    for outcome in outcomes:
        if outcome.sock:
            outcome.sock.close()


def hang_up_abruptly(sock):
    """Close by RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    sock.close()


def is_reset(sock, timeout_s):
    """Does a RST come within the time? What is said before it is thrown away."""
    sock.settimeout(timeout_s)
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        pass
    return False


def is_hung_up(sock, timeout_s):
    """Does the other end close, or reset, within the time?"""
    sock.settimeout(timeout_s)
    try:
        while sock.recv(4096):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


class Tool:
    """A helper that prints a line of JSON: knock or forge."""

    def __init__(self, host, name, **options):
        words = []
        for key, value in options.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                words.append(f"--{key.strip('_').replace('_', '-')}" + ("" if one is True else f"={one}"))
        self.process = host.start(os.path.join(TOOLS, name), *words)

    def result(self):
        """Of a tool that is still to be spoken to: its next line."""
        line = self.process.stdout.readline()
        assert line, f"no answer: {self.process.stderr.read()}"
        return json.loads(line)

    def stop(self):
        """Of one that would go on."""
        self.process.send_signal(signal.SIGINT)
        return self.finish()

    def finish(self, timeout_s=60):
        out, err = self.process.communicate(timeout=timeout_s)
        assert self.process.returncode == 0, err
        return json.loads(out.splitlines()[-1])


def knock_start(host, source, **options):
    return Tool(host, "knock", from_=source, to=MAIL[family_of(source)], **options)


def knock(host, source, **options):
    return knock_start(host, source, **options).finish()


def forge_start(host, sources, **options):
    tool = Tool(host, "forge", on="out0", mac=MAIL_MAC, to=MAIL[family_of(sources[0])], from_=sources, **options)
    assert tool.process.stdout.readline() == "ready\n", tool.process.stderr.read()
    return tool


def swaks(host, source, *words, timeout_s=5):
    """A whole mail by swaks(1), IPv4: status 0 when the server took it."""
    return host.run("swaks", "--server", MAIL[4], "--local-interface", source, "--timeout", str(timeout_s),
                    "--helo", "client.example.org", "--from", SENDER, "--to", RECIPIENT, *words, check=False)


def smtp_source(host, family, count, sessions):
    """Mails by smtp-source(1), from the default stranger of the family: status 0 when the server took all."""
    return host.run("smtp-source", "-l", "1000", "-m", str(count), "-s", str(sessions), "-f", SENDER,
                    "-t", RECIPIENT, f"inet:[{MAIL[family]}]:{SMTP}", check=False)


def mail(host, source, port=SMTP, timeout_s=3):
    """A whole mail from any source, either family. None, or what went wrong."""
    try:
        with host.inside():
            session = smtplib.SMTP(MAIL[family_of(source)], port, "client.example.org", timeout_s, (source, 0))
        with session:
            session.sendmail(SENDER, [RECIPIENT], "Subject: test\r\n\r\nA test.\r\n")
    except OSError as error:
        return error
    return None


class Talk:
    """A conversation step by step. heard: the greeting, then each answer. A reset is a ConnectionError, at once or later."""

    def __init__(self, host, source, port=SMTP, wait_s=3.0):
        outcome = attempt(host, source, wait_s=wait_s, port=port)
        if outcome.fate == "reset":
            raise ConnectionResetError("cut as soon as it was connected")
        assert outcome.fate == "open", outcome
        self.ms, self.sock = outcome.ms, outcome.sock
        self.sock.settimeout(wait_s)
        self._file = self.sock.makefile("rb")
        self.heard = []

    def hear(self):
        """A whole reply, its lines joined; "" at the end. A reset is a ConnectionError."""
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = self._file.readline(8192).decode("latin-1")
            if not line:
                return ""
            lines.append(line.rstrip("\r\n"))
        self.heard.append("\n".join(lines))
        return self.heard[-1]

    def say(self, line):
        self.sock.sendall(line if isinstance(line, bytes) else line.encode() + b"\r\n")
        return self.hear()

    def close(self):
        self._file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


DIALOGUE = ("EHLO client.example.org", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>")


def recipient(host, source, port=SMTP, wait_s=3.0, lines=DIALOGUE):
    """What the server says to the first recipient: "250 ..." or the refusal."""
    with Talk(host, source, port, wait_s) as talk:
        greeting = talk.hear()
        if not greeting.startswith("220"):
            return greeting
        for line in lines:
            said = talk.say(line)
        talk.say("QUIT")
        return said


class Sink:
    """
    Listens on both families, greets, and closes when the client does. With accept=False connections stay in the
    listener's queue. Connections are counted by source.
    """

    def __init__(self, host, port=SMTP, accept=True, options=()):
        with host.inside():
            self.listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for level, name, value in options:
            self.listener.setsockopt(level, name, value)
        self.listener.bind(("::", port))
        self.listener.listen(4096)
        self.accepted = collections.Counter()
        self.open = {}
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, args=(accept,), daemon=True)
        self._thread.start()

    def _serve(self, accept):
        with selectors.DefaultSelector() as chosen:
            chosen.register(self._stopped, selectors.EVENT_READ)
            if accept:
                chosen.register(self.listener, selectors.EVENT_READ)
            while True:
                for key, _ in chosen.select():
                    if key.fileobj is self._stopped:
                        return
                    if key.fileobj is self.listener:
                        self._take(chosen)
                    else:
                        self._hear(chosen, key.fileobj)

    def _take(self, chosen):
        sock, peer = self.listener.accept()
        source = peer[0].removeprefix("::ffff:")
        self.accepted[source] += 1
        self.open[sock] = source
        try:
            sock.send(b"220 mx.example.net ESMTP\r\n")
        except OSError:
            pass
        chosen.register(sock, selectors.EVENT_READ)

    def _hear(self, chosen, sock):
        try:
            if sock.recv(4096):
                return
        except OSError:
            pass
        chosen.unregister(sock)
        del self.open[sock]
        sock.close()

    def close(self):
        self._stop.close()
        self._thread.join(5)
        for sock in list(self.open):
            sock.close()
        self.listener.close()


def established(host, source=None, port=SMTP):
    """Open connections of the server's kernel (not those half open or in time-wait)."""
    states = "state connected exclude syn-recv exclude time-wait"
    where = f"sport = :{port}" + (f" and dst = [{source}]" if source else "")
    done = host.run("ss", "-Htn", *states.split(), f"( {where} )")
    return len(done.stdout.splitlines())
