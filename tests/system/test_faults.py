"""Every call of totp-enroll fails in turn, in several ways: what was enrolled before is there, or what was asked for."""

import json
import os
import re
import shutil
import subprocess
import sys
from errno import EACCES, EDQUOT, EINTR, EIO, EMFILE, ENOMEM, ENOSPC, EROFS
from pathlib import Path

import pytest

import pam_client
from machine import STUCK, App, SettingsFile, codes_at, wrong

ERRORS = (ENOSPC, EIO, EMFILE, EROFS, EDQUOT, EACCES, ENOMEM, EINTR)
SECRETS = {"phone": "A" * 32, "tablet": "B" * 32}
DONE, REFUSED, UNUSABLE_INPUT, STORE = 0, 1, 2, 4
SERVICE = "faults"


class Bench:
    """A store of its own, with a totp-enroll that borrows no group, so that calls can be spoilt."""

    def __init__(self, machine, directory):
        self.directory = Path(directory)
        self.program = self.directory / "totp-enroll"
        self.preload = machine.build / "tests/faults/libtotp_faults_preload.so"
        shutil.copy(machine.totp_enroll, self.program)
        self.program.chmod(0o755)
        for name, secret in SECRETS.items():
            (self.directory / name).write_text(secret + "\n")
        self.say("prepare")

    def say(self, command, *arguments, fault=None, calls=None, answers=""):
        """What totp-enroll exits with, prints and complains of."""
        words = [self.program, command, "--config", "/dev/null", "--store", self.directory / "store",
                 "--key", self.directory / "key", *arguments]
        if command not in ("prepare", "rekey", "bulk"):
            words += ["--user", "root"]
        spoilt = {"LD_PRELOAD": str(self.preload)} if fault or calls else {}
        if fault:
            spoilt["FAULT"] = fault
        if calls:
            spoilt["FAULT_CALLS"] = str(calls)
        return subprocess.run(words, input=answers, capture_output=True, text=True, env=os.environ | spoilt, timeout=STUCK)

    def secret_from(self, name):
        """The first device brings two recovery codes, not ten: each takes as long to make as many a case."""
        codes = ("--recovery-codes", "2") if name == "phone" else ()
        return "--device", name, "--secret-from", str(self.directory / name), "--no-confirm", "--json", *codes

    def google_file(self):
        """With one scratch code: to hash a short one takes as long as all the rest of a case."""
        file = self.directory / "google_authenticator"
        file.touch(mode=0o600)
        file.write_text(SECRETS["phone"] + '\n" DISALLOW_REUSE 57000000\n" TOTP_AUTH\n12345678\n')
        return str(file)

    def visit(self, code):
        """Somebody gets in by this code, and somebody else by none."""
        for host, typed in (("192.0.2.7", code), ("198.51.100.9", "no code at all")):
            subprocess.run([sys.executable, pam_client.__file__, SERVICE, "root", host], input=f"{typed}\n", text=True)

    def facts(self):
        """Devices, whether any isn't in step, how many recovery codes are left, wrong codes and known places; nothing of
        somebody who isn't enrolled. It must be possible to tell."""
        done = self.say("status", "--json")
        assert done.returncode in (0, 1), done.stderr
        status = json.loads(done.stdout)
        devices = status["devices"]
        if not devices:
            return [], False, 0, 0, 0
        return (sorted(device["name"] for device in devices), any(device["drift"] for device in devices),
                status["recovery_codes_left"], status["elsewhere"]["failures"], len(status["places"]))

    def accepts_code_of(self, secret):
        return self.accepts(App(secret).code())

    def accepts(self, code):
        return self.say("verify", answers=code + "\n").returncode == DONE

    def contents(self):
        """Each file of the store, and the keys: what is byte for byte as it was needs no asking whether it still works."""
        files = [path for path in (self.directory / "store").rglob("*") if path.is_file()]
        return {file: file.read_bytes() for file in files + sorted(self.directory.glob("key*"))}


    def bring_back(self, contents):
        """As it was."""
        now = self.contents()
        for file in now.keys() - contents.keys():
            file.unlink()
        for file, content in contents.items():
            if now.get(file) != content:
                file.write_bytes(content)
                file.chmod(0o600)


@pytest.fixture(scope="module")
def bench(machine):
    directory = Path("/run/private/faults")
    directory.mkdir()
    Path(f"/etc/pam.d/{SERVICE}").write_text(f"auth required pam_totp.so quiet store={directory}/store key={directory}/key\n")
    return Bench(machine, directory)


