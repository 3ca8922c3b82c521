"""Password and code in one field, where an application asks but once."""

from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, SAY_WHO, STUCK, App, Sshd, code_at, su, wrong
from test_enrol_at_login import Newcomer, OverSsh

PROMPT_FOR_BOTH = "Password & verification code: "


class Service:
    """A service whose auth lines are others for a while."""

    def __init__(self, name, *auth_lines):
        self.path = Path("/etc/pam.d") / name
        self.sane = self.path.read_text()
        rest = [line for line in self.sane.splitlines()
                if not line.startswith("auth") and line.strip() != "@include common-auth"]
        self.path.write_text("\n".join([*auth_lines, *rest]) + "\n")

    def restore(self):
        self.path.write_text(self.sane)


@pytest.fixture(scope="module")
def forwarding(machine):
    """sshd's own method `password` and prompts too, with our line first."""
    service = Service("sshd", "auth required pam_totp.so forward_pass",
                      "auth required pam_unix.so use_first_pass nodelay")
    server = Sshd(["PasswordAuthentication yes", "DenyUsers nobody"])
    yield server
    server.stop()
    service.restore()


def by_password(server, user, field):
    """Whether who types this at sshd's own prompt gets in."""
    return server.login(user, field, None, "-o", "PreferredAuthentications=password")


def by_prompt(server, user, field):
    """Whether who types this at our prompt gets in."""
    command = server.command(user, "-o", "PreferredAuthentications=keyboard-interactive") + [SAY_WHO]
    client = pexpect.spawn(command[0], command[1:], timeout=STUCK, encoding="utf-8")
    client.expect_exact(PROMPT_FOR_BOTH)
    client.sendline(field)
    is_in = client.expect([rf"in as {user}\r", pexpect.EOF]) == 0
    client.close()
    return is_in


def test_password_and_code_in_sshds_own_prompt_are_let_in(machine, forwarding, enrolled):
    user, secret = enrolled
    code = code_at(secret)
    assert by_password(forwarding, user, PASSWORD + code)
    assert not by_password(forwarding, user, PASSWORD + code), "the code is spent"
    assert [line.split("rhost=127.0.0.1 ")[1] for line in machine.log.decisions(user)] == [
        "verdict=accepted device=phone drift=0 failures=0", "verdict=refused reason=replayed failures=1"]


def test_password_and_code_at_our_prompt_are_let_in(forwarding, enrolled):
    user, secret = enrolled
    assert not by_prompt(forwarding, user, PASSWORD + wrong(code_at(secret)))
    assert by_prompt(forwarding, user, PASSWORD + code_at(secret))


def test_neither_the_password_alone_nor_the_code_alone_is_let_in(machine, forwarding, enrolled):
    user, secret = enrolled
    assert not by_password(forwarding, user, PASSWORD)
    assert "verdict=refused reason=malformed failures=0" in machine.log.decisions(user)[-1]
    assert not by_password(forwarding, user, code_at(secret))
    assert "verdict=accepted" in machine.log.decisions(user)[-1], "the code was right, the password wasn't"


def test_wrong_password_with_the_right_code_is_not_let_in(forwarding, enrolled):
    user, secret = enrolled
    app = App(secret)
    code = app.code()
    assert not by_password(forwarding, user, "wrong" + code)
    assert not by_password(forwarding, user, PASSWORD + code), "the code is spent all the same"
    assert by_password(forwarding, user, PASSWORD + app.code())


def test_recovery_code_behind_the_password_is_let_in_once(forwarding, machine, user):
    first, second = machine.enrol(user)["recovery_codes"][:2]
    assert by_password(forwarding, user, PASSWORD + first)
    assert not by_password(forwarding, user, PASSWORD + first)
    assert by_password(forwarding, user, PASSWORD + second.replace("-", "").lower())


def test_devices_of_different_lengths_are_told_apart(forwarding, machine, user):
    six = machine.enrol(user, "--device", "six")["secret"]
    eight = machine.enrol(user, "--device", "eight", "--digits", "8")["secret"]
    assert by_password(forwarding, user, PASSWORD + code_at(six))
    assert by_password(forwarding, user, PASSWORD + code_at(eight, digits=8))


def test_pam_unix_says_the_same_of_a_wrong_code_whatever_the_password(machine, forwarding, enrolled):
    """So the code must be right before anybody learns of the password."""
    user, secret = enrolled
    seen = len(machine.log.lines)
    for password in (PASSWORD, "wrong"):
        assert not by_password(forwarding, user, password + wrong(code_at(secret)))
    failures = [line for line in machine.log.lines[seen:] if "pam_unix(sshd:auth): authentication failure" in line]
    assert len(failures) == 2


def test_account_without_enrolment_is_not_let_in(forwarding, user):
    assert not by_password(forwarding, user, PASSWORD)


def test_user_whom_sshd_does_not_let_in_is_no_guess_and_the_log_says_why(machine, forwarding):
    machine.enrol("nobody")
    assert not by_password(forwarding, "nobody", PASSWORD + "123456")
    assert "verdict=refused reason=dummy failures=0" in machine.log.decisions("nobody")[-1]
    assert any("sshd answered the prompt for a code itself" in line and "AllowUsers" in line
               for line in machine.log.lines)
    assert machine.status("nobody")["elsewhere"]["failures"] == 0


def test_use_first_pass_takes_the_code_from_what_another_module_asked_for(machine, enrolled):
    user, secret = enrolled
    caller = machine.add_user()
    service = Service("su", "auth optional pam_unix.so nodelay", "auth required pam_totp.so use_first_pass",
                      "auth required pam_unix.so use_first_pass nodelay")
    try:
        assert not su(caller, user, PASSWORD, None)
        assert not su(caller, user, PASSWORD + wrong(code_at(secret)), None)
        assert su(caller, user, PASSWORD + code_at(secret), None)
    finally:
        service.restore()


def test_newcomer_enrols_and_types_both_from_then_on(machine, user):
    """The field is the password alone, as long as nobody is enrolled."""
    ours = "required pam_totp.so forward_pass unenrolled=enrol"
    service = Service("sshd", f"auth {ours}", "auth required pam_unix.so use_first_pass nodelay",
                      f"account {ours}")
    server = Sshd()
    try:
        newcomer = Newcomer(OverSsh(server, user, "-o", "PreferredAuthentications=keyboard-interactive"))
        newcomer.client.expect_exact(PROMPT_FOR_BOTH)
        newcomer.types("wrong")
        assert not newcomer.is_in() and not machine.status(user, enrolled=False)["enrolled"]
        newcomer = Newcomer(OverSsh(server, user, "-o", "PreferredAuthentications=keyboard-interactive"))
        newcomer.client.expect_exact(PROMPT_FOR_BOTH)
        newcomer.types(PASSWORD)
        app = App(newcomer.sees_the_key())
        newcomer.types(app.code())
        newcomer.notes_recovery_codes()
        assert newcomer.is_in()
        assert not by_prompt(server, user, PASSWORD)
        assert by_prompt(server, user, PASSWORD + app.code())
    finally:
        server.stop()
        service.restore()


def test_nullok_lets_who_is_not_enrolled_in_by_the_password_alone(machine, user):
    caller = machine.add_user()
    service = Service("su", "auth optional pam_unix.so nodelay",
                      "auth required pam_totp.so use_first_pass nullok",
                      "auth required pam_unix.so use_first_pass nodelay")
    try:
        assert not su(caller, user, "wrong", None)
        assert su(caller, user, PASSWORD, None)
    finally:
        service.restore()
