"""totp-enroll check on real files, file systems and accounts: what is wrong is told, and what it says to type mends it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pam_client
from machine import GROUP, OUR_LINE, PASSWORD, SettingsFile, as_user, code_at, run, wrong
from person import Person
from stacks import services_as_installed  # noqa: F401, a fixture of every test
from test_emergency import confirm_as_root
from test_full_disk import DISK, LOOP_DEVICES, ext4, fill, loop_devices, tmpfs  # noqa: F401, fixtures

STORE, KEY = Path("/var/lib/pam-totp"), Path("/etc/pam-totp/key")
CHECK, CHECK_ANY, CHECK_FLEET, PERSON, ADMINISTER = (
    Path("/usr/libexec/pam-totp") / name for name in ("totp_check", "totp_check_any", "totp_check_postgresql",
                                                      "totp_person_postgresql", "totp_administer_postgresql"))
DAYS = 3
SSHD_SETTINGS = Path("/etc/ssh/sshd_config.d/pam-totp.conf")


class Doctor:
    """What root is told, and what is typed then."""

    def __init__(self, machine):
        self._machine = machine
        self._path = f"{Path(machine.totp_enroll).parent}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

    def ask(self, *command):
        done = subprocess.run([*command, self._machine.totp_enroll, "check", "--json"], capture_output=True, text=True)
        assert done.stderr == ""
        facts = json.loads(done.stdout)
        assert done.returncode == (0 if facts["sound"] else 1)
        return facts["findings"]

    def finds(self, kind):
        """The only finding of this kind; a fault is the only one."""
        findings = self.ask()
        found = [finding for finding in findings if finding["kind"] == kind]
        assert len(found) == 1, findings
        assert found[0]["severity"] != "fault" or self.faults(findings) == [kind], findings
        return found[0]

    @staticmethod
    def faults(findings):
        return [finding["kind"] for finding in findings if finding["severity"] == "fault"]

    def type(self, command):
        run("sh", "-c", command, env={"PATH": self._path}, stdin=subprocess.DEVNULL)

    def mends(self, kind):
        """It finds this, and typing what it says, as it stands, is enough."""
        finding = self.finds(kind)
        self.type(finding["change"])
        findings = self.ask()
        assert self.faults(findings) == [] and kind not in {each["kind"] for each in findings}, findings
        return finding


@pytest.fixture(autouse=True)
def sshd_that_prompts(machine):
    SSHD_SETTINGS.write_text("KbdInteractiveAuthentication yes\nPasswordAuthentication no\n")


@pytest.fixture
def doctor(machine, pam_auth_update, services_as_installed):
    """On a sound machine on which alone who is enrolled is asked."""
    pam_auth_update("--force", "--enable", "totp")
    doctor = Doctor(machine)
    findings = doctor.ask()
    assert doctor.faults(findings) == [], findings
    return doctor


@pytest.fixture
def settings(machine):
    file = SettingsFile("disk")
    yield file
    file.remove()


@pytest.fixture
def record(enrolled):
    name, _ = enrolled
    yield name
    for directory in ("enrolled", "state"):
        path = STORE / directory / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


# ---- programs


def lower(*change):
    return lambda path: run(*change, str(path))


def our_module():
    """Where libpam looks for it."""
    return next(Path("/lib").glob("*-linux-*/security/pam_totp.so"))


@pytest.fixture
def module_elsewhere(doctor):
    """A copy that every line of ours names by its path."""
    path = Path(shutil.copy(our_module(), "/usr/local/lib"))
    for service in Path("/etc/pam.d").iterdir():
        service.write_text(service.read_text().replace("pam_totp.so", str(path)))
    yield path
    path.unlink()


def test_module_that_lines_name_by_its_path_is_made_as_it_was_installed(doctor, module_elsewhere):
    lower("chmod", "777")(module_elsewhere)
    lower("chown", "games")(module_elsewhere)
    assert doctor.mends("module_writable")["about"] == str(module_elsewhere)


def test_module_is_missed_only_where_a_line_leaves_its_place_to_libpam(doctor, module_elsewhere):
    module, kept = our_module(), our_module().with_name("kept")
    module.rename(kept)
    try:
        assert doctor.faults(doctor.ask()) == []
        Path("/etc/pam.d/other").write_text("session required pam_totp.so\n")
        assert doctor.finds("module_missing")["about"] == "pam_totp.so"
    finally:
        kept.rename(module)


@pytest.mark.parametrize("program, damage, kind", [
    (CHECK, lower("chmod", "0755"), "program_mode"), (CHECK, lower("chmod", "4755"), "program_mode"),
    (CHECK, lower("chgrp", "games"), "program_mode"), (CHECK, lower("chmod", "2775"), "program_writable"),
    (CHECK, lower("chown", "games"), "program_writable"), (CHECK_ANY, lower("chmod", "4711"), "program_mode"),
    (CHECK_ANY, lower("chmod", "0710"), "program_mode"), (CHECK_ANY, lower("chgrp", "games"), "program_mode"),
    (CHECK_FLEET, lower("chmod", "0755"), "program_mode"), (PERSON, lower("chgrp", "games"), "program_mode"),
    (PERSON, lower("chmod", "2777"), "program_writable"), (ADMINISTER, lower("chmod", "2700"), "program_mode"),
    (ADMINISTER, lower("chown", "games"), "program_writable"),
    ("totp-enroll", lower("chmod", "0755"), "program_mode"), ("module", lower("chmod", "g+w"), "module_writable"),
    ("module", lower("chown", "games"), "module_writable")])
def test_program_is_made_as_it_was_installed(machine, doctor, program, damage, kind):
    path = {"totp-enroll": machine.totp_enroll,
            "module": our_module()}.get(program, program)
    before = os.stat(path)
    damage(path)
    finding = doctor.mends(kind)
    assert finding["about"] == str(path)
    after = os.stat(path)
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_program_that_was_switched_off_on_purpose_is_no_fault(doctor):
    lower("chmod", "0710")(CHECK_ANY)
    finding = doctor.mends("program_mode")
    assert (finding["severity"], finding["about"]) == ("remark", str(CHECK_ANY))


def test_program_that_is_missing_is_told(doctor):
    kept = CHECK.with_name("kept")
    CHECK.rename(kept)
    try:
        assert "screen lockers" in doctor.finds("program_missing")["sentence"]
    finally:
        kept.rename(CHECK)


@pytest.mark.parametrize("line, is_needed", [("", False), ("engine=postgresql", True)])
def test_program_that_asks_the_database_is_missed_where_a_line_needs_it(machine, doctor, line, is_needed):
    machine.add_line_after_password("sshd", f"{OUR_LINE} {line}")
    kept = CHECK_FLEET.with_name("kept")
    CHECK_FLEET.rename(kept)
    try:
        for findings in (doctor.ask(), doctor.ask(*as_user("games"))):
            missing = [each for each in findings if each["kind"] == "program_missing"]
            assert [each["about"] for each in missing] == [str(CHECK_FLEET)] * is_needed, findings
            assert not is_needed or "libpam-totp-postgresql" in missing[0]["change"]
    finally:
        kept.rename(CHECK_FLEET)


def test_mount_without_setgid_is_told(doctor):
    directory = str(CHECK.parent)
    run("mount", "--bind", directory, directory)
    try:
        run("mount", "-o", "remount,bind,nosuid", directory)
        findings = doctor.ask()
        assert doctor.faults(findings) == ["nosuid"] * 4
        doctor.type(findings[[each["kind"] for each in findings].index("nosuid")]["change"])
        assert doctor.faults(doctor.ask()) == []
    finally:
        run("umount", directory)


def test_machine_without_the_group_is_as_it_was_configured(doctor):
    run("groupmod", "--new-name", "_elsewhere", GROUP)
    try:
        findings = doctor.ask()
        assert "no_group" in {each["kind"] for each in findings}
        assert set(doctor.faults(findings)) == {"program_mode"}  # it lends a group that it shouldn't
    finally:
        run("groupmod", "--new-name", GROUP, "_elsewhere")


def test_ordinary_user_is_told_of_programs_and_that_root_sees_more(machine, doctor, user):
    CHECK.chmod(0o755)
    try:
        findings = doctor.ask(*as_user(user))
    finally:
        CHECK.chmod(0o2755)
    assert doctor.faults(findings) == ["program_mode"]
    remark = next(each for each in findings if each["kind"] == "for_root")
    assert remark["severity"] == "remark" and remark["change"] == "sudo totp-enroll check"
    assert not {each["about"] for each in findings} & {"accounts", str(STORE), str(KEY)}


def test_who_names_a_service_is_told_of_that_alone(machine, doctor):
    CHECK.chmod(0o755)
    try:
        done = subprocess.run([machine.totp_enroll, "check", "sshd", "--json"], capture_output=True, text=True)
    finally:
        CHECK.chmod(0o2755)
    assert done.returncode == 0 and {each["about"] for each in json.loads(done.stdout)["findings"]} == {"sshd"}


def test_settings_that_are_wrong_are_told_beside_the_rest(doctor, settings):
    settings.say("window = many")
    findings = doctor.ask()
    told = {(each["kind"], each["about"]) for each in findings if each["severity"] == "fault"}
    assert {("settings", "settings"), ("settings", "sshd")} <= told


# ---- directories and the key


@pytest.mark.parametrize("directory", [".", "enrolled", "state", "pending"])
@pytest.mark.parametrize("damage, kind", [
    (lower("chmod", "o+x"), "directory_flaw"), (lower("chown", "games"), "directory_flaw"),
    (lower("chmod", "0770"), "directory_flaw"), (lower("chgrp", "games"), "directory_group"),
    (lower("chmod", "0700"), "directory_group")])
def test_directory_is_given_back(doctor, directory, damage, kind):
    path = STORE / directory
    before = path.stat()
    damage(path)
    try:
        finding = doctor.mends(kind)
        assert finding["about"] == str(path)
        after = path.stat()
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
        assert after.st_mode & before.st_mode == before.st_mode and not after.st_mode & 0o7
    finally:
        os.chown(path, before.st_uid, before.st_gid)
        path.chmod(before.st_mode & 0o7777)


@pytest.mark.parametrize("name", ["enrolled", "state", "pending"])
def test_directory_that_is_missing_is_made(doctor, name):
    """But not as it stands that of the enrolments: who was enrolled would be as everybody else."""
    kept = STORE.with_name("kept")
    (STORE / name).rename(kept)
    try:
        if name != "enrolled":
            doctor.mends("directory_missing")
        else:
            change = doctor.finds("directory_missing")["change"]
            assert change.startswith("mount it, or bring it back from a backup: see pam-totp-emergency(7); ")
            doctor.type(change.rpartition(" by ")[2])
            assert doctor.faults(doctor.ask()) == []
    finally:
        run("rm", "-rf", str(STORE / name))
        kept.rename(STORE / name)


def test_directory_that_is_a_link_is_told(doctor):
    kept = STORE.with_name("kept")
    STORE.rename(kept)
    STORE.symlink_to(kept)
    try:
        assert "directory_kind" in doctor.faults(doctor.ask())
    finally:
        STORE.unlink()
        kept.rename(STORE)


@pytest.mark.parametrize("damage, kind", [
    (lower("chmod", "0644"), "key_flaw"), (lower("chmod", "0660"), "key_flaw"), (lower("chown", "games"), "key_flaw"),
    (lower("chgrp", "games"), "key_group"), (lower("chmod", "0600"), "key_group")])
def test_key_is_given_back(doctor, damage, kind):
    damage(KEY)
    assert doctor.mends(kind)["about"] == str(KEY)
    status = KEY.stat()
    assert (status.st_uid, KEY.group(), status.st_mode & 0o777) == (0, GROUP, 0o640)


def test_key_that_is_lost_or_another_is_told(doctor, record):
    kept = KEY.with_name("kept")
    KEY.rename(kept)
    try:
        assert "backup" in doctor.finds("key_missing")["change"]
        KEY.write_bytes(b"x" * 31)
        shutil.copystat(kept, KEY)
        shutil.chown(KEY, "root", GROUP)
        doctor.finds("key_size")
        KEY.write_bytes(b"x" * 32)
        finding = doctor.finds("other_key")
        assert record in finding["accounts"] and "sealed under a key that isn't this host's" in finding["sentence"]
    finally:
        kept.rename(KEY)


def test_rekey_that_is_unfinished_is_finished(doctor, record):
    following = KEY.with_name("key.next")
    following.write_bytes(os.urandom(32))
    shutil.chown(following, "root", GROUP)
    following.chmod(0o640)
    assert doctor.mends("rekey_unfinished")["severity"] == "warning"
    assert not following.exists()


# ---- records


@pytest.mark.parametrize("directory", ["enrolled", "state"])
@pytest.mark.parametrize("damage", [
    lower("chmod", "0640"), lower("chown", "games"), lambda path: os.link(path, "/var/lib/another-name"),
    lower("chmod", "0604")], ids=["group", "owner", "link", "others"])
def test_record_is_given_back(machine, doctor, record, directory, damage):
    path = STORE / directory / record
    before = machine.status(record)
    damage(path)
    finding = doctor.mends("record_flaw")
    Path("/var/lib/another-name").unlink(missing_ok=True)
    assert finding["accounts"] == [record] and finding["about"] == str(STORE / directory)
    assert machine.status(record) == before


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/passwd"), lambda path: path.mkdir(),
                                  os.mkfifo], ids=["symlink", "directory", "fifo"])
def test_thing_in_a_record_s_place_is_removed(doctor, record, make):
    (STORE / "state" / record).unlink()
    path = STORE / "enrolled" / record
    path.unlink()
    make(path)
    doctor.mends("record_flaw")
    assert not os.path.lexists(path)


def test_many_records_are_one_finding(doctor, machine):
    names = [machine.add_user() for _ in range(7)]
    for name in names:
        machine.enrol(name)
        (STORE / "enrolled" / name).chmod(0o644)
    try:
        finding = doctor.finds("record_flaw")
        assert finding["accounts"] == sorted(names)
        assert re.fullmatch(r"each record of user\d+, user\d+, user\d+, user\d+ and 3 others is open to others, "
                            "so a login refuses it", finding["sentence"])
    finally:
        for name in names:
            run(machine.totp_enroll, "remove", "--yes", "--user", name)


def test_strange_files_are_told_once_they_are_old(doctor):
    new, strange = STORE / "enrolled/.new-0123456789abcdef", STORE / "state/what is this"
    new.touch()
    strange.touch()
    assert doctor.mends("strange")["about"] == str(STORE / "state")
    assert new.exists() and not strange.exists()
    os.utime(new, (0, 0))
    doctor.mends("strange")
    assert not new.exists()


def test_damaged_record_is_told_with_its_account(doctor, record):
    (STORE / "enrolled" / record).write_text("nonsense")
    finding = doctor.finds("unusable")
    assert finding["accounts"] == [record] and f"{STORE}/enrolled/{record} isn't an enrolment" in finding["sentence"]
    doctor.type(f"totp-enroll remove --yes --user {record}")
    assert doctor.faults(doctor.ask()) == []


def test_records_of_nobody_are_made_again(doctor):
    (STORE / "enrolled/.nobody").unlink()
    doctor.mends("nobody")


# ---- file systems


@pytest.fixture
def mounted(machine, doctor, settings, loop_devices):
    """A store on a file system of that kind."""
    def mount(*options):
        DISK.mkdir(exist_ok=True)
        run("mount", *options, str(DISK))
        settings.say(f"store = {DISK}/store")
        run(machine.totp_enroll, "prepare")
        return DISK / "store"
    yield mount
    run("umount", str(DISK))


def kinds(findings):
    return {each["kind"] for each in findings if each["about"].startswith(str(DISK))}


def test_sound_disk_is_no_matter(machine, doctor, mounted, user):
    mounted("-o", "loop", *ext4()[2:])
    machine.enrol(user)
    assert kinds(doctor.ask()) == set()


def test_read_only_disk_is_mounted_again(doctor, mounted):
    mounted(*ext4())
    run("mount", "-o", "remount,ro", str(DISK))
    assert doctor.mends("read_only")["about"] == f"{DISK}/store/state"


def test_states_on_a_writable_disk_make_a_read_only_store_a_remark(doctor, mounted, settings):
    mounted(*ext4())
    states = Path("/run/private/states")
    run("cp", "-a", str(DISK / "store/state"), str(states))
    run("mount", "-o", "remount,ro", str(DISK))
    settings.say(f"store = {DISK}/store", f"state = {states}", "missing_state = new")
    try:
        finding = doctor.finds("read_only")
        assert finding["severity"] == "remark" and "nobody can enrol" in finding["sentence"]
    finally:
        run("rm", "-r", str(states))


def test_full_disk_is_a_warning(doctor, mounted):
    mounted(*ext4())
    fill(DISK)
    finding = doctor.finds("room")
    assert finding["severity"] == "warning" and "nobody can enrol" in finding["sentence"]
    (DISK / "filler").unlink()
    for number in range(2000):
        try:
            (DISK / f"filler-of-room-{number}").touch()
        except OSError:
            break
    assert "inodes" in doctor.finds("room")["sentence"]
    for filler in DISK.glob("filler-*"):
        filler.unlink()
    assert "room" not in kinds(doctor.ask())


def test_store_in_memory_is_a_warning(doctor, mounted):
    mounted("-t", "tmpfs", "-o", "mode=755", "tmpfs")
    assert doctor.finds("in_memory")["severity"] == "warning"


def sequence(slot):
    found = re.search(rb" seq=(\d+) ", slot)
    return int(found[1]) if found else -1


def test_hole_in_a_state_is_filled(machine, doctor, mounted, user):
    store = mounted(*ext4())
    machine.enrol(user)
    state = store / "state" / user
    before = machine.status(user)
    content = state.read_bytes()
    older = min((0, 2048), key=lambda offset: sequence(content[offset:offset + 2048]))
    run("fallocate", "--punch-hole", "--offset", str(older), "--length", "2048", str(state))
    os.sync()
    assert state.stat().st_blocks * 512 < 4096
    finding = doctor.mends("hole")
    assert finding["severity"] == "warning" and finding["accounts"] == [user]
    assert state.stat().st_blocks * 512 >= 4096
    assert machine.status(user) == before


@pytest.mark.skipif("btrfs" not in Path("/proc/filesystems").read_text(), reason="this kernel has no btrfs")
def test_states_on_btrfs_are_told_not_to_be_copied(machine, doctor, mounted, user):
    image = Path("/run/private/btrfs")
    with image.open("wb") as file:
        file.truncate(128 << 20)
    run("mkfs.btrfs", "-q", str(image))
    store = mounted("-o", "loop", str(image))
    machine.enrol(user)
    assert "copies_on_write" not in kinds(doctor.ask())
    run("chattr", "-C", str(store / "state"))
    before = machine.status(user)
    for name in (".nobody", user):
        path = store / "state" / name
        run("cp", "-p", str(path), f"{path}~")
        os.rename(f"{path}~", path)
    assert "C" not in run("lsattr", str(store / "state" / user)).split()[0]
    doctor.mends("copies_on_write")
    assert "C" in run("lsattr", str(store / "state" / user)).split()[0]
    assert machine.status(user) == before


# ---- accounts


def test_locked_account_is_unlocked(machine, doctor, sshd, settings, enrolled):
    name, secret = enrolled
    settings.say("max_failures = 1")
    assert not sshd.login(name, PASSWORD, wrong(code_at(secret)))
    assert doctor.mends("locked")["accounts"] == [name]
    assert sshd.login(name, PASSWORD, code_at(secret))


def test_account_that_has_to_wait_is_a_warning_with_the_time(machine, doctor, sshd, settings, enrolled):
    name, secret = enrolled
    settings.say("free_failures = 0", "delay = 600")
    assert not sshd.login(name, PASSWORD, wrong(code_at(secret)))
    finding = doctor.finds("waits")
    assert finding["severity"] == "warning" and finding["accounts"] == [name]
    assert machine.status(name)["elsewhere"]["locked_until"] in finding["sentence"]
    doctor.mends("waits")


def test_account_without_recovery_codes_gets_some(machine, doctor, user):
    machine.enrol(user, "--recovery-codes", "0")
    assert user in doctor.mends("no_recovery_codes")["accounts"]
    assert machine.status(user)["recovery_codes_left"] == 10


def test_record_without_an_account_is_removed(machine, doctor, enrolled):
    name, _ = enrolled
    run("userdel", "--force", name)
    finding = doctor.mends("stranger")
    assert finding["severity"] == "warning" and finding["accounts"] == [name]
    assert not (STORE / "state" / name).exists()


def test_records_of_an_account_that_is_gone_are_removed_by_its_name(machine, enrolled):
    name, _ = enrolled
    removal = [machine.totp_enroll, "remove", "--user", name, "--yes"]
    run("userdel", "--force", name)
    done = subprocess.run([*removal, "--device", "phone"], capture_output=True, text=True)
    assert done.returncode == 2 and f"{name} isn't an account of this machine" in done.stderr
    assert run(*removal) == "Removed.\n"
    assert not (STORE / "enrolled" / name).exists() and not (STORE / "state" / name).exists()
    done = subprocess.run(removal, capture_output=True, text=True)
    assert done.returncode == 2 and f"{name} isn't an account of this machine" in done.stderr


def test_codes_spent_ahead_of_the_clock_are_told(machine, doctor, enrolled):
    name, secret = enrolled
    Path("/etc/pam.d/ahead").write_text("auth required pam_totp.so\n")
    code = code_at(secret, DAYS * 2880)
    run("faketime", "-f", f"+{DAYS}d", sys.executable, pam_client.__file__, "ahead", name, input=f"{code}\n")
    Path("/etc/pam.d/ahead").unlink()
    findings = {each["kind"]: each for each in doctor.ask()}
    assert findings["spent_ahead"]["severity"] == "fault" and findings["spent_ahead"]["accounts"] == [name]
    assert findings["clock_set_back"]["severity"] == "fault"
    assert re.search(rf"{name} logged in at 20\S+Z, which is (2|3) days from now", findings["clock_set_back"]["sentence"])
    enrolling, removal = findings["spent_ahead"]["change"].split(" && ")
    confirm_as_root(Person(machine, name), enrolling)
    doctor.type(removal)
    assert doctor.faults(doctor.ask()) == []


def test_who_must_be_enrolled_and_isn_t_is_told(machine, user):
    machine.add_line_after_password("sshd", OUR_LINE)
    doctor = Doctor(machine)
    finding = doctor.finds("must_enrol")
    assert user in finding["accounts"] and "sshd" in finding["sentence"]
    assert "nobody" not in finding["accounts"] and "games" not in finding["accounts"]
    for name in finding["accounts"]:
        machine.enrol(name)
    assert doctor.faults(doctor.ask()) == []


def test_who_will_enrol_is_a_remark(machine, doctor, pam_auth_update, user):
    assert user in doctor.finds("not_enrolled")["accounts"]
    pam_auth_update("--force", "--enable", "totp-required")
    finding = doctor.finds("will_enrol")
    assert finding["severity"] == "remark" and user in finding["accounts"]


def test_accounts_in_a_database_are_left_to_it(machine, user, settings):
    machine.add_line_after_password("sshd", OUR_LINE)
    settings.say("engine = postgresql")
    doctor = Doctor(machine)
    remark = doctor.finds("in_database")
    assert "sshd" in remark["sentence"] and remark["change"] == "totp-enroll status --all, on an administrator's host"
    findings = doctor.ask()
    assert doctor.faults(findings) == [] and not {"must_enrol", "not_enrolled"} & {each["kind"] for each in findings}


def test_accounts_in_another_store_are_judged_where_it_is_named(machine, user):
    places = ("--store", "/var/lib/other", "--key", "/etc/other-key")
    machine.add_line_after_password("sshd", f"{OUR_LINE} store={places[1]} key={places[3]}")
    run(machine.totp_enroll, "prepare", *places)
    other = machine.add_user()
    machine.enrol(user, *places)
    doctor = Doctor(machine)
    remark = doctor.finds("other_store")
    assert "sshd" in remark["sentence"] and doctor.faults(doctor.ask()) == []
    assert remark["change"] == "totp-enroll check " + " ".join(places)
    there = subprocess.run([machine.totp_enroll, "check", *places, "--json"], capture_output=True, text=True)
    finding, = (each for each in json.loads(there.stdout)["findings"] if each["kind"] == "must_enrol")
    assert user not in finding["accounts"] and other in finding["accounts"]
    assert finding["change"].startswith(f"totp-enroll add {' '.join(places)} --user ")
