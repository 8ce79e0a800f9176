# SPDX-License-Identifier: BSD-2-Clause
"""
Bad input of each kind: a clear error, its exit status, and nothing changed. A store in trouble never opens the gate.
"""
import json
import os
import pwd
import re
import shutil
import sqlite3
import time

import pytest

from clients import attempt, fate, fates
from gate import BINARY, Gate
from lab import TREE, command, until

BLOCKED = "203.0.113.7"
HONEST = "203.0.113.8"
DONE, FAILED, MISUSED, NO_ENTRY = 0, 1, 2, 3


@pytest.fixture(scope="module")
def standing(run, lab):
    """A gate with two rules that nothing here may change, on an interface of its own."""
    lab.mail.ip("link add standing0 type veth peer name standing1", "link set standing0 up")
    g = Gate(run, lab.mail, interfaces=["standing0"])
    g.start()
    g(f"block {BLOCKED} because it spams")
    g("allow 198.51.100.0/28")
    yield g
    g.remove()


def state(g):
    """All that a command could have changed."""
    status = g.row("show status")
    return {"rules": g.rows("show rules"), "mode": status["mode"],
            "interfaces": [(i["name"], i["attach"]) for i in status["interfaces"]], "config": g.rows("show config")}


def assert_refused(g, words, status, says, **options):
    before = state(g)
    done = g.cli(*words, status=status, **options)
    assert len(done.stderr.strip().splitlines()) <= 3, done.stderr
    for part in says if isinstance(says, tuple) else (says,):
        assert part.lower() in done.stderr.lower(), (words, part, done.stderr)
    assert not done.stdout.strip(), done.stdout
    told = g.cli("--json", *words, status=status, **options)
    error = json.loads(told.stderr.splitlines()[-1])
    assert error["status"] == status and error["error"], told.stderr
    assert state(g) == before


MALFORMED = ["203.0.113", "203.0.113.256", "203.0.113.7.1", "0203.0.113.7", "203.0.113.7/", "203.0.113.7/33",
             "203.0.113.7/-1", "203.0.113.7/8x", "203.0.113.0/24/24", "2001:db8:::1", "2001:db8::/129", "2001:db8::g",
             "[2001:db8::1]", "fe80::1%eth0", "::ffff:203.0.113.256", "mail.example.org", "", " ", "203.0.113.7 ",
             "0x7f.1", "１.2.3.4", "203.0.113.7\n", "a" * 4000, "%s%n", "203.0.113.77/24", "2001:db8::1/64"]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda t: ascii(t[:20]))
def test_malformed_addresses_and_lengths(standing, text):
    for verb in ("block", "unblock", "allow", "disallow", "trust", "distrust"):
        assert_refused(standing, [verb, text], MISUSED, verb)


def test_set_bits_behind_the_length_are_answered_with_what_was_meant(standing):
    assert_refused(standing, ["block", "203.0.113.77/26"], MISUSED, "203.0.113.64/26")


@pytest.mark.parametrize("text", ["203.0.113.0/24", "nobody", "2001:db8::/32"])
def test_why_and_forget_want_an_address(standing, text):
    assert_refused(standing, ["why", text], MISUSED, "why")
    assert_refused(standing, ["forget", text], MISUSED, "forget")


@pytest.mark.parametrize("text", ["", "3", "s", "0s", "-1s", "1.5h", "3 s", "3sec", "1h30m", "99999999999999999999s",
                                  "4000d", "3S", "٣s"], ids=ascii)
def test_bad_durations(standing, text):
    assert_refused(standing, ["block", HONEST, "for", text], MISUSED, "for")
    assert_refused(standing, ["enforce", "for", text], MISUSED, "for")


