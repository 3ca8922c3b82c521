"""Runs inside the private machine: start it with tests/system/run."""

import os
from pathlib import Path

import pytest

from machine import OUR_LINE, Machine, Sshd, run
from stacks import pam_auth_update, profiles  # noqa: F401, fixtures of every file

EVIL = r"""
#include <unistd.h>
__attribute__((constructor)) static void evil(void) { write(1, "EVIL\n", 5); }
int crypt_r(void) { return 0; }
"""


@pytest.fixture(scope="session")
def machine():
    machine = Machine(os.environ["PAM_TOTP_BUILD"])
    for service in ("sshd", "login", "su", "sudo"):
        machine.add_line_after_password(service, OUR_LINE)
    return machine


@pytest.fixture(scope="session")
def sshd(machine):
    server = Sshd()
    yield server
    server.stop()


@pytest.fixture
def user(machine):
    """An account that isn't enrolled."""
    return machine.add_user()


@pytest.fixture
def enrolled(machine, user):
    """An account with one device: its name and the device's secret."""
    facts = machine.enrol(user)
    return user, facts["secret"]


@pytest.fixture(scope="session")
def evil_library(machine):
    """A library that says EVIL when it is loaded, in a directory for LD_LIBRARY_PATH."""
    directory = Path("/home/evil")
    directory.mkdir(exist_ok=True)
    (directory / "evil.c").write_text(EVIL)
    library = directory / "libcrypt.so.1"
    run("gcc", "-shared", "-fPIC", "-o", str(library), str(directory / "evil.c"))
    return library
