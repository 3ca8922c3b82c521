"""The profile totp-required, put in by pam-auth-update as an administrator does it: at every service at once."""

import re
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, SAY_WHO, STUCK, code_at, enter, mount_private_copy, run, wait_until
from person import Person
from stacks import services_as_installed  # noqa: F401, a fixture
from test_enrol_at_login import Newcomer, OverSsh, enrols
from test_local_doors import Login, Su, SuToOneself, Sudo, sudoers  # noqa: F401, a fixture

DEBIAN = Path(__file__).parents[2] / "debian"
OURS = "required\tpam_totp.so unenrolled=enrol"


def stack(name):
    return Path(f"/etc/pam.d/common-{name}").read_text()


@pytest.fixture
def required(pam_auth_update):
    pam_auth_update("--force", "--enable", "totp-required")
    return pam_auth_update


@pytest.fixture(params=["ssh", Su, SuToOneself, Sudo, Login], ids=lambda kind: getattr(kind, "__name__", kind))
def door(request, required, machine, sshd, user):
    return OverSsh(sshd, user) if request.param == "ssh" else request.param(machine, user)


def test_newcomer_enrols_and_is_asked_next_time(machine, door, tmp_path):
    app, _, confirming = enrols(door, tmp_path)
    assert not door.enter(PASSWORD, confirming), "the confirming code is spent"
    code = app.code()
    assert not door.enter("wrong", code)
    assert door.enter(PASSWORD, code)


NEW_PASSWORD = "another battery, and a staple"
SSSD = """Name: SSSD
Default: no
Priority: 128
Account-Type: Additional
Account:
\tsufficient\tpam_localuser.so
\t[default=bad success=ok user_unknown=ignore]\tpam_permit.so
"""


def changes_password(client):
    """It has expired: the old one, then twice the new one."""
    client.expect("[Cc]urrent password: ?")
    client.sendline(PASSWORD)
    for _ in range(2):
        client.expect("[Nn]ew password: ?")
        client.sendline(NEW_PASSWORD)


def test_newcomer_whose_password_has_expired_enrols_too(machine, door):
    run("chage", "--lastday", "0", door.user)
    newcomer = Newcomer(door)
    newcomer.gives_password()
    newcomer.types(code_at(newcomer.sees_the_key(), steps_from_now=-1))
    newcomer.notes_recovery_codes()
    changes_password(newcomer.client)
    assert newcomer.is_in()
    assert machine.status(door.user)["enrolled"]


@pytest.fixture
def sssd(required, profiles):
    """As Debian's libpam-sss: for accounts of this machine its lines end the account phase."""
    profile = profiles / "sssd"
    profile.write_text(SSSD)
    required("--force", "--enable", "sssd")
    yield
    required("--disable", "sssd")
    profile.unlink()


def test_newcomer_enrols_where_sssd_ends_the_account_phase(sssd, door, tmp_path):
    assert "pam_localuser.so" in stack("account")
    enrols(door, tmp_path)


def test_wrong_password_never_sees_the_key(machine, door):
    newcomer = Newcomer(door)
    newcomer.gives_password("wrong")
    assert not newcomer.is_in()
    assert machine.log.decisions(door.user) == []


def test_both_lines_come_and_go_together(required):
    assert OURS in stack("auth") and OURS in stack("account")
    assert "pam_totp" not in stack("password") + stack("session")
    required("--disable", "totp-required")
    assert "pam_totp" not in stack("auth") + stack("account")


def test_the_two_profiles_exclude_each_other(pam_auth_update):
    pam_auth_update("--force", "--enable", "totp", "totp-required")
    assert stack("auth").count("pam_totp.so") == 1


