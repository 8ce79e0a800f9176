# SPDX-License-Identifier: BSD-2-Clause
"""
The package on a machine that systemd has booted: installed, working in its sandbox, upgraded while somebody hammers from a
blocked address, removed and purged without a trace.

The package has the program that was built for the tests; all else of it is made as `make deb` makes it. The upgrades are to
the same program under a later version, and to one with another ABI.
"""
import contextlib
import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import termios

import pytest

from booted import Booted
from clients import Sink, attempt, close_all, fate, fates, forge_start, knock_start, recipient
from gate import libconfig
from lab import BUILD, TREE, command, until
from lists import BAD, CONTACT, REASON, RESOLVER, SITES

# None that the examples of the manual speak of.
BLOCKED = "203.0.113.66"
BLOCKED6 = "2001:db8:a000::7"
NETWORK6 = "2001:db8:a000::/48"
HONEST = "203.0.113.88"
DELIVERS = "203.0.113.89"
DELIVERS_LATER = "203.0.113.92"
FED = "203.0.113.90"
ANY = 10**9
HAMMER_PER_S = 5000
HAMMER_LIFE_S = 120
HAMMER_LEAST = 100
# As long as an upgrade takes.
KNOCKS, KNOCKS_PER_S = 150, 100
READY_S = 30
EXAMPLES_LEAST, CONFIGURATIONS_LEAST = 10, 6
# The goal of the project; what remains is explained in the unit.
EXPOSURE_MOST = 4.0
# What a package manager and systemd keep for themselves, and the users' files, whose contents are compared.
THEIR_OWN = (r"^/(mnt|dev|proc|sys|run|tmp)/|^/var/(lib/(dpkg|systemd|private)|cache|log)/|^/etc/\.pwd\.lock$|"
             r"^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^/etc/systemd/system/tested\.target$|^/etc/(machine-id|mtab)$|"
             r"^/var/lib/[^/]*/?(random-seed|catalog)")
USERS = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")


@pytest.fixture(scope="module")
def package():
    """Of the program that is in BUILD."""
    done = command(os.path.join(TREE, "tools", "make-deb"), "--built", env={
        **os.environ, "BUILD": BUILD, "DEB_BUILD_OPTIONS": "noautodbgsym"})
    return done.stdout.strip()


