# SPDX-License-Identifier: BSD-2-Clause
"""
A real Exim, from the packages that are only unpacked, with its configuration at /etc/exim4/exim4.conf of a machine of its own
(machine.py). It takes mail for example.net; `inbox` is its only account, and postmaster and abuse are aliases of it.

BAD is a server as one finds them, and then some: every check of the audit has something to say. GOOD is one that is well kept.
"""
import re
import signal

from machine import ACCOUNT, PASSWORD, Machine
from server import Server, aliases_set

PACKAGES = ("exim4-base", "exim4-daemon-light")
CONFIG = "/etc/exim4/exim4.conf"
LOGS = "/var/log/exim4"
MAILBOX = "/var/mail/inbox"
ALIASES = "root: inbox\npostmaster: inbox\nabuse: inbox\n"
TLS_FOLDER = "/etc/exim4/tls"

MAIN = """
primary_hostname = {name}
qualify_domain = example.net
domainlist local_domains = example.net
domainlist relay_to_domains =
hostlist relay_from_hosts = 127.0.0.1 : ::1
daemon_smtp_ports = {ports}
tls_on_connect_ports = 465
log_file_path = {logs}/%slog
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_cipher
rfc1413_query_timeout = 0s
ignore_bounce_errors_after = 0s
acl_smtp_rcpt = acl_check_rcpt
never_users = root
add_environment =
keep_environment =
"""

# No STARTTLS, so that passwords go in clear; whoever asks is told who is here.
BAD_MAIN = """
smtp_banner = $primary_hostname ESMTP Exim $version_number on Debian GNU/Linux $tod_full
tls_advertise_hosts =
acl_smtp_vrfy = accept
acl_smtp_expn = accept
recipient_unqualified_hosts = *
helo_accept_junk_hosts = *
helo_allow_chars = _
message_size_limit = 0
smtp_accept_max = 0
"""
BAD_RCPT = """
  accept
"""

GOOD_MAIN = """
smtp_banner = $primary_hostname ESMTP
tls_advertise_hosts = *
tls_certificate = {tls}/cert.pem
tls_privatekey = {tls}/key.pem
tls_require_ciphers = NORMAL:-VERS-TLS1.0:-VERS-TLS1.1
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}}}
acl_smtp_helo = acl_check_helo
acl_smtp_mail = acl_check_mail
helo_allow_chars = _
message_size_limit = 20M
smtp_accept_max_per_host = 20
"""
GOOD_ACLS = """
acl_check_helo:
  deny    condition  = ${if >{${strlen:$smtp_command}}{510}}
          message    = 5.5.2 Line too long
  accept  hosts      = :
  deny    condition  = ${if or{ {eqi{$sender_helo_name}{$primary_hostname}} {match_domain{$sender_helo_name}{+local_domains}} \\
                               {eq{$sender_helo_name}{$interface_address}} {eq{$sender_helo_name}{[$interface_address]}} \\
                               {isip{$sender_helo_name}} {!match{$sender_helo_name}{[.:]}} }}
          message    = 5.7.1 That is not your name
  accept

acl_check_mail:
  deny    condition  = ${if >{${strlen:$smtp_command}}{510}}
          message    = 5.5.2 Line too long
  deny    condition  = ${if or{ {eq{$received_port}{587}} {eq{$received_port}{465}} }}
          !authenticated = *
          message    = 5.7.0 Authentication required
  accept
"""
GOOD_RCPT = """
  deny    condition  = ${if >{${strlen:$smtp_command}}{510}}
          message    = 5.5.2 Line too long
  deny    local_parts = ^[./|] : ^.*[@%!/|`#&?]
          message    = 5.7.1 Restricted characters in address
  accept  authenticated = *
  require verify     = sender
  deny    !senders   = :
          sender_domains = +local_domains
          message    = 5.7.1 Mail from this domain is sent by its users
  require message    = 5.7.1 Relay not permitted
          domains    = +local_domains : +relay_to_domains
  require verify     = recipient
  accept
"""

ROUTERS = """
begin routers
aliases:
  driver = redirect
  domains = +local_domains
  data = ${lookup{$local_part}lsearch{/etc/aliases}}
account:
  driver = accept
  domains = +local_domains
  local_parts = inbox
  transport = mailbox
dns:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote_smtp
  ignore_target_hosts = 0.0.0.0 : 127.0.0.0/8
  no_more
"""

REST = """
begin transports
mailbox:
  driver = appendfile
  file = /var/mail/inbox
  user = inbox
  group = inbox
remote_smtp:
  driver = smtp

begin retry
*  *  F,1h,15m

begin rewrite

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{ {{eq{{$auth2}}{{{user}}}}} {{eq{{$auth3}}{{{password}}}}} }}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{ {{eq{{$auth1}}{{{user}}}}} {{eq{{$auth2}}{{{password}}}}} }}}}
  server_set_id = $auth1
"""


