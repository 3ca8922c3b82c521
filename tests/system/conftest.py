"""Runs inside the private machine: start it with tests/system/run."""

import os

import pytest

from machine import Machine, Sshd

OUR_LINE = "auth required pam_totp.so"


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
