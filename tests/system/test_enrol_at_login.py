"""Enrolment at login, at every door: who isn't enrolled scans, confirms and is in, and is asked for a code from then on."""

import re
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, SAY_WHO, STUCK, App, Sshd, as_user, code_at, enter, run, wrong
from test_local_doors import Login, Su, SuToOneself, Sudo, sudoers  # noqa: F401, a fixture
from test_qr import decoded, drawing, photograph, shown_secret
from test_ssh import authorize, key  # noqa: F401, a fixture

AUTH = "auth required pam_totp.so unenrolled=enrol"
ACCOUNT = "account required pam_totp.so unenrolled=enrol"
CONFIRM = "Code that the app shows now: "
LAST = "Press Enter once you have written them down: "
RECOVERY_CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}")


def service_file(name):
    return Path("/etc/pam.d") / name


@pytest.fixture(scope="module", autouse=True)
def enrolling(machine):
    """Every door demands enrolment, as the profile totp-required does."""
    before = {name: service_file(name).read_text() for name in ("sshd", "login", "su", "sudo")}
    for name, text in before.items():
        text = text.replace("auth required pam_totp.so\n", f"{AUTH}\n")
        assert text.count("@include common-account\n") == 1, name
        service_file(name).write_text(text.replace("@include common-account\n", f"@include common-account\n{ACCOUNT}\n"))
    yield
    for name, text in before.items():
        service_file(name).write_text(text)


class OverSsh:
    """The same shape as the doors of the machine itself."""

    def __init__(self, sshd, user, *options):
        self.user = user
        self._sshd = sshd
        self._options = options

    def command(self):
        return self._sshd.command(self.user, *self._options) + [SAY_WHO]

    def enter(self, password, answer):
        return enter(self.command(), self.user, password, answer)


def command_at(door):
    """What is typed to come to this door, and as whom one is in."""
    if isinstance(door, Su):
        return as_user(door.caller, "su", door.user, "-c", SAY_WHO), door.user
    if isinstance(door, Sudo):
        return as_user(door.user, "sudo", "sh", "-c", SAY_WHO), "root"
    if isinstance(door, Login):
        return ["login", door.user], door.user
    return door.command(), door.user


class Newcomer:
    """Somebody who isn't enrolled, at a door, on a terminal."""

    def __init__(self, door):
        (program, *arguments), self._is = command_at(door)
        self.client = pexpect.spawn(program, arguments, timeout=STUCK, encoding="utf-8", dimensions=(50, 120),
                                    env={"LC_ALL": "C.UTF-8", "TERM": "xterm", "PATH": "/usr/bin:/usr/sbin:/bin"})
        self.shown = ""

    def gives_password(self, password=PASSWORD):
        self.client.expect(r"[Pp]assword(?: for [^:\r\n]*)?: ?")
        self.client.sendline(password)

    def sees_the_key(self):
        self.client.expect_exact(CONFIRM)
        self.shown = self.client.before
        return shown_secret(self.rows())

    def rows(self):
        return [row.rstrip("\r") for row in self.shown.split("\n")]

    def types(self, code):
        self.client.sendline(code)

    def notes_recovery_codes(self):
        self.client.expect_exact(LAST)
        codes = RECOVERY_CODE.findall(self.client.before)
        self.client.sendline("")
        return codes

    def is_in(self):
        """Also the end of it."""
        seen = self.client.expect([rf"in as {self._is}\r", CONFIRM, pexpect.EOF, "Login incorrect"])
        self.client.close()
        return seen == 0

    def leaves(self):
        self.client.close(force=True)


@pytest.fixture(params=["ssh", Su, SuToOneself, Sudo, Login], ids=lambda kind: getattr(kind, "__name__", kind))
def door(request, machine, sshd, user):
    return OverSsh(sshd, user) if request.param == "ssh" else request.param(machine, user)


def enrols(door, tmp_path):
    """The whole way; the app, the recovery codes, and the code that confirmed."""
    newcomer = Newcomer(door)
    newcomer.gives_password()
    secret = newcomer.sees_the_key()
    uri = decoded(photograph(drawing(newcomer.rows()), background_is_dark=True), tmp_path / "photograph.png")
    assert uri.startswith("otpauth://totp/") and f":{door.user}?secret={secret}&" in uri + "&", uri
    app = App(secret)
    confirming = app.code()
    newcomer.types(confirming)
    codes = newcomer.notes_recovery_codes()
    assert len(codes) == 10
    assert newcomer.is_in()
    return app, codes, confirming


def test_newcomer_scans_confirms_and_is_in_and_is_asked_next_time(machine, door, tmp_path):
    app, codes, confirming = enrols(door, tmp_path)
    assert not door.enter(PASSWORD, confirming), "the confirming code is spent"
    assert door.enter(PASSWORD, app.code())
    assert door.enter(PASSWORD, codes[0])
    assert machine.status(door.user)["recovery_codes_left"] == 9


def test_wrong_password_never_sees_the_key(machine, door):
    newcomer = Newcomer(door)
    newcomer.gives_password("wrong")
    assert not newcomer.is_in()
    assert machine.log.decisions(door.user) == []
    assert machine.status(door.user, enrolled=False)["enrolled"] is False


def test_three_wrong_codes_enrol_nobody(machine, door):
    newcomer = Newcomer(door)
    newcomer.gives_password()
    secret = newcomer.sees_the_key()
    for end in (CONFIRM, CONFIRM, "Press Enter: "):
        newcomer.types(wrong(code_at(secret)))
        newcomer.client.expect_exact("No: that code isn't right")
        newcomer.client.expect_exact(end)
    newcomer.types("")
    assert not newcomer.is_in()
    assert machine.status(door.user, enrolled=False)["enrolled"] is False
    assert "enrolment=unfinished reason=wrong" in machine.log.decisions(door.user)[-1]