class Config:
    """The text of a configuration, with the changes that a person makes to it."""

    def __init__(self, text):
        self.text = text

    def section_main(self):
        """Where the main section ends."""
        return re.search(r"^begin ", self.text, re.M).start()

    def set_main(self, lines):
        """Each option replaces the one of its name; it may go on over lines that end in a backslash, and macros count as options."""
        for option in re.findall(r"(?:.*\\\n)*.*\n?", "\n".join(lines) + "\n"):
            name = re.match(r"\s*((?:(?:domain|host|address|localpart)list )?\w+)\s*=", option)
            if not name:
                name = re.match(r"\s*((?:no_|not_)?\w+)\s*$", option)
            if name:
                old = re.compile(rf"^[ \t]*{re.escape(name.group(1))}[ \t]*(?:=(?:.*\\\n)*.*)?\n", re.M)
                end = self.section_main()
                self.text = old.sub("", self.text[:end]) + self.text[end:]
            end = self.section_main()
            self.text = self.text[:end] + option + self.text[end:]

    def add_behind(self, line, lines):
        """Behind this line, which exists; of a section that is not there, it is made."""
        found = re.search(rf"^{re.escape(line)}[ \t]*\n", self.text, re.M)
        assert found, f"{line!r} is not in the configuration:\n{self.text}"
        self.text = self.text[:found.end()] + "\n".join(lines) + "\n" + self.text[found.end():]

    def has_line(self, line):
        return re.search(rf"^{re.escape(line)}[ \t]*$", self.text, re.M) is not None

    def acl_head(self, name, lines):
        """An access list that is not there yet is made, and named in the main section."""
        if not self.has_line(name + ":"):
            self.add_behind("begin acl", [name + ":", "  accept", ""])
            self.set_main([f"{name.replace('acl_check_', 'acl_smtp_')} = {name}"])
        self.add_behind(name + ":", lines)


def config(good, main="", acl_rcpt=None, acls="", routers=ROUTERS, name="mx.example.net"):
    """
    main: of an option that is there twice the last counts. acl_rcpt: instead of the list that judges recipients. acls: more lists.
    """
    one = Config("begin acl\n" + acls + (GOOD_ACLS if good else "") + "\nacl_check_rcpt:\n" +
                 (acl_rcpt or (GOOD_RCPT if good else BAD_RCPT)) + routers + REST.format(user=ACCOUNT, password=PASSWORD))
    base = MAIN.format(name=name, logs=LOGS, ports="25 : 465 : 587" if good else "25 : 587")
    special = GOOD_MAIN.format(tls=TLS_FOLDER) if good else BAD_MAIN
    one.set_main([x for x in (base + special + main).split("\n") if x.strip()])
    return one


class Exim(Server):
    def __init__(self, run, host, good=False, authority=None, name="mx.example.net", resolver=None, **parts):
        """parts: of config(). good needs an authority (certs.py), and wants a resolver."""
        self.host = host
        self.config = config(good, name=name, **parts)
        files = {CONFIG: self.config.text, "/etc/aliases": ALIASES}
        if authority:
            cert, key = authority.pem(name)
            files.update({f"{TLS_FOLDER}/cert.pem": cert, f"{TLS_FOLDER}/key.pem": key})
        folders = [(x, "Debian-exim", "750") for x in (LOGS, "/var/spool/exim4")]
        self.machine = Machine(run, host, PACKAGES, users=("Debian-exim",), files=files, resolver=resolver, folders=folders)
        if authority:
            self.machine.run("chown", "-R", "Debian-exim", TLS_FOLDER)
        self.log = self.machine.tail(*(f"{LOGS}/{x}log" for x in ("main", "panic")))
        self._daemon = self.machine.start("exim4", "-bdf")
        self._serves(0)

    def _serves(self, start):
        said = self.log.wait(r"listening for SMTP|Exim configuration error|cannot|panic|Failed", 10, start)
        assert "listening" in said.group(), said.string
        self.greets()

    def queue(self):
        """Message ids that wait."""
        return self.machine.run("exim4", "-bpi").stdout.split()

    def mailbox(self):
        """The text of all mail that was delivered."""
        try:
            return self.machine.read(MAILBOX)
        except FileNotFoundError:
            return ""

    def apply(self, file, place, lines):
        if file.endswith("aliases"):
            self.machine.write(file, aliases_set(self.machine.read(file), lines))
            return
        where = re.match(r"(?:(?:at the )?head of|behind|main) ?'?([\w ]+?)'?$", place)
        if place == "main section":
            self.config.set_main(lines)
        elif place.startswith(("at the head of", "head of")):
            self.config.acl_head(where.group(1), lines)
        elif place.startswith("behind"):
            self.config.add_behind(where.group(1), lines)
        else:
            raise AssertionError(f"no such place: {file}, {place}")

    def reload(self):
        self.machine.write(CONFIG, self.config.text)
        # What is wrong with it is told at once, before the daemon is.
        self.machine.run("exim4", "-bV")
        start = self.mark()
        self.machine.send(self._daemon, signal.SIGHUP)
        self._serves(start)

    def close(self):
        self.machine.close()
        self.log.end()