@pytest.mark.parametrize("words, says", [
    (["blok", HONEST], ("blok", "block")),
    (["show"], "show"), (["show", "ruels"], ("ruels", "rules")), (["show", "rules", "all"], "all"),
    (["block"], "block"), (["block", HONEST, "for"], "for"), (["block", HONEST, "with", "drpo"], "drop"),
    (["block", HONEST, "with", "allow"], "allow"), (["block", HONEST, "until", "noon"], "until"),
    (["block", HONEST, "for", "3s", "for", "4s"], "for"), (["allow", HONEST, "with", "drop"], "with"),
    (["block", HONEST, "because"], "because"), (["block", HONEST, "because", "x" * 300], "because"),
    (["block", HONEST, "because", "a\x1b[2Jb"], "because"),
    (["--jsno", "show", "rules"], ("--jsno", "--json")), (["show", "rules", "--colour"], "--colour"),
    (["attach"], "attach"), (["detach"], "detach"), (["unblock", HONEST, "for", "3s"], "for"),
    (["monitor", "for", "3s"], "for"), (["config"], "config"), (["reload", "now"], "now"), ([], ""),
], ids=lambda v: "_".join(v)[:40] if isinstance(v, list) else "")
def test_unknown_verbs_options_and_clauses(standing, words, says):
    assert_refused(standing, words, MISUSED, says)


def test_an_instance_that_cannot_be_a_name(standing):
    for name in ("", "../../etc", "a b", "x" * 80, "a/b"):
        done = command(BINARY, "--instance", name, "show", "status", check=False)
        assert done.returncode == MISUSED and done.stderr.strip(), name


def test_entries_that_do_not_exist(standing):
    assert_refused(standing, ["unblock", HONEST], NO_ENTRY, HONEST)
    assert_refused(standing, ["disallow", HONEST], NO_ENTRY, HONEST)
    assert_refused(standing, ["distrust", "198.51.100.0/28"], NO_ENTRY, "198.51.100.0/28")
    assert_refused(standing, ["detach", "lo"], NO_ENTRY, "lo")


def test_unblock_inside_a_prefix_names_the_rule_that_covers_it(standing):
    standing("block 203.0.113.128/25")
    assert_refused(standing, ["unblock", "203.0.113.200"], NO_ENTRY, "203.0.113.128/25")
    standing("unblock 203.0.113.128/25")


def test_one_bad_line_of_many_changes_nothing(standing):
    for lines, number in (("203.0.113.50\n203.0.113.51/40\n", "2"), ("203.0.113.50 for ever\n", "1"),
                          ("203.0.113.50\n#\n\n203.0.113.50\0\n", "4"), ("203.0.113.50\n" + "x" * 100000 + "\n", "2")):
        assert_refused(standing, ["block", "-"], MISUSED, number, stdin=lines)
    assert_refused(standing, ["unblock", "-"], NO_ENTRY, HONEST, stdin=f"{BLOCKED}\n{HONEST}\n")
    assert_refused(standing, ["block", "-"], FAILED, "192.0.2.25", stdin="203.0.113.50\n192.0.2.25\n")


def test_a_prefix_twice_is_taken_back_once(standing):
    for verb, undo in (("block", "unblock"), ("allow", "disallow"), ("trust", "distrust")):
        standing(f"{verb} -", stdin="198.51.100.200\n198.51.100.201\n")
        twice = "198.51.100.200\n198.51.100.201\n198.51.100.200/32\n198.51.100.200\n"
        # The line at fault is the input's, with the repeats counted.
        assert_refused(standing, [undo, "-"], NO_ENTRY, ("line 5", "198.51.100.202"), stdin=twice + "198.51.100.202\n")
        done = json.loads(standing.cli("--json", undo, "-", stdin=twice).stdout)
        assert done["count"] == 2
        assert not [p for p in standing.rules() if p.startswith("198.51.100.20")]


@pytest.mark.parametrize("name", ["\x1b[31mred", "\x1b" * 40, "standing0/\x1b[31m"], ids=ascii)
def test_an_argument_does_not_reach_the_terminal_raw(standing, name):
    for words, status in ((["attach", name], FAILED), (["detach", name], NO_ENTRY)):
        assert_refused(standing, words, status, "\\x1b")
        assert "\x1b" not in standing.cli(*words, status=status).stderr


