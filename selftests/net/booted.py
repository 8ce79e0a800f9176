# SPDX-License-Identifier: BSD-2-Clause
"""
A Debian that a real systemd has booted, as process 1 of namespaces of its own, in the network of a host of the lab. Its root
is an overlay, of this machine's or of another, so that what is done in it is found afterwards in one folder, and nothing of it
outside. Its bpffs is its own too: what is pinned there stands beside no other gate.

The kernel is this machine's. What would set it up (sysctl, modules, devices) finds /proc/sys and /sys read-only, as in
systemd-nspawn, and does not start. The machine boots into a target of its own, with a journal and nothing else, or as
its root says.
"""
import contextlib
import os
import re
import shutil
import stat
import subprocess

from lab import command, group_remove, groups, until

BOOT_MAX_S = 60
# Where the overlay's upper folder is seen from within.
WRITTEN = "/mnt"
TARGET = "tested.target"
TARGET_TEXT = """[Unit]
Description=What the tests need
Wants=systemd-journald.service
"""
# What the lower root would have started, what forbids starting, and what somebody who worked with postern left there.
WANTED = "etc/systemd/system/*.wants"
UNWANTED = ("usr/sbin/policy-rc.d", "var/log/journal", "var/lib/postern")

PRELUDE = """
set -e
mkdir "$GROUP"
# Process 1 alone goes there, and 0 is whoever writes: a group with others in it could not hand controllers on.
exec unshare --mount --pid --uts --ipc --fork --kill-child sh -c 'echo 0 >"$GROUP/cgroup.procs" && exec unshare --cgroup sh -c "$INSIDE"'
"""
INSIDE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$OVER"
mkdir "$OVER/up" "$OVER/work" "$OVER/root"
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$OVER/up,workdir=$OVER/work" "$OVER/root"
cd "$OVER/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t bpf -o mode=700 bpf sys/fs/bpf
for place in dev run tmp; do mount -t tmpfs -o mode=755 tmpfs $place; done
chmod 1777 tmp
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for node in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 666 dev/tty c 5 0
rm -rf $UNWANTED
mount --bind "$OVER/up" "./$WRITTEN"
mkdir -p "./$SHARED"
mount --bind "$SHARED" "./$SHARED"
printf "%s" "$TARGET_TEXT" >etc/systemd/system/$TARGET
: >etc/fstab
hostname mx
mkdir old
pivot_root . old
umount -l old
rmdir old
exec env -i container=tests PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd $UNIT
"""


class Booted:
    def __init__(self, run, host, lower="/", whole=False):
        """Its folder `shared` is the same inside and outside. whole: it boots into what the root below wants."""
        assert groups(), "no cgroup2 is mounted"
        self.host = host
        name = run.next_name("booted")
        self.folder = os.path.join(run.folder, name)
        self.shared = os.path.join(self.folder, "shared")
        self.group = os.path.join(groups(), name)
        os.makedirs(os.path.join(self.folder, "over"))
        os.mkdir(self.shared)
        self._process = host.start("sh", "-c", PRELUDE, env={
            **os.environ, "OVER": os.path.join(self.folder, "over"), "GROUP": self.group, "LOWER": lower, "INSIDE": INSIDE,
            "UNWANTED": " ".join(UNWANTED if whole else (WANTED, "etc/postern", *UNWANTED)), "UNIT": "" if whole else f"--unit={TARGET}",
            "SHARED": self.shared, "WRITTEN": WRITTEN, "TARGET": TARGET, "TARGET_TEXT": TARGET_TEXT})
        self.pid = until(self._init, BOOT_MAX_S, "a process 1")
        until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
              BOOT_MAX_S, "it has booted")
        self.root = f"/proc/{self.pid}/root"

    def _init(self):
        """unshare's only child, once it is systemd."""
        assert self._process.poll() is None, self._process.stderr.read()
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children", encoding="ascii") as file:
                pid = int(file.read().split()[0])
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                return pid if file.read() == "systemd\n" else None
        return None

    def words(self, *words):
        return ("nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--",
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *words)

    def run(self, *words, **options):
        return command(*self.words(*words), **options)

    def start(self, *words, **options):
        return subprocess.Popen(self.words(*words), start_new_session=True, **options)

    def shell(self, line, **options):
        return self.run("sh", "-c", line, **options)

    def state(self, unit, what):
        return self.run("systemctl", "show", "--value", "--property", what, unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def read(self, path):
        with open(self.root + path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def write(self, path, text):
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def exists(self, path):
        return os.path.lexists(self.root + path)

    def files(self, left_out):
        """{path: (mode, owner, size, where it leads)} of all that was written since the boot, but for paths with this pattern."""
        found, skip = {}, re.compile(left_out)
        top = self.root + WRITTEN
        for here, _, names in os.walk(top):
            for name in names:
                path = os.path.join(here, name)
                inside = path[len(top):]
                if not skip.search(inside):
                    st = os.lstat(path)
                    leads = os.readlink(path) if stat.S_ISLNK(st.st_mode) else ""
                    found[inside] = (oct(st.st_mode), st.st_uid, st.st_gid, st.st_size, leads)
        return found

    def close(self):
        self._process.kill()
        self._process.wait(BOOT_MAX_S)
        until(lambda: not os.path.exists(f"{self.group}/cgroup.procs") or not self._left(), BOOT_MAX_S, "its processes are gone")
        group_remove(self.group)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self):
        left = []
        for here, _, names in os.walk(self.group):
            if "cgroup.procs" in names:
                with open(os.path.join(here, "cgroup.procs"), encoding="ascii") as file:
                    left += file.read().split()
        return left
