"""Password, then code, at a real OpenSSH server with a real client."""

import pytest

from machine import PASSWORD, Sshd, code_at, run, wrong


def test_right_password_and_code_are_let_in(machine, sshd, enrolled):
    user, secret = enrolled
    assert sshd.login(user, PASSWORD, code_at(secret))
    assert machine.log.decisions(user) == [
        f"user={user} service=sshd rhost=127.0.0.1 verdict=accepted device=phone drift=0 failures=0"]


def test_wrong_code_is_not_let_in(machine, sshd, enrolled):
    user, secret = enrolled
    assert not sshd.login(user, PASSWORD, wrong(code_at(secret)))
    assert "verdict=refused reason=wrong failures=1" in machine.log.decisions(user)[-1]
    assert machine.status(user)["elsewhere"]["failures"] == 1


def test_spent_code_is_not_let_in(machine, sshd, enrolled):
    user, secret = enrolled
    code = code_at(secret)
    assert sshd.login(user, PASSWORD, code)
    assert not sshd.login(user, PASSWORD, code)
    assert "verdict=refused reason=replayed failures=1" in machine.log.decisions(user)[-1]
    assert sshd.login(user, PASSWORD, code_at(secret, steps_from_now=1))


def test_wrong_password_is_not_let_in_and_never_reaches_us(machine, sshd, enrolled):
    user, secret = enrolled
    assert not sshd.login(user, "wrong", code_at(secret))
    assert machine.log.decisions(user) == []
    assert machine.status(user)["elsewhere"]["failures"] == 0


def test_locked_out_account_is_not_let_in_with_the_right_code(machine, sshd, enrolled):
    user, secret = enrolled
    for _ in range(5):
        assert not sshd.login(user, PASSWORD, wrong(code_at(secret)))
    assert not sshd.login(user, PASSWORD, code_at(secret))
    assert "verdict=throttled failures=5" in machine.log.decisions(user)[-1]
    assert machine.status(user)["elsewhere"]["locked_until"]


def test_recovery_code_is_let_in_once(machine, sshd, user):
    code = machine.enrol(user)["recovery_codes"][0]
    assert sshd.login(user, PASSWORD, code.lower().replace("-", ""))
    assert not sshd.login(user, PASSWORD, code)
    assert machine.status(user)["recovery_codes_left"] == 9


def test_account_without_enrolment_is_not_let_in(machine, sshd, user):
    assert not sshd.login(user, PASSWORD, "123456")
    assert "verdict=refused reason=unenrolled" in machine.log.decisions(user)[-1]


def test_typo_in_the_pam_line_lets_nobody_in(machine, sshd, enrolled):
    from pathlib import Path
    user, secret = enrolled
    service = Path("/etc/pam.d/sshd")
    sane = service.read_text()
    service.write_text(sane.replace("pam_totp.so", "pam_totp.so nulok"))
    try:
        assert not sshd.login(user, PASSWORD, code_at(secret))
        assert any("the argument nulok isn't known" in line for line in machine.log.lines)
    finally:
        service.write_text(sane)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("client") / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    return path


@pytest.fixture(scope="module")
def key_and_code_sshd(machine):
    """A public key first, then PAM: the line after common-auth asks for the code too."""
    server = Sshd(["AuthenticationMethods publickey,keyboard-interactive"])
    yield server
    server.stop()


def authorize(user, key):
    directory = f"/home/{user}/.ssh"
    run("install", "-d", "-m", "700", "-o", user, directory)
    run("install", "-m", "600", "-o", user, f"{key}.pub", f"{directory}/authorized_keys")


def test_public_key_then_password_and_code(machine, key_and_code_sshd, enrolled, key):
    user, secret = enrolled
    authorize(user, key)
    with_key = ("-i", str(key))
    code = code_at(secret)
    assert not key_and_code_sshd.login(user, PASSWORD, code), "a code alone is not enough"
    assert not key_and_code_sshd.login(user, PASSWORD, wrong(code), *with_key)
    assert key_and_code_sshd.login(user, PASSWORD, code, *with_key)
    assert not key_and_code_sshd.login(user, PASSWORD, code, *with_key), "the code is spent"


def test_password_authentication_is_refused_and_is_no_guess(machine, enrolled):
    """sshd's own method `password` answers our prompt with the password."""
    user, _ = enrolled
    server = Sshd(["PasswordAuthentication yes", "KbdInteractiveAuthentication no"])
    try:
        assert not server.login(user, PASSWORD, None)
        assert "verdict=refused reason=password failures=0" in machine.log.decisions(user)[-1]
        assert machine.status(user)["elsewhere"]["failures"] == 0
        before = [line for line in machine.log.lines if "pam_totp(" in line][-2]
        assert "set PasswordAuthentication no and KbdInteractiveAuthentication yes" in before
    finally:
        server.stop()
