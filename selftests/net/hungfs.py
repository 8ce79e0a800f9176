# SPDX-License-Identifier: BSD-2-Clause
"""
A file system that does not answer, as one of another host when that is gone: it is mounted, and then nobody replies to what the kernel
asks (fuse(4)). Who asks waits where no signal reaches him.
"""
import ctypes
import os
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
DETACH = 2  # MNT_DETACH of umount2(2)
REQUEST_BYTES = 1 << 17  # the kernel takes no smaller buffer
IN_HEADER = struct.Struct("IIQQIIII")  # len, opcode, unique, nodeid, uid, gid, pid, padding
# Of fuse_init_out in linux/fuse.h: major, minor, readahead, flags, two bounds, the largest write; the rest is 0.
INIT_OUT = struct.Struct("IIIIHHI40x")
OUT_HEADER = struct.Struct("IiQ")
INIT = 26


class HungFileSystem:
    def __init__(self, folder):
        self.folder = folder
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40755,user_id=0,group_id=0,allow_other".encode()
        if LIBC.mount(b"hung", folder.encode(), b"fuse", 0, options):
            os.close(self.device)
            raise OSError(ctypes.get_errno(), "mount of a file system that hangs")
        self.answer_first()

    def answer_first(self):
        """What it can do is said, so that everything after it is asked for in earnest."""
        request = os.read(self.device, REQUEST_BYTES)
        _, opcode, unique, *_ = IN_HEADER.unpack_from(request)
        assert opcode == INIT
        out = INIT_OUT.pack(7, 31, 0, 0, 0, 0, 4096)
        os.write(self.device, OUT_HEADER.pack(OUT_HEADER.size + len(out), 0, unique) + out)

    def wait_asked(self):
        """Until somebody hangs."""
        os.read(self.device, REQUEST_BYTES)

    def close(self):
        """Who hangs is let go, with an error."""
        os.close(self.device)
        LIBC.umount2(self.folder.encode(), DETACH)