def faults(calls):
    """Each call with two errors, one byte at a time where something is read or written, and killed there."""
    for at, name in enumerate(calls, 1):
        for error in (ERRORS[at % len(ERRORS)], ERRORS[(at + 3) % len(ERRORS)]):
            yield name, f"{at} error {error}"
        if name in ("read", "write", "pwrite"):
            yield name, f"{at} cut_short"
        yield name, f"{at} killed"


def is_killed_or_too_short(done, fault, calls_file):
    """Threads ask again for a lock that another has: not every run makes as many calls as the one that was counted."""
    return done.returncode == -9 or len(calls_file.read_text().split()) < int(fault.split()[0])


COMMANDS = {
    "the first device": ([], lambda bench: ("add", *bench.secret_from("phone"))),
    "a second device": (["phone"], lambda bench: ("add", *bench.secret_from("tablet"))),
    "one of two devices away": (["phone", "tablet"], lambda bench: ("remove", "--device", "tablet", "--yes")),
    "all away": (["phone"], lambda bench: ("remove", "--yes")),
    "recovery codes": (["phone"], lambda bench: ("recovery", "--json")),
    "one recovery code": (["phone"], lambda bench: ("recovery", "--one", "--json")),
    "forget": (["phone"], lambda bench: ("forget",)),
    "an import": ([], lambda bench: ("import", "google", bench.google_file())),
    "unlock": (["phone"], lambda bench: ("unlock",)),
    "resync": (["phone"], lambda bench: ("resync",)),
}


@pytest.fixture(params=COMMANDS)
def change(request, bench):
    return Change(bench, *COMMANDS[request.param])


class Change:
    """One command, at an account that has these devices before it."""

    def __init__(self, bench, devices, words):
        self.bench = bench
        self.command, *self.arguments = words(bench)
        bench.say("remove", "--yes")
        self.old_codes = []
        for device in devices:
            self.old_codes += json.loads(bench.say("add", *bench.secret_from(device)).stdout)["recovery_codes"]
        if devices:
            bench.visit(self.old_codes.pop())
        self.facts_before, self.contents_before = bench.facts(), bench.contents()
        self.calls = self.calls_of_a_good_run()
        self.facts_after = bench.facts()
        self.bring_back()

    def bring_back(self):
        self.bench.bring_back(self.contents_before)

    def run(self, **faults):
        codes = codes_at(SECRETS["phone"], 1, 2) if self.command == "resync" else []
        return self.bench.say(self.command, *self.arguments, answers="".join(f"{code}\n" for code in codes), **faults)

    def calls_of_a_good_run(self):
        file = self.bench.directory / "calls"
        assert self.run(calls=file).returncode == DONE
        return file.read_text().split()

    def facts_after_a_fault(self):
        """Whether nothing at all was changed, and what is enrolled."""
        unchanged = self.bench.contents() == self.contents_before
        return unchanged, self.facts_before if unchanged else self.bench.facts()

    def devices_work(self, devices):
        """If resync has spent the codes of now, one after them is right."""
        return all(self.bench.accepts_code_of(SECRETS[device]) or
                   self.command == "resync" and any(map(self.bench.accepts, codes_at(SECRETS[device], 2, 3)))
                   for device in devices)

    def recovery_codes_work(self, call, done):
        """The new ones, if they were shown; else the old ones, or it is said that new ones were lost on their way."""
        if done.returncode == DONE:
            shown = json.loads(done.stdout)["recovery_codes"] if "--json" in self.arguments else []
            return all(self.bench.accepts(code) for code in shown[:1] or self.old_codes[:1])
        return self.bench.accepts(self.old_codes[0]) or call == "fsync" or "make new codes" in done.stderr


def test_a_command_is_done_or_changes_nothing_whatever_call_fails(change, record_property):
    assert {"openat", "fstat"} < set(change.calls) and len(change.calls) > 20
    assert change.facts_after != change.facts_before
    record_property("cases", len(list(faults(change.calls))))
    for call, fault in faults(change.calls):
        done = change.run(fault=fault)
        unchanged, facts = change.facts_after_a_fault()
        devices, _, codes_left, *_ = facts
        what = f"{call}: {fault}: {done}"
        assert facts in (change.facts_before, change.facts_after), what
        assert unchanged or change.devices_work(devices), what
        if "killed" in fault:
            assert done.returncode == -9, what
        elif done.returncode == DONE:
            assert facts == change.facts_after, what
        else:
            assert done.returncode in (REFUSED, UNUSABLE_INPUT, STORE) and done.stderr.strip(), what
        if "killed" not in fault and change.old_codes and codes_left and not (unchanged and done.returncode):
            assert change.recovery_codes_work(call, done), what
        if not unchanged:
            change.bring_back()


