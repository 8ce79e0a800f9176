# SPDX-License-Identifier: BSD-2-Clause
"""
A TCP client by hand: each packet of it is sent when the test says so. Its address must be none of the outside host's own, or that
host's kernel would answer the server in its place.
"""
import contextlib
import random
import select
import socket
import struct
import time

from clients import family_of
from lab import MAIL, MAIL_MAC

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
AF = {4: socket.AF_INET, 6: socket.AF_INET6}
HEADER_BYTES = {4: 20, 6: 40}
TTL = 64
WINDOW = 65535
MSS = b"\x02\x04\x05\xb4"


def checksum(*parts):
    data = b"".join(p + b"\0" * (len(p) % 2) for p in parts)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Raw:
    def __init__(self, host, source, port=25):
        self.family = family_of(source)
        self._from = socket.inet_pton(AF[self.family], source)
        self._to = socket.inet_pton(AF[self.family], MAIL[self.family])
        self.sport, self.port = random.randrange(20000, 60000), port
        self.seq, self.ack = random.randrange(1 << 31), 0
        with host.inside():
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE[self.family]))
            self._sock.bind(("out0", ETHERTYPE[self.family]))
        self._mac = self._sock.getsockname()[4]

    def send(self, flags, data=b"", options=b""):
        head = struct.pack("!HHIIBBHHH", self.sport, self.port, self.seq & 0xFFFFFFFF,
                           self.ack, (20 + len(options)) // 4 << 4, flags, WINDOW, 0, 0) + options
        pseudo = self._from + self._to + struct.pack("!II", len(head) + len(data), socket.IPPROTO_TCP)
        head = head[:16] + struct.pack("!H", checksum(pseudo, head, data)) + head[18:]
        self._sock.send(bytes.fromhex(MAIL_MAC.replace(":", "")) + self._mac +
                        struct.pack("!H", ETHERTYPE[self.family]) + self._ip(len(head) + len(data)) + head + data)

    def _ip(self, length):
        if self.family == 6:
            return struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_TCP, TTL) + self._from + self._to
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, TTL, socket.IPPROTO_TCP, 0) + self._from + self._to
        return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]

    def hear(self, wait_s=1.0):
        """(flags, data) of the next packet of this connection; None."""
        end = time.monotonic() + wait_s
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._sock], [], [], left)[0]:
                return None
            frame = self._sock.recv(65535)[14:]
            at = HEADER_BYTES[self.family]
            source = frame[12:16] if self.family == 4 else frame[8:24]
            sport, dport, seq, _, offset, flags = struct.unpack("!HHIIBB", frame[at:at + 14])
            if (source, sport, dport) != (self._to, self.port, self.sport):
                continue
            length = struct.unpack("!H", frame[2:4])[0] if self.family == 4 else at + struct.unpack("!H", frame[4:6])[0]
            data = frame[at + (offset >> 4) * 4:length]
            if flags & (SYN | FIN) or data:
                self.ack = (seq + len(data) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
            return flags, data

    def begin(self, wait_s=1.0):
        """SYN. True when a SYN-ACK came."""
        self.send(SYN, options=MSS)
        said = self.hear(wait_s)
        return bool(said and said[0] & (SYN | ACK) == SYN | ACK)

    def complete(self):
        """The ACK that ends the handshake."""
        self.seq += 1
        self.send(ACK)

    def say(self, data):
        self.send(ACK | PSH, data)
        self.seq += len(data)

    def text(self, wait_s=1.0):
        """What comes within the time, to the end of a line; "RST" when reset, "" when silent. It is acknowledged."""
        end = time.monotonic() + wait_s
        text = b""
        while not text.endswith(b"\n"):
            said = self.hear(max(end - time.monotonic(), 0.001))
            if said is None:
                break
            if said[0] & RST:
                return "RST"
            if said[1]:
                text += said[1]
                self.send(ACK)
        return text.decode("latin-1")

    def close(self):
        with contextlib.suppress(OSError):
            self.send(RST | ACK)
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
