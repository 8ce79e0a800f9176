# SPDX-License-Identifier: BSD-2-Clause
"""
Certificates of a test: an authority of its own, made once for each run, and what it signs. Elliptic keys, which are made
at once.
"""
import os

from lab import command

DAYS = "30"


class Authority:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "certs")
        os.mkdir(self.folder, 0o755)
        self.path = os.path.join(self.folder, "ca.pem")
        self._key = os.path.join(self.folder, "ca.key")
        self._made = {}
        command("openssl", "req", "-x509", *self._new(self._key), "-days", DAYS, "-subj", "/CN=postern test authority",
                "-addext", "basicConstraints=critical,CA:TRUE", "-out", self.path)

    @staticmethod
    def _new(key):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key

    def issue(self, name, days=DAYS):
        """The paths of certificate and key for the name. Negative days: it has expired."""
        if (name, days) not in self._made:
            base = os.path.join(self.folder, f"{name}-{days}")
            command("openssl", "req", "-new", *self._new(base + ".key"), "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-out", base + ".csr")
            command("openssl", "x509", "-req", "-in", base + ".csr", "-CA", self.path, "-CAkey", self._key, "-days", days,
                    "-CAcreateserial", "-copy_extensions", "copy", "-out", base + ".pem")
            self._made[name, days] = (base + ".pem", base + ".key")
        return self._made[name, days]

    def pem(self, name, **options):
        """The texts of both."""
        texts = []
        for path in self.issue(name, **options):
            with open(path, encoding="ascii") as file:
                texts.append(file.read())
        return texts
