# SPDX-License-Identifier: BSD-2-Clause
"""
A real OpenSMTPD, as exim.py its Exim. It has no reload: a changed configuration is a restart. What it cannot do wrong (VRFY,
passwords without TLS, unknown users taken in) stands in no BAD of it.

Debian 12's (6.8.0p2) cannot use its private key by OpenSSL 3 (its tickets 1171 and 1239): STARTTLS is offered, and each
handshake fails. So GOOD is as good as it gets, and the audit has to find that.
"""
import re

from lab import Lines
from machine import ACCOUNT, PASSWORD, Machine
from server import Server, aliases_set

PACKAGES = ("opensmtpd",)
CONFIG = "/etc/smtpd.conf"
ALIASES = "root: inbox\npostmaster: inbox\n"
GOOD_ALIASES = "abuse: inbox\n"
USERS = ("opensmtpd", "opensmtpq")
TLS_FOLDER = "/etc/opensmtpd-tls"
# Kept apart from the configuration, as its manual has it.
SECRETS = "/etc/smtpd-secrets"

BAD = """
table aliases file:/etc/aliases
listen on 0.0.0.0 port 25 hostname {name}
listen on :: port 25 hostname {name}
listen on 0.0.0.0 port 587 hostname {name}
smtp max-message-size 1G
action "local" mbox alias <aliases>
action "outbound" relay
match from any for domain "example.net" action "local"
match from any for any action "outbound"
"""

GOOD = """
pki mail cert "{tls}/cert.pem"
pki mail key "{tls}/key.pem"
table aliases file:/etc/aliases
table secrets file:{secrets}
table ours {{ "{name}", "example.net", "localhost" }}
smtp max-message-size 20M
filter "forged" phase helo match helo <ours> disconnect "550 5.7.1 That is not your name"
filter "forged2" phase ehlo match helo <ours> disconnect "550 5.7.1 That is not your name"
filter "all" chain {{ "forged", "forged2" }}
listen on 0.0.0.0 port 25 tls pki mail hostname {name} filter "all"
listen on :: port 25 tls pki mail hostname {name} filter "all"
listen on 0.0.0.0 port 465 smtps pki mail hostname {name} auth <secrets>
listen on 0.0.0.0 port 587 tls-require pki mail hostname {name} auth <secrets>
action "local" mbox alias <aliases>
action "outbound" relay
match from any for domain "example.net" action "local"
match from auth for any action "outbound"
"""


def _options(words):
    """{name: value} of a listen line; those about TLS are of one kind."""
    found = re.findall(r"(tls-require|tls|smtps)(?!\S)|(pki|hostname|filter)\s+(\S+)|(auth)(?:\s+(<\S+>))?", words)
    options = {}
    for tls, named, value, auth, table in found:
        if tls:
            for other in ("tls", "tls-require", "smtps"):
                options.pop(other, None)
        options[tls or named or auth] = value or table
    return options


class Opensmtpd(Server):
    def __init__(self, run, host, good=False, authority=None, name="mx.example.net", resolver=None, text=None):
        """text: all of another configuration. good needs an authority (certs.py)."""
        self.host = host
        self.text = (text or (GOOD if good else BAD)).format(name=name, tls=TLS_FOLDER, secrets=SECRETS)
        files = {CONFIG: self.text, "/etc/aliases": ALIASES + (GOOD_ALIASES if good else ""), "/etc/mailname": name + "\n"}
        if authority:
            cert, key = authority.pem(name)
            files.update({f"{TLS_FOLDER}/cert.pem": cert, f"{TLS_FOLDER}/key.pem": key})
        self.machine = Machine(run, host, PACKAGES, users=USERS, files=files, resolver=resolver,
                               folders=[("/var/lib/opensmtpd/empty", "root", "755"), ("/var/spool/smtpd", "root", "711")])
        if authority:
            # It refuses a key that others may read.
            self.machine.run("chmod", "600", f"{TLS_FOLDER}/key.pem")
        # As the package's script has it, which did not run.
        self.machine.run("sh", "-c", "chgrp opensmtpq /usr/sbin/smtpctl && chmod 2555 /usr/sbin/smtpctl")
        hashed = self.machine.run("smtpctl", "encrypt", PASSWORD).stdout.strip()
        self.machine.write(SECRETS, f"{ACCOUNT} {hashed}\n")
        self._daemon = None
        self._start()

    def _places(self):
        found = re.findall(r"^listen on (\S+) .*?port (\d+)", self.text, re.M)
        return sorted({f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in found})

    def _start(self):
        # Its first process only hands on the signal; the others end with it.
        self._daemon = self.machine.start("smtpd", "-d")
        lines = [] if self.log is None else self.log.lines
        self.log = Lines(self._daemon.stdout, lines)
        self.machine.wait_listening(*self._places(), log=self.log)

    def mailbox(self):
        try:
            return self.machine.read(f"/var/mail/{ACCOUNT}")
        except FileNotFoundError:
            return ""

    def apply(self, file, place, lines):
        if file.endswith("aliases"):
            self.machine.write(file, aliases_set(self.machine.read(file), lines))
            return
        assert file.endswith("smtpd.conf"), file
        if "in place of" in place:
            if match := re.search("begins with (.*)", place):
                self.text = re.sub(rf"^{re.escape(match.group(1))} .*\n", "", self.text, flags=re.M)
                self._add(lines)
            else:
                for line in lines:
                    self._listen(line)
        elif place in ("", "at the end"):
            self._add(lines)
        else:
            raise AssertionError(f"no such place: {file}, {place}")

    def _listen(self, line):
        """In place of the line of the same address and port, keeping of it what the new one says nothing of."""
        head, options = re.match(r"(listen on \S+ port \S+)(.*)", line).groups()
        old = re.search(rf"^{re.escape(head)}\b(.*)\n", self.text, re.M)
        words = {**_options(old.group(1) if old else ""), **_options(options)}
        new = head + "".join(f" {name} {value}".rstrip() for name, value in words.items()) + "\n"
        if old:
            self.text = self.text[:old.start()] + new + self.text[old.end():]
        else:
            last = list(re.finditer(r"^listen on .*\n", self.text, re.M))[-1]
            self.text = self.text[:last.end()] + new + self.text[last.end():]

    def _add(self, lines):
        """What the rules need must stand before them; of an option that is there the new one counts."""
        for line in lines:
            option = re.match(r"(smtp [\w-]+|pki \S+ \w+|table \w+|filter \S+)(?= )", line)
            if option:
                self.text = re.sub(rf"^{re.escape(option.group(1))} .*\n", "", self.text, flags=re.M)
        self.text = "\n".join(x for x in lines if not x.startswith(("match", "action"))) + "\n" + self.text + \
            "\n".join(x for x in lines if x.startswith(("match", "action"))) + "\n"

    def reload(self):
        self.machine.write(CONFIG, self.text)
        self.machine.run("smtpd", "-n")
        self.machine.stop(self._daemon)
        self.machine.wait_free("25")
        self._start()

    def close(self):
        self.machine.close()
        self.log.end()
