"""While the database of a fleet can't be used, named accounts get in by recovery codes of this machine, once each."""

import json
import subprocess
from pathlib import Path

import pytest

import pam_client
from machine import OUR_LINE, PASSWORD, SettingsFile, as_user, authenticate, code_at, run, su
from tls_database import free_port

PAM_SUCCESS, PAM_AUTHINFO_UNAVAIL = 0, 9
MAKES_THEM = "break_glass names an account that has no codes of this machine: totp-enroll recovery --local makes them"
COUNTS = "while the database can't be used, the account's recovery codes of this machine count"
NO_CODE = "0123-4567-89AB-CDEF"
LENIENT = ("unenrolled=ignore", "nullok")


@pytest.fixture
def settings(machine, named):
    """A database that is down; one account is named."""
    for name in ("crt", "key"):
        run("touch", f"/etc/pam-totp/postgresql.{name}")
    settings = SettingsFile("fleet")
    settings.say("engine = postgresql", f"break_glass = root, {named}", "[postgresql]", f"hosts = 127.0.0.1:{free_port()}",
                 "user = host7")
    yield settings
    settings.remove()


@pytest.fixture
def named(machine):
    return machine.add_user()


def enroll(machine, *arguments, by=None):
    command = [machine.totp_enroll, *arguments]
    return subprocess.run(as_user(by, *command) if by else command, capture_output=True, text=True)


def codes_of(machine, user):
    done = enroll(machine, "recovery", "--local", "--user", user, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["recovery_codes"]


@pytest.fixture
def codes(machine, settings, named):
    return codes_of(machine, named)


@pytest.fixture(scope="module")
def caller(machine):
    return machine.add_user()


def said_last(machine, user):
    return machine.log.decisions(user)[-1].split("verdict=")[1]


def test_code_of_this_machine_gets_in_once(machine, caller, named, codes):
    assert su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named).startswith("accepted device=recovery")
    assert COUNTS in machine.log.text()
    assert not su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named) == "refused reason=replayed failures=1"
    assert su(caller, named, PASSWORD, codes[1])


def test_log_says_why_the_database_was_not_asked(machine, caller, named, codes):
    seen = len(machine.log.lines)
    assert su(caller, named, PASSWORD, codes[0])
    assert 'connection to server at "127.0.0.1"' in machine.log.text(seen)


def test_wrong_codes_are_counted_and_throttled(machine, caller, named, codes):
    for failures in range(1, 6):
        assert not su(caller, named, PASSWORD, NO_CODE)
        assert said_last(machine, named) == f"refused reason=wrong failures={failures}"
    assert not su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named) == "throttled failures=5"
    assert enroll(machine, "unlock", "--local", "--user", named).returncode == 0
    assert su(caller, named, PASSWORD, codes[0])


@pytest.mark.parametrize("typed", ["081804", "", "081804-081804"])
def test_what_is_no_recovery_code_is_not_looked_at(machine, caller, named, codes, typed):
    assert not su(caller, named, PASSWORD, typed)
    assert "failures" not in said_last(machine, named)


def test_account_that_is_not_named_has_no_use_of_its_codes(machine, settings, caller, named):
    other = machine.add_user()
    [code, *_] = codes_of(machine, other)
    assert not su(caller, other, PASSWORD, code)
    assert said_last(machine, other) == "unavailable reason=store"


def test_account_without_codes_stays_outside(machine, settings, caller, named):
    assert not su(caller, named, PASSWORD, NO_CODE)
    assert said_last(machine, named) == "unavailable reason=store"
    assert MAKES_THEM in machine.log.text()


def test_enrolment_of_before_counts_for_nothing(machine, caller, named, settings):
    """Its codes may be in the database, and spent there."""
    settings.remove()
    facts = machine.enrol(named)
    settings.path.parent.mkdir(exist_ok=True)
    settings.say("engine = postgresql", f"break_glass = {named}", "[postgresql]", f"hosts = 127.0.0.1:{free_port()}",
                 "user = host7")
    for code in (facts["recovery_codes"][0], code_at(facts["secret"])):
        assert not su(caller, named, PASSWORD, code)
        assert said_last(machine, named) == "unavailable reason=store"
    done = enroll(machine, "recovery", "--local", "--user", named)
    assert done.returncode == 2 and "first run totp-enroll remove --local" in done.stderr
    assert enroll(machine, "remove", "--local", "--yes", "--user", named).returncode == 0
    assert su(caller, named, PASSWORD, codes_of(machine, named)[0])


def test_lost_state_brings_no_spent_code_back(machine, caller, named, codes):
    assert su(caller, named, PASSWORD, codes[0])
    Path(f"/var/lib/pam-totp/state/{named}").unlink()
    for code in codes[:2]:
        assert not su(caller, named, PASSWORD, code)
        assert said_last(machine, named) == "unavailable reason=store"
    assert su(caller, named, PASSWORD, codes_of(machine, named)[0])


