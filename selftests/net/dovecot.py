# SPDX-License-Identifier: BSD-2-Clause
"""
A real Dovecot: POP3 and IMAP for the mailbox of the account, and for a Postfix on the same machine the one that knows the passwords.
It is installed, but has a machine of its own (machine.py) for its configuration, unless it joins one that is there.
"""
from lab import Lines
from machine import ACCOUNT, ACCOUNT_ID, PASSWORD, Machine
from server import Server

CONFIG = "/etc/dovecot/dovecot.conf"
TLS_FOLDER = "/etc/dovecot/private-tls"
# Where Postfix looks for it (smtpd_sasl_path = inet:...): a port of this machine reaches into chroots.
SASL_PORT = 12345

MAIN = """
base_dir = /run/dovecot-test
state_dir = /run/dovecot-test
log_path = /dev/stderr
protocols = imap pop3
listen = *, ::
first_valid_uid = 100
mail_location = maildir:/var/mail/%u.maildir
passdb {{
  driver = static
  args = password={password} user={user}
}}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home=/var/mail
}}
service auth {{
  inet_listener sasl {{
    address = 127.0.0.1
    port = {sasl}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

BAD = """
ssl = no
disable_plaintext_auth = no
login_greeting = Dovecot (Debian) ready on mail1.internal.example.net.
imap_id_send = name * version * os *
"""

GOOD = """
ssl = required
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
login_greeting = ready
imap_id_send =
auth_mechanisms = plain login
"""


class Dovecot(Server):
    def __init__(self, run, host, good=False, authority=None, name="mx.example.net", machine=None, main=""):
        """main: more lines; of what is said twice the last counts. machine: it joins this one (another server's)."""
        self.host = host
        special = GOOD.format(tls=TLS_FOLDER) if good else BAD
        self.text = MAIN.format(password=PASSWORD, user=ACCOUNT, uid=ACCOUNT_ID, sasl=SASL_PORT) + special + main
        self._joined = machine is not None
        self.machine = machine or Machine(run, host)
        if authority:
            self.machine.run("mkdir", "-p", TLS_FOLDER)
            for file, text in zip(("cert", "key"), authority.pem(name)):
                self.machine.write(f"{TLS_FOLDER}/{file}.pem", text)
        self.machine.write(CONFIG, self.text)
        self._daemon = self.machine.start("dovecot", "-F")
        self.log = Lines(self._daemon.stdout)
        self._serves()

    def _serves(self):
        self.machine.wait_listening(*(f"{a}:{p}" for p in (110, 143) for a in ("0.0.0.0", "[::]")), SASL_PORT, log=self.log)

    def apply(self, file, place, lines):
        """Those of conf.d are included by the main file of Debian, which makes the order of all."""
        self.text += "\n".join(lines) + "\n"

    def is_changed(self):
        """Since it was last started."""
        return self.machine.read(CONFIG) != self.text

    def reload(self):
        """By a restart: reload leaves open for how long logins go on by the old one."""
        self.machine.write(CONFIG, self.text)
        self.machine.run("doveconf", "-n")
        self.machine.stop(self._daemon)
        self.machine.wait_free(110, 143)
        self._daemon = self.machine.start("dovecot", "-F")
        self.log = Lines(self._daemon.stdout, self.log.lines)
        self._serves()

    def close(self):
        if self._joined:
            self.machine.stop(self._daemon)
        else:
            self.machine.close()
        self.log.end()
