# SPDX-License-Identifier: BSD-2-Clause
"""
A Postfix as a site runs it, for the audit: at /etc/postfix of a machine of its own (machine.py), with accounts and
mailboxes, submission, and Dovecot on the same machine, which knows the passwords. What other tests need is postfix.py, which is less.
"""
import os
import re
import signal

from dovecot import SASL_PORT, Dovecot
from lab import Lines, until
from machine import ACCOUNT, Machine, child_of, children, name_of
from postfix import main_set
from server import Server, aliases_set

# Compiled in, by Debian.
MASTER_PROGRAM = "/usr/lib/postfix/sbin/master"

MAIN = """
compatibility_level = 3.6
maillog_file = /dev/stdout
inet_interfaces = all
inet_protocols = all
myhostname = {name}
mydomain = example.net
mydestination = example.net, localhost
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
local_transport = local:
mailbox_size_limit = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
broken_sasl_auth_clients = no
notify_classes =
"""

BAD_MAIN = """
smtpd_banner = $myhostname ESMTP $mail_name ($mail_version) (Debian/GNU)
smtpd_tls_security_level = none
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = no
disable_vrfy_command = no
smtpd_helo_required = no
local_recipient_maps =
mynetworks = 0.0.0.0/0 [::]/0
message_size_limit = 0
smtpd_relay_restrictions = permit_mynetworks, defer_unauth_destination
"""

GOOD_MAIN = """
smtpd_banner = $myhostname ESMTP
smtpd_tls_security_level = may
smtpd_tls_cert_file = /etc/postfix/cert.pem
smtpd_tls_key_file = /etc/postfix/key.pem
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_auth_only = yes
disable_vrfy_command = yes
smtpd_helo_required = yes
strict_rfc821_envelopes = yes
smtpd_command_filter = regexp:/etc/postfix/command_filter
smtpd_helo_restrictions = permit_mynetworks, check_helo_access regexp:/etc/postfix/helo_access,
 reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = permit_sasl_authenticated, permit_mynetworks, reject_non_fqdn_sender,
 reject_unknown_sender_domain, check_sender_access inline:{{ {{ example.net = REJECT its users send by 587 }} }}
local_recipient_maps = unix:passwd.byname $alias_maps
message_size_limit = 20480000
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
"""

MASTER = """
25         inet  n - n - - smtpd
{submission}cleanup    unix  n - n - 0   cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - -   trivial-rewrite
bounce     unix  - - n - 0   bounce
defer      unix  - - n - 0   bounce
trace      unix  - - n - 0   bounce
verify     unix  - - n - 1   verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - -   proxymap
smtp       unix  - - n - -   smtp
relay      unix  - - n - -   smtp
showq      unix  n - n - -   showq
error      unix  - - n - -   error
retry      unix  - - n - -   error
discard    unix  - - n - -   discard
local      unix  - n n - -   local
anvil      unix  - - n - 1   anvil
scache     unix  - - n - 1   scache
postlog    unix-dgram n - n - 1 postlogd
"""
_AUTHENTICATED = """-o smtpd_sasl_auth_enable=yes
 -o smtpd_client_restrictions=permit_sasl_authenticated,reject
 -o smtpd_delay_reject=no
 -o smtpd_helo_restrictions=
"""
SUBMISSION = f"""587 inet n - n - - smtpd
 -o smtpd_tls_security_level=encrypt
 {_AUTHENTICATED}465 inet n - n - - smtpd
 -o smtpd_tls_wrappermode=yes
 {_AUTHENTICATED}"""
# As they refuse MAIL: at once, and not only at RCPT.
SUBMISSION = SUBMISSION.replace("smtpd_client_restrictions", "smtpd_sender_restrictions")

