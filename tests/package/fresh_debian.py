"""A fresh Debian in a directory, of the release and from the sources of this machine: commands run in it."""

import os
import subprocess
from pathlib import Path

SOURCES = [*map(str, Path("/etc/apt/sources.list.d").glob("*.sources")), "/etc/apt/sources.list"]
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def release():
    words = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return words["VERSION_CODENAME"]


def make_archive(archive):
    """The smallest Debian that has apt, as a tar archive."""
    run("mmdebstrap", "--quiet", "--variant=apt", "--include=adduser", release(), archive,
        *filter(os.path.exists, SOURCES))


class FreshDebian:
    """Its file systems are mounted in this test's own mount name space, and go with it. Nobody needs it after a power
    cut, so dpkg doesn't wait for the disk."""

    def __init__(self, directory, archive):
        self.root = directory
        directory.mkdir()
        run("tar", "-C", directory, "-xf", archive)
        run("mount", "-t", "proc", "proc", directory / "proc")
        run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "devpts", directory / "dev/pts")
        run("mount", "--bind", directory / "dev/pts/ptmx", directory / "dev/ptmx")
        (directory / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")  # no server is started
        (directory / "usr/sbin/policy-rc.d").chmod(0o755)
        (directory / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
        self.say("apt-get", "update")

    def remove(self):
        for place in ("dev/ptmx", "dev/pts", "proc"):
            run("umount", self.root / place)
        run("rm", "-rf", "--one-file-system", self.root)

    def command(self, *words):
        return ["chroot", str(self.root), *map(str, words)]

    def say(self, *words, **more):
        return run(*self.command(*words), env=QUIET, **more)

    def install(self, *packages):
        """Names, or files of this machine."""
        here = []
        for package in packages:
            if isinstance(package, Path):
                run("cp", package, self.root / "tmp")
                package = f"/tmp/{package.name}"
            here.append(package)
        return self.say("apt-get", "install", "--yes", "--no-install-recommends", *here)

    def files(self):
        """What lies outside of caches and logs, with modes and owners."""
        found = run("find", self.root, "-xdev", "(", "-path", "*/var/cache", "-o", "-path", "*/var/log", "-o", "-path",
                    "*/var/lib/apt", "-o", "-path", "*/tmp", "-o", "-path", "*/var/lib/dpkg", ")", "-prune", "-o",
                    "-printf", "%P %M %u %g\n")
        return set(found.splitlines())

    def overrides(self):
        """The command says by its exit code that there is none."""
        return subprocess.run(self.command("dpkg-statoverride", "--list"), capture_output=True, text=True).stdout
