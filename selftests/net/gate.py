# SPDX-License-Identifier: BSD-2-Clause
"""
One instance of postern in the mail host's namespace: its configuration, controller, commands and traces.
"""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess

from lab import BUILD, PINS, RUN_DIR, Lines, bpftool_rows, tree_remove, until

BINARY = os.path.join(BUILD, "postern")
GUARDING = r"ready:.*guarding \S+ \((native|generic)"
READY = r"ready:"  # whether or not an interface is there yet
READY_S = 10.0
STORE = "postern.db"
LOCK = "lock"


def libconfig(value):
    """A Python value as libconfig writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {libconfig(v)};" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(libconfig, value))
        return f"( {inner} )" if value and isinstance(value[0], dict) else f"[ {inner} ]"
    return str(value)


class Gate:
    def __init__(self, run, host, binary=BINARY, **config):
        self.host = host
        self.binary = binary
        self.instance = run.next_name("g")
        self.folder = os.path.join(run.folder, self.instance)
        self.config_path = os.path.join(self.folder, "postern.conf")
        self.state = os.path.join(self.folder, "state")
        self.pins = os.path.join(PINS, self.instance)
        self.controller = self.log = None
        os.mkdir(self.folder)
        self.config = {"interfaces": ["mx0"], "attach": "native", "state_dir": self.state,
                       "mail_log": "none", **config}
        self.configure()

    def configure(self, **changes):
        self.config.update(changes)
        self.configure_text("\n".join(f"{k} = {libconfig(v)};" for k, v in self.config.items()) + "\n")

    def configure_text(self, text):
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(text)

    def words(self, *words):
        """Options first: `because` takes the rest of the line."""
        return (self.binary, "--instance", self.instance, "--config", self.config_path, *words)

    # ---- the controller ----

    def start(self, ready=GUARDING, before=(), environment=None):
        """ready: the line to wait for, None not to. before: words in front of the program, such as a wrapper."""
        self.controller = self.host.start(*before, *self.words("run"), stdout=subprocess.DEVNULL,
                                          stdin=subprocess.DEVNULL, env=environment)
        self.log = Lines(self.controller.stderr)
        if ready:
            self.log.wait(ready, READY_S)
        return self

    def stop(self, how=signal.SIGTERM):
        """SIGTERM leaves the gate standing, SIGINT removes everything, SIGKILL asks nobody."""
        self.controller.send_signal(how)
        status = self.controller.wait(10)
        self.log.end()
        return status

    def kill(self):
        self.stop(signal.SIGKILL)

    def is_running(self):
        return self.controller is not None and self.controller.poll() is None

    # ---- its children ----

    def child(self, name):
        """The pid of its "resolver" or "responder"; None while there is none."""
        # The kernel keeps 15 bytes of a name.
        comm = f"postern-{name}"[:15]
        return next((pid for pid, said in descendants(self.controller.pid).items() if said == comm), None)

    def child_kill(self, name, times=1):
        """Kill it, and those that come after it: the keeper waits longer each time until it starts another."""
        for _ in range(times):
            pid = until(lambda: self.child(name), 10, f"a {name}")
            os.kill(pid, signal.SIGKILL)
            until(lambda p=pid: self.child(name) != p, 5, f"the {name} is dead")

    # ---- commands ----

    def cli(self, *words, status=0, stdin=None, before=(), environment=None, host=None):
        done = (host or self.host).run(*before, *self.words(*words), check=False, input=stdin,
                                       env=environment)
        if status is not None:
            assert done.returncode == status, \
                f"postern {' '.join(words)}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}"
        return done

    def __call__(self, sentence, **options):
        """gate("block 203.0.113.7 for 3s")"""
        return self.cli(*sentence.split(), **options)

    def rows(self, sentence, **options):
        """The rows a sentence prints with --json."""
        return [json.loads(line) for line in self.cli("--json", *sentence.split(), **options).stdout.splitlines()]

    def row(self, sentence, **options):
        rows = self.rows(sentence, **options)
        assert len(rows) == 1, rows
        return rows[0]

    def why(self, address):
        return self.row(f"why {address}")

    def counters(self):
        return self.row("show counters")

    def count(self, reason, what="packets"):
        return self.counters()[reason][what]

    def rules(self):
        """{prefix: row} of the operator's rules."""
        return {r["prefix"]: r for r in self.rows("show rules") if r["origin"] == "operator"}

    def open(self, source):
        rows = {r["source"]: r["open"] for r in self.rows("show open")}
        return rows.get(source, 0)

    # ---- the store ----

    def store_folder(self):
        return next(here for here, _, names in os.walk(self.state) if STORE in names)

    def store(self, **how):
        """The database itself, beside whoever else uses it."""
        return contextlib.closing(sqlite3.connect(os.path.join(self.store_folder(), STORE), **how))

    @contextlib.contextmanager
    def locked(self):
        """As by a long import: the lock of all commands, and a transaction that writes, which comes to nothing. Yields the database."""
        with open(os.path.join(self.store_folder(), LOCK), "r+", encoding="ascii") as lock, \
                self.store(isolation_level=None) as store:
            fcntl.flock(lock, fcntl.LOCK_EX)
            store.execute("BEGIN IMMEDIATE")
            yield store
            store.execute("ROLLBACK")

    # ---- traces in the kernel ----

    def pinned(self):
        """Paths of everything pinned."""
        return [os.path.join(here, name) for here, _, names in os.walk(self.pins) for name in names]

    def map_path(self, name):
        return next(p for p in self.pinned() if os.path.basename(p) == name)

    def ids(self):
        """Ids of the maps, programs and links that are this instance's."""
        found = {}
        programs = []
        for kind in ("map", "link", "prog"):
            rows = bpftool_rows("-f", kind, "show")
            mine = [r for r in rows if any(p.startswith(self.pins + "/") for p in r.get("pinned", ()))]
            found[kind] = {r["id"] for r in mine}
            programs += [r["prog_id"] for r in mine if "prog_id" in r]
        # What is linked is pinned by its link alone; what was linked is known by the maps it works on.
        found["prog"] |= set(programs) | {r["id"] for r in rows if found["map"] & set(r.get("map_ids", ()))}
        return found

    def program_id(self, name="mx0"):
        """Of the program that guards an interface."""
        rows = json.loads(self.host.run("ip", "-j", "-d", "link", "show", name).stdout)
        return rows[0]["xdp"]["prog"]["id"]

    def remove(self):
        """Whatever state the test left it in."""
        if self.is_running():
            self.kill()
        self.cli("detach", "all", status=None)
        tree_remove(self.pins)
        shutil.rmtree(os.path.join(RUN_DIR, self.instance), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def descendants(pid):
    """{pid: name} of the processes that this one and those that it made have made."""
    made = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
            # A zombie runs nothing any more.
            if rest.split()[0] != "Z":
                made[int(entry)] = (int(rest.split()[1]), name)
    found, wanted = {}, {pid}
    while wanted:
        wanted = {p for p, (parent, _) in made.items() if parent in wanted and p not in found}
        found.update({p: made[p][1] for p in wanted})
    return found


def memory_most_kib(pid):
    """The most that a process ever had in memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def ids_alive(ids):
    """Which of these still exist? The kernel frees a little later than it is told."""
    return {kind: {row["id"] for row in bpftool_rows(kind, "show")} & wanted
            for kind, wanted in ids.items()}
