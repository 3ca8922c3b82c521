"""A real terminal (tmux) with one program in it."""

import itertools
import os
import time

from machine import STUCK, run


class Terminal:
    """A tmux server of its own, with one program in it."""

    _numbers = itertools.count()

    def __init__(self, name, columns, rows, command):
        self._name = f"{name}-{next(self._numbers)}"  # one that is being closed takes another's calls for a while
        self._columns = columns
        self.tmux("-u", "new-session", "-d", "-x", str(columns), "-y", str(rows), *command)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments):
        environment = {**os.environ, "TMUX_TMPDIR": "/run", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        return run("tmux", "-L", self._name, "-f", "/dev/null", *arguments, env=environment)

    def screen(self, *options):
        """Its rows of cells as they are now."""
        return [row.ljust(self._columns) for row in self.tmux("capture-pane", "-p", *options).splitlines()]

    def scrolled_through(self):
        """The same with all that has left the screen above."""
        return self.screen("-S", "-")

    def wait_for(self, text, among=None):
        self.wait_until(lambda rows: text in rows, among, f"no {text!r}")

    def wait_until(self, is_so, among=None, what="not as it must be"):
        """Until it is so of the rows, as one text."""
        end = time.monotonic() + STUCK
        while time.monotonic() < end:
            if is_so("\n".join((among or self.screen)())):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{what} on the screen:\n" + "\n".join(self.screen()))

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def close(self):
        self.tmux("kill-server")
