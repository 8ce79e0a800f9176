# SPDX-License-Identifier: BSD-2-Clause
"""
A real Courier, from the packages that are only unpacked: its mail server, POP3 and IMAP, and who knows the passwords. Its start scripts log
by syslog, which a test has not; so its daemons are started here as the scripts do it, and say on their standard error what happens.

The configuration is shell variables: what is pasted goes to the end of the file that is named, where the last counts.
"""
import os

from lab import command
from machine import ACCOUNT, ACCOUNT_ID, PASSWORD, Machine, package_path
from server import Server

PACKAGES = ("courier-base", "courier-mta", "courier-imap", "courier-pop", "courier-authlib", "courier-authlib-userdb",
            "courier-authdaemon")
ETC = "/etc/courier"
CERTIFICATE = f"{ETC}/test.pem"
LIB = "/usr/lib/courier/courier"
# {file: (package, daemon's words, port)} of what listens.
SERVICES = {
    "esmtpd": ("courier-mta", "/usr/sbin/courieresmtpd", 25),
    "imapd": ("courier-imap", f"{LIB}/imaplogin /usr/bin/imapd Maildir", 143),
    "pop3d": ("courier-pop", f"{LIB}/courierpop3login {LIB}/courierpop3d Maildir", 110),
}
TLS_OF = {"imapd": "imapd-ssl", "pop3d": "pop3d-ssl"}

BAD = {
    "esmtpd": 'ESMTPAUTH="PLAIN LOGIN"\nESMTPAUTH_TLS="PLAIN LOGIN"\nBOFHNOEXPN=0\nBOFHNOVRFY=0\nBOFHCHECKDNS=0\nTARPIT=0\nSIZELIMIT=0\n'
              "COURIERTLS=\n",
    "imapd-ssl": "IMAPDSTARTTLS=NO\nIMAP_TLS_REQUIRED=0\n",
    "pop3d-ssl": "POP3_STARTTLS=NO\nPOP3_TLS_REQUIRED=0\n",
}
MODERN = 'TLS_PRIORITY="NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"\n'
GOOD = {
    "esmtpd": 'ESMTPAUTH=""\nESMTPAUTH_TLS="PLAIN LOGIN"\nBOFHNOEXPN=1\nBOFHNOVRFY=1\nBOFHCHECKDNS=1\nTARPIT=0\nSIZELIMIT=20480000\n'
              f"TLS_CERTFILE={CERTIFICATE}\n{MODERN}BOFHSPFMAILFROM=pass,none,neutral,softfail,unknown,error\n",
    "imapd-ssl": f"IMAPDSTARTTLS=YES\nIMAP_TLS_REQUIRED=1\nTLS_CERTFILE={CERTIFICATE}\n{MODERN}",
    "pop3d-ssl": f"POP3_STARTTLS=YES\nPOP3_TLS_REQUIRED=1\nTLS_CERTFILE={CERTIFICATE}\n{MODERN}",
}
RELAY_FOR_ALL = "*\tallow,RELAYCLIENT\n"
RELAY_FOR_NONE = "127.0.0.1\tallow,RELAYCLIENT\n*\tallow\n"

# What the packages' scripts do, which did not run, and the tables that its administrator makes.
SET_UP = f"""
set -e
chown -R courier:courier /var/lib/courier
chown root:courier /usr/sbin/sendmail && chmod 2755 /usr/sbin/sendmail
chown courier:courier {LIB}/submitmkdir && chmod 4755 {LIB}/submitmkdir
mkdir -p /run/courier/authdaemon {ETC}/filters/active {ETC}/aliasdir
chown -R courier:courier /run/courier
chown courier:courier {CERTIFICATE} 2>/dev/null || true
maildirmake.courier /var/lib/{ACCOUNT}/Maildir && chown -R {ACCOUNT}:{ACCOUNT} /var/lib/{ACCOUNT}
ln -sf makedat.courier /usr/bin/makedat
chmod 600 {ETC}/userdb
makeuserdb && makesmtpaccess && makeacceptmailfor && makealiases
"""


