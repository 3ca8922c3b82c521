"""Enrolments of pam_google_authenticator and pam_oath, made with their own tools and used with their own modules, taken
over: the same app, played by oathtool, logs in with the next code, and what was spent there stays spent. And back."""

import json
import os
import re
import secrets
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, STUCK, as_user, authenticate, code_at, run, wait_for_room_in_step, wrong
from person import ENTERS_PAGE, LEAVES_PAGE, WIPES

DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)
USERS_FILE = Path("/etc/users.oath")
SERVICES = {"google": "auth required pam_google_authenticator.so",
            "oath": f"auth required pam_oath.so usersfile={USERS_FILE} window=20 digits=6",
            "oath8": f"auth required pam_oath.so usersfile={USERS_FILE} window=20 digits=8"}


@pytest.fixture(scope="module", autouse=True)
def other_modules(machine):
    for service, line in SERVICES.items():
        Path("/etc/pam.d", service).write_text(f"{line}\naccount required pam_permit.so\n")
    USERS_FILE.touch(mode=0o600)
    yield
    for service in SERVICES:
        Path("/etc/pam.d", service).unlink()
    USERS_FILE.unlink()


def lets_in(service, user, typed):
    """Whether the other module does."""
    return authenticate("root", service, user, typed) == 0


def totp_enroll(machine, *arguments, **options):
    return subprocess.run([machine.totp_enroll, *map(str, arguments)], capture_output=True, text=True, **options)


def imported(machine, *arguments):
    """What an import that takes everything says of its one account."""
    done = totp_enroll(machine, "import", *arguments, "--json")
    assert done.returncode == DONE, done.stderr
    return json.loads(done.stdout)


def hotp(secret, counter, *options):
    return run("oathtool", "--hotp", f"--counter={counter}", *options, secret).strip()


def remarks(facts, kind):
    return ", ".join(facts["devices"][0][kind])


def reason(machine, user):
    return machine.log.decisions(user)[-1].split("reason=")[1].split()[0]


# ---- google-authenticator


class GoogleAuthenticator:
    """What somebody set up with google-authenticator."""

    def __init__(self, user, *options):
        self.user = user
        self.file = Path(f"/home/{user}/.google_authenticator")
        run(*as_user(user, "google-authenticator", "--quiet", "--qr-mode=NONE", "--no-confirm", "--force", *options),
            cwd=f"/home/{user}")

    def lines(self):
        return self.file.read_text().split("\n")

    @property
    def secret(self):
        return self.lines()[0]

    def scratch_codes(self):
        return [line for line in self.lines() if re.fullmatch(r"\d{8}", line)]

    def add_line(self, line):
        first, *rest = self.lines()
        text = "\n".join([first, line, *rest])
        self.file.chmod(0o600)
        self.file.write_text(text)


TIME_BASED = {
    "as_recommended": ("-t", "-d", "-r", "3", "-R", "30", "-W"),
    "wide_window": ("-t", "-d", "-u", "-w", "17"),
    "ten_scratch_codes": ("-t", "-d", "-u", "-W", "-e", "10"),
    "no_scratch_codes": ("-t", "-d", "-u", "-W", "-e", "0"),
    "steps_of_60_s": ("-t", "-d", "-u", "-W", "-S", "60"),
}


@pytest.mark.parametrize("variant", TIME_BASED)
def test_time_based_codes_log_in_and_spent_ones_stay_spent(machine, sshd, user, variant):
    google = GoogleAuthenticator(user, *TIME_BASED[variant])
    period = 60 if variant == "steps_of_60_s" else 30
    spent = code_at(google.secret, period=period)
    assert lets_in("google", user, spent)
    assert not lets_in("google", user, spent)

    facts = imported(machine, "google", google.file)
    assert (facts["user"], facts["changed"], facts["devices"][0]["name"]) == (user, True, "phone")
    assert facts["devices"][0]["recovery_codes"] == len(google.scratch_codes())
    assert machine.status(user)["recovery_codes_left"] == len(google.scratch_codes())
    assert not sshd.login(user, PASSWORD, spent)
    assert reason(machine, user) == "replayed"
    assert not sshd.login(user, PASSWORD, wrong(spent))
    assert sshd.login(user, PASSWORD, code_at(google.secret, 1, period=period))


