# SPDX-License-Identifier: BSD-2-Clause
"""
A mail server that means harm, or is merely broken, to be audited. It runs in threads of this process, with sockets of a
host's namespace. What it does is one of BEHAVIOURS, each a small class of what differs from a server that refuses
politely:

    with HostileServer(lab.mail, "tarpit") as server: ...

Nothing in it sleeps: pauses wait for the end of the server, so that close() is quick.
"""
import base64
import contextlib
import os
import socket
import ssl
import struct
import tempfile
import threading

from lab import command, until

SMTP = 25
CR_LF = b"\r\n"
# Of one line of a client; who sends more is cut off.
LINE_MAX = 1 << 20
BACKLOG = 128
NAME = b"mx.hostile.example"


class Gone(Exception):
    """The connection, or the server, has ended."""


class Talk:
    """One connection."""

    def __init__(self, server, sock):
        self.server = server
        self.sock = sock
        self._waiting = b""

    def say(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ValueError) as error:
            raise Gone from error

    def hear(self):
        """A line without its end."""
        while b"\n" not in self._waiting:
            try:
                data = self.sock.recv(4096)
            except (OSError, ValueError) as error:
                raise Gone from error
            if not data or len(self._waiting) > LINE_MAX:
                raise Gone
            self._waiting += data
        line, _, self._waiting = self._waiting.partition(b"\n")
        line = line.rstrip(b"\r")
        self.server.heard.append(line)
        return line

    def pause(self, seconds):
        if self.server.ending.wait(seconds):
            raise Gone

    def hear_all(self):
        """Everything, until the other end closes."""
        with contextlib.suppress(OSError, ValueError):
            while self.sock.recv(65536):
                pass
        raise Gone

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Gone


class Polite:
    """A server that refuses to relay and does nothing odd. The others are this, but for what they override."""

    greeting = b"220 " + NAME + b" ESMTP" + CR_LF
    ehlo = b"250-" + NAME + b"\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n"
    answers = {
        b"HELO": b"250 " + NAME + CR_LF,
        b"MAIL": b"250 2.1.0 Ok\r\n",
        b"RCPT": b"554 5.7.1 Relay access denied\r\n",
        b"DATA": b"554 5.5.1 No valid recipients\r\n",
        b"RSET": b"250 2.0.0 Ok\r\n",
        b"NOOP": b"250 2.0.0 Ok\r\n",
        b"VRFY": b"252 2.0.0 Cannot tell\r\n",
        b"STARTTLS": b"454 4.7.0 TLS not available\r\n",
        b"QUIT": b"221 2.0.0 Bye\r\n",
    }
    unknown = b"502 5.5.2 Command not recognized\r\n"

    def greet(self, talk):
        self.say(talk, self.greeting)

    def serve(self, talk):
        self.greet(talk)
        while True:
            line = talk.hear()
            verb = line.split(b" ")[0].upper()
            self.answer(talk, verb)
            if verb == b"QUIT":
                return

    def answer(self, talk, verb):
        if verb == b"STARTTLS":
            self.secure(talk)
        else:
            self.say(talk, self.reply(verb))

    def reply(self, verb):
        return self.ehlo if verb == b"EHLO" else self.answers.get(verb, self.unknown)

    def secure(self, talk):
        self.say(talk, self.answers[b"STARTTLS"])

    def say(self, talk, data):
        """Every reply goes through here."""
        talk.say(data)


BEHAVIOURS = {}


def behaviour(name):
    def keep(kind):
        BEHAVIOURS[name] = kind
        return kind
    return keep


behaviour("polite")(Polite)


# ---- time ----

@behaviour("silence")
class Silence(Polite):
    def greet(self, talk):
        talk.hear_all()


@behaviour("silence later")
class SilenceLater(Polite):
    """After the greeting."""

    def answer(self, talk, verb):
        talk.hear_all()


@behaviour("tarpit")
class Tarpit(Polite):
    """A byte a second."""

    def say(self, talk, data):
        for byte in data:
            talk.say(bytes([byte]))
            talk.pause(1)


@behaviour("slow greeting")
class SlowGreeting(Polite):
    """To the first who comes: later than most clients wait, but no later than they should (RFC 5321, 4.5.3.2.1)."""

    delay_s = 25

    def greet(self, talk):
        if talk.server.connections == 1:
            talk.pause(self.delay_s)
        super().greet(talk)


# ---- ends ----

@behaviour("421")
class Busy(Polite):
    def serve(self, talk):
        talk.say(b"421 4.3.2 Service not available\r\n")


@behaviour("421 later")
class BusyLater(Polite):
    """To whatever comes after EHLO."""

    def answer(self, talk, verb):
        if verb in (b"EHLO", b"HELO"):
            super().answer(talk, verb)
            return
        talk.say(b"421 4.7.0 Error: too many errors\r\n")
        raise Gone