class Courier(Server):
    def __init__(self, run, host, good=False, authority=None, name="mx.example.net", resolver=None):
        self.host = host
        special = GOOD if good else BAD
        hashed = command("openssl", "passwd", "-6", PASSWORD).stdout.strip()
        files = {
            f"{ETC}/me": f"{name}\n", f"{ETC}/defaultdomain": "example.net\n", f"{ETC}/dsnfrom": f"postmaster@{name}\n",
            f"{ETC}/locals": f"example.net\nlocalhost\n{name}\n", f"{ETC}/esmtpacceptmailfor.dir/local": "example.net\n",
            f"{ETC}/aliases/system": f"postmaster: {ACCOUNT}\nabuse: {ACCOUNT}\n",
            f"{ETC}/smtpaccess/default": RELAY_FOR_NONE if good else RELAY_FOR_ALL,
            f"{ETC}/authdaemonrc": self._packaged("courier-authdaemon", "authdaemonrc") + 'authmodulelist="authuserdb"\n',
            f"{ETC}/userdb": f"{ACCOUNT}\tuid={ACCOUNT_ID}|gid={ACCOUNT_ID}|home=/var/lib/{ACCOUNT}|shell=/bin/false|"
                             f"mail=/var/lib/{ACCOUNT}/Maildir|systempw={hashed}\n",
        }
        for service, (package, _, _) in SERVICES.items():
            for file in filter(None, (service, TLS_OF.get(service))):
                files[f"{ETC}/{file}"] = self._packaged(package, file) + special.get(file, "")
        if authority:
            files[CERTIFICATE] = "".join(authority.pem(name))
        self.machine = Machine(run, host, PACKAGES, users=("courier",), files=files, resolver=resolver)
        self.machine.run("sh", "-c", SET_UP)
        # By files: which of its many processes says it, tells nothing here.
        self._logs = "/var/log/courier.log"
        self.machine.write(self._logs, "")
        self.log = self.machine.tail(self._logs)
        self._daemons = [self._daemon("authdaemonrc", "/usr/lib/courier/courier-authlib/authdaemond"),
                         self._daemon("courierd", f"{LIB}/courierd")]
        self._listeners = []
        self._listen()

    @staticmethod
    def _packaged(package, name):
        with open(package_path(package) + f"{ETC}/{name}", encoding="utf-8") as file:
            return file.read()

    def _daemon(self, config, words):
        files = [f"{ETC}/{x}" for x in (config, TLS_OF.get(config)) if x]
        script = "set -a; prefix=/usr; exec_prefix=/usr; sbindir=/usr/sbin; bindir=/usr/bin; sysconfdir=/etc/courier; " + \
            "".join(f". {file}; " for file in files) + f"IMAP_STARTTLS=$IMAPDSTARTTLS; cd /usr; exec {words} >>{self._logs} 2>&1"
        return self.machine.start("env", "-i", "sh", "-c", script)

    def _listen(self):
        for service, (_, words, port) in SERVICES.items():
            options = f"-access={ETC}/smtpaccess.dat -user=courier -group=courier" if service == "esmtpd" else "-nodnslookup"
            self._listeners.append(self._daemon(
                service, f"/usr/sbin/couriertcpd -address=0 -maxprocs=40 -noidentlookup {options} {port} {words}"))
        self.machine.wait_listening(*self._ports())

    @staticmethod
    def _ports():
        return [port for _, _, port in SERVICES.values()]

    def mailbox(self):
        """The text of all mail that was delivered."""
        folder = f"{self.machine.root}/var/lib/{ACCOUNT}/Maildir/new"
        return "".join(self.machine.read(f"/var/lib/{ACCOUNT}/Maildir/new/{name}") for name in os.listdir(folder))

    def apply(self, file, place, lines):
        path = file if file.startswith("/") else f"{ETC}/{file}"
        self.machine.write(path, self.machine.read(path) + "\n".join(lines) + "\n")

    def reload(self):
        self.machine.run("sh", "-c", "makesmtpaccess && makeacceptmailfor && makealiases")
        for process in self._listeners:
            self.machine.stop(process)
        self._listeners = []
        self.machine.wait_free(*self._ports())
        self._listen()

    def close(self):
        self.machine.close()
        self.log.end()
