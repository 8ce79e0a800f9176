# SPDX-License-Identifier: BSD-2-Clause
"""A real terminal of a real size, by tmux: keys go in, the screen comes out."""
import os
import re

from lab import until

WAIT_S = 15.0


class Screen:
    """A shell in a terminal in the host's namespace."""

    def __init__(self, run, host, cols=80, rows=24, environment=None):
        self._host = host
        self._socket = os.path.join(run.folder, run.next_name("tmux"))
        environment = {"LC_ALL": "C.UTF-8", "PS1": "$ ", "ENV": "", "HOME": run.folder, **(environment or {})}
        words = [f"{key}={value}" for key, value in environment.items()]
        # tmux names its own terminal; the shell is told another one where a test wants it.
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(cols), "-y", str(rows), "env", *words, "sh")
        self._tmux("set-option", "-g", "status", "off")
        self.resize(cols, rows)
        self.wait(r"\$")

    def _tmux(self, *words):
        return self._host.run("tmux", "-u", "-S", self._socket, *words).stdout

    def type(self, text):
        """A line for the shell."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def keys(self, *keys):
        """As tmux names them: Down, Tab, Escape, b."""
        self._tmux("send-keys", *keys)

    def text(self):
        return self._tmux("capture-pane", "-p")

    def lines(self):
        return self.text().split("\n")[:-1]

    def colours(self):
        """With the escape sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    def ask(self, variable):
        return self._tmux("display-message", "-p", "#{%s}" % variable).strip()

    def resize(self, cols, rows):
        self._tmux("resize-window", "-x", str(cols), "-y", str(rows))

    def wait(self, pattern, timeout_s=WAIT_S):
        """The match, once the screen has it."""
        def seen():
            return re.search(pattern, self.text(), re.MULTILINE)
        try:
            return until(seen, timeout_s, f"{pattern!r} on the screen")
        except AssertionError as fault:
            raise AssertionError(f"{fault}; it shows:\n{self.text()}") from None

    def close(self):
        self._host.run("tmux", "-S", self._socket, "kill-server", check=False)
