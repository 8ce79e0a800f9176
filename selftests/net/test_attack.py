# SPDX-License-Identifier: BSD-2-Clause
"""
The parts that read what others write, as those would use them who mean harm: what a reader holds that is not its own, files that change
under it, lists that shut out the world, clients that never end.
"""
import fcntl
import os
import signal
import stat

from clients import fate
from lab import BUILD, MAIL, TREE, command, descriptors, until
from machine import children

WAIT_S = 10.0
SOURCE = "203.0.113.7"
# What is a gate's or a store's, in /proc/PID/fd and /proc/PID/maps (proc(5)).
KERNELS = ("bpf-map", "bpf-prog", "bpf_link", "btf")
PIPE_LEAST = 4096


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict((key, value.strip()) for key, _, value in (line.partition(":") for line in file))


def reader_of(process):
    """The child of a command, when it has given up all."""
    pid = until(lambda: children(process.pid), WAIT_S, "the reader")[0]
    until(lambda: status(pid)["Seccomp"] == "2", WAIT_S, "it has given up all")
    return pid


def assert_holds_nothing(pid):
    """Neither the kernel's maps nor the store: who takes over a reader without privileges could use what is open already."""
    held = list(descriptors(pid).values())
    assert not [t for t in held if any(k in t for k in KERNELS) or "postern.db" in t or ".lock" in t], held
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        mapped = [line for line in file if any(k in line for k in (*KERNELS, "postern.db"))]
    assert not mapped, mapped


def test_who_reads_the_mail_log_for_a_report_holds_neither_gate_nor_store(lab, gate, sink, folder):
    log = os.path.join(folder, "mail.log")
    with open(log, "w", encoding="ascii"):
        pass
    g = gate(mail_log=log)
    # Nobody reads what it prints: it waits with everything it has.
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_LEAST)
    os.write(write_end, b" " * PIPE_LEAST)
    process = lab.mail.start(*g.words("report"), stdout=write_end)
    os.close(write_end)
    assert_holds_nothing(reader_of(process))
    with open(read_end, encoding="ascii") as said:
        assert "Report from" in said.read()
    assert process.wait(WAIT_S) in (0, 4), process.stderr.read()


def test_who_reads_a_feed_for_a_command_holds_neither_gate_nor_store(lab, gate, sink, folder):
    path = os.path.join(folder, "large")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(1 << 20))
    g = gate(feeds=[{"name": "drop", "file": path}])
    g.stop()
    process = lab.mail.start(*g.words("feed", "load", "drop"))
    pid = reader_of(process)
    os.kill(pid, signal.SIGSTOP)
    assert_holds_nothing(pid)
    os.kill(pid, signal.SIGCONT)
    assert process.wait(WAIT_S) == 0, process.stderr.read()


def test_a_feed_with_the_world_in_it_is_held_back_though_it_is_the_first(lab, gate, sink, folder):
    path = os.path.join(folder, "world")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{n}.0.0.0/8\n" for n in range(1, 224) if n not in (10, 127))
    g = gate(mode="enforce", feeds=[{"name": "world", "file": path, "always": True}])
    g.log.wait(r"feed world: held back: .*more than half of all IPv4.*feed load world anyway", WAIT_S)
    assert fate(lab.out, SOURCE, greet=True) == "open"
    # Who means it can say so, and has not shut out this host.
    assert g("feed load world anyway").stdout
    assert fate(lab.out, SOURCE) == "silent"
    assert g.why(MAIL[4])["verdict"] == "pass"


def test_whoever_reaches_the_socket_of_metrics_may_read_them(gate, folder):
    path = os.path.join(folder, "metrics.sock")
    g = gate(start=False, metrics=path)
    # As the service has it.
    g.start(before=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    g.log.wait(r"metrics: at", WAIT_S)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    # Nobody else's file gets it.
    assert stat.S_IMODE(os.stat(os.path.join(g.state, g.instance, "postern.db")).st_mode) == 0o600


def test_the_tabulator_runs_nothing_that_a_file_is_called(folder):
    """Root in a directory of everybody's, which has a file with a command in its name."""
    here = os.path.join(folder, "everybodys")
    os.mkdir(here)
    names = ["x$(touch ran)", "y`touch ran`", "z;touch ran", "plain"]
    for name in names:
        with open(os.path.join(here, name), "w", encoding="ascii"):
            pass
    script = os.path.join(TREE, "tools", "completions", "postern.bash")
    for line in ("postern import list ", "postern --config ", "postern attach "):
        done = command("bash", "-c", f'PATH={BUILD}:$PATH; . {script}; COMP_WORDS=(postern "") COMP_CWORD=1 COMP_LINE="{line}" '
                       f'COMP_POINT={len(line)}; _postern; printf "%s\\n" "${{COMPREPLY[@]}}"', cwd=here)
        offered = set(done.stdout.splitlines())
        if "attach" not in line:
            # As they must stand in a command.
            assert {r"x\$\(touch\ ran\)", r"y\`touch\ ran\`", r"z\;touch\ ran", "plain"} <= offered, offered
        assert sorted(os.listdir(here)) == sorted(names)
