"""totp-enroll rekey, killed and hindered, on a machine where people log in and enrol meanwhile."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyotp
import pytest

import pam_client
from machine import as_user, run
from stacks import RECIPES

SERVICE = "rekey"
NEVER_THROTTLED = "free_failures=10000 max_failures=10000 budget=10000"
STORE, KEY, NEXT = Path("/var/lib/pam-totp"), Path("/etc/pam-totp/key"), Path("/etc/pam-totp/key.next")
PAM_SUCCESS, PAM_AUTH_ERR = 0, 7
DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)
KILLS, ACCOUNTS = 200, 80


class Account:
    """Somebody with a token that counts: it shows as many codes as are wanted."""

    def __init__(self, machine, name):
        self.name = name
        with open("/etc/passwd", "a") as accounts:
            accounts.write(f"{name}:x:{random.randrange(20_000, 30_000)}:100::/:/bin/sh\n")
        self._token = pyotp.HOTP(machine.enrol(name, "--hotp", "--recovery-codes", "0")["secret"])
        self._counter = 0

    def _answer(self, code):
        return subprocess.run([sys.executable, pam_client.__file__, SERVICE, self.name], input=f"{code}\n",
                              text=True).returncode

    def logs_in_once(self):
        """With the next code; and nobody with the same."""
        code = self._token.at(self._counter)
        self._counter += 1
        return (self._answer(code), self._answer(code)) == (PAM_SUCCESS, PAM_AUTH_ERR)


class Busy(threading.Thread):
    """Does something over and over, until the test leaves it; then `times` and `failed` tell how that went."""

    def __init__(self, act):
        super().__init__()
        self.times, self.failed = 0, []
        self._act, self._is_over = act, threading.Event()

    def run(self):
        while not self._is_over.is_set():
            outcome = self._act()
            self.times += 1
            if outcome is not True:
                self.failed.append(outcome)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self.join()


@pytest.fixture(scope="module", autouse=True)
def service(machine):
    Path(f"/etc/pam.d/{SERVICE}").write_text(f"auth required pam_totp.so quiet {NEVER_THROTTLED}\n")


@pytest.fixture
def rekey(machine):
    def run_it(*options):
        return subprocess.run([machine.totp_enroll, "rekey", *options], capture_output=True, text=True)

    if NEXT.exists():  # left by a test that failed
        run_it()
    return run_it


def key_ids():
    """Under which key each record is."""
    records = (path for path in (STORE / "enrolled").iterdir() if path.name[0] != ".")
    return {record.name: record.read_text().split()[2] for record in records}


def adds_and_removes(machine, account):
    """Whether a second device can be enrolled and taken away."""
    def act():
        for command in (["add", "--no-confirm", "--json"], ["remove", "--yes"]):
            done = subprocess.run([machine.totp_enroll, *command, "--user", account.name, "--device", "tablet"],
                                  capture_output=True, text=True)
            if done.returncode != DONE:
                return done.stderr
        return True
    return act


class Interrupted:
    """A command that is killed at moments spread over the whole of its run, however long that comes to take."""

    def __init__(self, *command):
        self._command = command
        begin = time.monotonic()
        run(*command)
        self._seconds = time.monotonic() - begin

    def is_killed(self):
        """Whether it was, before it was done."""
        with subprocess.Popen(self._command, stdout=subprocess.DEVNULL) as process:
            time.sleep(random.uniform(0, self._seconds))
            process.kill()
            outcome = process.wait()
        assert outcome in (DONE, -signal.SIGKILL)
        self._seconds *= 0.8 if outcome == DONE else 1.05  # one in five gets done
        return outcome != DONE


def test_everybody_logs_in_while_rekey_is_killed_at_200_random_moments(machine, rekey, record_property):
    accounts = [Account(machine, f"count{number}") for number in range(ACCOUNTS)]
    interrupted = Interrupted(machine.totp_enroll, "rekey")

    random.seed(6)
    record_property("cases", KILLS)
    kills, stages = 0, [key_ids()]
    with Busy(accounts[0].logs_in_once) as one, Busy(accounts[1].logs_in_once) as another, \
            Busy(adds_and_removes(machine, accounts[2])) as changing:
        while kills < KILLS:
            kills += interrupted.is_killed()
            stages.append(key_ids())
    assert one.failed + another.failed + changing.failed == []
    assert min(one.times, another.times, changing.times) > 10
    in_the_middle = sum(len(set(stage.values())) > 1 for stage, before in zip(stages[1:], stages) if stage != before)
    assert in_the_middle >= KILLS / 10

    while len(set(key_ids().values())) == 1:
        interrupted.is_killed()
    assert all(account.logs_in_once() for account in accounts)
    assert rekey().returncode == DONE
    assert len(set(key_ids().values())) == 1 and not NEXT.exists()
    assert all(account.logs_in_once() for account in accounts)
    assert [device["name"] for device in machine.status(accounts[2].name)["devices"]] == ["phone"]


# ---- what it says

@pytest.fixture
def token(machine):
    """An account of which nothing is left afterwards."""
    account = Account(machine, f"token{random.randrange(10 ** 9)}")
    yield account
    run(machine.totp_enroll, "remove", "--yes", "--user", account.name)


def test_says_what_was_done_and_logs_it(machine, token, rekey):
    lines = len(machine.log.lines)
    facts = json.loads(rekey("--json").stdout)
    enrolled = key_ids()
    assert facts == {"key": enrolled[token.name], "done": True, "enrolments": len(enrolled),
                     "sealed_anew": len(enrolled), "left": []}
    assert f"user=- service=totp-enroll by=root change=rekeyed key={facts['key']}" in machine.log.text(since=lines)
    assert (KEY.stat().st_uid, KEY.group(), KEY.stat().st_mode & 0o7777) == (0, "_totp", 0o640)


def test_damaged_record_keeps_both_keys_until_it_is_gone(machine, token, rekey):
    victim = Account(machine, "damaged")
    record = STORE / "enrolled/damaged"
    record.write_text(record.read_text()[:-9])
    key = KEY.read_bytes()
    done = rekey("--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["done"], len(facts["left"])) == (REFUSED, False, 1)
    assert facts["left"][0] in done.stderr and "--user damaged" in facts["left"][0]
    assert KEY.read_bytes() == key and NEXT.exists()
    assert token.logs_in_once()
    run(machine.totp_enroll, "remove", "--yes", "--user", victim.name)
    assert rekey().returncode == DONE and not NEXT.exists()
    assert token.logs_in_once()


def test_keys_come_from_files_and_the_old_one_may_be_kept(token, rekey, tmp_path):
    old, new, kept = KEY.read_bytes(), tmp_path / "new", tmp_path / "old"
    new.write_bytes(bytes(range(32)))
    for _ in range(2):  # as after an interruption
        assert rekey("--key-from", new, "--keep-old", kept).returncode == DONE
        assert (KEY.read_bytes(), kept.read_bytes(), kept.stat().st_mode & 0o777) == (bytes(range(32)), old, 0o600)
    assert token.logs_in_once()
    refused = rekey("--keep-old", kept)
    assert (refused.returncode, "holds another key" in refused.stderr) == (USAGE, True)
    with kept.open("rb") as stdin:
        assert subprocess.run(["/run/private/bin/totp-enroll", "rekey", "--key-from", "-"], stdin=stdin).returncode == DONE
    assert KEY.read_bytes() == old and token.logs_in_once()


def test_key_called_as_another_with_an_ending_stays(token, rekey, tmp_path):
    new, kept = tmp_path / "key.new", tmp_path / "key"
    new.write_bytes(b"n" * 32)
    assert rekey("--key-from", new, "--keep-old", kept).returncode == DONE
    assert new.read_bytes() == KEY.read_bytes() == b"n" * 32
    assert {path.name for path in tmp_path.iterdir()} == {"key", "key.new"} and token.logs_in_once()


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33, b"x" * 64])
def test_key_of_another_length_is_refused(rekey, tmp_path, content):
    (tmp_path / "new").write_bytes(content)
    refused = rekey("--key-from", tmp_path / "new")
    assert (refused.returncode, "isn't 32 bytes long" in refused.stderr) == (USAGE, True)
    assert not NEXT.exists()


def test_is_for_root(machine, user):
    refused = subprocess.run(as_user(user, machine.totp_enroll, "rekey"), capture_output=True, text=True)
    assert (refused.returncode, "for root" in refused.stderr) == (NOT_PERMITTED, True)


# ---- a key that is put there at each boot

RUN_KEY, RUN_NEXT = Path("/run/pam-totp/key"), Path("/run/pam-totp/key.next")
RECIPE = RECIPES / "systemd-credential"


class Boots:
    """What the unit of the recipe does at each boot; `credentials` is what systemd has decrypted for it."""

    def __init__(self, credentials):
        self.credentials = credentials
        unit = (RECIPE / "systemd/system/pam-totp-key.service").read_text()
        self._lines = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        assert len(self._lines) == 2 and "RuntimeDirectory=pam-totp\n" in unit

    def provide(self, name, key):
        (self.credentials / name).write_bytes(key)

    def boot(self):
        shutil.rmtree(RUN_KEY.parent, ignore_errors=True)
        RUN_KEY.parent.mkdir(mode=0o755)
        for line in self._lines:
            run("/bin/sh", "-c", line, env={"CREDENTIALS_DIRECTORY": str(self.credentials)})


@pytest.fixture
def boots(tmp_path):
    """The key isn't at its usual place: afterwards it is again, whichever it is by then."""
    boots = Boots(tmp_path)
    boots.provide("pam-totp.key", KEY.read_bytes())
    boots.boot()
    KEY.rename(KEY.with_name("elsewhere"))
    settings = Path("/etc/security/pam_totp.conf.d")
    shutil.copytree(RECIPE / "security/pam_totp.conf.d", settings)
    yield boots
    shutil.rmtree(settings)
    KEY.with_name("elsewhere").rename(KEY)
    KEY.write_bytes(RUN_KEY.read_bytes())


