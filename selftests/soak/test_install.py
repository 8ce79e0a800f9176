# SPDX-License-Identifier: BSD-2-Clause
"""
The package in a Debian with nothing in it: what it needs is what it names. The Debian is made once, by debootstrap, and kept in
the build directory. The package is the real one, compiled by its own recipe.
"""
import contextlib
import os
import re
import shutil

import pytest

from booted import Booted
from clients import fate
from lab import BUILD, TREE, command, until

BLOCKED = "203.0.113.66"
BOOT_S = 60
# Of the unit half a minute, and what a busy machine adds.
WATCHDOG_S = 120
DEBIAN = "bookworm"
# What a minimal Debian lacks to be booted.
INIT = ("systemd", "systemd-sysv")
KEPT = os.path.join(BUILD, f"debian-{DEBIAN}.tar")
# The packages it was made with.
NEEDS = KEPT + ".needs"


@pytest.fixture(scope="module")
def package():
    done = command(os.path.join(TREE, "tools", "make-deb"), env={**os.environ, "BUILD": BUILD})
    return done.stdout.strip()


def needs_of(package):
    """The first alternative of each that it depends on."""
    depends = command("dpkg-deb", "-f", package, "Depends").stdout
    return [re.match(r"[^ |(]+", one.strip())[0] for one in depends.split(",")]


def is_kept(needs):
    with contextlib.suppress(FileNotFoundError):
        with open(NEEDS, encoding="utf-8") as file:
            return file.read() == needs
    return False


@pytest.fixture(scope="module")
def clean(run, package):
    """A root with what the package needs and nothing else."""
    root = os.path.join(run.folder, "clean")
    needs = sorted({*INIT, *needs_of(package)})
    if not is_kept(" ".join(needs)):
        made = os.path.join(run.folder, "made")
        command("debootstrap", "--variant=minbase", "--include=" + ",".join(needs), DEBIAN, made)
        command("tar", "-C", made, "--numeric-owner", "-cf", KEPT, ".")
        shutil.rmtree(made)
        with open(NEEDS, "w", encoding="utf-8") as file:
            file.write(" ".join(needs))
    os.mkdir(root)
    command("tar", "-C", root, "--numeric-owner", "-xpf", KEPT)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def boot(run, lab, clean):
    made = []

    def boot(root=clean, **options):
        made.append(Booted(run, lab.mail, lower=root, **options))
        return made[-1]

    yield boot
    for one in made:
        one.close()


def guards(machine):
    return '"mx0"' in machine.run("postern", "--json", "show", "status", check=False).stdout


def install(machine, package):
    shutil.copy(package, machine.shared)
    machine.run("dpkg", "-i", os.path.join(machine.shared, os.path.basename(package)))
    until(lambda: guards(machine), BOOT_S, "mx0 is guarded")


WITHOUT = ("/mnt", "/var/cache", "/var/lib/dpkg", "/var/lib/systemd", "/var/log", "/etc/.pwd.lock")


def files_of(machine):
    left_out = " ".join(f"-path {path} -prune -o" for path in WITHOUT)
    return machine.shell(f"find / -xdev {left_out} -print | sort").stdout


def test_installed_and_purged_in_a_clean_debian(boot, package):
    machine = boot()
    before = files_of(machine)
    install(machine, package)
    assert machine.state("postern", "ActiveState") == "active"
    machine.run("dpkg", "-P", "postern")
    assert files_of(machine) == before


def test_a_controller_that_hangs_is_replaced(boot, package, lab):
    """By the watchdog; meanwhile the gate stands."""
    machine = boot()
    install(machine, package)
    machine.run("postern", "block", BLOCKED)
    main, alive = machine.state("postern", "MainPID"), machine.state("postern", "WatchdogTimestampMonotonic")
    until(lambda: machine.state("postern", "WatchdogTimestampMonotonic") != alive, WATCHDOG_S, "it shows life")
    assert machine.state("postern", "NRestarts") == "0"
    machine.shell(f"kill -STOP {main}")
    until(lambda: machine.state("postern", "NRestarts") == "1", WATCHDOG_S, "systemd starts another one")
    until(lambda: guards(machine), BOOT_S, "mx0 is guarded")
    assert machine.state("postern", "MainPID") != main
    assert fate(lab.out, BLOCKED) == "silent"


def test_it_is_there_after_a_boot(run, boot, clean, package):
    """Installed where no systemd runs, as an installer does it; the machine is then booted whole."""
    shutil.copy(package, os.path.join(clean, "root"))
    name = os.path.basename(package)
    command("chroot", clean, "dpkg", "-i", f"/root/{name}")
    try:
        machine = boot(whole=True)
        until(lambda: guards(machine), BOOT_S, "mx0 is guarded")
        assert machine.state("postern", "ActiveState") == "active"
        said = machine.run("journalctl", "--no-pager").stdout
        assert "ordering cycle" not in said
        # Before any network is set up.
        assert said.index("Started postern.service") < said.index("Reached target network-pre.target")
    finally:
        command("chroot", clean, "dpkg", "-P", "postern")
