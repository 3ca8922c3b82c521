"""totp-enroll and totp_check run with a borrowed group: whoever starts them gains nothing by it, whatever they set up."""

import grp
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from machine import GROUP, PASSWORD, as_user, authenticate, code_at, run, wait_until, wrong
from person import CODE_PROMPT, CONFIRM_PROMPT, PASSWORD_PROMPT, Person

STORE = Path("/var/lib/pam-totp")
KEY = Path("/etc/pam-totp/key")
CHECK = "/usr/libexec/pam-totp/totp_check"
DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)
PAM_SUCCESS, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL = 0, 7, 9


@pytest.fixture
def person(machine, user):
    person = Person(machine, user)
    person.enrol()
    return person


@pytest.fixture
def other(machine):
    """Somebody else who is enrolled."""
    other = Person(machine, machine.add_user())
    other.enrol()
    return other


def shell(person, script, **options):
    """What a shell of the person's makes of a script."""
    environment = {"PATH": os.environ["PATH"], "totp_enroll": person.machine.totp_enroll}
    return subprocess.run(as_user(person.name, "env", *[f"{name}={value}" for name, value in environment.items()],
                                  "sh", "-c", script), capture_output=True, text=True, **options)


def status_of(pid):
    """The words of /proc/PID/status."""
    return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())


def groups_of(pid):
    """Real, effective and saved group of a process, and its supplementary ones."""
    status = status_of(pid)
    real, effective, saved, _ = status["Gid"].split()
    return real, effective, saved, status["Groups"].split()


def pid_of(client, name="totp-enroll"):
    """The process in a terminal, past what started it."""
    wait_until(lambda: status_of(client.pid)["Name"] == name, f"it never becomes {name}")
    return client.pid


def group_number():
    return grp.getgrnam(GROUP).gr_gid


# ---- the store and the key


@pytest.mark.parametrize("path", [STORE / "enrolled", STORE / "state", STORE / "pending", KEY], ids=lambda path: path.name)
def test_nobody_reads_the_store_or_the_key(person, path):
    for command in (f"ls {path}/", f"cat {path}", f"cat {path}/{person.name}", f"echo x >> {path}/{person.name}"):
        done = shell(person, command)
        assert (done.returncode != 0, done.stdout) == (True, ""), command
        assert re.search("Permission denied|cannot create|Not a directory", done.stderr), done.stderr


def test_records_a_person_makes_are_theirs_and_closed(machine, user):
    person = Person(machine, user)
    person.enrol_themselves()
    for directory in ("enrolled", "state"):
        status = (STORE / directory / user).stat()
        assert (oct(status.st_mode & 0o7777), Path(STORE / directory / user).owner()) == ("0o600", user)


# ---- the group


@pytest.mark.parametrize("answers, prompt", [
    ([], PASSWORD_PROMPT), ([PASSWORD], CODE_PROMPT), ([PASSWORD, "code"], CONFIRM_PROMPT)], ids=["password", "code", "key"])
def test_group_is_given_up_at_every_prompt(person, answers, prompt):
    client = person.start("add")
    for expected, answer in zip((PASSWORD_PROMPT, CODE_PROMPT), answers):
        client.expect_exact(expected)
        client.sendline(person.code() if answer == "code" else answer)
    client.expect_exact(prompt)
    own = str(os.stat(f"/home/{person.name}").st_gid)
    real, effective, saved, supplementary = groups_of(pid_of(client))
    assert (real, effective) == (own, own)
    assert saved == str(group_number()) and saved not in supplementary
    client.close(force=True)


def test_modules_that_ask_who_it_is_run_without_the_group(person):
    service = Path("/etc/pam.d/totp-enroll")
    kept = service.read_text()
    seen = Path(f"/home/{person.name}/seen")
    script = Path(f"/home/{person.name}/look")
    service.write_text(f"auth optional pam_exec.so quiet {script}\n" + kept)
    script.write_text(f"#!/bin/sh\nid >{seen}\ngrep Gid /proc/self/status >>{seen}\n")
    script.chmod(0o755)
    try:
        assert person.finish(person.begin("status", answer=person.code()))[1] == DONE
    finally:
        service.write_text(kept)
    assert GROUP not in seen.read_text()
    assert str(group_number()) not in seen.read_text().split()


@pytest.mark.parametrize("options", [
    ["--secret-from", KEY], ["--no-confirm"], ["--store", "/tmp/x"], ["--key", KEY], ["--config", "/dev/null"],
    ["--user", "root"], ["recovery", "--one"]], ids=str)
def test_what_is_for_root_is_refused_before_anything_is_asked(person, options):
    arguments = options if options[0] == "recovery" else ["add", *options]
    done = person.script(*map(str, arguments))
    assert (done.returncode, done.stdout) == (NOT_PERMITTED, "")
    assert str(options[-1] if options[0] == "recovery" else options[0]) in done.stderr and "root" in done.stderr