def test_new_codes_make_the_old_void(machine, caller, named, codes):
    [code, *_] = codes_of(machine, named)
    assert not su(caller, named, PASSWORD, codes[0])
    assert su(caller, named, PASSWORD, code)


@pytest.mark.parametrize("argument", ["", *LENIENT])
def test_process_that_is_not_root_has_no_use_of_them(machine, named, codes, argument):
    service = Path("/etc/pam.d/locker")
    service.write_text(f"{OUR_LINE} {argument}\n")
    try:
        assert authenticate(named, service.name, named, codes[0]) == PAM_AUTHINFO_UNAVAIL
    finally:
        service.unlink()


# ---- lines by which whoever isn't enrolled passes: the database is asked who is before anybody is asked for a code


@pytest.fixture(params=LENIENT)
def lenient_su(request, machine):
    service = Path("/etc/pam.d/su")
    before = service.read_text()
    service.write_text(before.replace(f"{OUR_LINE}\n", f"{OUR_LINE} {request.param}\n"))
    yield
    service.write_text(before)


def test_code_of_this_machine_gets_in_once_on_a_lenient_line(machine, lenient_su, caller, named, codes):
    assert su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named).startswith("accepted device=recovery")
    assert not su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named) == "refused reason=replayed failures=1"


def test_nothing_else_gets_in_on_a_lenient_line(machine, lenient_su, caller, named, codes):
    for typed in ("081804", ""):
        assert not su(caller, named, PASSWORD, typed)
    assert not su(caller, named, PASSWORD, NO_CODE)
    assert said_last(machine, named) == "refused reason=wrong failures=1"


def test_account_that_is_not_named_is_not_asked_on_a_lenient_line(machine, lenient_su, settings, caller, named):
    other = machine.add_user()
    codes_of(machine, other)
    assert not su(caller, other, PASSWORD, None)
    assert said_last(machine, other) == "unavailable reason=store"


# ---- what isn't the database's trouble: whoever tries may have brought it about


HELPER = Path("/usr/libexec/pam-totp/totp_check_postgresql")


@pytest.fixture
def no_helper():
    HELPER.rename(f"{HELPER}.gone")
    yield
    Path(f"{HELPER}.gone").rename(HELPER)


@pytest.fixture
def silent_helper(no_helper):
    """As one that its caller's limits end before it answers."""
    HELPER.write_text("#!/bin/sh\n")
    HELPER.chmod(0o755)
    yield
    HELPER.unlink()


@pytest.mark.parametrize("helper", ["no_helper", "silent_helper"])
def test_helper_that_gives_no_answer_opens_nothing(request, machine, caller, named, codes, helper):
    request.getfixturevalue(helper)
    assert not su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named) == "unavailable reason=store"
    assert COUNTS not in machine.log.text().split(f"user={named} ")[-2]


@pytest.mark.parametrize("helper", ["no_helper", "silent_helper"])
def test_helper_that_gives_no_answer_opens_nothing_on_a_lenient_line(request, machine, lenient_su, caller, named, codes,
                                                                     helper):
    request.getfixturevalue(helper)
    seen = len(machine.log.lines)
    assert not su(caller, named, PASSWORD, codes[0])
    assert said_last(machine, named) == "unavailable reason=store"
    assert COUNTS not in machine.log.text(seen)


@pytest.mark.parametrize("length, code", [(255, PAM_SUCCESS), (256, PAM_AUTHINFO_UNAVAIL)])
def test_remote_host_that_the_helper_takes_no_claim_of_opens_nothing(machine, named, codes, length, code):
    service = Path("/etc/pam.d/door")
    service.write_text(OUR_LINE + "\n")
    try:
        done = subprocess.run(["/usr/bin/python3", pam_client.__file__, service.name, named, "h" * length], text=True,
                              input=f"{codes[0]}\n", capture_output=True)
        assert done.returncode == code, machine.log.text()
    finally:
        service.unlink()


# ---- totp-enroll


def test_without_local_no_account_of_this_machine_is_touched(machine, settings, named):
    for command in ("verify", "forget", "resync"):
        done = enroll(machine, command, "--user", named)
        assert done.returncode == 4 and "with --local it is for this machine's accounts" in done.stderr, command
    assert enroll(machine, "status", "--all").returncode == 4
    done = enroll(machine, "status", by=named)
    assert done.returncode == 4 and "the database can't be relied on" in done.stderr


def test_local_is_for_root(machine, settings, named):
    done = enroll(machine, "recovery", "--local", by=named)
    assert done.returncode == 3 and "--local is for root alone" in done.stderr


def test_local_is_for_an_engine_that_is_elsewhere(machine, named):
    done = enroll(machine, "status", "--local", "--user", named)
    assert done.returncode == 2 and "--local is for engine = postgresql" in done.stderr


def test_status_shows_what_there_is_for_emergencies(machine, named, codes):
    done = enroll(machine, "status", "--local", "--user", named, "--json")
    standing = json.loads(done.stdout)
    assert [device["name"] for device in standing["devices"]] == ["break-glass"]
    assert standing["recovery_codes_left"] == 10
