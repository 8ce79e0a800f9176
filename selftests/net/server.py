# SPDX-License-Identifier: BSD-2-Clause
"""
What real servers of the tests have in common: a log to wait for lines in, and an administrator who pastes the lines of a fix.

A fix is a list of lines. One that names a file and a place in it ("# main.cf", "# exim4.conf, main section") says where those
that follow go. Any other comment is one, and is pasted along.
"""
import re
import socket

GREETING_MAX_S = 10

PLACE = re.compile(r"^# ((?:[\w./-]*/)?[\w-]+\.(?:cf|conf|ext)|[\w./-]*/(?:aliases|esmtpd|imapd|pop3d|smtpaccess/default)[\w-]*)(?:, (.+))?$")


def places(lines):
    """[(file, place in it or "", [lines])]"""
    found = []
    for line in lines:
        match = PLACE.match(line)
        if match:
            found.append((match.group(1), match.group(2) or "", []))
        else:
            assert found, f"a fix that begins with no place: {line!r}"
            found[-1][2].append(line)
    return found


def aliases_set(text, lines):
    """Of an alias that is there already, the new one counts."""
    for name in re.findall(r"^(\w+):", "\n".join(lines), re.M):
        text = re.sub(rf"^{name}:.*\n", "", text, flags=re.M)
    return text + "\n".join(lines) + "\n"


class Server:
    """Who derives from it has self.log (lab.Lines), apply(file, place, lines) and reload()."""

    log = None
    host = None  # lab.Host

    def mark(self):
        """Where the log ends now: wait() from here sees only what is new."""
        return len(self.log.lines)

    def lines_since(self, start):
        return self.log.lines[start:]

    def paste(self, lines):
        """As an administrator would; it serves by the new configuration when this returns."""
        for file, place, text in places(lines):
            self.apply(file, place, text)
        self.reload()

    def greets(self, port=25):
        """It has come so far: some servers say that they serve a moment before they listen to signals again."""
        with self.host.inside():
            sock = socket.create_connection(("127.0.0.1", port), GREETING_MAX_S)
        with sock:
            assert sock.recv(512).startswith(b"220")
            sock.sendall(b"QUIT\r\n")

    def apply(self, file, place, lines):
        raise NotImplementedError

    def reload(self):
        raise NotImplementedError