def test_readme_says_that_the_profile_is_to_be_chosen_again_after_a_removal(pam_auth_update):
    pam_auth_update("--force", "--enable", "totp")
    for script in ("prerm", "postinst"):
        [options] = re.findall(r"^ +pam-auth-update (.*)$", (DEBIAN / f"libpam-totp.{script}").read_text(), re.M)
        pam_auth_update(*options.split())
    assert "pam_totp" not in stack("auth")
    removing = (DEBIAN / "libpam-totp.README.Debian").read_text().split("Removing and purging")[1]
    [options] = re.findall(r"^    pam-auth-update (.*)$", removing, re.M)
    pam_auth_update(*options.split())
    assert "pam_totp" in stack("auth")


def test_somebody_who_is_logged_in_already_enrols_by_totp_enroll(required, machine, user):
    person = Person(machine, user)
    said, exit_code = person.enrol_themselves()
    assert exit_code == 0, said
    assert machine.status(user)["enrolled"]
    client = person.begin("add", "--device", "tablet", answer=person.code())
    person.confirm(client, "tablet")
    assert person.finish(client)[1] == 0


# ---- what is left alone

@pytest.fixture(scope="module")
def crontabs(machine):
    mount_private_copy("/var/spool/cron")


def test_cron_jobs_run(required, machine, crontabs, user):
    """Jobs that are due when cron starts: a user's, root's and the machine's own."""
    marks = {name: Path(f"/home/{user}/{name}.ran") for name in (user, "root", "system")}
    for name in (user, "root"):
        run("crontab", "-u", name, "-", input=f"@reboot touch {marks[name]}\n")
    Path("/etc/cron.d/tests").write_text(f"@reboot root touch {marks['system']}\n")
    Path("/run/crond.reboot").unlink(missing_ok=True)
    cron = subprocess.Popen(["cron", "-f"])
    try:
        wait_until(lambda: all(mark.exists() for mark in marks.values()), "not all of the jobs run")
    finally:
        cron.terminate()
        cron.wait()
        Path("/etc/cron.d/tests").unlink()
        for name in (user, "root"):
            run("crontab", "-u", name, "-r")
    assert machine.log.decisions(user) == [] and machine.log.decisions("root") == []


def test_su_by_root_runs(required, machine, user):
    assert enter(["su", user, "-c", SAY_WHO], user, None, None)
    assert machine.log.decisions(user) == []


# ---- one handle used twice

def at_login(name):
    """login, which asks again on the same handle, and for another name if one is given."""
    return pexpect.spawn("login", [name], timeout=STUCK, encoding="utf-8", dimensions=(50, 120),
                         env={"LC_ALL": "C.UTF-8", "TERM": "xterm", "PATH": "/usr/bin:/usr/sbin:/bin"})


@pytest.mark.parametrize("is_another", [False, True], ids=["the same user", "another"])
def test_wrong_password_then_a_right_one_enrols_who_gave_the_right_one(required, machine, user, is_another, tmp_path):
    first = machine.add_user() if is_another else user
    for name in {first, user}:
        Login(machine, name)
    newcomer = Newcomer(Login(machine, user))
    newcomer.client.close(force=True)
    newcomer.client = at_login(first)
    newcomer.gives_password("wrong")
    newcomer.client.expect_exact("Login incorrect")
    newcomer.client.expect("login: ")
    newcomer.client.sendline(user)
    newcomer.gives_password()
    secret = newcomer.sees_the_key()
    newcomer.types(code_at(secret))
    newcomer.notes_recovery_codes()
    assert newcomer.is_in()
    assert machine.status(user)["enrolled"]
    if is_another:
        assert not machine.status(first, enrolled=False)["enrolled"]


def test_right_password_of_one_and_wrong_of_another_enrols_nobody(required, machine, user):
    """The mark of the first doesn't serve the second, whose password was wrong."""
    other = machine.add_user()
    login = at_login(other)
    login.expect("assword: ")
    login.sendline("wrong")
    login.expect("login: ")
    login.sendline(user)
    login.expect("assword: ")
    login.sendline("wrong")
    assert login.expect(["Code that the app shows now: ", "login: ", pexpect.EOF]) > 0
    login.close(force=True)
    for name in (user, other):
        assert not machine.status(name, enrolled=False)["enrolled"]
