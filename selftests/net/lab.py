# SPDX-License-Identifier: BSD-2-Clause
"""
Hosts in network namespaces: a mail host, a host full of strangers in front of it, and sometimes a wire between.

Strangers have addresses of the documentation networks, since private networks of a guarded interface are never
judged. The outside host owns those networks whole (local routes), so that a client binds to any address in them.

Everything a run makes bears its name, pnt-PID, and a run that lives holds a lock. What a dead run left behind is
thereby known for its own and swept away at the next start; nothing else is touched. Namespaces are entered with
nsenter(1) or setns(2), since `ip netns exec` hides bpffs.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(TREE, os.environ.get("BUILD", "build"))
TOOLS = os.path.join(BUILD, "selftests", "net")

MAIL = {4: "192.0.2.25", 6: "2001:db8:25::25"}
GATEWAY = {4: "192.0.2.1", 6: "2001:db8:25::1"}
# The source of a client that chooses none.
STRANGER = {4: "198.51.100.1", 6: "2001:db8:8000::1"}
STRANGERS = ("198.51.100.0/24", "203.0.113.0/24")
STRANGERS6 = ("2001:db8:8000::/33",)
MAIL_MAC = "02:00:00:00:19:25"

NAMESPACES = "/run/netns"
PINS = "/sys/fs/bpf/postern"
RUN_DIR = "/run/postern"
NAME = re.compile(r"^(pnt-\d+)(-|$)")

CLONE_NEWNET = 0x40000000
# From SIGKILL to the end of a process that was at the disk.
DYING_S = 30
# Poll interval where the kernel tells no event: short beside what is waited for.
POLL_S = 0.01

# adjtimex(2): the mode, and struct timex with its time.
ADJ_SETOFFSET = 0x100
TIMEX_BYTES, TIMEX_TIME = 208, 72

_libc = ctypes.CDLL(None, use_errno=True)


def clock_set():
    """By a microsecond: every process that waits for the wall clock to be set hears of it, and nobody else."""
    timex = ctypes.create_string_buffer(TIMEX_BYTES)
    struct.pack_into("I", timex, 0, ADJ_SETOFFSET)
    struct.pack_into("qq", timex, TIMEX_TIME, 0, 1)
    assert _libc.adjtimex(timex) >= 0, os.strerror(ctypes.get_errno())


def until(condition, timeout_s=5.0, what="the condition"):
    """The first true value of condition(), which changes without an event that could be waited for."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {timeout_s} s"
        time.sleep(POLL_S)


