"""The disk under a fleet's database is full: nobody gets in but by break-glass, and all goes on once there is room."""

import os
from pathlib import Path

import pytest

from machine import PASSWORD, STUCK, code_at, run, su
from test_break_glass import codes_of
from test_fleet_administer import become_administrators_host, new_database
from test_full_disk import LOOP_DEVICES, fill
from tls_database import NAME

DISK = Path("/run/private/disk")
MEGABYTES, MOST_FILES = 192, 4096
UNUSABLE = "verdict=unavailable reason=store"


def ext4():
    image = Path("/run/private/image")
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    run("mkfs.ext4", "-q", "-N", str(MOST_FILES), str(image))
    return ["-o", "loop", str(image)]


def tmpfs():
    return ["-t", "tmpfs", "-o", f"size={MEGABYTES}m,nr_inodes={MOST_FILES},mode=755", "tmpfs"]


@pytest.fixture(scope="module")
def loop_devices(machine):
    for name, (mode, major, minor) in LOOP_DEVICES.items():
        os.mknod(f"/dev/{name}", mode, os.makedev(major, minor))
    with open("/etc/hosts", "a") as hosts:
        hosts.write(f"127.0.0.1 {NAME}\n")


@pytest.fixture(params=[ext4, tmpfs], ids=lambda kind: kind.__name__)
def disk(request, loop_devices):
    DISK.mkdir(exist_ok=True)
    run("mount", *request.param(), str(DISK))
    yield DISK
    run("umount", str(DISK))


@pytest.fixture
def database(disk):
    database = new_database(place=disk)
    yield database
    database.remove()


@pytest.fixture
def person(machine):
    return machine.add_user()


@pytest.fixture
def settings(database, person):
    settings = become_administrators_host(database, f"break_glass = {person}")
    yield settings
    settings.remove()


@pytest.fixture
def secret(machine, settings, person):
    return machine.enrol(person)["secret"]


@pytest.fixture
def emergency_codes(machine, settings, person):
    return codes_of(machine, person)


def make_room():
    for filler in DISK.glob("filler*"):
        filler.unlink()


def test_full_disk_lets_nobody_in_but_by_break_glass(machine, database, person, secret, emergency_codes):
    caller, other = machine.add_user(), machine.add_user()
    others = machine.enrol(other)["secret"]
    database.execute("TRUNCATE totp.attempt")  # the next one needs a page of its own
    fill(DISK)
    seen = len(machine.log.lines)
    for who, code in ((other, code_at(others)), (person, code_at(secret))):
        assert not su(caller, who, PASSWORD, code)
        assert UNUSABLE in machine.log.decisions(who)[-1]
    assert "No space left on device (SQLSTATE 53100)" in machine.log.text(seen)
    assert su(caller, person, PASSWORD, emergency_codes[0])
    assert not su(caller, person, PASSWORD, emergency_codes[0])
    make_room()
    assert su(caller, other, PASSWORD, code_at(others))
    assert su(caller, person, PASSWORD, code_at(secret))


def write_until_it_falls(database):
    """The server can't go on without its write-ahead log."""
    with pytest.raises(RuntimeError):
        for _ in range(MEGABYTES):
            database.execute("SELECT FROM pg_logical_emit_message(true, '', repeat('x', 1 << 20))")


def test_no_room_for_the_write_ahead_log_lets_nobody_in_but_by_break_glass(machine, database, person, secret, emergency_codes):
    caller = machine.add_user()
    fill(DISK)
    write_until_it_falls(database)
    assert not su(caller, person, PASSWORD, code_at(secret))
    assert UNUSABLE in machine.log.decisions(person)[-1]
    assert su(caller, person, PASSWORD, emergency_codes[0])
    make_room()
    database.process.wait(timeout=STUCK)
    database.start()
    assert su(caller, person, PASSWORD, code_at(secret))