@behaviour("closes")
class Closes(Polite):
    def serve(self, talk):
        return


@behaviour("resets")
class Resets(Polite):
    def serve(self, talk):
        talk.reset()


@behaviour("resets later")
class ResetsLater(Polite):
    def answer(self, talk, verb):
        talk.reset()


@behaviour("closes at every byte")
class ClosesAtEveryByte(Polite):
    """The first connection after one byte, the second after two, and so on through the whole dialogue."""

    def __init__(self):
        self._lock = threading.Lock()
        self._left = {}
        self.cuts = 0

    def serve(self, talk):
        with self._lock:
            self.cuts += 1
            self._left[talk] = self.cuts
        super().serve(talk)

    def say(self, talk, data):
        part = data[:self._left[talk]]
        self._left[talk] -= len(part)
        talk.say(part)
        if not self._left[talk]:
            raise Gone


# ---- floods ----

@behaviour("endless line")
class EndlessLine(Polite):
    def say(self, talk, data):
        talk.say(data[:4])
        while True:
            talk.say(b"A" * 4096)


@behaviour("endless lines")
class EndlessLines(Polite):
    def say(self, talk, data):
        while True:
            talk.say(data[:3] + b"-and more\r\n")


@behaviour("endless replies")
class EndlessReplies(Polite):
    def say(self, talk, data):
        while True:
            talk.say(data)


# ---- bytes ----

@behaviour("binary")
class Binary(Polite):
    """In the text of each reply: all bytes but CR and LF."""

    junk = bytes(b for b in range(256) if b not in CR_LF)

    def say(self, talk, data):
        head, mark, rest = data.partition(b" ")
        talk.say(head + mark + self.junk + rest)


@behaviour("binary greeting")
class BinaryGreeting(Polite):
    greeting = bytes(range(256)) + CR_LF


@behaviour("escape codes")
class Escapes(Polite):
    """A terminal would be cleared, renamed, and asked what it is; with the codes of 8 bits, too."""

    junk = b"\x1b[2J\x1b]0;owned\x07\x1b[c\x9b31m\x90q\x9c"

    def say(self, talk, data):
        head, mark, rest = data.partition(b" ")
        talk.say(head + mark + self.junk + rest)


@behaviour("bare LF")
class BareLf(Polite):
    def say(self, talk, data):
        talk.say(data.replace(CR_LF, b"\n"))


@behaviour("no last line")
class NoLastLine(Polite):
    """Of EHLO."""

    ehlo = Polite.ehlo.replace(b"250 ", b"250-")


@behaviour("other codes")
class OtherCodes(Polite):
    ehlo = b"250-" + NAME + b"\r\n550-no\r\n250 yes\r\n"


@behaviour("HTTP")
class Http(Polite):
    greeting = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


@behaviour("TLS on a plain port")
class TlsAlert(Polite):
    """What a server of TLS says to whom it does not understand."""

    greeting = b"\x15\x03\x01\x00\x02\x02\x46"


# ---- order ----

@behaviour("replies before asked")
class Early(Polite):
    greeting = Polite.greeting + Polite.ehlo + b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"


@behaviour("two replies")
class Double(Polite):
    """To each command."""

    def reply(self, verb):
        return super().reply(verb) + b"250 2.0.0 Ok\r\n"


@behaviour("late second replies")
class Late(Polite):
    """To each command: the second when the next command has gone out already."""

    delay_s = 0.05
    second = b"250 2.0.0 Ok\r\n"

    def answer(self, talk, verb):
        super().answer(talk, verb)
        talk.pause(self.delay_s)
        talk.say(self.second)


@behaviour("late second replies of DATA")
class LateData(Late):
    """A shift by one would let these pass for a relay that takes a message."""

    second = b"354 Go on\r\n"

    def answer(self, talk, verb):
        if verb == b"RCPT":
            Late.answer(self, talk, verb)
        elif verb == b"MAIL":
            super().say(talk, self.answers[verb])
            talk.pause(self.delay_s)
            talk.say(b"250 2.1.5 Ok\r\n")
        else:
            Polite.answer(self, talk, verb)


# ---- texts ----

@behaviour("a long greeting and 421")
class LongGreeting(Polite):
    """As long as one may be, and then it is none."""

    def serve(self, talk):
        talk.say(b"220-" + b"A" * 500 + CR_LF)
        for _ in range(120):
            talk.say(b"220-" + b"B" * 500 + CR_LF)
        talk.say(b"421 4.3.2 No\r\n")


@behaviour("keywords of control bytes")
class Keywords(Polite):
    ehlo = (b"250-" + NAME + b"\r\n250-SIZE 1\x1b[2J\x07\r\n250-AUTH \x1b]0;x\x07 PLAIN\x00LOGIN NTLM\r\n"
            b"250-SIZE 99999999999999999999999\r\n250 STARTTLS\x9b31m\r\n")


