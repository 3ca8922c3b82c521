"""A machine whose services and stacks a test may change: they are afterwards as they were."""

import contextlib
import shutil
from pathlib import Path

import pytest

from machine import OUR_LINE, mount_private_copy, run

CONF = Path(__file__).parents[2] / "conf"
RECIPES = CONF / "recipes"
SERVICES = ("sshd", "login", "su", "sudo")
EXCEPT_SERVICES = RECIPES / "exempt-service/pam-configs/totp-except"


@contextlib.contextmanager
def kept(*directories):
    """The directories are afterwards as they were."""
    copies = {directory: run("mktemp", "-d", "/run/private/kept.XXXXXX").strip() for directory in directories}
    for directory, copy in copies.items():
        run("cp", "-a", f"{directory}/.", copy)
    try:
        yield
    finally:
        for directory, copy in copies.items():
            run("find", directory, "-mindepth", "1", "-delete")
            run("cp", "-a", f"{copy}/.", directory)
            shutil.rmtree(copy)


@pytest.fixture(autouse=True)
def services_as_installed(machine):
    """Services that know nothing of us."""
    with kept("/etc/pam.d", "/etc/security"):
        for service in SERVICES:
            path = Path("/etc/pam.d") / service
            path.write_text(path.read_text().replace(f"{OUR_LINE}\n", ""))
        yield


@pytest.fixture(scope="session")
def profiles(machine):
    """Where pam-auth-update looks for profiles, and what it writes besides /etc/pam.d, for this machine alone."""
    directory = Path("/usr/share/pam-configs")
    for path in (str(directory), "/var/cache/debconf"):
        mount_private_copy(path)
    run("debconf-communicate", "libpam-runtime", input="RESET libpam-runtime/profiles\n")  # what this machine has chosen
    Path("/var/lib/pam").mkdir()
    unix = directory / "unix"
    unix.write_text(unix.read_text().replace("pam_unix.so nullok", "pam_unix.so nullok nodelay"))
    return directory


@pytest.fixture
def pam_auth_update(profiles):
    """Debian's own way to a profile; all of ours are there to choose from."""
    ours = [shutil.copy(path, profiles) for path in (*(CONF / "pam-configs").iterdir(), EXCEPT_SERVICES)]
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    yield lambda *options: run("pam-auth-update", *options, env={"DEBIAN_FRONTEND": "noninteractive", "PATH": path})
    for profile in ours:
        Path(profile).unlink()
