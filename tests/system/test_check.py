"""totp-enroll check on a machine whose stacks pam-auth-update made, and on the same with something wrong."""

import json
import subprocess
from pathlib import Path

import pytest

from machine import as_user
from stacks import services_as_installed  # noqa: F401, a fixture

COMMON_AUTH = Path("/etc/pam.d/common-auth")
SSHD = Path("/etc/pam.d/sshd")


@pytest.fixture
def check(machine, user):
    """What an ordinary user is told: exit code and text."""
    def run_check(*arguments):
        done = subprocess.run(as_user(user, machine.totp_enroll, "check", *arguments), capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode, done.stdout
    return run_check


@pytest.fixture
def profile(pam_auth_update):
    pam_auth_update("--force", "--enable", "totp")


def replace(path, what, instead):
    text = path.read_text()
    assert what in text, f"{path} has no {what}"
    path.write_text(text.replace(what, instead, 1))


def line_of(path, what):
    """The number of the first line that holds it."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if what in line)


def test_shipped_profile_is_sound(profile, check):
    code, text = check()
    assert code == 0, text
    for service in ("sshd", "login", "sudo"):
        assert f"proven  {service}: nobody who is enrolled gets in without a code.\n" in text
    assert "remark  su: root is asked for no code (pam_rootok.so)." in text
    assert "remark  sshd: who isn't enrolled gets in without a code." in text
    assert "fault" not in text and "warning" not in text.replace("warning  clock", "")  # which isn't ours


def test_shipped_profile_for_all_accounts_is_sound(pam_auth_update, check):
    pam_auth_update("--force", "--enable", "totp-required")
    code, text = check()
    assert code == 0, text
    assert "remark  sshd: who isn't enrolled enrols at the login." in text


def test_machine_without_our_line_is_not_sound(check):
    code, text = check()
    assert code == 1
    assert "fault  all services: none asks for a code.\n  change: pam-auth-update --enable totp" in text
    assert "remark  sshd: no code is asked." in text


def test_optional_line_is_told_with_the_line_to_write(profile, check):
    replace(COMMON_AUTH, "required\tpam_totp.so", "optional\tpam_totp.so")
    code, text = check("sshd")
    assert code == 1
    here = f"/etc/pam.d/common-auth:{line_of(COMMON_AUTH, 'pam_totp.so')}"
    assert "fault  sshd: who passes pam_unix.so gets in without a code.\n" in text
    assert f"{here}: pam_totp.so unenrolled=ignore answers auth_err, which counts for nothing\n" in text
    assert f"  at {here}\n  change: write `auth required pam_totp.so unenrolled=ignore` at {here}\n" in text


def test_line_that_is_jumped_over_is_told_with_its_place(profile, check):
    replace(COMMON_AUTH, "success=1", "success=4")
    with COMMON_AUTH.open("a") as text:
        text.write("auth required pam_permit.so\n")
    code, text = check("sudo")
    assert code == 1
    jump, ours = (f"/etc/pam.d/common-auth:{line_of(COMMON_AUTH, module)}" for module in ("pam_unix.so", "pam_totp.so"))
    assert f"  at {jump}\n  change: write `success=2` in the control at {jump}, so that it leads to {ours}\n" in text
    assert "and the next 4 lines are passed over" in text


def test_misspelt_argument_is_told(profile, check):
    replace(COMMON_AUTH, "unenrolled=ignore", "unenroled=ignore")
    code, text = check("login")
    assert code == 1
    assert "fault  login: our module lets nobody in: the argument unenroled isn't known" in text


@pytest.mark.parametrize("closed, opened_by", [("pam_totp.conf", "a+r"), ("pam_totp.conf.d/closed.conf", "a+r"),
                                               ("pam_totp.conf.d", "a+rx")])
def test_settings_that_people_cannot_read_are_told_as_that(profile, machine, user, check, closed, opened_by):
    path = Path("/etc/security") / closed
    file = path / "some.conf" if path.suffix == ".d" else path
    file.parent.mkdir(exist_ok=True)
    file.write_text("window = 2\n")
    path.chmod(0o700)
    code, text = check("sshd")
    assert code == 0 and f"warning  sshd: what it says can't be read by you: run this as root.\n  at {path}\n" in text
    done = subprocess.run(as_user(user, machine.totp_enroll, "status"), capture_output=True, text=True, input="")
    assert done.returncode == 4
    assert done.stderr == f"totp-enroll: {path} is closed to programs that aren't root's: run chmod {opened_by} on it\n"


def test_account_line_that_enrolment_needs_is_missed(pam_auth_update, check):
    pam_auth_update("--force", "--enable", "totp-required")
    account = Path("/etc/pam.d/common-account")
    account.write_text("".join(line for line in account.read_text().splitlines(True) if "pam_totp" not in line))
    code, text = check("sshd")
    assert code == 1
    assert "change: add the line `account required pam_totp.so unenrolled=enrol` before /etc/pam.d/common-account:" in text


def test_facts_are_json_alone(profile, check):
    replace(SSHD, "@include common-auth\n", "auth sufficient pam_unix.so\n@include common-auth\n")
    code, text = check("sshd", "sudo", "--json")
    facts = json.loads(text)
    assert code == 1 and not facts["sound"]
    assert facts["services"] == [{"service": "sshd", "protection": "bypass"}, {"service": "sudo", "protection": "proven"}]
    fault, = (finding for finding in facts["findings"] if finding["severity"] == "fault")
    assert (fault["kind"], fault["about"], fault["file"]) == ("bypass", "sshd", str(SSHD))
    assert fault["line"] == line_of(SSHD, "sufficient")
    assert fault["change"].startswith("write `auth [success=") and len(fault["steps"]) == 1


def test_service_is_a_name(machine):
    done = subprocess.run([machine.totp_enroll, "check", "../shadow"], capture_output=True, text=True)
    assert done.returncode == 2 and "a service is the name of a file in /etc/pam.d" in done.stderr


OTHER_DOORS = {
    "gdm-fingerprint": "who gets in by a fingerprint is asked for no code",
    "gdm-smartcard": "who gets in by a smart card is asked for no code",
    "gdm-autologin": "who is logged in automatically is asked for no code",
    "lightdm-autologin": "who is logged in automatically is asked for no code",
    "xrdp-sesman": "no code is asked",
    "vsftpd": "no code is asked",
    "remote": "no code is asked",
}


@pytest.fixture
def other_doors(profile):
    """Doors of packages that bring a stack of their own, which our profile isn't in."""
    for service in OTHER_DOORS:
        (Path("/etc/pam.d") / service).write_text("auth required pam_unix.so\naccount required pam_unix.so\n")


def test_doors_that_stand_open_beside_a_protected_one_are_told(other_doors, check):
    code, text = check()
    assert code == 0, text
    for service, sentence in OTHER_DOORS.items():
        assert f"remark  {service}: {sentence}.\n" in text


def test_door_that_was_named_is_a_fault_until_it_is_shut(other_doors, check):
    code, text = check("gdm-fingerprint")
    assert code == 1
    assert "fault  gdm-fingerprint: who gets in by a fingerprint is asked for no code.\n" in text
    wanted = "auth requisite pam_deny.so"
    assert f"  change: where nobody is to get in so, put the line `{wanted}` before its other auth lines\n" in text
    service = Path("/etc/pam.d/gdm-fingerprint")
    service.write_text(f"{wanted}\n{service.read_text()}")
    code, text = check("gdm-fingerprint")
    assert code == 0 and "remark  gdm-fingerprint: nobody gets in, whatever they answer.\n" in text
    Path("/etc/pam.d/remote").write_text("auth required pam_deny.so\n")
    code, text = check("remote")
    assert code == 1 and "fault  remote: nobody gets in, whatever they answer.\n" in text


def test_door_whose_module_is_not_installed_is_no_fault(profile, check):
    Path("/etc/pam.d/gdm-fingerprint").write_text("auth required pam_fprintd_that_is_nowhere.so\n")
    code, text = check()
    assert code == 0, text
    assert "remark  gdm-fingerprint: pam_fprintd_that_is_nowhere.so isn't where libpam looks for it" in text


def test_stack_with_lines_as_on_windows_is_told_and_mended_by_the_command(profile, check):
    SSHD.write_bytes(b"auth required pam_unix.so\r\nauth required pam_totp.so\r\naccount required pam_permit.so\r\n")
    code, text = check("sshd")
    assert code == 1
    assert "fault  sshd: pam_unix.so%0D isn't where libpam looks for it, so it lets nobody in.\n" in text
    assert "no code is asked" not in text
    said = "  change: the lines of that file end as on Windows: "
    command, = (line.removeprefix(said) for line in text.splitlines() if line.startswith(said))
    subprocess.run(command, shell=True, check=True)
    assert "proven  sshd: " in check("sshd")[1]
