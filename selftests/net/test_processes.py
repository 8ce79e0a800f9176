# SPDX-License-Identifier: BSD-2-Clause
"""
The processes of `postern run`, seen from outside: what each may do, what it holds, and who outlives whom. What reads foreign
bytes holds no capability and no file; the keeper holds what it works with.
"""
import os
import signal
import stat

import pytest

import dnsserver as dns
from clients import fate
from lab import until

ZONES = {"bl.example": {"ip4set": ":127.0.0.2:listed\n127.0.0.2\n203.0.113.7\n"}}
HONEST = "203.0.113.8"
# linux/capability.h
CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 1 << 12, 1 << 21, 1 << 38, 1 << 39
KEPT = CAP_NET_ADMIN | CAP_PERFMON | CAP_BPF
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
# The kernel shows 15 bytes of a name.
NURSERY, RESOLVER, RESPONDER = "postern-nursery", "postern-resolve", "postern-respond"
CHILDREN = (RESOLVER, RESPONDER)
# A stranger's SYN is held, and repeated after a second.
HELD_S = 3
WAIT_S = 10.0
NULL = os.makedev(1, 3)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict((key, value.strip()) for key, _, value in (line.partition(":") for line in file))


def capabilities(pid):
    return {name: int(status(pid)[name], 16) for name in SETS}


