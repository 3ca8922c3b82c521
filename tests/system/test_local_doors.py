"""Password, then code, at the doors of the machine itself: su, sudo and login, each on a terminal."""

import pwd
from pathlib import Path

import pytest

from machine import PASSWORD, SAY_WHO, App, as_user, code_at, enter, run, su, wrong


class Su:
    """Another ordinary user becomes the one who is enrolled."""

    service = "su"

    def __init__(self, machine, user):
        self.user = user
        self.caller = machine.add_user()

    def enter(self, password, answer):
        return su(self.caller, self.user, password, answer)

    def place(self):
        return f"local:{pwd.getpwnam(self.caller).pw_uid}"


class SuToOneself(Su):
    def __init__(self, _, user):
        self.user = self.caller = user


class Sudo:
    """The enrolled user becomes root."""

    service = "sudo"

    def __init__(self, _, user):
        self.user = user
        run("usermod", "--append", "--groups", "sudo", user)

    def enter(self, password, answer):
        return enter(as_user(self.user, "sudo", "sh", "-c", SAY_WHO), "root", password, answer)

    def place(self):
        return f"local:{pwd.getpwnam(self.user).pw_uid}"


class Login:
    """login on a console, as getty starts it."""

    service = "login"

    def __init__(self, _, user):
        self.user = user
        Path(f"/home/{user}/.profile").write_text(f"{SAY_WHO}\nexit\n")

    def enter(self, password, answer):
        return enter(["login", self.user], self.user, password, answer)

    def place(self):
        return "local:0"


@pytest.fixture(scope="module", autouse=True)
def sudoers(machine):
    """One try each time, and nothing remembered."""
    path = Path("/etc/sudoers.d/tests")
    path.write_text("Defaults !lecture, passwd_tries=1, timestamp_timeout=0\n")
    path.chmod(0o440)


@pytest.fixture(params=[Su, SuToOneself, Sudo, Login], ids=lambda kind: kind.__name__)
def door(request, machine, user):
    return request.param(machine, user)


@pytest.fixture
def secret(machine, user):
    return machine.enrol(user)["secret"]


def test_right_password_and_code_are_let_in_and_the_place_is_the_callers(machine, door, secret):
    assert door.enter(PASSWORD, code_at(secret))
    assert machine.log.decisions(door.user) == [
        f"user={door.user} service={door.service} rhost=- verdict=accepted device=phone drift=0 failures=0"]
    status = machine.status(door.user)
    assert [place["address"] for place in status["places"]] == [door.place()]
    assert status["devices"][0]["last_from"] == door.place()


def test_wrong_code_is_not_let_in(machine, door, secret):
    assert not door.enter(PASSWORD, wrong(code_at(secret)))
    assert "verdict=refused reason=wrong failures=1" in machine.log.decisions(door.user)[-1]
    assert machine.status(door.user)["elsewhere"]["failures"] == 1


def test_spent_code_is_not_let_in(machine, door, secret):
    code = code_at(secret)
    assert door.enter(PASSWORD, code)
    assert not door.enter(PASSWORD, code)
    assert "verdict=refused reason=replayed failures=1" in machine.log.decisions(door.user)[-1]
    assert door.enter(PASSWORD, code_at(secret, steps_from_now=1))


def test_wrong_password_is_not_let_in_and_never_reaches_us(machine, door, secret):
    assert not door.enter("wrong", code_at(secret))
    assert machine.log.decisions(door.user) == []
    assert machine.status(door.user)["elsewhere"]["failures"] == 0


def test_locked_out_account_is_not_let_in_with_the_right_code(machine, door, secret):
    for _ in range(5):
        assert not door.enter(PASSWORD, wrong(code_at(secret)))
    assert not door.enter(PASSWORD, code_at(secret))
    assert "verdict=throttled failures=5" in machine.log.decisions(door.user)[-1]
    assert machine.status(door.user)["elsewhere"]["locked_until"]


def test_account_without_enrolment_is_not_let_in(machine, door):
    assert not door.enter(PASSWORD, "123456")
    assert "verdict=refused reason=unenrolled" in machine.log.decisions(door.user)[-1]


def test_su_by_root_is_not_asked(machine, user, secret):
    assert enter(["su", user, "-c", SAY_WHO], user, None, None)
    assert machine.log.decisions(user) == []


@pytest.fixture
def known_at_su(machine, user, secret):
    """An enrolled user who has logged in from their own su, and the app on their phone."""
    own, app = SuToOneself(machine, user), App(secret)
    assert own.enter(PASSWORD, app.code())
    return own, app


def test_code_spent_at_one_door_is_spent_at_all(machine, user, secret, sshd):
    code = code_at(secret)
    assert sshd.login(user, PASSWORD, code)
    for kind in (Su, SuToOneself, Sudo, Login):
        assert not kind(machine, user).enter(PASSWORD, code), kind.__name__


def test_lock_out_elsewhere_leaves_the_callers_known_place_open(machine, user, known_at_su):
    stranger, (own, app) = Su(machine, user), known_at_su
    code = app.code()
    for _ in range(5):
        assert not stranger.enter(PASSWORD, wrong(code))
    assert not stranger.enter(PASSWORD, code), "the stranger's side is shut"
    assert own.enter(PASSWORD, code), "the owner's own is not"