def test_rekey_loses_nothing_whatever_call_fails_and_goes_on(bench, record_property):
    bench.say("remove", "--yes")
    bench.say("add", *bench.secret_from("phone"))
    before, file = bench.facts(), bench.directory / "calls"
    assert bench.say("rekey", calls=file).returncode == DONE
    calls = file.read_text().split()
    assert {"openat", "flock", "renameat2", "fsync", "pwrite"} < set(calls)
    record_property("cases", len(list(faults(calls))))
    for call, fault in faults(calls):
        contents = bench.contents()
        done = bench.say("rekey", fault=fault, calls=file)
        what = f"{call}: {fault}: {done}"
        assert "killed" not in fault or is_killed_or_too_short(done, fault, file), what
        assert done.returncode in (-9, DONE, REFUSED, STORE), what
        assert done.returncode in (-9, DONE) or done.stderr.strip(), what
        if done.returncode != DONE and bench.contents() == contents:
            continue
        assert bench.facts() == before and bench.accepts_code_of(SECRETS["phone"]), what
        assert bench.say("rekey").returncode == DONE and not (bench.directory / "key.next").exists(), what
        assert bench.accepts_code_of(SECRETS["phone"]), what


@pytest.fixture
def check(machine, bench):
    """totp_check without its group, asked by root about root, at the bench's store."""
    program = shutil.copy("/usr/libexec/pam-totp/totp_check", bench.directory)
    os.chmod(program, 0o755)
    settings = SettingsFile("faults")
    settings.say(f"store = {bench.directory}/store", f"key = {bench.directory}/key")

    def answer_to(code, **faults):
        spoilt = {name: str(value) for name, value in faults.items()}
        if faults:
            spoilt["LD_PRELOAD"] = str(bench.preload)
        return subprocess.run([program], input=f"pam-totp-check 1 verify\n{code}", capture_output=True, text=True,
                              env=os.environ | spoilt, timeout=STUCK)
    yield answer_to
    settings.remove()


def test_totp_check_accepts_nothing_that_isnt_spent_whatever_call_fails(bench, check, record_property):
    bench.say("remove", "--yes")
    bench.say("add", *bench.secret_from("phone"))
    contents = bench.contents()
    file = bench.directory / "calls"
    assert "verdict=accepted" in check(App(SECRETS["phone"]).code(), FAULT_CALLS=file).stdout
    calls = file.read_text().split()
    assert {"openat", "flock", "pwrite", "fdatasync", "write"} < set(calls)
    record_property("cases", len(list(faults(calls))))
    for call, fault in faults(calls):
        bench.bring_back(contents)
        code = App(SECRETS["phone"]).code()
        assert "verdict=accepted" not in check(wrong(code), FAULT=fault).stdout, (call, fault)
        done = check(code, FAULT=fault)
        again = check(code).stdout
        if "verdict=accepted" in done.stdout:
            assert "reason=replayed" in again, (call, fault, done)
        else:
            assert "verdict=accepted" in again or "reason=replayed" in again, (call, fault, done)


def test_bulk_loses_no_key_whatever_call_fails_and_goes_on(bench, record_property):
    bench.say("remove", "--yes")
    contents = bench.contents()
    out, calls_file = bench.directory / "out", bench.directory / "calls"
    arguments = "bulk", "-", "--out", out, "--recovery-codes", "1"
    shutil.rmtree(out, ignore_errors=True)
    assert bench.say(*arguments, answers="root\n", calls=calls_file).returncode == DONE
    calls = calls_file.read_text().split()
    assert {"openat", "flock", "renameat2", "fsync", "pwrite", "mkdir"} < set(calls) and len(calls) > 60
    record_property("cases", len(list(faults(calls))))
    for call, fault in faults(calls):
        bench.bring_back(contents)
        shutil.rmtree(out, ignore_errors=True)
        done = bench.say(*arguments, answers="root\n", fault=fault, calls=calls_file)
        what = f"{call}: {fault}: {done}"
        assert "killed" not in fault or is_killed_or_too_short(done, fault, calls_file), what
        assert done.returncode in (-9, DONE, REFUSED, UNUSABLE_INPUT, STORE), what
        assert done.returncode in (-9, DONE) or done.stderr.strip(), what
        record = bench.directory / "store/enrolled/root"
        enrolled = record.read_bytes() if record.exists() else None
        assert done.returncode != DONE or (enrolled and (out / "root.txt").exists()), what
        again = bench.say(*arguments, answers="root\n")
        assert again.returncode == DONE, f"{what}, then {again}"
        assert enrolled in (None, record.read_bytes()), what
        assert sorted(path.name for path in out.iterdir()) == ["root.png", "root.txt"], what
        secret = re.search(r"secret=(\w+)", (out / "root.txt").read_text())[1]
        assert bench.accepts_code_of(secret), what
    bench.say("remove", "--yes")