def test_an_interface_that_does_not_exist(standing):
    assert_refused(standing, ["attach", "nosuch0"], FAILED, "nosuch0")
    assert_refused(standing, ["attach", "a" * 40], FAILED, "a" * 15)
    assert_refused(standing, ["detach", "nosuch0"], NO_ENTRY, "nosuch0")


def test_an_interface_without_a_mac_header(lab, standing):
    """Loopback has one, and nothing to guard; a tunnel has none."""
    lab.mail.ip("tuntap add pnt-tun0 mode tun", "link set pnt-tun0 up")
    assert_refused(standing, ["attach", "pnt-tun0"], FAILED, "pnt-tun0")
    lab.mail.ip("link del pnt-tun0")


def test_commands_without_a_gate_say_so(run, lab, gate):
    g = gate(start=False)
    for sentence in (f"why {HONEST}", "show counters", "show open", "show rates", "reload", "detach all", "detach mx0"):
        done = g(sentence, status=None)
        assert done.returncode in (FAILED, NO_ENTRY) and done.stderr.strip(), sentence
    assert not os.path.exists(g.pins), "looking makes nothing"


# ---- the host is not as it should be ----

def test_no_privileges(run, lab, standing):
    """As an ordinary user, who may read neither rules nor maps."""
    nobody = pwd.getpwnam("nobody")
    binary = os.path.join(run.folder, "postern")
    shutil.copy(BINARY, binary)
    before = state(standing)
    for sentence in ("run", "attach mx0", "detach all", f"block {HONEST}", f"unblock {BLOCKED}", "enforce", "reload",
                     "show rules", "show counters", f"why {HONEST}"):
        done = lab.mail.run("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--",
                            binary, "--instance", standing.instance, "--config", standing.config_path,
                            *sentence.split(), check=False)
        assert done.returncode == FAILED, (sentence, done)
        assert "root" in done.stderr or "privilege" in done.stderr or "CAP_" in done.stderr \
            or "permi" in done.stderr.lower(), (sentence, done.stderr)
    assert state(standing) == before
    for sentence in ("help", "version", "config sample"):
        command("setpriv", f"--reuid={nobody.pw_uid}", "--clear-groups", "--", binary, *sentence.split())


