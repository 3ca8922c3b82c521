"""Codes of independent implementations: oathtool by the secret, pyotp by the key URI, as apps do."""

import itertools
import json
import subprocess

import pyotp
import pytest

from machine import PASSWORD, code_at, wait_for_room_in_step, wrong
from test_bulk import Passwd

EVERY_KIND = list(itertools.product(["SHA1", "SHA256", "SHA512"], [6, 7, 8], [30, 60]))
SOME_KINDS = [("SHA1", 6, 30), ("SHA1", 8, 60), ("SHA256", 7, 30), ("SHA512", 8, 60)]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEE"


def oathtool_code(facts, algorithm, digits, period):
    return code_at(facts["secret"], digits=digits, algorithm=algorithm, period=period)


def pyotp_code(facts, *_):
    device = pyotp.parse_uri(facts["uri"])
    wait_for_room_in_step(device.interval)
    return device.now()


@pytest.fixture(params=[oathtool_code, pyotp_code], ids=["oathtool", "pyotp"])
def app(request):
    return request.param


@pytest.fixture
def enrol_kind(machine, user):
    """Enrols a device of a kind: what `add --json` says of it."""
    def enrol(algorithm, digits, period):
        return machine.enrol(user, "--algorithm", algorithm, "--digits", str(digits), "--period", str(period))
    return enrol


@pytest.fixture
def totp_enroll(machine):
    """totp-enroll without a terminal; `typed` are the lines on stdin."""
    def run(command, user, *options, typed=()):
        return subprocess.run([machine.totp_enroll, command, "--user", user, *options], text=True,
                              input="".join(f"{line}\n" for line in typed), capture_output=True)
    return run


@pytest.mark.parametrize("kind", EVERY_KIND, ids=str)
def test_codes_of_an_independent_device_are_right(totp_enroll, user, enrol_kind, app, kind):
    facts = enrol_kind(*kind)
    code = app(facts, *kind)
    assert len(code) == kind[1]
    right = totp_enroll("verify", user, "--json", typed=[code])
    assert (right.returncode, json.loads(right.stdout)) == (
        0, {"user": user, "accepted": True, "device": "phone", "drift": 0})
    refused = totp_enroll("verify", user, "--json", typed=[wrong(code)])
    assert (refused.returncode, json.loads(refused.stdout)) == (
        1, {"user": user, "accepted": False, "reason": "wrong"})


@pytest.mark.parametrize("kind", SOME_KINDS, ids=str)
def test_codes_of_an_independent_device_log_in(sshd, user, enrol_kind, app, kind):
    facts = enrol_kind(*kind)
    code = app(facts, *kind)
    assert not sshd.login(user, PASSWORD, wrong(code))
    assert sshd.login(user, PASSWORD, code)
    assert not sshd.login(user, PASSWORD, code)


def test_the_uri_says_what_status_says(machine, user, enrol_kind):
    device = pyotp.parse_uri(enrol_kind("SHA256", 8, 60)["uri"])
    status = machine.status(user)["devices"][0]
    assert [status[fact] for fact in ("type", "algorithm", "digits", "period")] == ["totp", "SHA256", 8, 60]
    assert (device.digest().name, device.digits, device.interval) == ("sha256", 8, 60)
    assert device.name == user


@pytest.mark.parametrize("kind", EVERY_KIND[::6], ids=str)
def test_new_secrets_are_as_long_as_the_hash(user, enrol_kind, kind):
    assert len(pyotp.parse_uri(enrol_kind(*kind)["uri"]).byte_secret()) == {
        "SHA1": 20, "SHA256": 32, "SHA512": 64}[kind[0]]


@pytest.mark.parametrize("written", [
    SECRET, SECRET.lower(), "JBSW Y3DP-EHPK 3PXP JBSW Y3DP EE", SECRET + "======"],
    ids=["plain", "lower-case", "grouped", "padded"])