@pytest.mark.parametrize("directory", [KEY.parent, STORE, STORE / "enrolled"], ids=str)
def test_picture_cannot_be_put_where_the_group_alone_may_write(person, directory):
    before = sorted(map(str, directory.rglob("*")))
    client = person.begin("add", "--qr-file", f"{directory}/evil.png", answer=person.code())
    said, exit_code = person.finish(client)
    assert (exit_code, "Permission denied" in said) == (USAGE, True)
    assert sorted(map(str, directory.rglob("*"))) == before


def test_another_persons_status_is_not_shown(person, other):
    done = person.script("status", "--user", other.name)
    assert (done.returncode, done.stdout) == (NOT_PERMITTED, "")
    assert other.name in done.stderr


# ---- what the caller sets up


def test_evil_library_would_be_loaded_without_setgid(evil_library, person):
    assert "EVIL" in shell(person, f"LD_PRELOAD={evil_library} /bin/true").stdout


@pytest.mark.parametrize("setting", [
    "LD_PRELOAD={0}", "LD_LIBRARY_PATH={0.parent}", "LD_AUDIT={0}", "GCONV_PATH={0.parent} LC_ALL=xx.EVIL",
    "OPENSSL_CONF={0.parent}/evil.c", "OPENSSL_MODULES={0.parent}", "TERMINFO={0.parent} TERM=evil", "ECONF_JOIN_SAME_ENTRIES=1"])
def test_environment_loads_and_changes_nothing(person, evil_library, setting):
    script = f"printf '%s\\n' '{PASSWORD}' '{person.code()}' | env {setting.format(evil_library)} $totp_enroll status"
    done = shell(person, script)
    assert (done.returncode, "EVIL" in done.stdout + done.stderr) == (DONE, False), done.stderr
    assert f"{person.name} is enrolled." in done.stdout


def test_a_debugger_cannot_attach(person):
    client = person.start("status")
    client.expect_exact(PASSWORD_PROMPT)
    pid = pid_of(client)
    for command in (f"strace -p {pid}", f"cat /proc/{pid}/mem", f"cat /proc/{pid}/environ", f"ls /proc/{pid}/fd",
                    f"gdb -p {pid} -batch 2>&1 | grep -q 'ptrace: Operation not permitted' && exit 9"):
        done = shell(person, command)
        assert done.returncode != 0 and done.stdout == "", command
    client.close(force=True)


def test_a_debugger_that_starts_it_takes_the_group_away(person):
    done = shell(person, f"strace -o /dev/null $totp_enroll status", input=f"{PASSWORD}\n")
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "setgid" in done.stderr


def test_no_core_is_dumped(person):
    client = person.begin("add", answer=person.code(), command=as_user(
        person.name, "sh", "-c", f"cd; ulimit -c unlimited; exec env TERM=xterm {person.machine.totp_enroll} add"))
    client.expect_exact(CONFIRM_PROMPT)
    client.kill(signal.SIGABRT)
    client.expect(pexpect.EOF)
    client.close()
    assert client.signalstatus == signal.SIGABRT
    assert not [file for file in os.listdir(f"/home/{person.name}") if "core" in file]


ODD_STARTS = {
    "stdin-closed": "$totp_enroll status <&-",
    "stdout-closed": "$totp_enroll status >&-",
    "all-closed": "$totp_enroll status <&- >&- 2>&-",
    "no-file-size": "ulimit -f 0; $totp_enroll status",
    "few-descriptors": "ulimit -n 4; $totp_enroll status",
    "no-memory": "ulimit -v 20000; $totp_enroll status",
    "no-argv0": "exec -a '' $totp_enroll status",
    "cwd-gone": "mkdir gone; cd gone; rmdir ../gone; $totp_enroll status",
    "signals-ignored": "trap '' CHLD PIPE ALRM INT TERM XFSZ; $totp_enroll status",
    "umask": "umask 0777; $totp_enroll status",
    "descriptors-open": "exec 3</etc/passwd 4</etc 5</; $totp_enroll status",
}


@pytest.mark.parametrize("script", ODD_STARTS.values(), ids=ODD_STARTS.keys())
def test_odd_start_gains_nothing_and_the_next_run_works(machine, person, script):
    before = machine.status(person.name)
    code = person.code()
    done = subprocess.run(as_user(person.name, "env", f"totp_enroll={machine.totp_enroll}", "bash", "-c", f"cd; {script}"),
                          input=f"{PASSWORD}\n{code}\n", capture_output=True, text=True)
    assert "Recovery codes left" not in done.stdout or done.returncode == DONE
    assert machine.status(person.name)["recovery_codes_left"] == before["recovery_codes_left"]
    assert person.finish(person.begin("status", answer=person.code()))[1] == DONE