def command(*words, check=True, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")
    return done


def age(path):
    """Every program of Postfix waits until what it reads was not written in the last second: somebody might be at it still."""
    past = time.time() - 10
    os.utime(path, (past, past))


# bpftool walks the ids of all programs, maps or links of the machine and opens each: one that goes away in between ends
# the whole walk with an error, though nobody asked for it, and so does a link that another test is just about to make
# (EAGAIN until it is attached, which takes the kernel its time). Such an instant passes.
WALK_MAX_S = 10.0


def bpftool_rows(*words):
    """What `bpftool -j WORDS` lists, of the whole machine."""
    def walked():
        done = command("bpftool", "-j", *words, check=False)
        said.append(f"status {done.returncode}: {done.stdout[-300:]}{done.stderr}")
        return done.returncode == 0 and [json.loads(done.stdout)]

    said = []
    try:
        return until(walked, WALK_MAX_S)[0]
    except AssertionError as fault:
        raise AssertionError(f"bpftool {' '.join(words)}: {said[-1]}") from fault


def descriptors(pid):
    """{number: what it is} of the open files of a process, which may open and close others meanwhile."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
    return found


class Lines:
    """What a process says, line by line, to wait for. lines: what one before it said."""

    def __init__(self, stream, lines=()):
        self.lines = list(lines)
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream):
        for line in stream:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, pattern, timeout_s=5.0, start=0):
        """The match of the first line from number start on that has the pattern."""
        found = re.compile(pattern)
        end = time.monotonic() + timeout_s
        at = start
        with self._changed:
            while True:
                while at < len(self.lines):
                    match = found.search(self.lines[at])
                    if match:
                        return match
                    at += 1
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    why = "it ended" if self._ended else f"not within {timeout_s} s"
                    said = "\n  ".join(self.lines[-20:])
                    raise AssertionError(f"no line with {pattern!r} ({why}); it said:\n  {said}")
                self._changed.wait(left)

    def ended(self):
        return self._ended

    def end(self, timeout_s=5.0):
        self._thread.join(timeout_s)
        return self.lines


class Host:
    """A network namespace."""

    def __init__(self, name):
        self.name = name
        self.path = os.path.join(NAMESPACES, name)
        command("ip", "netns", "add", name)
        self.ip("link set lo up")
        # Postfix's postlogd writes its own warnings into the queue that it alone empties. With room for ten, which is what a
        # namespace begins with, it waits for itself for ever, and all that log for it.
        self.sysctl(unix__max_dgram_qlen=512)

    def words(self, *words):
        return ("nsenter", f"--net={self.path}", *words)

    def run(self, *words, **options):
        return command(*self.words(*words), **options)

    def start(self, *words, **options):
        """A process that outlives the call. Its standard output and error can be read as Lines."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.PIPE,
                   "text": True, **options}
        # A group of its own: a Ctrl-C for the test run is not one for what it tests.
        return subprocess.Popen(self.words(*words), start_new_session=True, **options)

    def ip(self, *lines):
        self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def operstate(self, name):
        return json.loads(self.run("ip", "-j", "link", "show", name).stdout)[0]["operstate"]

    def sysctl(self, **values):
        for name, value in values.items():
            self.run("sysctl", "-qw", f"net.{name.replace('__', '.')}={value}")

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace; sockets made here stay in it."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            namespace = os.open(self.path, os.O_RDONLY)
            try:
                if _libc.setns(namespace, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns", self.path)
                yield
            finally:
                os.close(namespace)
                if _libc.setns(before, CLONE_NEWNET):
                    os._exit(70)  # a test runner in the wrong namespace must not go on
        finally:
            os.close(before)

    def close(self):
        namespace_close(self.name)


def namespace_close(name):
    path = os.path.join(NAMESPACES, name)
    with contextlib.suppress(OSError):
        inode = os.stat(path).st_ino
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{pid}/ns/net").st_ino == inode and int(pid) != os.getpid():
                    os.kill(int(pid), signal.SIGKILL)
    command("ip", "netns", "del", name, check=False)


def tree_remove(path):
    """Directories of bpffs too, where rmtree() stumbles over what it cannot stat."""
    for here, folders, files in os.walk(path, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(here, name))
        for name in folders:
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(here, name))
    with contextlib.suppress(OSError):
        os.rmdir(path)


