# SPDX-License-Identifier: BSD-2-Clause
"""
A machine for one mail server: the namespace of a host, and in it a mount namespace in which packages that are only
unpacked look as if they were installed. /usr is overlaid with theirs, and what a server writes (/etc, /var/lib,
/run ...) goes into a tmpfs, so that the real machine stays as it was. A process namespace ends all of it at once: servers leave daemons
of many users behind.

Configurations are those that an administrator would write, at the paths where he would: tests paste fixes into them, and the audit
on the host reads them.
"""
import contextlib
import functools
import os
import pwd
import re
import shutil
import signal
import subprocess

from lab import POLL_S, TREE, Lines, age, command, until

# What servers write to, or bring along.
OVERLAID = ("usr", "etc", "var/lib", "var/spool", "var/log", "var/mail", "run")
# System users are numbered downwards from here, past those of the machine.
FIRST_ID = 890
ACCOUNT = "inbox"
PASSWORD = "correct-horse"
ACCOUNT_ID = 2000
START_MAX_S = 10

PRELUDE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$OVER"
for part in {parts}; do
	mkdir -p "$OVER/up/$part" "$OVER/scratch/$part"
	# As it is below: an upper directory covers the mode of the lower.
	chmod --reference="/$part" "$OVER/up/$part"
	lower=
	for package in $PACKAGES; do
		[ ! -d "$package/$part" ] || lower=$lower$package/$part:
	done
	cp -aT "$FILES/$part" "$OVER/up/$part" 2>/dev/null || true
	mount -t overlay overlay -o "lowerdir=$lower/$part,upperdir=$OVER/up/$part,workdir=$OVER/scratch/$part" "/$part"
done
"""
# The shell reaps what loses its parents.
POSTLUDE = """
echo ready
sleep infinity & wait
"""


@functools.cache
def unpacked():
    """Where the packages are that are only unpacked."""
    return command(os.path.join(TREE, "tools", "install-packages"), "--unpacked").stdout.strip()


def package_path(name):
    path = os.path.join(unpacked(), name)
    assert os.path.isdir(path), f"{path} is not there: run tools/install-packages test"
    return path


def children(pid):
    """None of a process that is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def child_of(pid):
    """The only child of a process that has forked once."""
    return until(lambda: children(pid), START_MAX_S, "a child process")[0]


class Machine:
    def __init__(self, run, host, packages=(), users=(), folders=(), files=None, resolver=None):
        """
        packages: unpacked ones. users: system users, each with a group of the name. folders: (path, user or user:group, mode) to
        make.
        files: {path: text}. resolver: of the machine; None: nobody answers. ACCOUNT is an account with the PASSWORD.
        """
        self.host = host
        self.folder = os.path.join(run.folder, run.next_name("machine"))
        self._files = os.path.join(self.folder, "files")
        os.makedirs(os.path.join(self.folder, "over"))
        self._accounts(users)
        self._prepare("/etc/resolv.conf", f"nameserver {resolver or '127.0.0.1'}\noptions attempts:1 timeout:2\n")
        for path, text in (files or {}).items():
            self._prepare(path, text)
        folders = [(f"/var/lib/{ACCOUNT}", ACCOUNT, "755"), ("/var/mail", "root", "1777"), *folders]
        script = PRELUDE.format(parts=" ".join(OVERLAID)) + "".join(
            f"mkdir -p {path}\nchown {user if ':' in user else f'{user}:{user}'} {path}\nchmod {mode} {path}\n"
            for path, user, mode in folders) + POSTLUDE
        packages = " ".join(package_path(p) for p in packages)
        # --kill-child: who kills this process kills all.
        self._process = host.start("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script,
                                   env={**os.environ, "PACKAGES": packages, "FILES": self._files,
                                        "OVER": os.path.join(self.folder, "over")})
        said = self._process.stdout.readline()
        assert said == "ready\n", self._process.stderr.read()
        self.pid = child_of(self._process.pid)
        self.root = f"/proc/{self.pid}/root"

    def _prepare(self, path, text):
        place = self._files + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
        age(place)

    def _accounts(self, users):
        """The machine's own, the servers' users and the account."""
        taken = {entry.pw_uid for entry in pwd.getpwall()}
        known = {entry.pw_name for entry in pwd.getpwall()}
        free = (number for number in range(FIRST_ID, 100, -1) if number not in taken)
        passwd, group = "", ""
        for name in users:
            if name not in known:
                number = next(free)
                passwd += f"{name}:x:{number}:{number}::/var/lib/{name}:/usr/sbin/nologin\n"
                group += f"{name}:x:{number}:\n"
        passwd += f"{ACCOUNT}:x:{ACCOUNT_ID}:{ACCOUNT_ID}::/var/lib/{ACCOUNT}:/usr/sbin/nologin\n"
        group += f"{ACCOUNT}:x:{ACCOUNT_ID}:\n"
        for path, more in (("/etc/passwd", passwd), ("/etc/group", group)):
            with open(path, encoding="utf-8") as file:
                self._prepare(path, file.read() + more)

    def words(self, *words):
        return ("nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--", *words)

    def run(self, *words, **options):
        return command(*self.words(*words), **options)

    def start(self, *words, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True,
                   "errors": "replace", **options}
        return subprocess.Popen(self.words(*words), start_new_session=True, **options)

    def tail(self, *paths):
        """The lines of log files; they need not exist yet. On an overlay tail(1) looks again and again, by default each second."""
        process = self.start("tail", "-q", "-s", str(POLL_S), "-n", "+1", "-F", *paths, stderr=subprocess.DEVNULL)
        return Lines(process.stdout)

    def read(self, path):
        with open(self.root + path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, path, text, mode=0o644):
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.root + path, mode)
        age(self.root + path)

    def listens(self, place):
        """place: a port at any address, or one address with its port as ss shows it: a server opens its addresses one by one."""
        before = r"\s" if ":" in str(place) else ":"
        return re.search(rf"{before}{re.escape(str(place))}\s", self.host.run("ss", "-Hltn").stdout) is not None

    def wait_listening(self, *places, log=None):
        """Until they take connections, or who was to listen has said his last."""
        for place in places:
            until(lambda p=place: self.listens(p) or (log and log.ended()), START_MAX_S, f"{place} is listened at")
            assert self.listens(place), "\n".join(log.lines)

    def wait_free(self, *ports):
        for port in ports:
            until(lambda p=port: not self.listens(p), START_MAX_S, f"port {port} free")

    @staticmethod
    def send(process, number):
        """To what start() started, not to nsenter, which stands before it."""
        os.kill(child_of(process.pid), number)

    def stop(self, process, number=signal.SIGTERM):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.send(process, number)
        process.wait(START_MAX_S)

    def close(self):
        self._process.kill()
        self._process.wait(START_MAX_S)
        shutil.rmtree(self.folder, ignore_errors=True)
