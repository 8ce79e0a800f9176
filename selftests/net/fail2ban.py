# SPDX-License-Identifier: BSD-2-Clause
"""
The fail2ban of the Debian package in the mail host's namespace, with configuration, socket, database and log of its own, and the action
that the tree ships. Its jails read logs that tests write.
"""
import datetime
import os
import re
import shutil

from lab import TREE, Lines, command

ACTION = os.path.join(TREE, "tools/integrations/fail2ban/action.d/postern.conf")
SYSTEM = "/etc/fail2ban"
READY_S = 20

SERVER = """
[Definition]
loglevel = INFO
logtarget = STDOUT
syslogsocket = auto
socket = {folder}/socket
pidfile = {folder}/pid
dbfile = {folder}/bans.sqlite3
dbmaxmatches = 10
dbpurgeage = 1d
"""
FILTER = "[Definition]\nfailregex = ^ login failed from <HOST>$\n"
JAIL = """
[{name}]
enabled = true
backend = polling
filter = trial
logpath = {folder}/{name}.log
findtime = 1h
maxretry = {retry}
bantime = {bantime}
action = postern[name={name}, postern="{command}"]
"""


class Fail2ban:
    """jails: {name: (maxretry, bantime)}. words: those of the postern command."""

    def __init__(self, run, host, words, jails):
        self.host = host
        self.folder = os.path.join(run.folder, run.next_name("fail2ban"))
        etc = os.path.join(self.folder, "etc")
        for part in ("action.d", "filter.d", "jail.d", "fail2ban.d"):
            os.makedirs(os.path.join(etc, part))
        shutil.copy(ACTION, os.path.join(etc, "action.d"))
        shutil.copy(os.path.join(SYSTEM, "jail.conf"), etc)
        for name in os.listdir(SYSTEM):
            if name.startswith("paths-"):
                shutil.copy(os.path.join(SYSTEM, name), etc)
        self._write("etc/fail2ban.conf", SERVER.format(folder=self.folder))
        self._write("etc/filter.d/trial.conf", FILTER)
        self._write("etc/jail.d/trial.conf", "[DEFAULT]\nignoreself = false\n" + "".join(
            JAIL.format(name=name, folder=self.folder, retry=retry, bantime=bantime, command=" ".join(words))
            for name, (retry, bantime) in jails.items()))
        for name in jails:
            self._write(f"{name}.log", "")
        self.jails = jails
        self.log, self._process = None, None
        self.start()

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def _words(self, program):
        return (program, "-c", os.path.join(self.folder, "etc"), "-s", os.path.join(self.folder, "socket"),
                "-p", os.path.join(self.folder, "pid"))

    def start(self):
        before = self.log.lines if self.log else []
        self._process = self.host.start(*self._words("fail2ban-server"), "-f", "start")
        self.log = Lines(self._process.stdout, before)
        for name in self.jails:
            self.log.wait(rf"Jail '{name}' started", READY_S, len(before))

    def stop(self):
        self.client("stop")
        self._process.wait(READY_S)
        self.log.end()

    def client(self, *words):
        return command(*self._words("fail2ban-client"), *words).stdout

    def ends(self, jail, source):
        """When it ends the ban of a source."""
        text = re.search(rf"^{re.escape(source)}\s.* = (.*)$", self.client("get", jail, "banip", "--with-time"), re.M).group(1)
        return datetime.datetime.strptime(text.strip(), "%Y-%m-%d %H:%M:%S").astimezone()

    def fail(self, jail, source, times, ago_s=0):
        """So many lines of the jail's log about a source that failed to log in a while ago."""
        stamp = (datetime.datetime.now() - datetime.timedelta(seconds=ago_s)).strftime("%Y-%m-%d %H:%M:%S")
        with open(os.path.join(self.folder, f"{jail}.log"), "a", encoding="ascii") as file:
            file.write(f"{stamp} login failed from {source}\n" * times)

    def said(self, pattern, start=0, timeout_s=10):
        return self.log.wait(pattern, timeout_s, start)

    def mark(self):
        return len(self.log.lines)

    def close(self):
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(READY_S)
        shutil.rmtree(self.folder, ignore_errors=True)
