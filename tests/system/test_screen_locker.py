"""Applications that run as the user they ask, as screen lockers do: neither root nor in any group of ours."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, STUCK, as_user, wrong
from person import CODE_PROMPT, Person

SERVICE = Path("/etc/pam.d/vlock")


@pytest.fixture(scope="module", autouse=True)
def service(machine):
    """The password, and a code behind it."""
    kept = SERVICE.read_text() if SERVICE.exists() else None
    SERVICE.write_text("@include common-auth\nauth required pam_totp.so\n@include common-account\n")
    yield
    SERVICE.unlink()
    if kept is not None:
        SERVICE.write_text(kept)


@pytest.fixture
def person(machine, user):
    person = Person(machine, user)
    person.enrol()
    return person


def pamtester(caller, user, password, code):
    """Whether pamtester lets who types this in, and what it says."""
    done = subprocess.run(as_user(caller.name, "pamtester", SERVICE.name, user.name, "authenticate", "acct_mgmt"),
                          input=f"{password}\n{code}\n", capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def test_own_code_is_accepted_once(machine, person):
    code = person.code()
    assert pamtester(person, person, PASSWORD, wrong(code))[0] is False
    assert pamtester(person, person, PASSWORD, code)[0] is True
    assert pamtester(person, person, PASSWORD, code)[0] is False
    assert [line.split("rhost=- ")[1].split(" drift")[0] for line in machine.log.decisions(person.name)] == [
        "verdict=refused reason=wrong failures=1", "verdict=accepted device=phone", "verdict=refused reason=replayed failures=1"]


def test_wrong_password_never_comes_to_the_code(machine, person):
    assert pamtester(person, person, "wrong", person.code())[0] is False
    assert machine.status(person.name)["devices"][0]["last_used"] is None


def test_code_of_another_is_refused(machine, person):
    """Without the password before it: pam_unix asks for nobody else's either."""
    other = Person(machine, machine.add_user())
    other.enrol()
    kept = SERVICE.read_text()
    SERVICE.write_text("auth required pam_totp.so\n")
    seen = len(machine.log.lines)
    try:
        done = subprocess.run(as_user(person.name, "pamtester", SERVICE.name, other.name, "authenticate"),
                              input=f"{other.code()}\n", capture_output=True, text=True)
    finally:
        SERVICE.write_text(kept)
    assert done.returncode != 0 and "Authentication service cannot retrieve authentication info" in done.stderr
    assert "totp_check answers for its caller alone" in machine.log.text(seen)
    assert machine.status(other.name)["devices"][0]["last_used"] is None


def test_account_that_another_login_keeps_is_named(machine, person):
    seen = len(machine.log.lines)
    with open(f"/var/lib/pam-totp/state/{person.name}", "rb") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        assert pamtester(person, person, PASSWORD, person.code())[0] is False
    assert f"{person.name} is in use by another login or by totp-enroll: try again" in machine.log.text(seen)
    assert machine.log.decisions(person.name)[-1].endswith("service=totp_check rhost=- verdict=unavailable reason=store")
    assert "doesn't answer" not in machine.log.text(seen)


# ---- vlock on a terminal


@pytest.fixture(scope="module")
def vlock(machine):
    """Without the setuid that Debian gives it for the console's sake: as its user, like lockers of a screen."""
    program = Path("/run/private/vlock-main")
    shutil.copyfile("/usr/sbin/vlock-main", program)
    program.chmod(0o755)
    yield str(program)
    program.unlink()


def unlocks(vlock, person, password, code):
    """Whether a locked terminal of the person's opens to who types this. `code` may be None: it must not be asked."""
    command = as_user(person.name, "env", "TERM=vt100", "VLOCK_MESSAGE=locked", vlock)
    client = pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=STUCK)
    try:
        client.expect_exact("locked")
        client.sendline("")
        client.expect_exact(f"{person.name}'s Password: ")
        client.sendline(password)
        if code is not None:
            client.expect_exact(CODE_PROMPT)
            client.sendline(code)
        seen = client.expect([pexpect.EOF, "vlock: Authentication failure", CODE_PROMPT])
        assert seen != 2, "it asks for a code"
        if seen == 0:
            client.close()
            assert client.exitstatus == 0, client.before
        return seen == 0
    finally:
        client.close(force=True)


def test_vlock_opens_to_password_and_code_once(machine, vlock, person):
    code = person.code()
    assert not unlocks(vlock, person, "wrong", None)
    assert not unlocks(vlock, person, PASSWORD, wrong(code))
    assert unlocks(vlock, person, PASSWORD, code)
    assert not unlocks(vlock, person, PASSWORD, code)
    assert machine.status(person.name)["known"]["failures"] == 1
    assert f"user={person.name} service=totp_check rhost=- verdict=refused reason=replayed" in machine.log.text()


def test_vlock_opens_to_a_recovery_code(vlock, person):
    code = person.recovery_code()
    assert unlocks(vlock, person, PASSWORD, code)
    assert not unlocks(vlock, person, PASSWORD, code)