def test_secret_is_never_lost_on_a_closed_stdout(machine, user):
    person = Person(machine, user)
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    done = shell(person, f"$totp_enroll add --json --qr none --secret-from - >&-", input=f"{PASSWORD}\n{secret}\n{code_at(secret)}\n")
    assert done.returncode == UNUSABLE and "make new recovery codes" in done.stderr


def test_file_size_limit_that_forbids_writing_enrols_nothing(machine, user):
    person = Person(machine, user)
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    done = shell(person, "ulimit -f 0; $totp_enroll add --json --qr none --secret-from -",
                 input=f"{PASSWORD}\n{secret}\n{code_at(secret)}\n")
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "can't be written" in done.stderr
    assert not machine.status(user, enrolled=False)["enrolled"]
    assert person.enrol_themselves()[1] == DONE


def test_where_setgid_has_no_effect_the_way_out_is_told(person):
    done = subprocess.run(as_user(person.name, "setpriv", "--no-new-privs", person.machine.totp_enroll, "status"),
                          input=f"{PASSWORD}\n", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "no_new_privs" in done.stderr and "chmod 2755" in done.stderr


def test_setuid_is_refused(machine, person):
    program = shutil.copy(machine.totp_enroll, "/run/private/setuid")
    os.chmod(program, 0o4755)
    done = subprocess.run(as_user(person.name, program, "status"), input="", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert "not setuid" in done.stderr


# ---- the helper


def check(person, question, **options):
    """totp_check as anybody may start it."""
    return subprocess.run(as_user(person.name, CHECK), input=question, capture_output=True, text=True, **options)


def test_helper_answers_for_its_caller_alone(person, other):
    assert check(person, "pam-totp-check 1 enrolled\n").stdout == "enrolled=yes\n"
    theirs = check(person, f"pam-totp-check 1 verify\n{other.code()}").stdout
    assert theirs == "verdict=refused reason=wrong failures=1\n"
    own = check(person, f"pam-totp-check 1 verify\n{person.code()}").stdout
    assert own.startswith("verdict=accepted device=phone drift=")


def test_helper_spends_codes_and_throttles_guesses(machine, person):
    code = person.code()
    assert "accepted" in check(person, f"pam-totp-check 1 verify\n{code}").stdout
    assert check(person, f"pam-totp-check 1 verify\n{code}").stdout == "verdict=refused reason=replayed failures=1\n"
    for _ in range(4):
        check(person, f"pam-totp-check 1 verify\n{wrong(code)}")
    throttled = check(person, f"pam-totp-check 1 verify\n{person.code()}").stdout
    assert re.fullmatch(r"verdict=throttled failures=5 retry_in=(\d+)\n", throttled), throttled
    assert 0 < int(throttled.split("=")[-1]) <= 30
    assert "user=" + person.name + " service=totp_check rhost=- verdict=throttled failures=5" in "".join(machine.log.lines)


@pytest.mark.parametrize("question", [
    "", "\n", "verify\n123456", "pam-totp-check 2 verify\n123456", "pam-totp-check 1 enrolled",
    "pam-totp-check 1 enrolled\nx", "pam-totp-check 1 verify", "x" * 100_000])
def test_helper_says_nothing_to_who_does_not_speak_its_protocol(machine, person, question):
    done = check(person, question)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert machine.status(person.name)["known"]["failures"] == 0


@pytest.fixture
def service(machine):
    """A PAM service with our line alone."""
    path = Path("/etc/pam.d/locker")
    path.write_text("auth required pam_totp.so\n")
    yield path.name
    path.unlink()


def test_application_that_is_not_root_verifies_its_own_users_code_once(machine, person, service):
    code = person.code()
    assert authenticate(person.name, service, person.name, code) == PAM_SUCCESS
    assert authenticate(person.name, service, person.name, code) == PAM_AUTH_ERR
    assert machine.log.decisions(person.name)[-1].startswith(
        f"user={person.name} service=totp_check rhost=- verdict=refused reason=replayed")


def test_application_that_is_not_root_verifies_nobody_else(machine, person, other, service):
    assert authenticate(person.name, service, other.name, other.code()) == PAM_AUTHINFO_UNAVAIL
    assert machine.status(other.name)["devices"][0]["last_used"] is None


def test_application_where_setgid_has_no_effect_is_refused_and_the_log_says_why(machine, person, service):
    assert authenticate(person.name, service, person.name, person.code(), "setpriv", "--no-new-privs") == PAM_AUTHINFO_UNAVAIL
    assert any("no_new_privs" in line for line in machine.log.lines)
