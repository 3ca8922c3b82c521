"""pam-totp-emergency(7): each emergency is made to happen, and the commands of its section, as the page has them, end it."""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

import pam_client
from machine import PASSWORD, STUCK, SettingsFile, code_at, codes_at, run, su, wrong
from person import Person, TERMINAL
from tls_database import free_port

PAGE = (Path(__file__).parents[2] / "conf/pam-totp-emergency.7.scd").read_text()
STORE = Path("/var/lib/pam-totp")
KEY = Path("/etc/pam-totp/key")
BACKUP = Path("/run/private/root/backup")


def commands_of(section, user):
    """The lines to type in that section, for this user and with a /root of this machine's own."""
    text = re.search(rf"^# {section}\n(.*?)(?=^# |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    blocks = re.findall(r"^\t((?:.*\+\+\n)*.*)$", text, re.MULTILINE)
    lines = "\n".join(blocks).replace("++\n", "\n").splitlines()
    return [re.sub(r"\\(.)", r"\1", line).replace("alice", user).replace("/root/", f"{BACKUP.parent}/")
            for line in lines]


@pytest.fixture(autouse=True, scope="module")
def backup(machine):
    """Where the page's backups are."""
    BACKUP.mkdir(parents=True, exist_ok=True)


def environment():
    """A root shell that finds totp-enroll."""
    return {**TERMINAL, "PATH": "/run/private/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def do(command):
    """A line of the page in root's shell; what it said."""
    done = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def at_terminal(command):
    return pexpect.spawn("sh", ["-c", command], env=environment(), encoding="utf-8", timeout=STUCK, dimensions=(24, 80))


def confirm_as_root(person, command, device="phone"):
    """Root adds a device of somebody who sits beside them."""
    client = at_terminal(command)
    person.confirm(client, device)
    if client.expect(["Press any key", pexpect.EOF]) == 0:
        person.recovery_codes = re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", client.before)
        client.send("x")
    assert person.finish(client)[1] == 0


def do_at_terminal(command):
    """Whatever is asked, root is sure; what was shown."""
    client, shown = at_terminal(command), ""
    while client.expect(["y/N", "Press any key", pexpect.EOF]) < 2:
        shown += client.before
        client.sendline("y")
    shown += client.before
    client.close()
    assert client.exitstatus == 0
    return shown


@contextlib.contextmanager
def settings(*lines):
    """While they count."""
    file = SettingsFile("during-the-emergency")
    file.say(*lines)
    try:
        yield
    finally:
        file.remove()


@pytest.fixture
def alice(machine, user):
    person = Person(machine, user)
    person.enrol("--recovery-codes", "3")
    return person


@pytest.fixture(scope="module", autouse=True)
def passer_by(machine):
    machine.add_user("passer-by")


def gets_in(person, answer):
    """Whether they get in with the right password and this."""
    return su("passer-by", person.name, PASSWORD, answer)


# ---- one person

def test_phone_lost_with_recovery_codes(alice):
    add, remove = commands_of("THE PHONE IS LOST", alice.name)[:2]
    assert gets_in(alice, alice.recovery_code())
    client = alice.begin(*add.split()[1:], answer=alice.recovery_code())
    alice.confirm(client, "new-phone")
    assert alice.finish(client)[1] == 0
    client = alice.begin(*remove.split()[1:], "--yes", answer=alice.code("new-phone"))
    assert alice.finish(client)[1] == 0
    assert [device["name"] for device in alice.machine.status(alice.name)["devices"]] == ["new-phone"]
    assert gets_in(alice, alice.code("new-phone"))


def test_phone_lost_without_recovery_codes(alice):
    add, _, *one_code = commands_of("THE PHONE IS LOST", alice.name)[:4]
    alice.recovery_codes = [re.search(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", do(command))[0] for command in one_code]
    assert len(set(alice.recovery_codes)) == 2
    assert gets_in(alice, alice.recovery_code())
    client = alice.begin(*add.split()[1:], answer=alice.recovery_code())
    alice.confirm(client, "new-phone")
    assert alice.finish(client)[1] == 0
    assert gets_in(alice, alice.code("new-phone"))


def test_phone_stolen(alice):
    """Whoever has it and knows the password doesn't get in, where the password is enough for who isn't enrolled."""
    *take_away, show = commands_of("THE PHONE IS LOST", alice.name)[4:]
    beside_it = alice.recovery_code()
    with settings("unenrolled = ignore"):
        for command in take_away:
            shown = do_at_terminal(command)
            assert not gets_in(alice, None), f"after {command}"
        assert not gets_in(alice, alice.code()) and not gets_in(alice, beside_it)
    alice.recovery_codes = re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", shown)
    key = re.search(r"\n    ([A-Z2-7]{4}(?: [A-Z2-7]{4})+)\r?\n", do_at_terminal(show))[1]
    alice.secrets["new-phone"] = key.replace(" ", "")
    assert gets_in(alice, alice.code("new-phone"))
    assert gets_in(alice, alice.recovery_code())


def test_wrong_codes(machine, alice):
    unlock, status, _ = commands_of("SHE HAS TO WAIT AFTER WRONG CODES", alice.name)
    for _ in range(6):
        assert not gets_in(alice, wrong(alice.code()))
    assert not gets_in(alice, code_at(alice.secrets["phone"], 1))
    assert "throttled" in machine.log.decisions(alice.name)[-1]
    assert "locked until" in do(status)
    do(unlock)
    assert gets_in(alice, code_at(alice.secrets["phone"], 1))


def test_phone_clock_is_wrong(machine, alice):
    verify, resync = commands_of("HER PHONE'S CLOCK IS WRONG", alice.name)
    off = 12
    typed = codes_at(alice.secrets["phone"], off, off + 1)
    assert not gets_in(alice, typed[0])
    told = subprocess.run(["sh", "-c", verify], env=environment(), input=f"{typed[0]}\n", capture_output=True, text=True)
    assert re.search(r"phone: that code is right for another time: the device's clock is about 3[36]0 s ahead", told.stdout)
    subprocess.run(["sh", "-c", resync], env=environment(), input="\n".join(typed) + "\n", text=True, check=True,
                   capture_output=True)
    assert gets_in(alice, code_at(alice.secrets["phone"], off + 2))


def test_phone_clock_is_wrong_by_an_hour(alice):
    verify, resync = commands_of("HER PHONE'S CLOCK IS WRONG", alice.name)
    typed = codes_at(alice.secrets["phone"], 120, 121)
    told = subprocess.run(["sh", "-c", verify], env=environment(), input=f"{typed[0]}\n", capture_output=True, text=True)
    assert "Refused: wrong.\n" in told.stdout, "the page can promise more"
    told = subprocess.run(["sh", "-c", resync], env=environment(), input="\n".join(typed) + "\n", capture_output=True,
                          text=True)
    assert re.search(r"its clock is 36[0-9]0 s ahead of this machine's", told.stderr), told


def test_account_has_another_name(machine):
    add, remove, _ = commands_of("HER ACCOUNT HAS ANOTHER NAME, OR ANOTHER UID", "renamed")
    before = Person(machine, machine.add_user("was-renamed"))
    before.enrol()
    run("usermod", "--login", "renamed", before.name)
    after = Person(machine, "renamed")
    assert not gets_in(after, before.code())
    confirm_as_root(after, add)
    do_at_terminal(remove)
    assert gets_in(after, after.code())
    assert not list(STORE.glob(f"*/{before.name}"))


def test_account_has_another_uid(machine, alice):
    *_, mend = commands_of("HER ACCOUNT HAS ANOTHER NAME, OR ANOTHER UID", alice.name)
    run("usermod", "--uid", "5999", alice.name)
    assert not gets_in(alice, alice.code())
    assert f"doesn't belong to {alice.name}" in machine.log.text()
    do(mend)
    assert gets_in(alice, alice.code())


# ---- everybody

def test_machine_clock_was_ahead(machine, alice):
    """Somebody logged in while it was: what is spent since lies far ahead."""
    *_, add, remove = commands_of("THIS MACHINE'S CLOCK IS WRONG", alice.name)
    Path("/etc/pam.d/ahead").write_text("auth required pam_totp.so\n")
    then = code_at(alice.secrets["phone"], 400 * 24 * 60 * 2)
    run("faketime", "-f", "+400d", sys.executable, pam_client.__file__, "ahead", alice.name, input=f"{then}\n")
    assert not gets_in(alice, alice.code())
    assert "spent until" in machine.log.text()
    assert gets_in(alice, alice.recovery_code()), "recovery codes don't depend on the clock"
    confirm_as_root(alice, add, "new-phone")
    do_at_terminal(remove)
    assert gets_in(alice, alice.code("new-phone"))


def test_key_lost_and_in_the_backup(machine, alice):
    restore, status, *_ = commands_of("THE HOST KEY IS LOST", alice.name)
    shutil.move(KEY, BACKUP / "key")
    assert not gets_in(alice, alice.code())
    assert "reason=key" in machine.log.decisions(alice.name)[-1]
    do(restore)
    do(status)
    assert gets_in(alice, alice.code())


def test_key_lost_for_good(machine, alice):
    _, _, move, prepare, add = commands_of("THE HOST KEY IS LOST", alice.name)
    KEY.unlink()
    assert not gets_in(alice, alice.code())
    do(move)
    do(prepare)
    confirm_as_root(alice, add)
    assert gets_in(alice, alice.code())


def test_store_lost(machine, alice):
    *restore, renew, end = commands_of("THE STORE IS LOST", alice.name)
    run("cp", "-a", str(STORE / "enrolled"), str(BACKUP))
    old_code = alice.recovery_code()
    shutil.rmtree(STORE)
    assert not gets_in(alice, alice.code())
    for command in restore:
        do(command)
    assert gets_in(alice, code_at(alice.secrets["phone"], 1))
    assert not gets_in(alice, old_code)
    alice.recovery_codes = re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", do(renew))
    do(end)
    assert gets_in(alice, alice.recovery_code())


@contextlib.contextmanager
def read_only(directory):
    """As a disk is that has errors."""
    run("mount", "--bind", directory, directory)
    run("mount", "-o", "remount,bind,ro", directory)
    try:
        yield
    finally:
        run("umount", directory)


def test_disk_that_cannot_be_written(alice):
    *elsewhere, back, end = commands_of("THE DISK IS FULL, OR READ-ONLY", alice.name)
    with read_only(STORE):
        assert not gets_in(alice, alice.code())
        for command in elsewhere:
            do(command)
        spent = alice.code()
        assert gets_in(alice, spent)
    do(back)
    do(end)
    assert not gets_in(alice, spent)
    assert gets_in(alice, alice.code())


def test_database_that_cannot_be_reached(machine, user):
    [make_codes] = commands_of("THE DATABASE CAN'T BE REACHED", user)
    for name in ("crt", "key"):
        Path(f"/etc/pam-totp/postgresql.{name}").touch()
    with settings("engine = postgresql", f"break_glass = {user}", "[postgresql]", f"hosts = 127.0.0.1:{free_port()}",
                  "user = host7"):
        alice = Person(machine, user)
        alice.recovery_codes = re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", do(make_codes))
        assert gets_in(alice, alice.recovery_code())


def test_no_way_to_become_root(machine, alice):
    _, keep, comment, back = commands_of("NOBODY CAN BECOME ROOT", alice.name)
    shutil.move(KEY, BACKUP / "key")
    assert not gets_in(alice, alice.code())
    do(keep)
    do(comment)
    assert gets_in(alice, None), "with the password alone"
    shutil.move(BACKUP / "key", KEY)
    do(back)
    assert not gets_in(alice, "000000")
    assert gets_in(alice, alice.code())


def test_every_command_is_tried():
    """A section that is new here needs a case of its own."""
    sections = re.findall(r"^# (.*)$", PAGE, re.MULTILINE)
    tried = re.findall(r'commands_of\("(.*?)"', Path(__file__).read_text())
    without_commands = {"NAME", "FIRST", "SEE ALSO"}
    assert set(sections) - without_commands == set(tried)
