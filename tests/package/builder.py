"""A fresh Debian with the sources and what the README says they are built with, and somebody to type its commands."""

import shutil
import socket
from pathlib import Path

import pexpect

from fresh_debian import FreshDebian, run
from readme import line_with

TREE = Path(__file__).resolve().parents[2]
ADMIN = "admin"
BUILT_ALREADY = "build/release"
STUCK = 1200  # seconds, in which any machine has built it or done whatever else


def packages_to_build():
    """The README's "first list"."""
    return run("sh", "-c", ". tests/packages.sh && echo $packages_to_build", cwd=TREE).split()


class Builder(FreshDebian):
    """The sources lie where they lie on this machine, so that what was built of them here is up to date there too."""

    def __init__(self, directory, archive):
        super().__init__(directory, archive)
        self.install(*line_with("debhelper").split(), *packages_to_build(), "sudo")
        self.say("useradd", "--create-home", "--shell", "/bin/sh", ADMIN)
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
        (self.root / "etc/sudoers.d/admin").write_text(f"{ADMIN} ALL=(ALL) NOPASSWD: ALL\n")
        self.tree = self.root / TREE.relative_to("/")
        self.packages = self.tree.parent
        self._make_way()
        self._copy(TREE, self.tree, ignore=shutil.ignore_patterns("build", ".git", "__pycache__", "obj-*"))

    def _make_way(self):
        """To the sources for everybody; the packages come to lie beside them."""
        self.packages.mkdir(parents=True, exist_ok=True)
        for above in TREE.relative_to("/").parents:
            directory = self.root / above
            directory.chmod(directory.stat().st_mode | 0o555)
        self.packages.chmod(0o1777)

    def _copy(self, source, target, **options):
        shutil.copytree(source, target, symlinks=True, **options)
        self.say("chown", "-R", f"{ADMIN}:", f"/{target.relative_to(self.root)}")

    def bring_what_is_built(self):
        """What test.sh has built of these sources; else the README's commands build it. A launcher, as ccache, isn't on
        the fresh machine."""
        cache = TREE / BUILT_ALREADY / "CMakeCache.txt"
        if cache.exists() and "COMPILER_LAUNCHER" not in cache.read_text():
            self._copy(TREE / BUILT_ALREADY, self.tree / BUILT_ALREADY, ignore=shutil.ignore_patterns("tests"))

    # ---- commands as they are typed

    def typing(self, user, command):
        """The words of a shell of the user's, at home; the administrator's is in the sources."""
        directory = TREE if user == ADMIN else f"/home/{user}"
        return self.command("env", "-i", f"HOME=/home/{user}", "TERM=xterm", "LC_ALL=C.UTF-8",
                            "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "setpriv", "--reuid", user, "--regid",
                            user, "--init-groups", "sh", "-c", f"cd {directory} && {command}")

    def types(self, command, user=ADMIN):
        return run(*self.typing(user, command))

    def begins(self, command, user=ADMIN):
        """The same on a terminal, before anything is answered."""
        program, *words = self.typing(user, command)
        return pexpect.spawn(program, words, encoding="utf-8", timeout=STUCK, dimensions=(50, 120))

    def make_source_package(self):
        self.types("dpkg-buildpackage -us -uc -S -d")

    def make_packages(self):
        self.types(line_with("dpkg-buildpackage"))
