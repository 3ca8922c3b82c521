"""status --all on real accounts, and the figures for Prometheus that conf/prometheus makes of it."""

import fcntl
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from machine import PASSWORD, as_user, code_at, run, wrong
from test_bulk import DONE, NOT_PERMITTED, REFUSED, UNUSABLE, USAGE, Passwd

STORE = Path("/var/lib/pam-totp")
METRICS = Path(__file__).parents[2] / "conf/prometheus/pam-totp-metrics"
MANY = 2000
BEGIN = int(time.time())  # nobody logged in before


def status_of_all(machine, *options):
    return subprocess.run([machine.totp_enroll, "status", "--all", *options], capture_output=True, text=True)


def facts_of_all(machine, exit_code=DONE):
    done = status_of_all(machine, "--json")
    assert (done.returncode, done.stderr) == (exit_code, "")
    facts = [json.loads(line) for line in done.stdout.splitlines()]
    by_user = {each["user"]: each for each in facts}
    assert len(by_user) == len(facts)
    return by_user


@pytest.fixture(autouse=True)
def empty_store(machine):
    yield
    for directory in ("enrolled", "state"):
        for record in (STORE / directory).glob("[!.]*"):
            record.rmdir() if record.is_dir() else record.unlink()


@pytest.fixture
def people(machine, sshd):
    """alice has logged in, bob mistyped, carol has no recovery codes, dave is locked for good; erin isn't enrolled."""
    names = [machine.add_user() for _ in range(5)]
    secrets = [machine.enrol(name, *options)["secret"] for name, options in zip(
        names, ([], [], ["--recovery-codes", "0"], []))]
    assert sshd.login(names[0], PASSWORD, code_at(secrets[0]))
    assert not sshd.login(names[1], PASSWORD, wrong(code_at(secrets[1])))
    Path("/etc/security/pam_totp.conf.d").mkdir(exist_ok=True)
    settings = Path("/etc/security/pam_totp.conf.d/everybody.conf")
    settings.write_text("max_failures = 1\n")
    assert not sshd.login(names[3], PASSWORD, wrong(code_at(secrets[3])))
    yield names
    settings.unlink()


def test_each_account_is_told_as_status_tells_it(machine, people):
    told = facts_of_all(machine)
    assert set(told) == set(people[:4])
    for name in people[:4]:
        assert told[name] == machine.status(name)


def test_people_read_one_line_for_each(machine, people):
    done = status_of_all(machine)
    assert done.returncode == DONE and done.stderr == ""
    alice, bob, carol, dave, _ = people
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert re.fullmatch(r"1 device, 10 recovery codes left, last used 20\d\d-\S+Z", lines[alice])
    # With max_failures = 1 the one wrong code locks bob as well.
    assert lines[bob] == ("1 device, 10 recovery codes left, never used; 1 wrong code from elsewhere, "
                          "locked until it is unlocked")
    assert lines[carol] == "1 device, 0 recovery codes left, never used"
    assert lines[dave].endswith("locked until it is unlocked")


def test_record_that_cannot_be_used_is_a_line_that_says_so(machine, people):
    alice, bob, carol, dave, _ = people
    (STORE / "enrolled" / alice).write_text("nonsense")
    (STORE / "enrolled" / bob).chmod(0o644)
    (STORE / "state" / carol).unlink()
    (STORE / "state" / dave).unlink()
    os.symlink("/etc/passwd", STORE / "state" / dave)
    told = facts_of_all(machine, REFUSED)
    for name, what in ((alice, f"enrolled/{alice} isn't an enrolment"), (bob, f"enrolled/{bob} is open to others"),
                       (carol, f"state/{carol} is missing"), (dave, f"state/{dave} is a symbolic link")):
        assert set(told[name]) == {"user", "error"}
        assert f"{STORE}/{what}" in told[name]["error"]
    done = status_of_all(machine)
    assert done.returncode == REFUSED
    assert f"{bob}: {STORE}/enrolled/{bob} is open to others: run chmod go= on it\n" in done.stdout


def test_account_with_a_state_alone_is_told_too(machine, user):
    machine.enrol(user)
    (STORE / "enrolled" / user).unlink()
    assert not facts_of_all(machine)[user]["enrolled"]
    assert status_of_all(machine).stdout == f"{user}: not enrolled\n"


def test_nobody_is_nobody(machine):
    done = status_of_all(machine)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")


def test_account_that_is_held_is_told_without_its_lock(machine, user):
    machine.enrol(user)
    with open(STORE / "state" / user, "rb") as state:
        fcntl.flock(state, fcntl.LOCK_EX)
        assert facts_of_all(machine)[user]["enrolled"]