@pytest.fixture(scope="module")
def checker(package):
    """It takes its time, beside the tests."""
    one = subprocess.Popen(["lintian", "--allow-root", "--fail-on", "error,warning,info", "--display-info", package],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield one
    one.kill()
    one.wait()


@pytest.fixture(scope="module")
def machine(run, lab):
    one = Booted(run, lab.mail)
    yield one
    one.close()


@pytest.fixture(scope="module")
def server(lab):
    one = Sink(lab.mail)
    yield one
    one.close()


class Installed:
    """The package on the machine, and how it went there."""

    def __init__(self, machine, package):
        self.machine = machine
        self.package = os.path.join(machine.shared, "postern.deb")
        shutil.copy(package, self.package)
        self.before = machine.files(THEIR_OWN)
        self.users_before = [machine.read(path) for path in USERS]

    def dpkg(self, *words):
        return self.machine.run("dpkg", *words, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    def __call__(self, sentence, status=0):
        done = self.machine.run("postern", *sentence.split(), check=False)
        assert done.returncode == status, f"postern {sentence}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def rows(self, sentence):
        return [json.loads(line) for line in self(f"--json {sentence}").stdout.splitlines()]

    def count(self, reason):
        return self.rows("show counters")[0][reason]["packets"]

    def wait_guarded(self):
        """Ready, and with the interface guarded."""
        def active():
            state = self.machine.state("postern", "ActiveState")
            assert state != "failed", self.machine.journal("postern")
            return state == "active"

        until(active, READY_S, "the service is active")
        until(lambda: [i["name"] for i in self.rows("show status")[0]["interfaces"]] == ["mx0"], READY_S, "mx0 is guarded")

    def repack(self, version, program=None):
        """The same package under a later version, perhaps with another program."""
        tree, out = os.path.join(self.machine.shared, version), os.path.join(self.machine.shared, f"postern-{version}.deb")
        command("dpkg-deb", "-R", self.package, tree)
        control = os.path.join(tree, "DEBIAN", "control")
        with open(control, encoding="utf-8") as file:
            text = re.sub(r"^Version: .*$", f"Version: {version}", file.read(), flags=re.MULTILINE)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        if program:
            command("strip", "-o", os.path.join(tree, "usr", "sbin", "postern"), program)
        command("dpkg-deb", "-Znone", "--root-owner-group", "-b", tree, out)
        return out


@pytest.fixture(scope="module")
def installed(machine, server, package, checker):
    one = Installed(machine, package)
    one.dpkg("-i", one.package)
    one.wait_guarded()
    return one


def make(target, folder):
    """Of the Makefile, with what is built taken as it is."""
    command("make", "-s", "-C", TREE, "-o", "all", f"BUILD={BUILD}", f"DESTDIR={folder}", target)


def files_of(folder):
    return sorted(os.path.join(here, name)[len(folder):] for here, _, names in os.walk(folder) for name in names)


def test_make_uninstall_takes_away_what_make_install_brought(tmp_path):
    folder = str(tmp_path)
    make("install", folder)
    assert {"/etc/postern/postern.conf", "/usr/local/sbin/postern"} < set(files_of(folder))
    make("uninstall", folder)
    assert files_of(folder) == []
    # What the operator has written stays, whoever comes and goes.
    make("install", folder)
    own = tmp_path / "etc" / "postern" / "postern.conf"
    own.write_text('mode = "enforce";\n')
    make("install", folder)
    make("uninstall", folder)
    assert files_of(folder) == ["/etc/postern/postern.conf"] and own.read_text() == 'mode = "enforce";\n'


def words_of(point):
    """Of a point that systemd-analyze counts: "User=/DynamicUser=", "CapabilityBoundingSet=~CAP_SET(UID|GID|PCAP)"."""
    setting, _, value = point.partition("~")
    head, _, tails = value.partition("(")
    if tails:
        return [head + tail for tail in tails.rstrip(")").split("|")]
    return [value or setting.split("/")[0]]


def test_what_remains_exposed_is_explained():
    with open(os.path.join(TREE, "tools", "systemd", "postern.service.in"), encoding="utf-8") as file:
        text = file.read()
    # It is to end in the suffix of a unit, and its program to be there.
    unit = os.path.join(BUILD, "postern.service")
    with open(unit, "w", encoding="utf-8") as file:
        file.write(text.replace("@SBINDIR@/postern", "/bin/true"))
    said = command("systemd-analyze", "security", "--offline=true", "--no-pager", unit).stdout
    assert float(re.search(r"Overall exposure level .*: ([0-9.]+)", said)[1]) < EXPOSURE_MOST, said
    rows = json.loads(command("systemd-analyze", "security", "--offline=true", "--json=short", unit).stdout)
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    for row in rows:
        if row["set"] is False and float(row["exposure"] or 0) > 0:
            for word in words_of(row["name"]):
                assert word in comments, f"the unit does not explain {word}: {row['description']}"


def test_installed_it_watches(machine, installed, lab):
    assert machine.state("postern", "SubState") == "running"
    assert installed.rows("show status")[0]["mode"] == "monitor"
    assert machine.run("systemctl", "is-enabled", "postern").stdout == "enabled\n"
    assert fates(lab.out, [HONEST, BLOCKED], greet=True) == {HONEST: "open", BLOCKED: "open"}
    installed(f"block {BLOCKED} because it hammers")
    installed(f"block {NETWORK6}")
    assert fates(lab.out, [BLOCKED, BLOCKED6, HONEST]) == {BLOCKED: "silent", BLOCKED6: "silent", HONEST: "open"}
    assert "it hammers" in installed(f"why {BLOCKED}").stdout
    said = machine.run("journalctl", "--no-pager", "-o", "json", f"POSTERN_SOURCE={BLOCKED}").stdout.splitlines()
    assert json.loads(said[0])["POSTERN_REASON"] == "rule"


def test_the_configuration_is_the_sample(machine, installed):
    assert machine.read("/etc/postern/postern.conf") == installed("config sample").stdout
    # Groups are open, and empty.
    for line in machine.read("/etc/postern/postern.conf").splitlines():
        assert re.fullmatch(r"|\s*#.*|[a-z]+: \{|\};", line), line
    installed("config check")


def test_the_sandbox_is_in_force(machine, installed):
    main = machine.state("postern", "MainPID")
    pids = machine.run("cat", "/sys/fs/cgroup/system.slice/postern.service/cgroup.procs").stdout.split()
    assert main in pids and len(pids) >= 3, "keeper, nursery and a child"
    for pid in pids:
        said = machine.read(f"/proc/{pid}/status")
        status = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
        kept = (1 << 12 | 1 << 38 | 1 << 39) if pid == main else 0  # CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF
        assert int(status["CapEff"], 16) == kept and int(status["CapBnd"], 16) == kept, (pid, said)
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"

    def inside(line):
        return machine.run("nsenter", f"--target={main}", "--mount", "--", "sh", "-c", line, check=False).returncode
    for path in ("/etc", "/usr/sbin", "/var/log", "/var/lib", "/sys/kernel", "/proc/sys/net"):
        assert inside(f"touch {path}/written") != 0, f"{path} can be written"
    for path in ("/var/lib/postern", "/run/postern", "/tmp"):
        assert inside(f"touch {path}/written && rm {path}/written") == 0, f"{path} cannot be written"
    for path, status in (("/sys/fs/bpf/postern", 0), ("/sys/fs/bpf", 1)):
        assert inside(f"mkdir {path}/written && rmdir {path}/written") == status, path


DELIVERED = """
postfix/smtpd 4Xyz1234: client=mx.example.org[{source}]
postfix/cleanup 4Xyz1234: message-id=<1@example.org>
postfix/qmgr 4Xyz1234: from=<a@example.org>, size=100, nrcpt=1 (queue active)
postfix/local 4Xyz1234: to=<b@example.net>, relay=local, delay=0.1, dsn=2.0.0, status=sent (delivered to mailbox)
postfix/qmgr 4Xyz1234: removed
"""


def test_the_mail_log_is_followed_in_the_sandbox(machine, installed):
    """By journalctl(1), which the service starts: who has delivered is known. And on, when the journal is made persistent."""
    def deliver(source):
        for line in DELIVERED.format(source=source).strip().splitlines():
            tag, _, text = line.partition(" ")
            machine.run("logger", "--socket", "/run/systemd/journal/dev-log", "-p", "mail.info", "-t", tag, "--id=77", text)
        until(lambda: installed.rows(f"why {source}")[0]["reason"] == "known", READY_S, "the sender is known")

    deliver(DELIVERS)
    machine.run("mkdir", "/var/log/journal")
    machine.run("journalctl", "--flush")
    deliver(DELIVERS_LATER)


@contextlib.contextmanager
def configured(machine, text):
    """The service has read this configuration; at the end it has read the old one again."""
    path = "/etc/postern/postern.conf"
    good = machine.read(path)
    machine.write(path, text)
    try:
        machine.run("systemctl", "reload", "postern")
        yield
    finally:
        machine.write(path, good)
        machine.run("systemctl", "reload", "postern")


def test_lists_answers_and_feeds_work_in_the_sandbox(machine, installed, lab, lists):
    """By the resolver, the responder and the reader of feeds, each a process that the service has made."""
    machine.write("/var/lib/postern/fed.txt", f"{FED}\n")
    keys = {"mode": "enforce", "resolver": [RESOLVER], "dnsbl": {"sites": SITES, "ask_nonglobal": True},
            "responder": {"contact": CONTACT}, "feeds": [{"name": "fed", "file": "/var/lib/postern/fed.txt"}]}
    with configured(machine, "".join(f"{key} = {libconfig(value)};\n" for key, value in keys.items())):
        until(lambda: "strangers are asked about" in machine.journal("postern"), READY_S, "lists are tested")
        fate(lab.out, BAD)
        until(lambda: installed.rows(f"why {BAD}")[0]["reason"] == "listed", READY_S, "he is found listed")
        assert REASON in recipient(lab.out, BAD)
        until(lambda: installed.rows(f"why {FED}")[0]["reason"] == "feed", READY_S, "the feed is read")


def test_it_reloads(machine, installed):
    good = machine.read("/etc/postern/postern.conf")
    with configured(machine, good.replace("#open = 50;", "open = 7;")):
        assert "of 7 connections" in installed(f"why {HONEST}").stdout
        machine.write("/etc/postern/postern.conf", good.replace("#open = 50;", "opem = 8;"))
        assert machine.run("systemctl", "reload", "postern", check=False).returncode != 0
        assert "opem" in machine.journal("postern"), "the journal names the fault"
        assert machine.state("postern", "ActiveState") == "active"


def page(name):
    """As it is printed, without overstriking."""
    done = command("mandoc", "-Tascii", "-O", "width=200", os.path.join(BUILD, name))
    return re.sub(r".\x08", "", done.stdout)


def displays(text):
    """The blocks of the examples that are printed as they stand: indented deeper than text is."""
    chapter = re.search(r"^EXAMPLES\n(.*?)^\w", text, re.MULTILINE | re.DOTALL)[1]
    blocks = re.findall(r"(?:^ {8,}\S.*\n|^ {8,}.*\n(?= {8,}))+", chapter, re.MULTILINE)
    return ["\n".join(line[11:] for line in block.splitlines()) for block in blocks]


def test_examples_of_the_manual_run_as_printed(machine, installed):
    blocks = displays(page("postern.8"))
    sessions = [re.split(r"^# ", block, flags=re.MULTILINE)[1:] for block in blocks]
    assert sum(map(len, sessions)) >= EXAMPLES_LEAST, blocks
    for session in sessions:
        for example in session:
            line, _, printed = example.partition("\n")
            done = machine.shell(line, check=False)
            # A report of a gate that is minutes old says that it is too early.
            fine = (4,) if line.startswith("postern report") else (0,)
            assert done.returncode in fine, f"{line}: {done.stdout}{done.stderr}"
            # Where the manual prints no answer it is a long one, or has the time in it.
            assert printed.strip() in ("", done.stdout.strip()), line


def test_examples_of_configurations_are_valid(machine, installed):
    blocks = displays(page("postern.conf.5"))
    assert len(blocks) >= CONFIGURATIONS_LEAST
    for block in blocks:
        machine.write("/tmp/example.conf", block + "\n")
        done = machine.run("postern", "config", "check", "/tmp/example.conf", check=False)
        assert done.returncode == 0, block + done.stderr


def test_postfix_knows_what_the_manual_tells_it():
    with open(os.path.join(TREE, "tools", "man", "postern.8.in"), encoding="utf-8") as source:
        names = re.findall(r"^(\w+) = ?", source.read(), re.MULTILINE)
    assert names and "unknown parameter" not in command("postconf", "-d", *names).stderr


class Typed:
    """A shell at a terminal, and what it shows."""

    def __init__(self, machine, begin, *words):
        self.own, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.process = machine.start("setsid", "-c", "env", "TERM=dumb", "HISTFILE=", *words, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.set_blocking(self.own, False)
        self.shown = ""
        self.type(begin + "; echo be''gun\n")
        self.wait("begun")

    def type(self, text):
        self.shown = ""
        os.write(self.own, text.encode())

    def wait(self, *words):
        """Until all are shown."""
        def seen():
            with contextlib.suppress(BlockingIOError):
                self.shown += os.read(self.own, 65536).decode(errors="replace")
            return all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", self.shown) for word in words)

        try:
            until(seen, READY_S, "the words are shown")
        except AssertionError:
            raise AssertionError(f"{words} are not in what is shown: {self.shown!r}") from None

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.own)


SHELLS = {
    "bash": (". /usr/share/bash-completion/bash_completion; bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'; "
             "bind 'set page-completions off'; bind 'set completion-query-items 0'", "bash", "--norc", "-i"),
    "zsh": ("unsetopt beep zle_bracketed_paste prompt_cr prompt_sp; PS1='> '; zstyle ':completion:*' list-prompt ''; LISTMAX=0; "
            "autoload -U compinit; compinit -u -d /tmp/compdump", "zsh", "-f", "-i"),
}
TAB, KILL_LINE = "\t", "\x15"


@pytest.mark.parametrize("shell", SHELLS)
def test_completion(machine, installed, shell):
    for prefix in (BLOCKED, NETWORK6):
        installed(f"block {prefix}")
    verbs = installed.rows("help")
    topics = next(row["syntax"] for row in verbs if row["verb"] == "show").split("|")
    typed = Typed(machine, *SHELLS[shell])
    for line, words in (
            ("postern unb", ["unblock"]),
            ("postern ", [row["verb"].split()[0] for row in verbs]),
            ("postern show ", topics),
            ("postern config ", ["check", "sample"]),
            ("postern block 203.0.113.1 ", ["for", "with", "because", "saying"]),
            ("postern block 203.0.113.1 for 2h with ", ["drop", "refuse", "reply"]),
            ("postern --json unblock ", [BLOCKED, NETWORK6]),
            ("postern unblock 2001:db8:a", [f"unblock {NETWORK6}"]),
            ("postern audit --fail-on ", ["critical", "info"]),
            ("postern audit --nag", ["--nagios"]),
            ("postern help mon", ["monitor"]),
            ("postern watch reason ", ["rule", "listed", "network_rate"]),
    ):
        typed.type(line + TAB)
        typed.wait(*words)
        typed.type(KILL_LINE)
    # Behind these stands the operator's own text, of which nothing is known; the next line tells that it was not completed.
    typed.type("postern block 203.0.113.1 because o" + TAB + KILL_LINE + "echo en''ded\n")
    typed.wait("ended")
    assert "operator" not in typed.shown and "open" not in typed.shown
    typed.close()


@contextlib.contextmanager
def honest(lab):
    """Somebody who connects all the while, and is always greeted."""
    busy = knock_start(lab.out, HONEST, count=KNOCKS, rate=KNOCKS_PER_S, greet=True, then="rst", wait_ms=5000)
    yield
    seen = busy.finish()
    assert seen["made"] == seen["tried"] == KNOCKS, seen


def test_upgraded_under_a_hammer(machine, installed, lab):
    """Not one packet of a blocked source passes, neither with the old maps nor with new ones."""
    kept = attempt(lab.out, HONEST, greet=True)
    hammers = [forge_start(lab.out, [s], count=ANY, rate=HAMMER_PER_S, listen_ms=200, life_s=HAMMER_LIFE_S)
               for s in (BLOCKED, BLOCKED6)]
    until(lambda: installed.count("rule") > HAMMER_LEAST, READY_S, "the hammer is heard")
    before, counted = machine.state("postern", "MainPID"), installed.count("rule")
    with honest(lab):
        installed.dpkg("-i", installed.repack("99.1"))
        installed.wait_guarded()
    main = machine.state("postern", "MainPID")
    assert main != before, "the controller is another one"
    assert installed.count("rule") > counted, "the counters go on"
    with honest(lab):
        installed.dpkg("-i", installed.repack("99.2", os.path.join(BUILD, "postern-abi2")))
        installed.wait_guarded()
    assert machine.state("postern", "MainPID") != main
    assert {r["prefix"] for r in installed.rows("show rules") if r["origin"] == "operator"} == {BLOCKED, NETWORK6}
    seen = [h.stop() for h in hammers]
    for one in seen:
        assert one["sent"] > HAMMER_LEAST and one["missed"] == 0, one
        assert one["synack"] + one["rst"] + one["other"] == 0, "a packet went unguarded"
    kept.sock.send(b"QUIT\r\n")
    close_all([kept])
    assert fate(lab.out, HONEST) == "open"


def test_removed_and_purged_without_a_trace(machine, installed, lab):
    installed.dpkg("-r", "postern")
    assert fates(lab.out, [BLOCKED, BLOCKED6], greet=True) == {BLOCKED: "open", BLOCKED6: "open"}
    assert "xdp" not in lab.mail.run("ip", "-d", "link", "show", "mx0").stdout
    assert machine.shell("ls -A /sys/fs/bpf").stdout.split() == ["maps.debug", "progs.debug"], "the kernel's own"
    # A removal keeps what the operator has made.
    assert machine.exists("/etc/postern/postern.conf") and machine.exists("/var/lib/postern/default/postern.db")
    # Of an upgrade that broke off nothing is left in the kernel either.
    installed.dpkg("--unpack", installed.package)
    installed("attach mx0")
    assert "xdp" in lab.mail.run("ip", "-d", "link", "show", "mx0").stdout
    installed.dpkg("-P", "postern")
    until(lambda: "xdp" not in lab.mail.run("ip", "-d", "link", "show", "mx0").stdout, READY_S, "the gate is gone")
    assert [machine.read(path) for path in USERS] == installed.users_before
    assert machine.files(THEIR_OWN) == installed.before
    for path in ("/etc/postern", "/var/lib/postern", "/run/postern", "/usr/share/postern"):
        assert not machine.exists(path), path


def test_the_package_pleases_its_checker(checker):
    said = checker.communicate()[0]
    assert checker.returncode == 0, said