def without(mounts):
    """In front of a command: a mount namespace of its own in which something is missing."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", mounts + ' && exec "$@"', "sh"]


def test_no_btf(gate):
    g = gate(start=False)
    g.start(ready=None, before=without("mount -t tmpfs none /sys/kernel/btf"))
    assert g.controller.wait(10) == FAILED
    assert any("BTF" in line for line in g.log.end()), g.log.lines
    assert not os.path.exists(g.pins)


def test_bpffs_is_mounted_when_missing(lab, gate):
    """In a mount namespace of its own, so that everybody else keeps theirs."""
    g = gate(start=False)
    g("block " + BLOCKED)
    done = g.cli("attach", "mx0", before=without("umount -l /sys/fs/bpf; ! mountpoint -q /sys/fs/bpf"))
    assert done.returncode == 0
    # What was pinned went with the namespace, and the guard with what was pinned: never half a gate.
    until(lambda: "xdp" not in lab.mail.run("ip", "link", "show", "mx0").stdout, 2.0, "nothing is left")


def test_bpffs_that_cannot_be_mounted(gate):
    g = gate(start=False)
    g.start(ready=None, before=without("mount -t tmpfs -o ro none /sys/fs"))
    assert g.controller.wait(10) == FAILED
    assert any("/sys/fs/bpf" in line for line in g.log.end()), g.log.lines


def test_two_runs_of_one_instance(lab, gate, sink):
    g = gate()
    g(f"block {BLOCKED}")
    ids = g.ids()
    second = g.cli("run", status=FAILED)
    assert str(g.controller.pid) in second.stderr
    assert g.ids() == ids and g.is_running()
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "silent", HONEST: "open"}


@pytest.mark.parametrize("key, first, more", [
    ("rules", "198.51.{}.{}", "203.0.113.200"), ("blocks", "198.18.{}.{}/31", "203.0.113.200/31")])
def test_a_full_map(gate, key, first, more):
    """Which map, how full, and which key raises it."""
    g = gate(tables={key: 1024})
    full = "".join(first.format(i // 128, i % 128 * 2) + "\n" for i in range(1024))
    g("block -", stdin=full)
    assert_refused(g, ["block", more], FAILED, ("1024", f"tables.{key}"))
    assert_refused(g, ["block", "-"], FAILED, f"tables.{key}", stdin="203.0.113.50\n203.0.113.52/31\n")
    assert len(g.rules()) == 1024
    assert g.why("203.0.113.200")["verdict"] == "pass"
    g("unblock " + first.format(0, 0))
    g(f"block {more}")


def test_a_network_hostile_configuration_key_is_not_hidden(standing):
    """`show config` says what is in force, with the default beside it."""
    row = next(r for r in standing.rows("show config") if r["key"] == "attach")
    assert (row["value"], row["default"], row["is_default"]) == ("native", "auto", False)


# ---- the configuration ----

FAULTS = {
    "unknown key": ('mod = "enforce";', ("mod", "mode")),
    "unknown key in a group": ("limits: { opne = 3; };", ("opne", "open")),
    "unknown key in a port": ('ports = ( { port = 25; clas = "mx"; } );', ("clas", "class")),
    "wrong type": ("mode = 3;", "mode"),
    "string for a number": ('limits: { open = "50"; };', "open"),
    "number for a list": ("interfaces = 3;", "interfaces"),
    "wrong type in a list": ("interfaces = [1, 2];", "interfaces"),
    "out of bounds": ("limits: { open = -1; };", "open"),
    "far out of bounds": ("limits: { open = 99999999999999999999; };", "number"),
    "not one of the words": ('mode = "enforcing";', ("enforcing", "enforce")),
    "a bad rate": ('limits: { rate = "fast"; };', "rate"),
    "a rate of nothing": ('limits: { rate = "0/1m"; };', "rate"),
    "a bad prefix": ('guard = ["192.0.2.0/33"];', "guard"),
    "a bad duration": ('budgets: { event_interval = "10"; };', "event_interval"),
    "a port that is none": ("ports = ( { port = 70000; } );", "port"),
    "a port twice": ("ports = ( { port = 25; }, { port = 25; } );", "25"),
    "an interface that cannot be one": ('interfaces = ["a/b"];', "a/b"),
    "a relative path": ('state_dir = "state";', "state_dir"),
    "a key twice": ('mode = "monitor"; mode = "enforce";', "duplicate"),
    "not the grammar": ('mode = "monitor', "no end"),
    "another file": ('@include "/etc/passwd"', "include"),
    "binary": ("\x00\x01\x02", ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_configuration_faults(gate, standing, name):
    """With file and line, by `config check`, by a command, by `run` and by a reload, which keeps what is in force."""
    text, says = FAULTS[name]
    says = says if isinstance(says, tuple) else (says,)
    before = state(standing)
    with open(standing.config_path, encoding="utf-8") as file:
        good = file.read()
    try:
        # Only the fault: a key of the file may not be given twice for another reason.
        standing.configure_text("# one\n\n" + text + "\n")
        for words in (["config", "check"], ["config", "check", standing.config_path], ["run"], ["reload"],
                      ["show", "rules"], ["block", HONEST]):
            done = standing.cli(*words, status=FAILED)
            assert standing.config_path in done.stderr, (words, done.stderr)
            if name != "binary":
                assert f"{standing.config_path}:3" in done.stderr, (words, done.stderr)
            for part in says:
                assert part in done.stderr, (words, done.stderr)
    finally:
        standing.configure_text(good)
    assert state(standing) == before


CERTIFICATES = {
    "a certificate without a key": ({"certificate": "/etc/hostname"}, "responder.key"),
    "a key without a certificate": ({"key": "/etc/hostname"}, "responder.certificate"),
    "files that are not there": ({"certificate": "/none.pem", "key": "/none.key"}, "/none.pem"),
    "files of something else": ({"certificate": "/etc/hostname", "key": "/etc/hostname"}, "no certificate"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates_that_are_none(run, lab, name):
    """What `run` turns down `config check` turns down too."""
    keys, says = CERTIFICATES[name]
    g = Gate(run, lab.mail, responder=keys)
    try:
        for words in (["config", "check"], ["run"]):
            done = g.cli(*words, status=FAILED)
            assert g.config_path in done.stderr and says in done.stderr, (words, done.stderr)
        assert not g.pinned(), "a start that fails leaves nothing"
    finally:
        g.remove()


def test_a_reload_with_a_certificate_that_is_none_changes_nothing(gate):
    g = gate()
    g.configure(responder={"certificate": "/none.pem", "key": "/none.key"}, mode="enforce")
    g("reload", status=FAILED)
    g.log.wait(re.escape(g.config_path) + r": responder\.certificate: /none\.pem: .*stays")
    assert g.row("show status")["mode"] == "monitor"


def test_a_configuration_that_is_not_there(standing, tmp_path):
    missing = str(tmp_path / "none.conf")
    done = command(BINARY, "--config", missing, "show", "config", check=False)
    assert done.returncode == FAILED and missing in done.stderr
    for path in (str(tmp_path), "/dev/null/x"):
        assert command(BINARY, "config", "check", path, check=False).returncode == FAILED


def test_a_configuration_that_others_may_write(standing):
    os.chmod(standing.config_path, 0o666)
    try:
        done = standing("config check", status=FAILED)
        assert standing.config_path in done.stderr and "writ" in done.stderr
    finally:
        os.chmod(standing.config_path, 0o644)
    standing("config check")


def test_a_reload_the_controller_turns_down_is_told(gate, lab, sink):
    """instance and state_dir cannot change while it runs."""
    g = gate()
    g(f"block {BLOCKED}")
    g.configure(state_dir=g.state + "-elsewhere")
    done = g("reload", status=FAILED)
    assert done.stderr.strip()
    g.configure(state_dir=g.state)
    g("reload")
    assert fate(lab.out, BLOCKED) == "silent"


# ---- the store is in trouble ----

def assert_polices_but_stores_nothing(lab, g, path):
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "silent", HONEST: "open"}
    done = g("block 198.51.100.9", status=FAILED)
    assert path in done.stderr, done.stderr
    assert fate(lab.out, "198.51.100.9") == "open", "what was not stored is not done"


def store_file(g):
    return next(os.path.join(here, name) for here, _, names in os.walk(g.state) for name in names
                if name == "postern.db")


@pytest.mark.parametrize("when, damage", [
    ("running", "overwritten"), ("running", "newer"), ("between runs", "overwritten"), ("between runs", "truncated"),
    ("between runs", "torn short"), ("between runs", "newer")])
def test_a_store_that_cannot_be_read(lab, gate, sink, when, damage):
    g = gate()
    g(f"block {BLOCKED}")
    path = store_file(g)
    if when == "between runs":
        g.stop()
    if damage == "newer":
        with sqlite3.connect(path) as base:
            base.execute("PRAGMA user_version = 1000")
        base.close()
    else:
        for name in (path + "-wal", path + "-shm"):
            if os.path.exists(name):
                os.unlink(name)
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            if damage == "overwritten":
                file.write(os.urandom(size))
            else:
                file.truncate(100 if damage == "torn short" else size // 2 + 100)
    if when == "between runs":
        g.start()
        g.log.wait(r"store:", 10)
    assert_polices_but_stores_nothing(lab, g, os.path.dirname(path))
    assert g.is_running()


def test_a_reload_repairs_what_a_killed_command_left(lab, gate, sink):
    """The store has the order, the maps do not."""
    g = gate()
    g(f"block {BLOCKED}")
    base = sqlite3.connect(store_file(g))
    with base:
        base.execute("DELETE FROM rule")
    base.close()
    assert fate(lab.out, BLOCKED) == "silent"
    g("reload")
    assert fate(lab.out, BLOCKED) == "open"


def test_a_store_that_is_read_only(lab, gate, sink):
    """The file system turns read-only under the controller, and is so when the next one starts."""
    g = gate()
    g(f"block {BLOCKED}")
    command("mount", "--bind", g.state, g.state)
    try:
        command("mount", "-o", "remount,ro,bind", g.state)
        assert_polices_but_stores_nothing(lab, g, g.state)
        assert set(g.rules()) == {BLOCKED}, "it can still be read"
        g.stop()
        g.start()
        assert_polices_but_stores_nothing(lab, g, g.state)
        assert set(g.rules()) == {BLOCKED}
    finally:
        command("umount", "-l", g.state)
    g("block 198.51.100.9")
    assert fate(lab.out, "198.51.100.9") == "silent"


def test_a_store_that_is_full(lab, gate, sink):
    g = gate(start=False)
    os.mkdir(g.state)
    command("mount", "-t", "tmpfs", "-o", "size=2m", "none", g.state)
    filler = os.path.join(g.state, "filler")
    try:
        g.start()
        g(f"block {BLOCKED}")
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        assert_polices_but_stores_nothing(lab, g, g.state)
        assert g.is_running()
        os.unlink(filler)
        g("block 198.51.100.9")
        assert set(g.rules()) == {BLOCKED, "198.51.100.9"}
        assert fate(lab.out, "198.51.100.9") == "silent"
    finally:
        g.kill()
        command("umount", "-l", g.state)


# ---- the clock ----

HOUR_S = 3600


@pytest.fixture(scope="session")
def clock(run):
    """A library that gives a program another wall clock: a test must not set the machine's."""
    library = os.path.join(run.folder, "clock.so")
    command("cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-o", library,
            os.path.join(TREE, "selftests", "net", "preload", "clock.c"))
    return lambda step_s: {**os.environ, "LD_PRELOAD": library, "CLOCK_STEP_S": str(step_s)}


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_clock_steps_end_no_rule_early_or_late(lab, gate, sink, clock, step_s):
    """Ordered before the step, it ends on time after it; ordered after the step, too."""
    g = gate()
    g("block 198.51.100.1 for 2h")
    g(f"block {BLOCKED} for 4s")
    ordered = time.monotonic()
    g.stop()
    stepped = clock(step_s)
    g.start(environment=stepped)
    g.cli("block", HONEST, "for", "4s", environment=stepped)
    ordered_later = time.monotonic()
    assert fates(lab.out, [BLOCKED, HONEST]) == {BLOCKED: "silent", HONEST: "silent"}
    ends = {}
    while len(ends) < 2 and time.monotonic() < ordered_later + 6:
        for source, begin in ((BLOCKED, ordered), (HONEST, ordered_later)):
            if source not in ends:
                outcome = attempt(lab.out, source, wait_s=0.1)
                if outcome.sock:
                    outcome.sock.close()
                    ends[source] = time.monotonic() - begin
    assert all(3.8 < ends.get(s, 99) < 4.5 for s in (BLOCKED, HONEST)), ends
    # And the clock goes back to where it was.
    g.stop()
    g.start()
    assert set(g.rules()) == {"198.51.100.1"}
    assert g.why("198.51.100.1")["verdict"] == "drop"
