# SPDX-License-Identifier: BSD-2-Clause
"""
A real Postfix in the mail host's namespace, with configuration, queue and data of its own: /etc/postfix is neither
read for settings nor written. It takes mail for example.net and throws it away once "delivered". It logs to its
standard output, whose lines tests wait for.

Port 25 is as usual; port 2526 has one smtpd process at most, so that who holds it keeps all others waiting.
"""
import os
import re
import shutil
import smtplib
import subprocess

from lab import MAIL, Lines, age, command

PORT_SINGLE = 2526

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = /dev/stdout
inet_interfaces = all
inet_protocols = all
myhostname = mx.example.net
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = example.net
virtual_mailbox_maps = static:inbox
virtual_transport = discard:
smtpd_peername_lookup = no
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = none
"""

MASTER = """
25         inet  n - n - 200 smtpd
{single}   inet  n - n - 1   smtpd
cleanup    unix  n - n - 0   cleanup
qmgr       unix  n - n 300 1 qmgr
rewrite    unix  - - n - -   trivial-rewrite
bounce     unix  - - n - 0   bounce
defer      unix  - - n - 0   bounce
trace      unix  - - n - 0   bounce
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - -   proxymap
error      unix  - - n - -   error
retry      unix  - - n - -   error
discard    unix  - - n - -   discard
anvil      unix  - - n - 1   anvil
postlog    unix-dgram n - n - 1 postlogd
"""


# Of one that sends: what it is given at home goes to the mail host, and what cannot be delivered comes back as a log line.
SENDER_MAIN = """
myhostname = out.example.org
virtual_mailbox_domains =
smtpd_recipient_restrictions = permit_mynetworks, reject
relayhost = [{to}]
inet_protocols = ipv4
smtp_bind_address = {source}
smtp_dns_support_level = disabled
smtputf8_enable = yes
"""
SENDER_MASTER = """
smtp       unix  - - n - -   smtp
relay      unix  - - n - -   smtp
"""


def main_set(text, more):
    """
    As postconf -e: what is said anew takes the place of the old. Postfix would take the last, but each of its programs warns of the
    others, the one that writes the log too: when the queue in front of that one is full, it waits for itself.
    """
    for setting, name in re.findall(r"^((\w+)\s*=.*\n(?:[ \t].*\n)*)", more, re.M):
        text = re.sub(rf"^{name}\s*=.*\n(?:[ \t].*\n)*", "", text, flags=re.M) + setting
    return text


class Postfix:
    def __init__(self, run, host, main="", master="", resolver=None):
        """main, master: more of these files; of what is said twice the last counts. resolver: it knows no other."""
        self.host = host
        self.folder = os.path.join(run.folder, run.next_name("postfix"))
        self._config = os.path.join(self.folder, "etc")
        os.makedirs(self._config, 0o755)
        for name in ("queue", "data"):
            os.mkdir(os.path.join(self.folder, name), 0o755)
        shutil.chown(os.path.join(self.folder, "data"), "postfix", "postfix")
        # Where a distribution keeps the daemons is compiled in.
        daemons = command("postconf", "-c", self._empty(), "-dh", "daemon_directory").stdout.strip()
        self._write("main.cf", main_set(MAIN.format(folder=self.folder, daemons=daemons), main))
        self._write("master.cf", MASTER.format(single=PORT_SINGLE) + master)
        words = ["postfix", "-c", self._config, "start-fg"]
        if resolver:
            self._write("resolv.conf", f"nameserver {resolver}\n")
            script = f'mount --bind {self._config}/resolv.conf /etc/resolv.conf && exec "$@"'
            words = ["unshare", "--mount", "sh", "-c", script, "--", *words]
        self._process = host.start(*words, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.log = Lines(self._process.stdout)
        self.log.wait(r"daemon started", 20)

    def _empty(self):
        self._write("main.cf", "")
        return self._config

    def _write(self, name, text):
        with open(os.path.join(self._config, name), "w", encoding="ascii") as file:
            file.write(text)
        age(file.name)

    def mark(self):
        """Where the log ends now: wait() from here sees only what is new."""
        return len(self.log.lines)

    def wait_sent(self, start, timeout_s=10):
        return self.log.wait(r"status=sent", timeout_s, start)

    def close(self):
        command("postfix", "-c", self._config, "abort", check=False)
        self._process.wait(10)
        self.log.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sender(Postfix):
    """One at the outside host, which sends from the source."""

    def __init__(self, run, host, source):
        super().__init__(run, host, SENDER_MAIN.format(to=MAIL[4], source=source), SENDER_MASTER)

    def send(self, sender, recipient, options=()):
        """What becomes of it: the line of the log, from its status on."""
        start = self.mark()
        with self.host.inside():
            session = smtplib.SMTP("127.0.0.1", timeout=5)
        with session:
            session.ehlo()
            session.sendmail(sender, [recipient], "Subject: test\r\n\r\nA test.\r\n", options)
        return self.log.wait(rf"to=<{re.escape(recipient)}>.*(status=.*)", 15, start).group(1)