def groups():
    """Where the groups of cgroup2 are, which a machine may have beside the old ones; "" where it has none."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        return next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), "")


def group_remove(path):
    """With those below it; whoever was in it may still be dying."""
    def gone():
        for here, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(here)
        return not os.path.exists(path)

    until(gone, DYING_S, f"the control group {path} is empty")


class Run:
    """One run of the tests, with a directory and a lock."""

    def __init__(self):
        self.name = f"pnt-{os.getpid()}"
        self.folder = os.path.join(tempfile.gettempdir(), self.name)
        self._count = 0
        sweep()
        os.mkdir(self.folder, 0o755)
        self._lock = open(os.path.join(self.folder, "lock"), "w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def next_name(self, what):
        self._count += 1
        return f"{self.name}-{what}{self._count}"

    def close(self):
        remove_all_of(self.name)
        self._lock.close()


def is_alive(name):
    lock = os.path.join(tempfile.gettempdir(), name, "lock")
    try:
        with open(lock, encoding="ascii") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        # A run makes its lock before anything else: what is left bears the name of one that is gone. But it may be
        # just about to.
        return os.path.exists(f"/proc/{name.split('-')[1]}")
    except OSError:
        return True
    return False


def remove_all_of(name):
    """Namespaces with the processes in them, pins, control groups, run and work directories of the run of this name."""
    def mine(folder):
        with contextlib.suppress(OSError):
            for entry in os.listdir(folder):
                match = NAME.match(entry)
                if match and match.group(1) == name:
                    yield entry

    for entry in list(mine(PINS)):
        tree_remove(os.path.join(PINS, entry))
    for entry in list(mine(NAMESPACES)):
        namespace_close(entry)
    for entry in list(mine(groups())):
        group_remove(os.path.join(groups(), entry))
    for entry in list(mine(RUN_DIR)):
        shutil.rmtree(os.path.join(RUN_DIR, entry), ignore_errors=True)
    folder = os.path.join(tempfile.gettempdir(), name)
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for mount in [line.split()[1] for line in mounts]:
            if mount.startswith(folder + "/"):
                command("umount", "-l", mount, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def sweep():
    """Remove what dead runs left."""
    names = set()
    for folder in (PINS, NAMESPACES, RUN_DIR, groups(), tempfile.gettempdir()):
        with contextlib.suppress(OSError):
            names |= {m.group(1) for m in map(NAME.match, os.listdir(folder)) if m}
    for name in names:
        if not is_alive(name):
            remove_all_of(name)


class Lab:
    """
    The mail host (interface mx0) and the outside (out0) on one cable. With wire: a host between them that carries the
    frames by the program `wire`, with its delay.
    """

    def __init__(self, run, wire=False):
        self.run = run
        self.mail = Host(run.next_name("mail"))
        self.out = Host(run.next_name("out"))
        self.between = Host(run.next_name("wire")) if wire else None
        self._wire = None
        for host in self.hosts():
            host.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0,
                        ipv6__conf__default__router_solicitations=0)
        # Local routes suffice for IPv4; a bind to such an IPv6 address must be allowed.
        self.out.sysctl(ipv6__ip_nonlocal_bind=1)
        self.cable()

    def hosts(self):
        return [h for h in (self.mail, self.out, self.between) if h]

    def cable(self):
        """All of it; again after mx0 was deleted (its peer goes with it)."""
        self.plug()
        self.outside_up()
        self.mail_up()

    def plug(self):
        """The interfaces, still down."""
        if not self.between:
            self.cable_pair(self.mail, "mx0", self.out, "out0", f"address {MAIL_MAC}")
            return
        self.cable_pair(self.mail, "mx0", self.between, "wb", f"address {MAIL_MAC}")
        self.cable_pair(self.out, "out0", self.between, "wa")
        self.between.ip("link set wa up", "link set wb up")
        for host, name in ((self.mail, "mx0"), (self.out, "out0"), (self.between, "wa"), (self.between, "wb")):
            host.run("ethtool", "-K", name, "tx", "off", "gso", "off", "tso", "off", "gro", "off")

    def outside_up(self):
        self.peer_accept()
        self.out.ip("link set out0 up",
                    f"addr add {GATEWAY[4]}/24 dev out0 noprefixroute",
                    f"addr add {GATEWAY[6]}/64 dev out0 nodad noprefixroute",
                    f"addr add {STRANGER[6]}/128 dev out0 nodad",
                    *(f"route replace local {net} dev lo" for net in STRANGERS + STRANGERS6),
                    f"route add 192.0.2.0/24 dev out0 src {STRANGER[4]}",
                    f"route add 2001:db8:25::/64 dev out0 src {STRANGER[6]}")

    def carry(self, mail_name):
        """Wait until both ends carry: an interface is up a little before its queue takes packets."""
        for host, name in ((self.mail, mail_name), (self.out, "out0")):
            until(lambda h=host, n=name: h.operstate(n) == "UP", what=f"{name} carries")

    @staticmethod
    def cable_pair(host, name, peer, peer_name, options=""):
        host.ip(f"link add {name} {options} type veth peer name {peer_name} netns {peer.name}")

    def mail_up(self, name="mx0"):
        self.mail.ip(f"link set {name} up",
                     f"addr replace {MAIL[4]}/24 dev {name}",
                     f"addr replace {MAIL[6]}/64 dev {name} nodad",
                     f"route replace default via {GATEWAY[4]} dev {name}",
                     f"route replace default via {GATEWAY[6]} dev {name}")
        self.carry(name)

    def peer_accept(self):
        """Refusals sent by XDP_TX reach a veth peer only past an XDP program of its own."""
        host, name = (self.between, "wb") if self.between else (self.out, "out0")
        host.run("ip", "link", "set", name, "xdpdrv", "object", os.path.join(TOOLS, "pass.bpf.o"),
                 "section", "xdp.frags")

    def wire_start(self, **options):
        words = [f"--{k.replace('_', '-')}={v}" for k, v in options.items()]
        self._wire = self.between.start(os.path.join(TOOLS, "wire"), "--between=wa,wb", *words)
        assert self._wire.stdout.readline() == "ready\n", self._wire.stderr.read()

    def wire_stop(self):
        if self._wire:
            self._wire.communicate(timeout=5)
            self._wire = None

    def close(self):
        self.wire_stop()
        for host in self.hosts():
            host.close()