@behaviour("NTLM out of bounds")
class Ntlm(Polite):
    """The list of names lies behind the message."""

    ehlo = b"250-" + NAME + b"\r\n250 AUTH NTLM\r\n"
    message = b"NTLMSSP\0" + struct.pack("<IHHIIQQHHI", 2, 0xffff, 0xffff, 0xfffffff0, 0x02000001, 1, 0,
                                         0xffff, 0xffff, 0xffffffff) + b"\x0a\x00\x63\x45\x00\x00\x00\x0f"

    def reply(self, verb):
        if verb == b"AUTH":
            return b"334 NTLM supported\r\n"
        # The first message of a client begins so in base64.
        return b"334 " + base64.b64encode(self.message) + CR_LF if verb.startswith(b"TLRM") else super().reply(verb)


# ---- TLS ----

@behaviour("garbage after STARTTLS")
class TlsGarbage(Polite):
    def secure(self, talk):
        talk.say(b"220 2.0.0 Ready\r\n")
        talk.sock.recv(1)
        talk.say(bytes(range(256)) * 4)
        talk.hear_all()


@behaviour("plain text after STARTTLS")
class TlsPlain(Polite):
    """It answers the handshake as if it were commands."""

    def secure(self, talk):
        talk.say(b"220 2.0.0 Ready\r\n")
        talk.sock.recv(1)
        talk.say(self.unknown)
        talk.hear_all()


@behaviour("silence after STARTTLS")
class TlsSilence(Polite):
    def secure(self, talk):
        talk.say(b"220 2.0.0 Ready\r\n")
        talk.hear_all()


def der(tag, content):
    """ASN.1: a tag, the length in two bytes, the content."""
    return bytes([tag, 0x82]) + struct.pack(">H", len(content)) + content


@behaviour("a certificate of odd names")
class TlsNames(Polite):
    """With NUL and escape codes in them, and some thousand."""

    names = (b"192.0.2.1\0.evil.example", NAME + b"\0.evil.example", b"\x1b[2J\x9b31m\x90", b"", b"a" * 2000,
             *(b"n%d.hostile.example" % i for i in range(1000)))

    def __init__(self):
        with tempfile.TemporaryDirectory() as folder:
            key, chain = (os.path.join(folder, name) for name in ("key", "chain"))
            names = der(0x30, b"".join(der(0x82, name) for name in self.names))
            command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", chain, "-days", "30", "-utf8", "-subj", "/O=\x1b[2J\u009b31m<b>/CN=\x1b]0;x\x07",
                    "-addext", "subjectAltName=DER:" + names.hex(":"))
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(chain, key)

    def secure(self, talk):
        talk.say(b"220 2.0.0 Ready\r\n")
        try:
            talk.sock = self._context.wrap_socket(talk.sock, server_side=True)
        except (OSError, ValueError) as error:
            raise Gone from error


@behaviour("a handshake that trickles")
class TlsTrickle(Polite):
    def secure(self, talk):
        talk.say(b"220 2.0.0 Ready\r\n")
        # The head of a record of 16 KiB, whose bytes never all come.
        talk.say(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")
        while True:
            talk.say(b"\0")
            talk.pause(1)


@behaviour("closes after STARTTLS")
class TlsCloses(Polite):
    def secure(self, talk):
        talk.say(b"220 2.0.0 Ready\r\n")
        raise Gone


class HostileServer:
    """
    Serves each connection in a thread. host: a lab.Host, or None for this process's own namespace. address: one of it; else
    all. certificate: (chain, key) files, then each connection begins with TLS. heard: the lines of all clients, in bytes.
    """

    def __init__(self, host, name, port=SMTP, certificate=None, address=None):
        self.behaviour = BEHAVIOURS[name]()
        self.ending = threading.Event()
        self.heard = []
        self.connections = 0
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        with host.inside() if host else contextlib.nullcontext():
            if address and ":" not in address:
                self._listener = socket.create_server((address, port), backlog=BACKLOG)
            else:
                self._listener = socket.create_server((address or "::", port), family=socket.AF_INET6,
                                                      dualstack_ipv6=not address, backlog=BACKLOG)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open = set()
        self._threads = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self.ending.is_set():
                    sock.close()
                    return
                self.connections += 1
                self._open.add(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
            thread.start()

    def _serve(self, plain):
        sock = plain
        try:
            if self._context:
                sock = self._context.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._open.add(sock)
            self.behaviour.serve(Talk(self, sock))
        except (Gone, OSError):
            pass
        finally:
            with self._lock:
                self._open -= {plain, sock}
            sock.close()

    def wait(self, count, timeout_s=5.0):
        """Until so many connections were made."""
        until(lambda: self.connections >= count, timeout_s, f"{count} connections")

    def close(self):
        """The port is free afterwards, and no thread is left."""
        self.ending.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        assert not any(t.is_alive() for t in self._threads), "a connection does not end"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