def test_reboot_at_any_point_of_a_rekey_does_no_harm_where_the_key_is_a_credential(machine, token, rekey, boots):
    new = bytes(range(100, 132))
    assert (RUN_KEY.group(), RUN_KEY.stat().st_mode & 0o7777, RUN_NEXT.exists()) == ("_totp", 0o640, False)
    assert token.logs_in_once()

    boots.provide("pam-totp.key.next", new)
    boots.boot()
    assert RUN_NEXT.read_bytes() == new and token.logs_in_once()
    assert rekey("--key-from", boots.credentials / "pam-totp.key.next").returncode == DONE
    assert RUN_KEY.read_bytes() == new and token.logs_in_once()

    boots.boot()  # before the credential itself was replaced
    assert RUN_KEY.read_bytes() != new and token.logs_in_once()
    late = Account(machine, "late")
    assert rekey("--key-from", RUN_NEXT).returncode == DONE
    boots.provide("pam-totp.key", RUN_KEY.read_bytes())
    (boots.credentials / "pam-totp.key.next").unlink()
    boots.boot()
    assert RUN_KEY.read_bytes() == new and not RUN_NEXT.exists()
    assert token.logs_in_once() and late.logs_in_once()


def test_key_in_memory_is_replaced_by_one_that_is_kept_elsewhere_alone(machine, tmp_path):
    key, new = Path("/run/private/key-in-memory"), tmp_path / "new"
    new.write_bytes(bytes(32))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as disk:
        def say(command, *options):
            return subprocess.run([machine.totp_enroll, command, "--store", f"{disk}/store", "--key", key, *options],
                                  capture_output=True, text=True)
        assert say("prepare").returncode == DONE
        refused = say("rekey")
        assert (refused.returncode, "lies in memory" in refused.stderr) == (UNUSABLE, True)
        assert say("rekey", "--key-from", new).returncode == DONE
        assert key.read_bytes() == bytes(32)
