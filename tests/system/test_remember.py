"""A host that is remembered needs no code, over real ssh from several addresses."""

import json
import time

import pytest

from machine import PASSWORD, SettingsFile, code_at, run, su, wrong

HOME_ADDRESS, CAFE_ADDRESS = "192.0.2.2", "192.0.2.3"
HOME, CAFE = ("-o", f"BindAddress={HOME_ADDRESS}"), ("-o", f"BindAddress={CAFE_ADDRESS}")


@pytest.fixture(scope="module", autouse=True)
def addresses():
    """Of the private machine, for what comes from there."""
    for address in (HOME_ADDRESS, CAFE_ADDRESS):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")


@pytest.fixture
def remember():
    settings = SettingsFile("remember")

    def set_seconds(seconds):
        settings.say(f"remember = {seconds}")

    set_seconds(600)
    yield set_seconds
    settings.remove()


@pytest.fixture
def at_home(remember, sshd, enrolled):
    """Somebody who has just logged in from home with a code."""
    user, secret = enrolled
    assert sshd.login(user, PASSWORD, code_at(secret), *HOME)
    return user, secret


def test_code_is_asked_once_from_each_address(machine, sshd, at_home):
    user, secret = at_home
    status = machine.status(user)
    assert sshd.login(user, PASSWORD, None, *HOME)
    assert machine.log.decisions(user)[-1].endswith(f"rhost={HOME_ADDRESS} verdict=accepted")
    assert any("no code was asked for" in line for line in machine.log.lines)
    assert machine.status(user) == status, "such a login renews nothing"
    assert not sshd.login(user, PASSWORD, None, *CAFE)
    assert sshd.login(user, PASSWORD, code_at(secret, steps_from_now=1), *CAFE)
    assert sshd.login(user, PASSWORD, None, *CAFE)


def test_password_is_needed_all_the_same(sshd, at_home):
    user, _ = at_home
    assert not sshd.login(user, "wrong", None, *HOME)


def test_another_user_from_there_is_asked(machine, sshd, at_home):
    other = machine.add_user()
    machine.enrol(other)
    assert not sshd.login(other, PASSWORD, None, *HOME)


def test_nobody_on_this_machine_is_remembered(machine, at_home):
    user, secret = at_home
    caller = machine.add_user()
    assert su(caller, user, PASSWORD, code_at(secret, steps_from_now=1))
    assert not su(caller, user, PASSWORD, None)


def test_this_machine_itself_is_not_remembered(remember, sshd, enrolled):
    user, secret = enrolled
    for steps in (0, 1):
        assert sshd.login(user, PASSWORD, code_at(secret, steps_from_now=steps))
        assert not sshd.login(user, PASSWORD, None)


def test_it_ends(remember, sshd, at_home):
    user, _ = at_home
    remember(1)
    time.sleep(1.1)
    assert not sshd.login(user, PASSWORD, None, *HOME)


def test_status_shows_it_and_forget_drops_it(machine, sshd, at_home):
    user, secret = at_home
    (place,) = machine.status(user)["places"]
    assert place["address"] == HOME_ADDRESS and place["remembered_until"] > place["last"]
    assert HOME_ADDRESS in run(machine.totp_enroll, "status", "--user", user)
    assert run(machine.totp_enroll, "forget", "--user", user) == \
        "Forgotten: 1 place. The next login from there needs a code.\n"
    assert machine.status(user)["places"] == []
    assert not sshd.login(user, PASSWORD, None, *HOME)
    assert sshd.login(user, PASSWORD, code_at(secret, steps_from_now=1), *HOME)
    facts = json.loads(run(machine.totp_enroll, "forget", "--user", user, "--json"))
    assert facts == {"user": user, "forgotten": 1}
    assert run(machine.totp_enroll, "forget", "--user", user) == "No place was known.\n"


def test_wrong_codes_from_home_end_it(remember, machine, sshd, enrolled):
    """Somebody at a remembered host who isn't asked can't guess; while its side waits they are asked, in vain."""
    user, secret = enrolled
    remember(1)
    assert sshd.login(user, PASSWORD, code_at(secret), *HOME)
    time.sleep(1.1)
    for _ in range(5):
        assert not sshd.login(user, PASSWORD, wrong(code_at(secret)), *HOME)
    remember(600)
    assert machine.status(user)["known"]["locked_until"]
    assert not sshd.login(user, PASSWORD, code_at(secret, steps_from_now=1), *HOME)
    assert "verdict=throttled" in machine.log.decisions(user)[-1]
    run(machine.totp_enroll, "unlock", "--user", user)
    assert sshd.login(user, PASSWORD, None, *HOME)
