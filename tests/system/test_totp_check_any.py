"""totp_check_any verifies others for the members of one group; whoever starts it gains nothing else by it."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from machine import VERIFIERS, as_user, authenticate, run, wait_until, wrong
from person import Person

CHECK, CHECK_ANY = "/usr/libexec/pam-totp/totp_check", "/usr/libexec/pam-totp/totp_check_any"
STORE = Path("/var/lib/pam-totp")
KEY = Path("/etc/pam-totp/key")
SETTINGS = Path("/etc/security/pam_totp.conf")
PAM_SUCCESS, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL = 0, 7, 9
UNUSABLE = "verdict=unavailable reason=store\n"


@pytest.fixture(scope="module")
def verifier(machine):
    """A service account that may ask."""
    name = machine.add_user()
    run("usermod", "--append", "--groups", VERIFIERS, name)
    return name


@pytest.fixture
def person(machine, user):
    """Somebody who is enrolled and has to do with no group."""
    person = Person(machine, user)
    person.enrol()
    return person


def question(person, response=None, service="postgresql", rhost="192.0.2.7"):
    about = "enrolled" if response is None else "verify"
    name = getattr(person, "name", person)
    return f"pam-totp-check 1 {about} user={quote(name)} service={service} rhost={rhost}\n{response or ''}"


def ask(caller, text, program=CHECK_ANY, before=("env",), **options):
    """What it makes of a text. Never started by setpriv itself, which may start everything."""
    return subprocess.run(as_user(caller, *before, program), input=text, capture_output=True, text=True, **options)


def answer(caller, person, response=None, **claimed):
    return ask(caller, question(person, response, **claimed)).stdout


# ---- for whom it is


def test_who_is_not_in_the_group_cannot_start_it(machine, person):
    done = ask(person.name, question(person, person.code()))
    assert (done.returncode != 0, done.stdout) == (True, "") and "Permission denied" in done.stderr
    assert machine.status(person.name)["devices"][0]["last_used"] is None


def test_member_of_the_group_verifies_another_once(machine, verifier, person):
    code = person.code()
    seen = len(machine.log.lines)
    assert answer(verifier, person) == "enrolled=yes\n"
    assert answer(verifier, person, code).startswith("verdict=accepted device=phone drift=")
    assert answer(verifier, person, code) == "verdict=refused reason=replayed failures=1\n"
    assert answer(verifier, person, wrong(code)) == "verdict=refused reason=wrong failures=2\n"
    uid = pwd.getpwnam(verifier).pw_uid
    begin = f"pam_totp(totp_check_any:{uid}): user={person.name} service=postgresql rhost=192.0.2.7 verdict="
    for outcome in ("accepted device=phone", "refused reason=replayed failures=1", "refused reason=wrong failures=2"):
        assert begin + outcome in machine.log.text(seen)


def test_success_makes_the_claimed_place_known_as_a_login_does(machine, verifier, person):
    assert "accepted" in answer(verifier, person, person.code(), rhost="2001:db8:1:2::9")
    assert "accepted" in answer(verifier, person, person.code(), rhost="")
    places = {place["address"] for place in machine.status(person.name)["places"]}
    assert places == {"2001:db8:1:2::/64", f"local:{pwd.getpwnam(verifier).pw_uid}"}


def test_guesses_count_where_they_come_from(machine, verifier, person):
    assert "accepted" in answer(verifier, person, person.code(), rhost="192.0.2.7")
    code = person.code()
    for _ in range(5):
        answer(verifier, person, wrong(code), rhost="198.51.100.1")
    assert answer(verifier, person, code, rhost="198.51.100.2").startswith("verdict=throttled failures=5 retry_in=")
    status = machine.status(person.name)
    assert (status["elsewhere"]["failures"], status["known"]["failures"]) == (5, 0)
    assert "accepted" in answer(verifier, person, code, rhost="192.0.2.7")


def test_account_without_enrolment_is_told_apart_and_refused(verifier, user):
    assert answer(verifier, user) == "enrolled=no\n"
    assert answer(verifier, user, "081804") == "verdict=refused reason=unenrolled\n"


@pytest.mark.parametrize("name", ["nobody-there", "../etc", "a b", "%"])
def test_user_nobody_knows_is_refused_and_not_named_in_the_log(machine, verifier, name):
    seen = len(machine.log.lines)
    for response in (None, "081804"):
        assert answer(verifier, name, response) == "verdict=refused reason=unknown_user\n"
    assert "user=- service=postgresql rhost=192.0.2.7 verdict=refused reason=unknown_user" in machine.log.text(seen)


def test_claim_is_one_line_of_words_in_the_log(machine, verifier, person):
    seen = len(machine.log.lines)
    answer(verifier, person, "000000", service="a%0Ab%20c", rhost="%1B[2J=verdict%20accepted")
    assert f"user={person.name} service=a%0Ab%20c rhost=%1B[2J=verdict%20accepted verdict=refused" in machine.log.text(seen)


# ---- what it takes no notice of


@pytest.mark.parametrize("text", [
    "", "pam-totp-check 1 enrolled\n", "pam-totp-check 1 verify\n{code}", "pam-totp-check 1 verify user={user}\n{code}",
    "pam-totp-check 1 verify user={user} service=x rhost=y {code}", "pam-totp-check 2 verify user={user} service=x rhost=y\n{code}",
    "pam-totp-check 1 verify user={user} service=x rhost=y \n{code}", "pam-totp-check 1 verify user={user}%00 service=x rhost=y\n{code}",
    "pam-totp-check 1 verify service=x user={user} rhost=y\n{code}", "pam-totp-check 1 enrolled user={user} service=x rhost=y\n{code}",
    "pam-totp-check 1 verify user={user} service=x rhost=" + 256 * "y" + "\n{code}",
    "pam-totp-check 1 verify user={user} service=x rhost=y\n{code}" + 100_000 * "x"])
def test_says_nothing_to_who_does_not_speak_its_protocol(machine, verifier, person, text):
    done = ask(verifier, text.format(user=person.name, code=person.code()))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    status = machine.status(person.name)
    assert (status["devices"][0]["last_used"], status["elsewhere"]["failures"]) == (None, 0)


def test_totp_check_takes_no_claim(machine, verifier, person):
    """Neither about another nor about oneself, who would choose the place they come from."""
    seen = len(machine.log.lines)
    for caller in (verifier, person.name):
        for response in (None, person.code()):
            done = ask(caller, question(person, response), CHECK)
            assert (done.returncode, done.stdout) == (1, "")
    assert machine.status(person.name)["devices"][0]["last_used"] is None
    assert "asks what it doesn't answer" in machine.log.text(seen)


# ---- what whoever starts it doesn't gain


@pytest.mark.parametrize("path", [STORE / "enrolled", STORE / "state", STORE / "pending", KEY], ids=lambda path: path.name)
def test_members_of_the_group_read_neither_store_nor_key(verifier, person, path):
    for command in (f"ls {path}/", f"cat {path}", f"cat {path}/{person.name}", f"echo x >>{path}/{person.name}"):
        done = subprocess.run(as_user(verifier, "sh", "-c", command), capture_output=True, text=True)
        assert (done.returncode != 0, done.stdout) == (True, ""), command


@pytest.mark.parametrize("argument", ["--help", "--user=root", str(KEY)])
def test_arguments_change_nothing(verifier, person, argument):
    done = subprocess.run(as_user(verifier, CHECK_ANY, argument), input=question(person), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "enrolled=yes\n", "")


@pytest.mark.parametrize("setting", [
    "LD_PRELOAD={0}", "LD_LIBRARY_PATH={0.parent}", "LD_AUDIT={0}", "GCONV_PATH={0.parent} LC_ALL=xx.EVIL",
    "OPENSSL_CONF={0.parent}/evil.c", "OPENSSL_MODULES={0.parent}", "ECONF_JOIN_SAME_ENTRIES=1", "TZ={0.parent}/evil.c"])
def test_environment_loads_and_changes_nothing(verifier, person, evil_library, setting):
    done = ask(verifier, question(person, person.code()), before=("env", *setting.format(evil_library).split()))
    loaded_by_env = "LD_PRELOAD" in setting or "LD_AUDIT" in setting
    assert "EVIL" not in done.stdout and (loaded_by_env or "EVIL" not in done.stderr)
    assert done.stdout.startswith("verdict=accepted")


def odd_start(caller, script, text):
    return subprocess.run(as_user(caller, "bash", "-c", script.format(CHECK_ANY)), input=text, capture_output=True, text=True)


@pytest.mark.parametrize("script", [
    "ulimit -S -f 0; {0}", "ulimit -S -n 4; exec {0}", "umask 0777; {0}",
    "trap '' CHLD PIPE ALRM INT TERM XFSZ; {0}", "exec 3</etc/passwd 4</etc 5</; {0}", "exec -a '' {0}",
    "cd $(mktemp -d); rmdir $PWD; {0}", "{0} 2>&-"])
def test_limits_and_whatever_else_is_set_up_leave_it_as_it_is(machine, verifier, person, script):
    code = person.code()
    assert odd_start(verifier, script, question(person, wrong(code))).stdout == "verdict=refused reason=wrong failures=1\n"
    assert odd_start(verifier, script, question(person, code)).stdout.startswith("verdict=accepted")
    assert odd_start(verifier, script, question(person, code)).stdout == "verdict=refused reason=replayed failures=1\n"


def test_limit_that_root_of_this_machine_may_not_lift_lets_nobody_in_uncounted(machine, verifier, person):
    code = person.code()
    for response in (wrong(code), code):
        done = odd_start(verifier, "ulimit -H -f 0; {0}", question(person, response))
        failures = machine.status(person.name)["elsewhere"]["failures"]
        last_used = machine.status(person.name)["devices"][0]["last_used"]
        assert (done.stdout == "" and failures == 0 and last_used is None
                or "wrong" in done.stdout and failures == 1 or "accepted" in done.stdout and last_used is not None)


@pytest.mark.parametrize("script", ["{0} <&-", "{0} >&-", "{0} <&- >&- 2>&-"])
def test_closed_descriptors_give_and_take_nothing(verifier, person, script):
    done = odd_start(verifier, script, question(person))
    assert (done.returncode, done.stdout) == (1, "")


@pytest.fixture
def waiting(verifier):
    """A run that waits for its question."""
    process = subprocess.Popen(as_user(verifier, CHECK_ANY), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    comm = Path(f"/proc/{process.pid}/comm")
    wait_until(lambda: comm.read_text().strip() == "totp_check_any" and status_of(process, "Uid") == ["0"] * 4)
    yield process
    process.kill()
    process.communicate()


def status_of(process, word):
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(f"{word}:"))


def test_it_is_roots_altogether(waiting):
    assert [status_of(waiting, word) for word in ("Uid", "Gid", "Groups")] == [["0"] * 4, ["0"] * 4, []]


def test_who_started_it_can_neither_stop_nor_look_into_it(verifier, person, waiting):
    """Stopped, it would hold an account that isn't its caller's."""
    for command in ("kill -STOP {0}", "kill -KILL {0}", "strace -p {0}", "cat /proc/{0}/mem", "cat /proc/{0}/environ",
                    "ls /proc/{0}/fd"):
        done = subprocess.run(as_user(verifier, "sh", "-c", command.format(waiting.pid)), capture_output=True, text=True)
        assert (done.returncode != 0, done.stdout) == (True, ""), command
    assert waiting.communicate(question(person))[0] == "enrolled=yes\n"


# ---- what it isn't installed as


@pytest.fixture
def installed(request):
    """A copy with another owner, group and mode."""
    path = Path(shutil.copy(CHECK_ANY, "/run/private/checks"))
    yield lambda user, group, mode: (shutil.chown(path, user, group), path.chmod(mode), str(path))[2]
    path.unlink()


def refused(machine, done, person, because):
    assert machine.status(person.name)["devices"][0]["last_used"] is None
    assert because in machine.log.text()
    return done.stdout == UNUSABLE


@pytest.mark.parametrize("mode", [0o4755, 0o4711, 0o6755], ids=oct)
def test_mode_that_lets_everybody_start_it_opens_nothing(machine, person, installed, mode):
    program = installed("root", VERIFIERS, mode)
    for response in (None, person.code()):
        done = ask(person.name, question(person, response), program)
        assert refused(machine, done, person, f"was run by uid {pwd.getpwnam(person.name).pw_uid}, who isn't in the group")


@pytest.mark.parametrize("mode", [0o750, 0o2750], ids=oct)
def test_without_setuid_it_refuses(machine, verifier, person, installed, mode):
    done = ask(verifier, question(person, person.code()), installed("root", VERIFIERS, mode))
    assert refused(machine, done, person, "isn't setuid root")


def test_setuid_to_another_than_root_refuses(machine, verifier, person, installed):
    done = ask(verifier, question(person, person.code()), installed("nobody", VERIFIERS, 0o4710))
    assert (done.returncode, done.stdout) == (1, "")
    assert not refused(machine, done, person, "can't run like this: it must be root:_totp_verifier 4710")


@pytest.mark.parametrize("before", [("setpriv", "--no-new-privs"), ("strace", "-o", "/dev/null")], ids=lambda words: words[0])
def test_where_setuid_has_no_effect_it_refuses_and_the_log_says_why(machine, verifier, person, before):
    done = ask(verifier, question(person, person.code()), before=before)
    assert refused(machine, done, person, "no_new_privs")


@pytest.mark.parametrize("mode, lines", [(0o666, ""), (0o644, "windows = 1\n")], ids=["others-may-write", "unknown"])
def test_settings_that_are_not_roots_or_wrong_let_nobody_in(machine, verifier, person, mode, lines):
    kept = SETTINGS.read_text() if SETTINGS.exists() else None
    SETTINGS.write_text(lines)
    SETTINGS.chmod(mode)
    try:
        for response in (None, person.code()):
            assert answer(verifier, person, response) == "verdict=unavailable reason=settings\n"
    finally:
        SETTINGS.unlink()
        if kept is not None:
            SETTINGS.write_text(kept)
            SETTINGS.chmod(0o644)
    assert "accepted" in answer(verifier, person, person.code())


# ---- by the module


@pytest.fixture
def service():
    path = Path("/etc/pam.d/verifying")
    path.write_text("auth required pam_totp.so\n")
    yield path.name
    path.unlink()


def test_application_in_the_group_verifies_another(machine, verifier, person, service):
    code = person.code()
    assert authenticate(verifier, service, person.name, wrong(code)) == PAM_AUTH_ERR
    assert authenticate(verifier, service, person.name, code) == PAM_SUCCESS
    assert authenticate(verifier, service, person.name, code) == PAM_AUTH_ERR
    assert machine.log.decisions(person.name)[-1].startswith(
        f"user={person.name} service=verifying rhost=- verdict=refused reason=replayed")


def test_application_in_the_group_verifies_its_own_account_as_everybody_does(machine, verifier, service):
    own = Person(machine, verifier)
    own.enrol()
    assert authenticate(verifier, service, verifier, own.code()) == PAM_SUCCESS
    assert "service=totp_check " in machine.log.decisions(verifier)[-1]


def test_application_outside_the_group_is_told_what_the_administrator_does(machine, person, service):
    caller = machine.add_user()
    seen = len(machine.log.lines)
    assert authenticate(caller, service, person.name, person.code()) == PAM_AUTHINFO_UNAVAIL
    assert "add the account of a service that checks others to the group _totp_verifier" in machine.log.text(seen)
    assert machine.status(person.name)["devices"][0]["last_used"] is None


def test_application_where_setuid_has_no_effect_lets_nobody_in(machine, verifier, person, service):
    seen = len(machine.log.lines)
    code = person.code()
    assert authenticate(verifier, service, person.name, code, "setpriv", "--no-new-privs") == PAM_AUTHINFO_UNAVAIL
    assert "totp_check_any isn't setuid root" in machine.log.text(seen)
