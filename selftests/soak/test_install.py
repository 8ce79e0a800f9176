# SPDX-License-Identifier: BSD-2-Clause
"""
The package in a Debian with nothing in it: what it needs is what it names. The Debian is made once, by debootstrap, and kept in
the build directory. The package is the real one, compiled by its own recipe.
"""
import os
import re
import shutil

import pytest

from booted import Booted
from lab import BUILD, TREE, command, until

BOOT_S = 60
DEBIAN = "bookworm"
# What a minimal Debian lacks to be booted.
INIT = ("systemd", "systemd-sysv")
KEPT = os.path.join(BUILD, f"debian-{DEBIAN}.tar")


@pytest.fixture(scope="module")
def package():
    done = command(os.path.join(TREE, "tools", "make-deb"), env={**os.environ, "BUILD": BUILD})
    return done.stdout.strip()


def needs_of(package):
    """The first alternative of each that it depends on."""
    depends = command("dpkg-deb", "-f", package, "Depends").stdout
    return [re.match(r"[^ |(]+", one.strip())[0] for one in depends.split(",")]


@pytest.fixture(scope="module")
def clean(run, package):
    """A root with what the package needs and nothing else."""
    root = os.path.join(run.folder, "clean")
    needs = sorted({*INIT, *needs_of(package)})
    noted = KEPT + ".needs"
    if not os.path.exists(noted) or open(noted, encoding="utf-8").read() != " ".join(needs):
        made = os.path.join(run.folder, "made")
        command("debootstrap", "--variant=minbase", "--include=" + ",".join(needs), DEBIAN, made)
        command("tar", "-C", made, "--numeric-owner", "-cf", KEPT, ".")
        shutil.rmtree(made)
        with open(noted, "w", encoding="utf-8") as file:
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


def test_installed_and_purged_in_a_clean_debian(boot, package):
    machine = boot()
    shutil.copy(package, machine.shared)
    path = os.path.join(machine.shared, os.path.basename(package))
    before = machine.shell("find / -xdev -path /var/lib/dpkg -prune -o -path /var/log -prune -o -path /var/cache -prune -o "
                           "-path /mnt -prune -o -path /var/lib/systemd -prune -o -path /etc/.pwd.lock -o -print | sort").stdout
    machine.run("dpkg", "-i", path)
    until(lambda: guards(machine), BOOT_S, "mx0 is guarded")
    assert machine.state("postern", "ActiveState") == "active"
    machine.run("dpkg", "-P", "postern")
    after = machine.shell("find / -xdev -path /var/lib/dpkg -prune -o -path /var/log -prune -o -path /var/cache -prune -o "
                          "-path /mnt -prune -o -path /var/lib/systemd -prune -o -path /etc/.pwd.lock -o -print | sort").stdout
    assert after == before


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
