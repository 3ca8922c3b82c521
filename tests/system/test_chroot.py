"""Hosts that have left their root directory: what the module needs must lie in the new one, and /dev, /proc and the
log needn't."""

import subprocess
import sys
from pathlib import Path

import pytest

import pam_client
from machine import code_at, run, wrong

SERVICE = "jailed"
JAIL = Path("/run/private/jail")
NEEDED = ("/usr", "/etc", "/var/lib")
PAM_SUCCESS, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL = 0, 7, 9


@pytest.fixture(scope="module")
def jail(machine):
    """A root directory with programs, settings, key and store: no /dev, no /proc, no /run, no /tmp."""
    Path(f"/etc/pam.d/{SERVICE}").write_text("auth required pam_totp.so\n")
    for directory in NEEDED:
        (JAIL / directory.strip("/")).mkdir(parents=True)
        run("mount", "--rbind", directory, str(JAIL / directory.strip("/")))
    for name in ("bin", "lib", "lib64", "sbin"):
        (JAIL / name).symlink_to(f"usr/{name}")
    (JAIL / "tests").mkdir()
    run("mount", "--bind", str(Path(pam_client.__file__).parent), str(JAIL / "tests"))
    return JAIL


def log_in(jail, user, answer):
    """The PAM code of a login of somebody whose root directory is the jail."""
    done = subprocess.run(["chroot", jail, sys.executable, "-B", "/tests/pam_client.py", SERVICE, user], text=True,
                          input=f"{answer}\n", capture_output=True)
    assert done.stderr == ""
    return done.returncode


def test_jail_has_no_devices_and_no_proc(jail):
    assert sorted(path.name for path in jail.iterdir()) == ["bin", "etc", "lib", "lib64", "sbin", "tests", "usr", "var"]


def test_code_gets_in_once_from_a_jail(jail, enrolled):
    user, secret = enrolled
    code = code_at(secret)
    assert [log_in(jail, user, answer) for answer in (wrong(code), code, code)] == [PAM_AUTH_ERR, PAM_SUCCESS,
                                                                                  PAM_AUTH_ERR]


def test_code_that_is_spent_in_a_jail_is_spent_outside(machine, jail, enrolled):
    user, secret = enrolled
    code = code_at(secret)
    assert log_in(jail, user, code) == PAM_SUCCESS
    done = subprocess.run([sys.executable, pam_client.__file__, SERVICE, user], text=True, input=f"{code}\n")
    assert done.returncode == PAM_AUTH_ERR


def test_jail_without_the_store_lets_nobody_in(jail, enrolled):
    user, secret = enrolled
    run("mount", "-t", "tmpfs", "tmpfs", str(jail / "var/lib"))
    assert log_in(jail, user, code_at(secret)) == PAM_AUTHINFO_UNAVAIL
    run("umount", str(jail / "var/lib"))
    assert log_in(jail, user, code_at(secret)) == PAM_SUCCESS