def test_only_root_is_told_of_everybody(machine, user):
    done = subprocess.run(as_user(user, machine.totp_enroll, "status", "--all"), capture_output=True, text=True)
    assert done.returncode == NOT_PERMITTED and done.stdout == ""
    assert "status --all is for root" in done.stderr


def test_everybody_is_not_somebody(machine, user):
    done = status_of_all(machine, "--user", user)
    assert done.returncode == USAGE and "--all is everybody" in done.stderr


def test_store_that_cannot_be_used_is_told(machine):
    STORE.joinpath("state").chmod(0o1777)
    try:
        done = status_of_all(machine, "--json")
        assert done.returncode == UNUSABLE and done.stdout == ""
        assert f"{STORE}/state is open to others" in done.stderr
    finally:
        STORE.joinpath("state").chmod(0o1770)


# Kernels count the memory of whoever started a program as the program's: here that is next to nothing.
PEAK = r"""
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char** words) {
    struct rusage used;
    int status = count;
    if (fork() == 0) return execv(words[1], words + 1);
    wait4(-1, &status, 0, &used);
    fprintf(stderr, "%ld", used.ru_maxrss);
    return status != 0;
}
"""


@pytest.fixture
def peak(machine, tmp_path):
    """How many kilobytes telling of all takes at most."""
    (tmp_path / "peak.c").write_text(PEAK)
    run("gcc", "-o", str(tmp_path / "peak"), str(tmp_path / "peak.c"))

    def measured():
        done = subprocess.run([tmp_path / "peak", machine.totp_enroll, "status", "--all", "--json"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stderr
        return int(done.stderr)
    return measured


def test_many_are_told_in_little_memory(machine, peak, tmp_path):
    """Memory doesn't grow with them: at 2,000 accounts it is what it is at one."""
    names = Passwd().add(MANY)
    (tmp_path / "list").write_text("\n".join(names))

    run(machine.totp_enroll, "bulk", str(tmp_path / "list"), "--out", "/run/private/handed-over",
        "--recovery-codes", "0")
    run("rm", "-r", "/run/private/handed-over")
    many = peak()
    assert set(facts_of_all(machine)) == set(names)
    for name in names[1:]:
        (STORE / "enrolled" / name).unlink()
        (STORE / "state" / name).unlink()
    assert many < peak() + 512


# ---- figures for Prometheus


def figures(machine, path):
    done = subprocess.run([str(METRICS), str(path)], capture_output=True, text=True,
                          env={**os.environ, "TOTP_ENROLL": machine.totp_enroll})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    families = list(text_string_to_metric_families(path.read_text()))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {(sample.name.removeprefix("pam_totp_"), *sample.labels.values()): sample.value
            for family in families for sample in family.samples}


def test_figures_are_those_of_the_accounts(machine, people, tmp_path):
    seen = figures(machine, tmp_path / "pam_totp.prom")
    last, collected = seen.pop(("last_success_seconds",)), seen.pop(("collected_seconds",))
    assert BEGIN <= last <= collected <= time.time()
    assert seen == {
        ("enrolled_accounts",): 4, ("unreadable_accounts",): 0, ("failures", "known"): 0, ("failures", "elsewhere"): 2,
        ("locked_accounts", "known", "time"): 0, ("locked_accounts", "known", "unlock"): 0,
        ("locked_accounts", "elsewhere", "time"): 0, ("locked_accounts", "elsewhere", "unlock"): 2,
        ("few_recovery_codes_accounts",): 1, ("no_recovery_codes_accounts",): 1}


def test_record_that_cannot_be_used_is_a_figure(machine, people, tmp_path):
    (STORE / "enrolled" / people[0]).write_text("nonsense")
    seen = figures(machine, tmp_path / "pam_totp.prom")
    assert seen[("unreadable_accounts",)] == 1 and seen[("enrolled_accounts",)] == 3
    assert seen[("last_success_seconds",)] == 0


def test_file_is_replaced_whole_or_left(machine, user, tmp_path):
    machine.enrol(user)
    path = tmp_path / "pam_totp.prom"
    figures(machine, path)
    before = path.stat()
    assert before.st_mode & 0o777 == 0o644
    figures(machine, path)
    assert path.stat().st_ino != before.st_ino
    kept = path.read_text()
    STORE.joinpath("state").chmod(0o1777)
    try:
        done = subprocess.run([str(METRICS), str(path)], capture_output=True, text=True,
                              env={**os.environ, "TOTP_ENROLL": machine.totp_enroll})
    finally:
        STORE.joinpath("state").chmod(0o1770)
    assert done.returncode == 1 and "exit status 4" in done.stderr
    assert path.read_text() == kept
    assert list(tmp_path.iterdir()) == [path]


def test_units_are_what_systemd_knows():
    units = [str(METRICS.with_name(f"pam-totp-metrics.{kind}")) for kind in ("service", "timer")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert complaints == []