# What postfix(1) makes when it first runs.
QUEUES = [(f"/var/spool/postfix/{name}", "postfix", "700") for name in
          ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")]
QUEUES += [("/var/spool/postfix/public", "postfix:postdrop", "2710"), ("/var/spool/postfix/maildrop", "postfix:postdrop", "1730"),
           ("/var/spool/postfix/pid", "root", "755"), ("/var/lib/postfix", "postfix", "755")]

# For everybody, as its 25 is.
OPEN_SUBMISSION = "587 inet n - n - - smtpd\n"

ALIASES = "root: inbox\npostmaster: inbox\nabuse: inbox\n"
# RFC 5321, 4.5.3.1.4: 512 octets with CRLF.
COMMAND_FILTER = "/^.{511,}/ TOOLONG\n"
HELO_ACCESS = "/^((mx2?\\.)?example\\.net|localhost|[0-9.]+)$/ REJECT that is not your name\n"


class PostfixSite(Server):
    def __init__(self, run, host, good=False, authority=None, name="mx.example.net", resolver=None, main="", master="",
                 mailboxes=True):
        """main, master: more lines; of what is said twice the last counts. mailboxes: with Dovecot."""
        self.host = host
        text = main_set(main_set(MAIN.format(name=name, sasl=SASL_PORT), GOOD_MAIN.format() if good else BAD_MAIN), main)
        files = {"/etc/postfix/main.cf": text, "/etc/aliases": ALIASES,
                 "/etc/postfix/master.cf": MASTER.format(submission=SUBMISSION if good else OPEN_SUBMISSION) + master,
                 "/etc/postfix/command_filter": COMMAND_FILTER, "/etc/postfix/helo_access": HELO_ACCESS}
        if authority:
            cert, key = authority.pem(name)
            files.update({"/etc/postfix/cert.pem": cert, "/etc/postfix/key.pem": key})
        self.machine = Machine(run, host, files=files, resolver=resolver, folders=QUEUES)
        self.machine.run("newaliases")
        # Before it, so that it has whom to ask.
        self.dovecot = Dovecot(run, host, good, authority, name, machine=self.machine) if mailboxes else None
        # postfix(1) checks for two seconds what is in order here, and then does just this.
        self._process = self.machine.start("env", "MAIL_CONFIG=/etc/postfix", "MAIL_LOGTAG=postfix", MASTER_PROGRAM, "-s")
        self.log = Lines(self._process.stdout)
        self.log.wait(r"daemon started", 20)

    def mailbox(self):
        try:
            return self.machine.read(f"/var/mail/{ACCOUNT}")
        except FileNotFoundError:
            return ""

    def apply(self, file, place, lines):
        """Postfix refuses a master.cf that has a service twice."""
        text = "\n".join(lines) + "\n"
        if file.endswith("main.cf"):
            self.machine.write("/etc/postfix/main.cf", main_set(self.machine.read("/etc/postfix/main.cf"), text))
        elif file.endswith("master.cf") and place.startswith("options of"):
            old = self.machine.read("/etc/postfix/master.cf")
            services = place.removeprefix("options of ").replace(" and ", "|").replace("submissions", "465").replace("submission", "587")
            self.machine.write("/etc/postfix/master.cf", re.sub(rf"^((?:{services})\s+inet\b.*\n)", rf"\g<1>{text}", old, flags=re.M))
        elif file.endswith("master.cf"):
            old = self.machine.read("/etc/postfix/master.cf")
            for service in re.findall(r"^(\S+)\s+(inet|unix|fifo)\b", text, re.M):
                old = re.sub(rf"^{re.escape(service[0])}\s+{service[1]}\b.*\n(?:[ \t].*\n)*", "", old, flags=re.M)
            self.machine.write("/etc/postfix/master.cf", old + text)
        elif "dovecot" in file or "conf.d" in file:
            self.dovecot.apply(file, place, lines)
        elif file.endswith("aliases"):
            self.machine.write(file, aliases_set(self.machine.read(file), lines))
            self.machine.run("newaliases")
        else:
            self.machine.write(file if file.startswith("/") else f"/etc/postfix/{file}", text)

    def _servers(self):
        """The processes that serve SMTP now."""
        return {pid for pid in children(child_of(self._process.pid)) if name_of(pid) == "smtpd"}

    def reload(self):
        # One that it cannot read would be told by a log line, and that it went on with the old.
        self.machine.run("postconf", "-n")
        start, old = self.mark(), self._servers()
        self.machine.send(self._process, signal.SIGHUP)
        self.log.wait(r"reload -- version", 10, start)
        # They go when they are idle; until then one might take a connection more.
        until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in old), what="the smtpd of before end")
        self.greets()
        if self.dovecot and self.dovecot.is_changed():
            self.dovecot.reload()

    def close(self):
        self.machine.close()
        self.log.end()
        if self.dovecot:
            self.dovecot.log.end()