def test_secret_from_a_file_is_the_devices(totp_enroll, user, tmp_path, written):
    file = tmp_path / "secret"
    file.write_text(written + "\n")
    added = totp_enroll("add", user, "--json", "--secret-from", str(file), typed=[code_at(SECRET)])
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["secret"] == SECRET
    assert pyotp.parse_uri(json.loads(added.stdout)["uri"]).secret == SECRET
    assert totp_enroll("verify", user, typed=[code_at(SECRET, 1)]).returncode == 0


def test_secret_from_stdin_comes_before_the_code(totp_enroll, user):
    added = totp_enroll("add", user, "--json", "--secret-from", "-", typed=[SECRET, code_at(SECRET)])
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["secret"] == SECRET


def test_the_code_that_confirms_is_spent_by_it(totp_enroll, machine, sshd, user):
    code = code_at(SECRET)
    added = totp_enroll("add", user, "--secret-from", "-", typed=[SECRET, code])
    assert added.returncode == 0 and f"{user}'s device phone is enrolled." in added.stdout
    assert json.loads(totp_enroll("verify", user, "--json", typed=[code]).stdout)["reason"] == "replayed"
    assert not sshd.login(user, PASSWORD, code)
    assert sshd.login(user, PASSWORD, code_at(SECRET, 1))


def test_device_that_is_not_confirmed_is_not_spent(totp_enroll, machine, user):
    facts = machine.enrol(user)
    assert machine.status(user)["devices"][0]["last_used"] is None
    assert totp_enroll("verify", user, typed=[code_at(facts["secret"], -1)]).returncode == 0


def test_verify_says_how_far_a_clock_is_off(totp_enroll, machine, user):
    secret = machine.enrol(user)["secret"]
    for steps, told in ((0, ""), (1, "; its clock is 30 s ahead of this machine's"),
                        (-1, "; its clock is 30 s behind this machine's")):
        assert totp_enroll("verify", user, typed=[code_at(secret, steps)]).stdout == f"Right: phone{told}.\n"


@pytest.mark.parametrize("tries", [["wrong"], ["wrong", "wrong"]], ids=len)
def test_a_wrong_code_may_be_followed_by_the_right_one(totp_enroll, user, tries):
    code = code_at(SECRET)
    typed = [SECRET, *(wrong(code) for _ in tries), code]
    added = totp_enroll("add", user, "--secret-from", "-", typed=typed)
    assert added.returncode == 0
    assert added.stderr.count("that code isn't right") == len(tries)


def not_right(code):
    return [wrong(code)] * 3 + [code]


@pytest.mark.parametrize("typed", [not_right, lambda code: [wrong(code)], lambda code: []],
                         ids=["three-wrong", "wrong-and-end", "nothing"])
def test_without_a_right_code_nothing_is_saved(totp_enroll, machine, user, typed):
    machine.enrol(machine.add_user())  # so that there is a store to ask
    added = totp_enroll("add", user, "--json", "--secret-from", "-", typed=[SECRET, *typed(code_at(SECRET))])
    assert (added.returncode, added.stdout) == (1, "")
    assert "nothing was enrolled" in added.stderr
    status = totp_enroll("status", user, "--json")
    assert (status.returncode, json.loads(status.stdout)["enrolled"]) == (1, False)


def test_second_device_is_as_good_and_the_first_stays(totp_enroll, machine, user):
    first = machine.enrol(user)
    second = machine.enrol(user, "--algorithm", "SHA512", "--digits", "8")
    assert (second["device"], second["recovery_codes"]) == ("phone-2", [])
    codes = {"phone": oathtool_code(first, "SHA1", 6, 30), "phone-2": pyotp_code(second)}
    for device, code in codes.items():
        verified = totp_enroll("verify", user, "--json", typed=[code])
        assert json.loads(verified.stdout)["device"] == device


def test_hundred_accounts_in_a_row_by_a_script_and_each_codes_are_right(machine, totp_enroll):
    for number, user in enumerate(Passwd().add(100)):
        algorithm, digits, period = EVERY_KIND[number % len(EVERY_KIND)]
        facts = machine.enrol(user, "--algorithm", algorithm, "--digits", str(digits), "--period", str(period))
        code = oathtool_code(facts, algorithm, digits, period)
        assert totp_enroll("verify", user, typed=[code]).returncode == 0, (user, algorithm, digits, period)