def parents():
    """{pid: (parent, name)} of everything that runs."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            one = status(name)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if not one.get("State", "Z").startswith("Z"):
            found[int(name)] = (int(one["PPid"]), one["Name"])
    return found


def descendants(pid):
    """{name: pid} of all below."""
    everybody, found, new = parents(), {}, {pid}
    while new:
        new = {p for p, (parent, _) in everybody.items() if parent in new}
        found.update((everybody[p][1], p) for p in new)
    return found


def is_alive(pid):
    return pid in parents()


def family(g, *names):
    """{name: pid}, when all of these are there."""
    until(lambda: set(names) <= set(descendants(g.controller.pid)), WAIT_S, f"{names} run")
    return descendants(g.controller.pid)


@pytest.fixture(name="lists")
def lists_(run, lab):
    server = dns.Rbldnsd(run, lab.mail, ZONES)
    yield server
    server.close()


@pytest.fixture(name="asking")
def asking_(gate, lists, sink):  # pylint: disable=unused-argument
    """A gate that asks, and that tells: with both children, and each of them ready."""
    g = gate(mode="enforce", first_contact="hold", resolver=[f"127.0.0.1:{dns.RBLDNSD_PORT}"],
             dnsbl={"sites": ["bl.example"], "threshold": 1, "ask_nonglobal": True}, actions={"dnsbl": "reply"})
    for name in ("resolver", "responder"):
        g.log.wait(rf"the {name} is ready", WAIT_S)
    return g


def test_the_keeper_is_root_with_three_capabilities(gate, sink):  # pylint: disable=unused-argument
    g = gate()
    one = status(g.controller.pid)
    assert capabilities(g.controller.pid) == {"CapInh": 0, "CapPrm": KEPT, "CapEff": KEPT, "CapBnd": KEPT, "CapAmb": 0}
    assert (one["Uid"].split()[1], one["NoNewPrivs"]) == ("0", "1")


def test_namespaces_cannot_be_entered_with_less(gate, lab, sink):  # pylint: disable=unused-argument
    path = f"/proc/{os.getpid()}/ns/net"
    g = gate(namespaces=[path])
    assert capabilities(g.controller.pid)["CapEff"] == KEPT | CAP_SYS_ADMIN
    # The connections of a blocked address are looked for in there too.
    g("block 198.51.100.9")
    assert g.is_running()


def test_namespaces_that_a_reload_adds_take_a_restart(gate, sink):  # pylint: disable=unused-argument
    g = gate()
    g.configure(namespaces=[f"/proc/{os.getpid()}/ns/net"])
    g("reload", status=1)
    g.log.wait(r"reload: .*`namespaces`.*a restart", WAIT_S)
    g.configure(namespaces=[])
    g("reload")


def test_a_store_that_is_not_roots_is_told(gate, sink):  # pylint: disable=unused-argument
    g = gate(start=False)
    folder = os.path.join(g.state, g.instance)
    os.makedirs(folder)
    os.chmod(folder, 0o700)
    os.chown(folder, 65534, 65534)
    g.start()
    g.log.wait(r"does not belong to root.*CAP_DAC_OVERRIDE", WAIT_S)
    g("block 198.51.100.9")


def assert_unprivileged(pid):
    one = status(pid)
    assert set(capabilities(pid).values()) == {0}, one
    assert "0" not in one["Uid"].split() + one["Gid"].split(), one
    assert (one["Groups"], one["NoNewPrivs"]) == ("", "1"), one
    assert os.listdir(f"/proc/{pid}/root/") == [], "its root is not empty"
    # Nobody of the same user may look into it: what is its own belongs to root.
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def descriptors(pid):
    """{number: (target, status)}"""
    folder = f"/proc/{pid}/fd"
    return {int(n): (os.readlink(f"{folder}/{n}"), os.stat(f"{folder}/{n}")) for n in os.listdir(folder)}


def test_the_nursery_holds_its_socket_and_the_log(gate, sink):  # pylint: disable=unused-argument
    pid = family(gate(), NURSERY)[NURSERY]
    assert_unprivileged(pid)
    held = descriptors(pid)
    assert set(held) == {0, 1, 2, 3}
    assert held[0][1].st_rdev == held[1][1].st_rdev == NULL
    assert stat.S_ISSOCK(held[3][1].st_mode)


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_holds_no_capability_and_no_file(asking, name):
    pid = family(asking, *CHILDREN)[name]
    assert_unprivileged(pid)
    assert status(pid)["Seccomp"] == "2", "it may call what it likes"
    held = descriptors(pid)
    assert held[0][1].st_rdev == held[1][1].st_rdev == NULL
    log = os.stat(f"/proc/{asking.controller.pid}/fd/2")
    assert (held[2][1].st_dev, held[2][1].st_ino) == (log.st_dev, log.st_ino)
    for number, (target, _) in held.items():
        assert number <= 2 or target.startswith("socket:") or target in (
            "anon_inode:[eventpoll]", "anon_inode:[timerfd]", "anon_inode:[signalfd]"), held


def test_children_are_not_of_the_keepers_group(asking):
    group = os.getpgid(asking.controller.pid)
    assert all(os.getpgid(pid) != group for pid in family(asking, NURSERY, *CHILDREN).values())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nobody_outlives_the_keeper(asking, how):
    pids = set(family(asking, NURSERY, *CHILDREN).values())
    asking.stop(how)
    until(lambda: not pids & set(parents()), WAIT_S, f"{pids} are gone")


@pytest.mark.parametrize("name, word", [(RESOLVER, "resolver"), (RESPONDER, "responder")])
def test_a_child_that_is_killed_comes_back(asking, lab, name, word):
    before = family(asking, *CHILDREN)[name]
    os.kill(before, signal.SIGKILL)
    asking.log.wait(rf"the {word} \(process {before}\) is gone; it is started again", WAIT_S)
    asking.log.wait(rf"the {word} is ready", WAIT_S)
    after = family(asking, *CHILDREN)[name]
    assert after != before and not is_alive(before)
    assert fate(lab.out, HONEST, wait_s=HELD_S) == "open"


def test_a_service_managers_signal_ends_all_in_order(asking):
    """All processes of a service get it at once: no child may be missed and started again meanwhile."""
    pids = family(asking, NURSERY, *CHILDREN)
    for pid in pids.values():
        os.kill(pid, signal.SIGTERM)
    assert asking.stop(signal.SIGTERM) == 0
    assert not [line for line in asking.log.lines if "is gone" in line]
    until(lambda: not set(pids.values()) & set(parents()), WAIT_S, f"{pids} are gone")


def test_without_its_nursery_the_gate_lets_mail_in_and_says_what_to_do(asking, lab):
    pids = family(asking, NURSERY, *CHILDREN)
    os.kill(pids[NURSERY], signal.SIGKILL)
    until(lambda: not set(pids.values()) & set(parents()), WAIT_S, f"{pids} are gone")
    asking.log.wait(r"the resolver cannot be started: the nursery.*restart postern", WAIT_S)
    assert asking.is_running()
    assert fate(lab.out, HONEST) == "open"