def test_who_breaks_off_is_shown_the_same_key_again(machine, door):
    first = Newcomer(door)
    first.gives_password()
    secret = first.sees_the_key()
    first.leaves()
    again = Newcomer(door)
    again.gives_password()
    assert again.sees_the_key() == secret
    assert machine.status(door.user, enrolled=False)["enrolled"] is False
    again.types(code_at(secret))
    again.notes_recovery_codes()
    assert again.is_in()


def test_public_key_first_then_enrolment(machine, user, key, tmp_path):  # noqa: F811
    authorize(user, key)
    server = Sshd(["AuthenticationMethods publickey,keyboard-interactive"])
    try:
        door = OverSsh(server, user, "-i", str(key))
        app, *_ = enrols(door, tmp_path)
        code = app.code()
        assert not door.enter(PASSWORD, wrong(code))
        assert door.enter(PASSWORD, code)
    finally:
        server.stop()


def test_public_key_alone_is_left_alone(machine, user, key):  # noqa: F811
    authorize(user, key)
    server = Sshd()
    try:
        done = subprocess.run(server.command(user, "-i", str(key), "-o", "BatchMode=yes") + [SAY_WHO],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.stdout == f"in as {user}\n", done.stderr
        assert machine.log.decisions(user) == []
    finally:
        server.stop()


def test_password_method_of_sshd_is_refused_and_nothing_is_enrolled(machine, user):
    server = Sshd(["PasswordAuthentication yes", "KbdInteractiveAuthentication no"])
    try:
        assert not server.login(user, PASSWORD, None)
        assert machine.status(user, enrolled=False)["enrolled"] is False
        assert "enrolment=unfinished" in machine.log.decisions(user)[-1]
    finally:
        server.stop()


def test_su_by_root_is_left_alone(machine, user):
    assert enter(["su", user, "-c", SAY_WHO], user, None, None)


def test_passwd_and_chpasswd_are_left_alone(machine, user):
    run("chpasswd", input=f"{user}:another battery staple\n")
    client = pexpect.spawn(*[(command := as_user(user, "passwd"))[0], command[1:]], timeout=STUCK, encoding="utf-8")
    for typed in ("another battery staple", "horse correct 77", "horse correct 77"):
        client.expect("assword: ")
        client.sendline(typed)
    client.expect("password updated successfully")


def test_without_the_account_line_nobody_gets_in(machine, sshd, user):
    sane = service_file("sshd").read_text()
    service_file("sshd").write_text(sane.replace(f"{ACCOUNT}\n", ""))
    try:
        newcomer = Newcomer(OverSsh(sshd, user))
        newcomer.gives_password()
        assert not newcomer.is_in()
        assert any('put the line "account required pam_totp.so"' in line for line in machine.log.lines)
    finally:
        service_file("sshd").write_text(sane)


def test_two_at_once_one_is_enrolled_and_the_other_told(machine, sshd, user):
    newcomers = [Newcomer(OverSsh(sshd, user)) for _ in range(2)]
    secrets = []
    for newcomer in newcomers:
        newcomer.gives_password()
        secrets.append(newcomer.sees_the_key())
    assert secrets[0] == secrets[1], "one place, one key"
    newcomers[0].types(code_at(secrets[0]))
    newcomers[0].notes_recovery_codes()
    newcomers[1].types(code_at(secrets[1]))
    newcomers[1].client.expect("enrolled meanwhile")
    newcomers[1].types("")
    assert not newcomers[1].is_in()
    assert newcomers[0].is_in()


STACKS = {
    "requisite before us": "auth requisite pam_unix.so nodelay\nOURS\n",
    "required before us": "auth required pam_unix.so nodelay\nOURS\n",
    "required after us": "OURS\nauth required pam_unix.so nodelay\n",
    "sufficient after us": "OURS\nauth sufficient pam_unix.so nodelay\nauth required pam_deny.so\n",
    "sufficient before us": "auth sufficient pam_unix.so nodelay\nOURS\n",
    "us alone": "OURS\n",
    "Debian": "@include common-auth\nOURS\n",
}


@pytest.fixture(params=STACKS, ids=lambda name: name.replace(" ", "_"))
def stack(request):
    sane = service_file("sshd").read_text()
    service_file("sshd").write_text(STACKS[request.param].replace("OURS", AUTH) +
                                    f"account required pam_unix.so\n{ACCOUNT}\nsession required pam_permit.so\n")
    yield request.param
    service_file("sshd").write_text(sane)


def test_wrong_password_gets_in_by_no_stack(machine, sshd, user, stack):
    newcomer = Newcomer(OverSsh(sshd, user))
    if stack != "us alone":
        newcomer.gives_password("wrong")
    seen = newcomer.client.expect([CONFIRM, rf"in as {user}\r", pexpect.EOF, "[Pp]assword:"])
    newcomer.leaves()
    assert seen >= 2
    assert machine.status(user, enrolled=False)["enrolled"] is False


def test_right_password_enrols_by_every_stack_that_comes_by_us(machine, sshd, user, stack, tmp_path):
    if stack in ("us alone", "sufficient before us"):
        newcomer = Newcomer(OverSsh(sshd, user))
        if stack == "us alone":
            assert not newcomer.is_in(), "a stack without a first factor opens to nobody"
        newcomer.leaves()
        return
    app, *_ = enrols(OverSsh(sshd, user), tmp_path)
    assert OverSsh(sshd, user).enter(PASSWORD, app.code())
