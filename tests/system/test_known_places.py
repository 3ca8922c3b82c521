"""Wrong codes from strange places leave the owner's own open: over real ssh, from several addresses of loopback."""

import time
from concurrent.futures import ThreadPoolExecutor

import pexpect
import pytest

from machine import PASSWORD, STUCK, App, SettingsFile, run, wrong

HOME, STRANGE = "127.0.0.2", "127.0.0.3"


def from_address(address):
    return "-o", f"BindAddress={address}"


@pytest.fixture
def owner(sshd, enrolled):
    """Somebody who has logged in from home, and the app on their phone."""
    user, secret = enrolled
    app = App(secret)
    assert sshd.login(user, PASSWORD, app.code(), *from_address(HOME))
    return user, app


@pytest.fixture
def long_wait():
    """So that none ends meanwhile."""
    settings = SettingsFile("wait")
    settings.say("delay = 86400", "max_delay = 86400")
    yield
    settings.remove()


def test_200_wrong_codes_from_a_strange_place_leave_the_owners_open(machine, sshd, long_wait, owner):
    user, app = owner

    def guess(number):
        return sshd.login(user, PASSWORD, f"{900_000 + number}", *from_address(STRANGE))

    with ThreadPoolExecutor(8) as strangers:
        assert not any(strangers.map(guess, range(200)))
    status = machine.status(user)
    assert status["elsewhere"]["failures"] == 5 and status["elsewhere"]["locked_until"]
    assert status["known"]["failures"] == 0 and not status["known"]["locked_until"]
    code = app.code()
    assert not sshd.login(user, PASSWORD, code, *from_address(STRANGE)), "nothing is looked at there"
    assert sshd.login(user, PASSWORD, code, *from_address(HOME))


def test_owner_is_told_of_the_stranger_once(machine, sshd, owner):
    user, app = owner
    code = app.code()
    assert not sshd.login(user, PASSWORD, wrong(code), *from_address(STRANGE))

    def told_at_login(code):
        """sshd shows it to a shell alone, not to a single command."""
        program, *arguments = sshd.command(user, *from_address(HOME))
        client = pexpect.spawn(program, arguments, timeout=STUCK, encoding="utf-8")
        client.expect("assword: ")
        client.sendline(PASSWORD)
        client.expect("Verification code: ")
        client.sendline(code)
        client.expect_exact("$ ")
        client.close()
        return client.before

    time.sleep(1.1)  # within one second nobody knows which came first, and it would be told again
    assert f"from {STRANGE}. If that wasn't you, somebody knows your password" in told_at_login(code)
    assert STRANGE not in told_at_login(app.code())


def test_unlock_opens_what_a_stranger_has_shut(machine, sshd, owner):
    user, app = owner
    code = app.code()
    for _ in range(5):
        assert not sshd.login(user, PASSWORD, wrong(code), *from_address(STRANGE))
    run(machine.totp_enroll, "unlock", "--user", user)
    status = machine.status(user)
    assert status["elsewhere"]["failures"] == 0 and not status["elsewhere"]["locked_until"]
    assert sshd.login(user, PASSWORD, code, *from_address(STRANGE))
    assert {place["address"] for place in machine.status(user)["places"]} == {HOME, STRANGE}
