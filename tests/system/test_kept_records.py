"""Records that an earlier version wrote: people log in with them, and what was spent stays spent."""

import os
import shutil
from pathlib import Path

import pytest

from machine import PASSWORD, SettingsFile, code_at, run

KEPT = Path(__file__).resolve().parents[1] / "vectors/kept"
PHONE = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
TABLET = {"secret": PHONE * 2, "algorithm": "SHA256", "digits": 8, "period": 60}
TOKEN = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of_token(counter):
    return run("oathtool", "--hotp", "--base32", "--counter", str(counter), TOKEN).strip()


@pytest.fixture(params=["0.1.0"])
def kept(request, machine):
    """The machine's store holds the records of this version; they are those of its user alice."""
    machine.add_user("alice")
    places = {part: Path("/run/private/kept") / part for part in ("store", "key")}
    places["key"].parent.mkdir()
    settings = SettingsFile("kept")
    settings.say(*(f"{part} = {path}" for part, path in places.items()))
    run(machine.totp_enroll, "prepare")
    shutil.copyfile(KEPT / request.param / "key", places["key"])
    for directory in ("enrolled", "state"):
        record = places["store"] / directory / "alice"
        shutil.copyfile(KEPT / request.param / directory / "alice", record)
        shutil.chown(record, "alice")
        os.chmod(record, 0o600)
    yield request.param
    settings.remove()
    shutil.rmtree(places["key"].parent)
    run("userdel", "--remove", "alice")


def test_every_device_and_recovery_code_logs_in_once(machine, sshd, kept):
    assert [device["name"] for device in machine.status("alice")["devices"]] == ["phone", "tablet", "token"]
    assert not sshd.login("alice", PASSWORD, code_of_token(1)), "spent before"
    for code in (code_at(PHONE), code_at(**TABLET), code_of_token(2), "726M-NMT7-KRG9-WNQ3"):
        assert sshd.login("alice", PASSWORD, code), code
        assert not sshd.login("alice", PASSWORD, code), code
    assert machine.status("alice")["recovery_codes_left"] == 2