def test_reusable_codes_are_each_good_once_here(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-D", "-u", "-W")
    code = code_at(google.secret)
    assert lets_in("google", user, code) and lets_in("google", user, code)
    assert "a code lets in once" in remarks(imported(machine, "google", google.file), "stricter")
    assert sshd.login(user, PASSWORD, code)
    assert not sshd.login(user, PASSWORD, code)


def test_counter_goes_on(machine, sshd, user):
    google = GoogleAuthenticator(user, "-c", "-r", "3", "-R", "30", "-w", "5")
    spent = hotp(google.secret, 2, "--base32")
    assert lets_in("google", user, spent)
    facts = imported(machine, "google", google.file)
    assert facts["devices"][0]["type"] == "hotp"
    assert "RATE_LIMIT" in remarks(facts, "not_taken") and "WINDOW_SIZE" in remarks(facts, "not_taken")
    for counter in (0, 1, 2):
        assert not sshd.login(user, PASSWORD, hotp(google.secret, counter, "--base32"))
    assert sshd.login(user, PASSWORD, hotp(google.secret, 3, "--base32"))


def test_scratch_codes_are_good_once_and_spent_ones_stay_spent(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    used, left, other, *_ = google.scratch_codes()
    assert lets_in("google", user, used)
    assert imported(machine, "google", google.file)["devices"][0]["recovery_codes"] == 4
    assert not sshd.login(user, PASSWORD, used)
    assert reason(machine, user) == "wrong"
    assert sshd.login(user, PASSWORD, left)
    assert not sshd.login(user, PASSWORD, left)
    assert reason(machine, user) == "replayed"
    assert sshd.login(user, PASSWORD, f"{other[:4]} {other[4:]}")
    assert machine.status(user)["recovery_codes_left"] == 2
    renewed = json.loads(run(machine.totp_enroll, "recovery", "--user", user, "--json"))["recovery_codes"]
    assert not sshd.login(user, PASSWORD, google.scratch_codes()[-1])
    assert sshd.login(user, PASSWORD, renewed[0])


def test_clock_that_was_found_off_stays_known(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    google.add_line('" TIME_SKEW 5')
    spent = code_at(google.secret, 5)
    assert lets_in("google", user, spent)
    imported(machine, "google", google.file)
    assert machine.status(user)["devices"][0]["drift"] == 5
    assert not sshd.login(user, PASSWORD, spent)
    assert sshd.login(user, PASSWORD, code_at(google.secret, 6))


def test_short_secret_of_early_versions_logs_in_and_is_noted(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    google.file.chmod(0o600)
    google.file.write_text(google.file.read_text().replace(google.secret, "OBUG63TFOBUG63TF"))
    assert lets_in("google", user, code_at("OBUG63TFOBUG63TF"))
    assert "80 bits" in remarks(imported(machine, "google", google.file), "notes")
    assert sshd.login(user, PASSWORD, code_at("OBUG63TFOBUG63TF", 1))


def record_files(user):
    return [Path("/var/lib/pam-totp", kind, user).read_bytes() for kind in ("enrolled", "state")]


def test_twice_changes_nothing(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    imported(machine, "google", google.file)
    assert sshd.login(user, PASSWORD, google.scratch_codes()[0])
    before = record_files(user)
    again = totp_enroll(machine, "import", "google", google.file)
    assert (again.returncode, again.stdout) == (DONE, f"{user}: phone is there already\n")
    assert record_files(user) == before


def test_what_was_used_there_since_is_spent_by_importing_again(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    imported(machine, "google", google.file)
    code = code_at(google.secret)
    assert lets_in("google", user, code)
    assert imported(machine, "google", google.file)["changed"]
    assert not sshd.login(user, PASSWORD, code)


def test_what_was_spent_here_stays_so_where_the_state_is_lost(machine, sshd, user):
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    imported(machine, "google", google.file)
    spent, left, *_ = google.scratch_codes()
    assert sshd.login(user, PASSWORD, spent)
    Path("/var/lib/pam-totp/state", user).unlink()
    again = totp_enroll(machine, "import", "google", google.file)
    assert again.returncode == DONE and "it wasn't known any more what was spent" in again.stderr
    assert not sshd.login(user, PASSWORD, spent)
    assert not sshd.login(user, PASSWORD, left)
    assert sshd.login(user, PASSWORD, code_at(google.secret, 1))


def test_counter_stays_refused_where_the_state_is_lost(machine, sshd, user):
    google = GoogleAuthenticator(user, "-c", "-r", "3", "-R", "30", "-w", "5")
    imported(machine, "google", google.file)
    spent = hotp(google.secret, 2, "--base32")
    assert sshd.login(user, PASSWORD, spent)
    Path("/var/lib/pam-totp/state", user).unlink()
    assert imported(machine, "google", google.file)["changed"]
    assert not sshd.login(user, PASSWORD, spent)


def test_another_secret_is_a_further_device(machine, sshd, enrolled):
    user, secret = enrolled
    google = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    assert imported(machine, "google", "--user", user)["devices"][0]["name"] == "phone-2"
    assert machine.status(user)["recovery_codes_left"] == 15
    assert sshd.login(user, PASSWORD, code_at(secret))
    assert sshd.login(user, PASSWORD, code_at(google.secret))


# ---- all homes


@pytest.fixture
def homes(machine):
    """Accounts none of which has a file; afterwards their files are gone."""
    users = [machine.add_user() for _ in range(3)]
    for file in Path("/home").glob("*/.google_authenticator"):
        file.unlink()
    yield users
    for user in users:
        run("chmod", "755", f"/home/{user}")
        run("chown", user, f"/home/{user}")
        Path(f"/home/{user}/.google_authenticator").unlink(missing_ok=True)


def test_all_homes_are_taken_and_told_one_a_line(machine, sshd, homes):
    first, second, _ = homes
    apps = [GoogleAuthenticator(user, "-t", "-d", "-u", "-W") for user in (first, second)]
    done = totp_enroll(machine, "import", "google", "--all-homes")
    assert done.returncode == DONE, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [first, second]
    assert sshd.login(first, PASSWORD, code_at(apps[0].secret))
    assert sshd.login(second, PASSWORD, code_at(apps[1].secret))
    assert apps[0].secret not in done.stdout + done.stderr


def test_all_homes_add_no_device_to_who_is_enrolled(machine, homes):
    """What runs as the user can write that file: it must not become a second phone."""
    user, *_ = homes
    GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    assert totp_enroll(machine, "import", "google", "--all-homes").returncode == DONE
    planted = GoogleAuthenticator(user, "-t", "-d", "-u", "-W")
    done = totp_enroll(machine, "import", "google", "--all-homes")
    assert done.returncode == REFUSED and "has another secret" in done.stderr
    assert len(machine.status(user)["devices"]) == 1
    imported(machine, "google", planted.file)
    assert len(machine.status(user)["devices"]) == 2


def link_to_others_file(file, other):
    file.symlink_to(f"/home/{other}/.google_authenticator")


def hard_link_to_others_file(file, other):
    os.link(f"/home/{other}/.google_authenticator", file)


def pipe(file, _):
    os.mkfifo(file, 0o600)
    os.chown(file, file.parent.stat().st_uid, -1)


def directory(file, _):
    file.mkdir()


def file_that_others_may_read(file, other):
    file.write_text(Path(f"/home/{other}/.google_authenticator").read_text())
    os.chown(file, file.parent.stat().st_uid, -1)
    file.chmod(0o644)


def home_its_user_may_not_enter(file, other):
    """Root may; but it is the user's right that counts."""
    file.write_text(Path(f"/home/{other}/.google_authenticator").read_text())
    os.chown(file, file.parent.stat().st_uid, -1)
    file.chmod(0o600)
    os.chown(file.parent, 0, 0)
    file.parent.chmod(0o700)


def file_that_is_too_long(file, _):
    file.write_text("A" * 70_000)
    os.chown(file, file.parent.stat().st_uid, -1)
    file.chmod(0o600)


def wrong_file(file, _):
    file.write_text("OBUG63TFOBUG63TF\n\" TOTP_AUTH\n1234567\n")
    os.chown(file, file.parent.stat().st_uid, -1)
    file.chmod(0o600)


@pytest.mark.parametrize("trap, said", [
    (link_to_others_file, "is a link"), (hard_link_to_others_file, "Permission denied"), (pipe, "regular file"),
    (directory, "regular file"), (file_that_others_may_read, "open to others"),
    (home_its_user_may_not_enter, "Permission denied"), (file_that_is_too_long, "more than 65536 bytes"),
    (wrong_file, "wrong line 3")])
def test_one_bad_home_is_told_and_no_other_suffers(machine, homes, trap, said):
    bad, good, _ = homes
    GoogleAuthenticator(good, "-t", "-d", "-u", "-W")
    file = Path(f"/home/{bad}/.google_authenticator")
    trap(file, good)
    try:
        done = totp_enroll(machine, "import", "google", "--all-homes", "--json", timeout=STUCK)
    finally:
        if file.is_dir():
            file.rmdir()
    assert done.returncode == REFUSED
    facts = {each["user"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert said in facts[bad]["error"] and facts[bad]["error"] in done.stderr
    assert not machine.status(bad, enrolled=False)["enrolled"]
    assert facts[good]["error"] is None and machine.status(good)["enrolled"]


STOPS_WHAT_IS_ITS_USERS = """
import os, signal
while True:
    try:
        os.kill(-1, signal.SIGSTOP)
    except OSError:
        pass
"""


def test_user_who_stops_what_reads_their_home_is_left_behind(machine, homes):
    """Again until the process was caught while it was the user's."""
    bad, good, _ = homes
    GoogleAuthenticator(bad, "-t", "-d", "-u", "-W")
    GoogleAuthenticator(good, "-t", "-d", "-u", "-W")
    stopper = subprocess.Popen(as_user(bad, "/usr/bin/python3", "-c", STOPS_WHAT_IS_ITS_USERS))
    try:
        for _ in range(200):
            done = totp_enroll(machine, "import", "google", "--all-homes", "--json", timeout=STUCK)
            facts = {each["user"]: each for each in map(json.loads, done.stdout.splitlines())}
            assert facts[good]["error"] is None
            if facts[bad]["error"] is not None:
                break
    finally:
        stopper.kill()
        stopper.wait()
    assert "couldn't be read within 10 seconds" in facts[bad]["error"]
    assert not run("ps", "-e", "-o", "user:32").split().count(bad)


# ---- pam_oath


class OathToken:
    """A line of the users file, as its manual says to write it."""

    def __init__(self, user, kind="HOTP", pin="-"):
        self.user, self.kind = user, kind
        self.key = secrets.token_hex(20)
        self.digits = 8 if kind.endswith("/8") else 6
        self.period = 60 if "T60" in kind else 30
        with USERS_FILE.open("a") as file:
            file.write(f"{kind}\t{user}\t{pin}\t{self.key}\n")

    @property
    def service(self):
        return "oath8" if self.digits == 8 else "oath"

    def code(self, steps_from_now=0):
        wait_for_room_in_step(self.period)
        moment = int(time.time()) + steps_from_now * self.period
        return run("oathtool", "--totp", f"--digits={self.digits}", f"--time-step-size={self.period}s",
                   f"--now=@{moment}", self.key).strip()

    def counted(self, counter):
        return hotp(self.key, counter, f"--digits={self.digits}")


@pytest.mark.parametrize("kind", ["HOTP", "HOTP/E/6", "HOTP/E/8"])
def test_token_goes_on_where_it_was(machine, sshd, user, kind):
    token = OathToken(user, kind)
    assert lets_in(token.service, user, token.counted(0)) and lets_in(token.service, user, token.counted(3))
    assert imported(machine, "oath", USERS_FILE, "--user", user)["changed"]
    assert not sshd.login(user, PASSWORD, token.counted(1))
    assert not sshd.login(user, PASSWORD, token.counted(3))
    assert reason(machine, user) == "replayed"
    assert sshd.login(user, PASSWORD, token.counted(4))


def test_token_that_was_never_used_begins_at_its_first_code(machine, sshd, user):
    token = OathToken(user)
    imported(machine, "oath", USERS_FILE, "--user", user)
    assert sshd.login(user, PASSWORD, token.counted(0))


@pytest.mark.parametrize("kind", ["HOTP/T30", "HOTP/T30/6", "HOTP/T60/8"])
def test_time_based_lines_log_in_and_the_last_code_stays_spent(machine, sshd, user, kind):
    token = OathToken(user, kind)
    code = token.code()
    assert lets_in(token.service, user, code)
    imported(machine, "oath", USERS_FILE, "--user", user)
    assert not sshd.login(user, PASSWORD, code)
    assert reason(machine, user) == "replayed"
    assert sshd.login(user, PASSWORD, token.code(1))


def test_clock_that_the_window_bore_is_known_from_the_last_code(machine, sshd, user):
    token = OathToken(user, "HOTP/T30")
    assert lets_in("oath", user, token.code(6))
    imported(machine, "oath", USERS_FILE, "--user", user)
    assert machine.status(user)["devices"][0]["drift"] == 6
    assert sshd.login(user, PASSWORD, token.code(7))


def test_pin_is_told_and_the_code_alone_logs_in(machine, sshd, user):
    token = OathToken(user, "HOTP", pin="4711")
    assert lets_in("oath", user, "4711" + token.counted(0))
    facts = imported(machine, "oath", USERS_FILE, "--user", user)
    assert "PIN" in remarks(facts, "not_taken") and "4711" not in json.dumps(facts)
    assert sshd.login(user, PASSWORD, token.counted(1))


def test_whole_users_file_is_taken_account_by_account(machine, tmp_path):
    first, second = machine.add_user(), machine.add_user()
    key = [secrets.token_hex(20) for _ in range(4)]
    file = tmp_path / "users"
    file.write_text(f"# all of them\nHOTP {first} - {key[0]}\nHOTP/T30 {second} - {key[1]}\nHOTP/T60 {first} - {key[2]}\n"
                    f"HOTP {second} - xyz\nHOTP nobody-here - {key[3]}\n")
    file.chmod(0o600)
    done = totp_enroll(machine, "import", "oath", file)
    assert done.returncode == REFUSED
    assert "has a wrong line 5: the secret isn't" in done.stderr and "line 6 is of nobody-here" in done.stderr
    assert [device["type"] for device in machine.status(first)["devices"]] == ["hotp", "totp"]
    assert not machine.status(second, enrolled=False)["enrolled"], "nothing half"


# ---- key URIs


def test_uris_from_an_app_are_taken(machine, sshd, user, tmp_path):
    file = tmp_path / "uris"
    # Example:alice, secret "phonephonephonephone", as Google Authenticator exports it
    file.write_text("otpauth-migration://offline?data=CiwKFHBob25lcGhvbmVwaG9uZXBob25lEgVhbGljZRoHRXhhbXBsZSABKAEw"
                    "AhABGAEgACjSCQ%3D%3D\notpauth://totp/b?secret=ORXWWZLOORXWWZLOORXWWZLOORXWWZLO&digits=8\n")
    file.chmod(0o600)
    facts = imported(machine, "uri", file, "--user", user)
    assert [device["name"] for device in facts["devices"]] == ["phone", "phone-2"]
    assert sshd.login(user, PASSWORD, code_at("OBUG63TFOBUG63TFOBUG63TFOBUG63TF"))
    assert sshd.login(user, PASSWORD, code_at("ORXWWZLOORXWWZLOORXWWZLOORXWWZLO", digits=8))


def test_uri_comes_from_stdin_too(machine, user):
    done = totp_enroll(machine, "import", "uri", "-", "--user", user, "--device", "tablet",
                       input="otpauth://totp/b?secret=ORXWWZLOORXWWZLOORXWWZLOORXWWZLO\n")
    assert done.returncode == DONE, done.stderr
    assert machine.status(user)["devices"][0]["name"] == "tablet"


# ---- and back


def exported(machine, user, *options):
    done = totp_enroll(machine, "export", "--user", user, *options)
    assert done.returncode == DONE, done.stderr
    return done.stdout


def test_exported_google_file_is_read_by_its_module(machine, sshd, enrolled):
    user, secret = enrolled
    spent = code_at(secret)
    assert sshd.login(user, PASSWORD, spent)
    file = Path(f"/home/{user}/.google_authenticator")
    file.write_text(exported(machine, user, "--format", "google"))
    os.chown(file, file.parent.stat().st_uid, -1)
    file.chmod(0o600)
    assert not lets_in("google", user, spent)
    assert lets_in("google", user, code_at(secret, 1))


@pytest.mark.parametrize("options", [("--period", "30"), ("--period", "60", "--digits", "8")])
def test_exported_line_is_read_by_pam_oath(machine, sshd, user, options):
    facts = machine.enrol(user, *options)
    digits, period = (8, 60) if "8" in options else (6, 30)
    spent = code_at(facts["secret"], digits=digits, period=period)
    assert sshd.login(user, PASSWORD, spent)
    with USERS_FILE.open("a") as file:
        file.write(exported(machine, user, "--format", "oath"))
    service = "oath8" if digits == 8 else "oath"
    assert not lets_in(service, user, spent)
    assert lets_in(service, user, code_at(facts["secret"], 1, digits=digits, period=period))


def test_exported_token_goes_on_at_pam_oath(machine, sshd, user):
    secret = machine.enrol(user, "--hotp")["secret"]
    assert sshd.login(user, PASSWORD, hotp(secret, 4, "--base32"))
    with USERS_FILE.open("a") as file:
        file.write(exported(machine, user, "--format", "oath"))
    assert not lets_in("oath", user, hotp(secret, 4, "--base32"))
    assert lets_in("oath", user, hotp(secret, 5, "--base32"))


@pytest.mark.parametrize("form, options", [
    ("google", ()), ("google", ("--period", "60")), ("oath", ("--digits", "8", "--period", "60")), ("oath", ("--hotp",)),
    ("uri", ("--algorithm", "SHA512", "--digits", "7", "--period", "45")), ("uri", ("--hotp",))])
def test_what_is_exported_is_the_same_when_imported(machine, user, tmp_path, form, options):
    """Removed in between; so not what was spent, which the whole enrolment takes with it."""
    machine.enrol(user, *options, "--device", "fob")
    before = machine.status(user)["devices"]
    uri = json.loads(exported(machine, user, "--json"))["uri"]
    file = tmp_path / "exported"
    file.touch(mode=0o600)
    file.write_text(exported(machine, user, "--format", form))
    run(machine.totp_enroll, "remove", "--user", user, "--yes")
    imported(machine, form, file, "--user", user, "--device", "fob")
    assert machine.status(user)["devices"] == before
    assert json.loads(exported(machine, user, "--json"))["uri"] == uri


@pytest.mark.parametrize("form", ["google", "oath", "uri", "qr"])
def test_token_whose_past_is_lost_is_not_exported(machine, user, form):
    """Elsewhere each of its codes would be good again."""
    machine.enrol(user, "--hotp")
    Path("/var/lib/pam-totp/state", user).unlink()
    run(machine.totp_enroll, "recovery", "--user", user)
    done = totp_enroll(machine, "export", "--user", user, "--format", form)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert f"first run totp-enroll resync --user {user}\n" in done.stderr


def test_export_is_logged_and_for_root(machine, enrolled):
    user, secret = enrolled
    exported(machine, user)
    machine.log.text()
    assert any(f"user={user} service=totp-enroll by=root change=device_exported device=phone" in line
               for line in machine.log.lines)
    assert not any(secret in line for line in machine.log.lines)
    for command in (("export",), ("import", "google", "--all-homes")):
        done = subprocess.run(as_user(user, machine.totp_enroll, *command), capture_output=True, text=True)
        assert done.returncode == NOT_PERMITTED and "is for root" in done.stderr and not done.stdout


def test_export_draws_the_qr_code(machine, enrolled, tmp_path):
    user, secret = enrolled
    picture = tmp_path / "code.png"
    exported(machine, user, "--format", "qr", "--qr", "none", "--qr-file", picture)
    assert picture.stat().st_mode & 0o777 == 0o600
    read = run("zbarimg", "--quiet", "--raw", str(picture)).strip()
    assert read == exported(machine, user).strip() and secret in read


@pytest.mark.parametrize("form, shown", [("uri", "otpauth://"), ("google", "TOTP_AUTH"), ("qr", "For the app")])
def test_what_is_exported_does_not_stay_on_the_terminal(machine, enrolled, form, shown):
    client = pexpect.spawn(machine.totp_enroll, ["export", "--user", enrolled[0], "--format", form], timeout=STUCK,
                           encoding="utf-8", env={**os.environ, "TERM": "xterm"}, dimensions=(40, 100))
    client.expect_exact(ENTERS_PAGE)
    client.expect_exact(shown)
    client.expect_exact("ress any key")
    client.send(" ")
    client.expect_exact(WIPES + LEAVES_PAGE)
    client.expect(pexpect.EOF)
    client.close()
    assert client.exitstatus == DONE


def test_export_says_which_device_where_there_are_several(machine, enrolled):
    user, _ = enrolled
    machine.enrol(user, "--device", "tablet")
    assert len(exported(machine, user).splitlines()) == 2
    done = totp_enroll(machine, "export", "--user", user, "--format", "google")
    assert done.returncode == USAGE and "phone, tablet" in done.stderr
    assert len(exported(machine, user, "--format", "google", "--device", "tablet").splitlines()) == 4
