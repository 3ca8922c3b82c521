"""The disk under the store is full, or can't be written: real file systems, real sshd."""

import errno
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from machine import PASSWORD, App, SettingsFile, code_at, run, wrong
from person import Person

DISK = Path("/run/private/disk")
LOOP_DEVICES = {"loop-control": (0o020600, 10, 237)} | {f"loop{number}": (0o060600, 7, number) for number in range(32)}


@pytest.fixture(scope="module")
def loop_devices(machine):
    for name, (mode, major, minor) in LOOP_DEVICES.items():
        os.mknod(f"/dev/{name}", mode, os.makedev(major, minor))


def ext4():
    image = Path("/run/private/image")
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(4 << 20)
    run("mkfs.ext4", "-q", str(image))
    return ["-o", "loop", str(image)]


def tmpfs():
    return ["-t", "tmpfs", "-o", "size=256k,nr_inodes=200,mode=755", "tmpfs"]


@pytest.fixture
def settings(machine):
    file = SettingsFile("disk")
    yield file
    file.remove()


@pytest.fixture(params=[ext4, tmpfs], ids=lambda kind: kind.__name__)
def disk(request, machine, settings, loop_devices):
    DISK.mkdir(exist_ok=True)
    run("mount", *request.param(), str(DISK))
    settings.say(f"store = {DISK}/store")
    run(machine.totp_enroll, "prepare")
    yield DISK
    run("umount", str(DISK))


@pytest.fixture
def owner(disk, enrolled):
    return enrolled


def fill(directory):
    """To the last byte, also what is kept back for root, and to the last file."""
    for size in (1 << 20, 4096, 1):
        with open(directory / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError as full:
                assert full.errno == errno.ENOSPC
    number = 0
    try:
        while True:
            (directory / f"filler-{number}").touch()
            number += 1
    except OSError as full:
        assert full.errno == errno.ENOSPC
    with pytest.raises(OSError):
        (directory / "one-more").write_bytes(b"x" * 4096)


def test_people_log_in_on_a_full_disk_and_codes_are_spent(machine, disk, owner, sshd):
    user, secret = owner
    fill(disk)
    app = App(secret)
    code = app.code()
    assert sshd.login(user, PASSWORD, code)
    assert not sshd.login(user, PASSWORD, code)
    assert "reason=replayed failures=1" in machine.log.decisions(user)[-1]
    assert not sshd.login(user, PASSWORD, wrong(code))
    assert "reason=wrong failures=2" in machine.log.decisions(user)[-1]
    assert sshd.login(user, PASSWORD, app.code())
    assert sshd.login(user, PASSWORD, app.code())


def test_nothing_is_lost_by_enrolling_on_a_full_disk(machine, disk, owner, user):
    name, secret = owner
    other = machine.add_user()
    state = disk / "store/state" / name
    before = machine.status(name), state.read_bytes()
    fill(disk)
    for who, *arguments in ((other, "add", "--no-confirm"), (name, "add", "--no-confirm"), (name, "recovery")):
        done = subprocess.run([machine.totp_enroll, *arguments, "--user", who], capture_output=True, text=True)
        assert done.returncode == 4 and "No space left on device" in done.stderr, done
    assert (machine.status(name), state.read_bytes()) == before, "nor is anybody told of a change"
    assert not machine.status(other, enrolled=False)["enrolled"]
    assert_shown_no_key(Person(machine, other), "No space left on device")
    assert {path.name for path in (disk / "store/enrolled").iterdir()} == {".nobody", name}
    (disk / "filler").unlink()
    for filler in disk.glob("filler-*"):
        filler.unlink()
    machine.enrol(other)


def test_nobody_is_shown_a_key_that_cannot_be_kept(machine, disk, user):
    run("mount", "-o", "remount,ro", str(DISK))
    assert_shown_no_key(Person(machine, user), "Read-only file system")
    run("mount", "-o", "remount,rw", str(DISK))
    assert Person(machine, user).enrol_themselves()[1] == 0
    assert {path.name for path in (disk / "store/enrolled").iterdir()} == {".nobody", user}


def assert_shown_no_key(person, reason):
    said, exit_code = person.finish(person.begin())
    assert exit_code == 4 and "otpauth" not in said and "code" not in said, said
    assert re.fullmatch(rf"\s*totp-enroll: [^\n]*{reason}\s*", said), said


def test_read_only_disk_lets_nobody_in_and_the_log_says_why(machine, disk, owner, sshd):
    user, secret = owner
    run("mount", "-o", "remount,ro", str(DISK))
    for answer in (code_at(secret), wrong(code_at(secret))):
        assert not sshd.login(user, PASSWORD, answer)
        assert "verdict=unavailable reason=store" in machine.log.decisions(user)[-1]
    assert any(f"{DISK}/store/state/{user} " in line and "Read-only file system" in line for line in machine.log.lines)
    run("mount", "-o", "remount,rw", str(DISK))
    assert sshd.login(user, PASSWORD, code_at(secret))


def test_states_may_lie_where_the_disk_can_be_written(machine, disk, settings, owner, sshd):
    user, secret = owner
    states = Path("/run/private/states")
    run("cp", "-a", str(disk / "store/state"), str(states))
    run("mount", "-o", "remount,ro", str(DISK))
    settings.say(f"store = {DISK}/store", f"state = {states}")
    try:
        code = code_at(secret)
        assert sshd.login(user, PASSWORD, code)
        assert not sshd.login(user, PASSWORD, code)
        assert "reason=replayed" in machine.log.decisions(user)[-1]
    finally:
        run("rm", "-r", str(states))


def test_where_rename_takes_no_flags_people_enrol_all_the_same(machine, user, sshd):
    """As over NFS and 9p."""
    made = run("strace", "-f", "-o", "/dev/null", "-e", "inject=renameat2:error=EINVAL:when=1",
               machine.totp_enroll, "add", "--user", user, "--no-confirm", "--json")
    assert sshd.login(user, PASSWORD, code_at(json.loads(made)["secret"]))
