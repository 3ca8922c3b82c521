"""What can't be right is refused in one clear sentence, with the documented exit code; nothing changes."""

import contextlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, STUCK, as_user, code_at, codes_at, run, su, wrong

STORE = Path("/var/lib/pam-totp")
KEY = Path("/etc/pam-totp/key")
SETTINGS = Path("/etc/security/pam_totp.conf")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)


# ---- what is on disk, and how it comes back


def bytes_of(path):
    if path.is_symlink():
        return os.readlink(path)
    return path.read_bytes() if path.is_file() else None


def snapshot():
    """Everything of ours on disk: names, modes, owners, links, contents."""
    facts = {}
    for top in (STORE, KEY.parent):
        for path in [top, *sorted(top.rglob("*"))]:
            status = path.lstat()
            owners = (status.st_uid, status.st_gid)
            facts[str(path)] = (oct(status.st_mode), owners, status.st_nlink, bytes_of(path))
    return facts


def content_of(facts):
    return facts[-1]


@pytest.fixture
def store(machine):
    """A store with somebody in it, put back afterwards as it was."""
    if not KEY.exists():
        machine.enrol(machine.add_user())
    kept = Path("/run/kept")
    kept.mkdir()
    run("cp", "-a", str(STORE), str(kept / "store"))
    run("cp", "-a", str(KEY.parent), str(kept / "key"))
    yield STORE
    SETTINGS.unlink(missing_ok=True)
    for directory, copy in ((STORE, "store"), (KEY.parent, "key")):
        shutil.rmtree(directory)
        run("cp", "-a", str(kept / copy), str(directory))
    shutil.rmtree(kept)


@pytest.fixture
def alice(machine, store, user):
    """Who is enrolled, with the secret SECRET."""
    done = totp_enroll(machine, "add", "--user", user, "--no-confirm", "--secret-from", "-", typed=SECRET)
    assert done.returncode == DONE, done.stderr
    return user


# ---- how it is run


def totp_enroll(machine, *arguments, typed=None, program=None):
    """A run without a terminal; `typed` is one line on stdin."""
    return subprocess.run([*(program or [machine.totp_enroll]), *arguments], capture_output=True, text=True,
                          errors="backslashreplace", input="" if typed is None else f"{typed}\n")


def assert_refused(done, exit_code, *words):
    """One sentence on stderr that has these words, and nothing on stdout."""
    assert (done.returncode, done.stdout) == (exit_code, ""), done.stderr
    assert re.fullmatch(r"totp-enroll: [ -~]{15,400}\n", done.stderr), done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture
def refuses(machine, store):
    """Asserts that a run is refused like this, and that it changed nothing."""
    def refuses(exit_code, *words, run, typed=None, program=None):
        before = snapshot()
        assert_refused(totp_enroll(machine, *run, typed=typed, program=program), exit_code, *words)
        assert snapshot() == before
    return refuses


def case(name, *values):
    """A row of a table."""
    return pytest.param(*values, id=name)


COMMANDS = ["add", "status", "verify", "remove", "recovery", "forget", "resync", "unlock"]


# ---- names


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name, shown", [
    case("unknown", "nobody-here", "nobody-here"), case("parent", "../x", "../x"), case("path", "a/b", "a/b"),
    case("dots", "..", ".."), case("empty", "", "--user NAME"), case("long", "x" * 300, "x" * 80 + " "),
    case("latin-1", b"\xe9l\xe8ve", "%E9l%E8ve"), case("utf-8", "élève", "%C3%A9l%C3%A8ve"),
    case("two-lines", "a\nb", "a%0Ab"), case("escape", "a\x1b[2J", "a%1B[2J")])
def test_name_that_is_no_account_is_refused(refuses, command, name, shown):
    refuses(USAGE, "--user", shown, run=[command, "--user", name])


@pytest.mark.parametrize("command", COMMANDS)
def test_no_name_is_refused(refuses, command):
    refuses(USAGE, "--user NAME", run=[command])


@pytest.fixture
def strange_account(store):
    """Makes an account that useradd wouldn't, as another NSS might have it."""
    passwd = Path("/etc/passwd")
    sane = passwd.read_bytes()

    def make(name):
        passwd.write_bytes(sane + name + b":x:5001:5001::/:/bin/sh\n")
        return os.fsdecode(name)

    yield make
    passwd.write_bytes(sane)


@pytest.mark.parametrize("name, record", [
    case("parent", b"../x", "%2E.%2Fx"), case("path", b"a/b", "a%2Fb"), case("dots", b"..", "%2E."),
    case("hidden", b".new-1", "%2Enew-1"), case("percent", b"%2E", "%252E")])
def test_strange_account_has_its_record_in_the_store_and_nowhere_else(machine, strange_account, name, record):
    before = snapshot()
    facts = machine.enrol(strange_account(name))
    assert facts["user"] == os.fsdecode(name)
    made = set(snapshot()) - set(before)
    assert made == {f"{STORE}/enrolled/{record}", f"{STORE}/state/{record}"}
    assert (STORE / "enrolled" / record).stat().st_uid == 5001


def test_account_with_a_name_too_long_for_a_record_is_refused(refuses, strange_account):
    refuses(USAGE, "too long", run=["add", "--no-confirm", "--user", strange_account(b"x" * 300)])


STRANGE_NAMES = [case("domain", rb"DOM\jo"), case("blank", b"with blank"), case("percent", b"per%41cent"),
                 case("latin-1", b"m\xfcller"), case("quote", b"o'neill"), case("escape", b"esc\x1b[2J")]


def typed_in_a_shell(machine, command):
    """What is said where root types this."""
    path = f"{Path(machine.totp_enroll).parent}:{os.environ['PATH']}"
    return subprocess.run(["bash", "-c", command], env={"PATH": path}, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_command_that_enrols_can_be_typed_as_it_stands(machine, strange_account, name):
    name = strange_account(name)
    told = totp_enroll(machine, "status", "--user", name).stdout
    command = re.search(r"To enrol: (totp-enroll [ -~]+)\n", told)[1]
    done = typed_in_a_shell(machine, command + " --no-confirm --json")
    assert done.returncode == DONE, (command, done.stderr)
    machine.status(name)


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_command_that_mends_can_be_typed_as_it_stands(machine, strange_account, name):
    name = strange_account(name)
    machine.enrol(name)
    for state in (STORE / "state").iterdir():
        if state.lstat().st_uid == 5001:
            state.unlink()
    told = totp_enroll(machine, "status", "--user", name).stderr
    command = re.search(r"run (totp-enroll remove [ -~]+) and enrol again", told)[1]
    done = typed_in_a_shell(machine, command + " --yes")
    assert (done.returncode, done.stdout) == (DONE, "Removed.\n"), (command, done.stderr)
    assert not machine.status(name, enrolled=False)["enrolled"]


def test_account_with_a_name_that_is_not_utf_8_gets_its_recovery_codes(machine, strange_account):
    assert len(machine.enrol(strange_account(b"\xe9l\xe8ve"))["recovery_codes"]) == 10


# ---- options


@pytest.mark.parametrize("options, word", [
    case("digits-5", ["--digits", "5"], "--digits"), case("digits-9", ["--digits", "9"], "--digits"),
    case("digits-word", ["--digits", "six"], "--digits"),
    case("digits-empty", ["--digits", ""], "--digits"), case("digits-left-out", ["--digits"], "--digits"),
    case("period-0", ["--period", "0"], "--period"), case("period-3601", ["--period", "3601"], "--period"),
    case("period-negative", ["--period", "-30"], "--period"),
    case("period-huge", ["--period", "9" * 40], "--period: " + "9" * 40 + " isn't a number from 1 to 3600"),
    case("period-octal", ["--period", "060"], "--period: 060 begins with 0 or +"),
    case("period-no-octal", ["--period", "09"], "--period: 09 begins with 0 or +"),
    case("period-hexadecimal", ["--period", "0x10"], "--period: 0x10 begins with 0 or +"),
    case("period-signed", ["--period", "+5"], "--period: +5 begins with 0 or +"),
    case("period-in-groups", ["--period", "1'0"], "--period: 1'0 isn't a number from 1 to 3600"),
    case("recovery-octal", ["--recovery-codes", "012"], "--recovery-codes: 012 begins with 0 or +"),
    case("md5", ["--algorithm", "MD5"], "--algorithm MD5"),
    case("no-hash", ["--algorithm", ""], "--algorithm"),
    case("device-blank", ["--device", "a b"], "--device"),
    case("device-path", ["--device", "../x"], "--device"),
    case("device-long", ["--device", "x" * 33], "--device"),
    case("device-utf-8", ["--device", "é"], "%C3%A9"), case("device-dot", ["--device", ".x"], "--device"),
    case("device-recovery", ["--device", "recovery"], "recovery"),
    case("device-lines", ["--device", "a\nb"], "a%0Ab"),
    case("device-empty", ["--device", ""], "--device"),
    case("issuer-colon", ["--issuer", "a:b"], "--issuer"),
    case("label-colon", ["--label", "a:b"], "--label"),
    case("issuer-lines", ["--issuer", "a\nb"], "--issuer has a control character"),
    case("label-escape", ["--label", "a\x1b[31m"], "--label has a control character"),
    case("label-empty", ["--label", ""], "--label is empty"),
    case("qr", ["--qr", "sixel"], "--qr"),
    case("qr-number", ["--qr", "3"], "--qr"),
    case("recovery-33", ["--recovery-codes", "33"], "--recovery-codes"),
    case("recovery-negative", ["--recovery-codes", "-1"], "--recovery-codes"),
    case("unknown-option", ["--bogus"], "--bogus"), case("unknown-letter", ["-x"], "-x"),
    case("unknown-word", ["extra"], "extra"),
    case("period-of-a-counter", ["--hotp", "--period", "30"], "--period"),
    case("picture-of-no-kind", ["--qr-file", "/tmp/x.jpg"], "--qr-file"),
    case("picture-nowhere", ["--qr-file", "/nonexistent/x.svg"], "--qr-file"),
    case("twice", ["--digits", "6", "--digits", "7"], "--digits"),
    case("other-user-too", ["--user", "root"], "--user")])
def test_option_out_of_its_range_is_refused(refuses, user, options, word):
    refuses(USAGE, word, run=["add", "--user", user, "--no-confirm", "--json", *options])


@pytest.mark.parametrize("run", [["rekey"], ["prepare"], ["check"], ["check", "sshd"]], ids=" ".join)
def test_command_about_the_whole_machine_takes_no_account(refuses, alice, run):
    refuses(USAGE, f"--user isn't for {run[0]}, which is about the whole machine", run=[*run, "--user", alice])


@pytest.mark.parametrize("command", ["rekey", "prepare", "status"])
def test_local_is_refused_where_all_accounts_are(refuses, alice, command):
    user = ["--user", alice] if command == "status" else []
    refuses(USAGE, "--local is for engine = postgresql", run=[command, "--local", *user])


def test_form_of_a_qr_code_that_is_not_asked_for_is_refused(refuses, alice):
    refuses(USAGE, "--qr is for --format qr", run=["export", "--user", alice, "--qr", "utf8"])


@pytest.mark.parametrize("run, word", [
    case("unknown-command", ["frobnicate"], "frobnicate"), case("capitals", ["Status"], "Status"),
    case("two-commands", ["status", "verify"], "verify"),
    case("option-of-another", ["status", "--digits", "6"], "--digits"),
    case("unknown-option", ["remove", "--bogus"], "--bogus")])
def test_command_that_is_not_known_is_refused(refuses, alice, run, word):
    refuses(USAGE, word, run=[*run, "--user", alice])


def test_account_called_like_a_command_can_be_enrolled(machine, store):
    user = machine.add_user("status")
    added = totp_enroll(machine, "--user", user, "--no-confirm", "--json")
    assert json.loads(added.stdout)["user"] == user


# ---- secrets


@pytest.mark.parametrize("secret, word", [
    case("not-base-32", "not base 32!", "base 32"), case("digits-0-1-8-9", "0189" * 7, "base 32"),
    case("hex", "deadbeef" * 5 + "00", "base 32"), case("bytes", "é" * 26, "base 32"),
    case("120-bits", "A" * 24, "120 bits"), case("8-bits", "AA", "8 bits"),
    case("1032-bits", "A" * 207, "1032 bits"), case("empty", "", "0 bits"), case("nothing", None, "0 bits")])
@pytest.mark.parametrize("source", ["stdin", "file"])
def test_secret_that_is_none_is_refused(refuses, user, tmp_path, secret, word, source):
    file = tmp_path / "secret"
    file.write_text("" if secret is None else f"{secret}\n")
    option, shown = ("-", "stdin") if source == "stdin" else (str(file), str(file))
    refuses(USAGE, word, shown, typed=secret,
            run=["add", "--user", user, "--no-confirm", "--secret-from", option])


@pytest.mark.parametrize("file, why", [
    case("missing", "/nonexistent/secret", "No such file"), case("directory", "/etc", "directory"),
    case("unreadable", "/proc/self/mem", "Input/output error")])
def test_secret_file_that_cannot_be_read_is_refused(refuses, user, file, why):
    refuses(USAGE, f"--secret-from {file}", why,
            run=["add", "--user", user, "--no-confirm", "--secret-from", file])


def test_secret_from_a_pipe_is_taken(machine, user):
    added = totp_enroll(machine, "add", "--user", user, "--no-confirm", "--json",
                        "--secret-from", "/dev/stdin", typed=SECRET)
    assert json.loads(added.stdout)["secret"] == SECRET


# ---- what is enrolled already


def test_second_device_of_the_same_name_is_refused(refuses, alice):
    refuses(USAGE, "device phone", "--device",
            run=["add", "--user", alice, "--no-confirm", "--device", "phone"])


def test_second_device_with_the_same_secret_is_refused(refuses, alice):
    refuses(USAGE, "secret", typed=SECRET,
            run=["add", "--user", alice, "--json", "--no-confirm", "--secret-from", "-"])


def test_ninth_device_is_refused(refuses, machine, alice):
    for _ in range(7):
        machine.enrol(alice)
    refuses(USAGE, "8 devices", "totp-enroll remove", run=["add", "--user", alice, "--no-confirm"])
    assert [device["name"] for device in machine.status(alice)["devices"]] == [
        "phone", *(f"phone-{number}" for number in range(2, 9))]


def test_recovery_codes_of_a_second_device_are_refused(refuses, alice):
    refuses(USAGE, "--recovery-codes", run=["add", "--user", alice, "--no-confirm", "--recovery-codes", "5"])


def test_device_that_is_not_enrolled_cannot_be_removed(refuses, alice):
    refuses(REFUSED, f"no device tablet: see totp-enroll status --user {alice}\n",
            run=["remove", "--user", alice, "--yes", "--device", "tablet"])


def test_device_that_is_not_enrolled_cannot_be_shown(refuses, alice):
    refuses(USAGE, f"no device tablet: see totp-enroll status --user {alice}\n",
            run=["export", "--user", alice, "--device", "tablet"])


@pytest.mark.parametrize("run, shows", [
    case("option-of-a-command", ["add", "--digits", "9"], "add --help"),
    case("without-the-command", ["--digits", "9"], "add --help"),
    case("missing", ["bulk", "list"], "bulk --help"), case("unknown-option", ["remove", "--bogus"], "remove --help"),
    case("unknown-command", ["frobnicate"], "--help"), case("unknown-option-alone", ["--bogus"], "--help")])
def test_help_that_has_what_was_wrong_is_named(refuses, run, shows):
    refuses(USAGE, f": see totp-enroll {shows}\n", run=run)


def test_removing_a_device_without_a_name_is_refused(refuses, alice):
    refuses(USAGE, "--device", run=["remove", "--user", alice, "--yes", "--device", ""])


def test_verify_without_a_code_is_refused(refuses, alice):
    refuses(USAGE, "no code", run=["verify", "--user", alice])


@pytest.mark.parametrize("run", [["verify"], ["remove", "--yes"], ["recovery"], ["forget"], ["resync"], ["unlock"]], ids=" ".join)
def test_account_that_is_not_enrolled_is_refused(refuses, user, run):
    refuses(REFUSED, f"{user} is not enrolled", run=[*run, "--user", user], typed="123456\n123456")


@pytest.mark.parametrize("options, word", [
    case("expires-alone", ["--expires", "24h"], "--one"), case("expires-none", ["--one", "--expires", "24"], "24h"),
    case("expires-nothing", ["--one", "--expires", "0h"], "0h"), case("expires-years", ["--one", "--expires", "367d"], "367d"),
    case("expires-word", ["--one", "--expires", "soon"], "soon"), case("expires-empty", ["--one", "--expires", ""], "--expires"),
    case("one-of-many", ["--one", "--recovery-codes", "5"], "--recovery-codes is for a whole set"),
    case("none", ["--recovery-codes", "0"], "--recovery-codes"), case("33", ["--recovery-codes", "33"], "--recovery-codes")])
def test_recovery_option_out_of_its_range_is_refused(refuses, alice, options, word):
    refuses(USAGE, word, run=["recovery", "--user", alice, *options])


def test_one_recovery_code_too_many_is_refused_and_the_way_out_helps(refuses, machine, alice):
    assert totp_enroll(machine, "recovery", "--user", alice, "--recovery-codes", "32").returncode == DONE
    way_out = f"totp-enroll recovery --user {alice}"
    refuses(USAGE, f"{alice} has 32 recovery codes", way_out, run=["recovery", "--user", alice, "--one"])
    assert totp_enroll(machine, *way_out.split()[1:]).returncode == DONE
    assert totp_enroll(machine, "recovery", "--user", alice, "--one").returncode == DONE
    assert machine.status(alice)["recovery_codes_left"] == 11


@pytest.mark.parametrize("typed, exit_code, word", [
    case("nothing", None, USAGE, "two codes"), case("one", "123456", USAGE, "two codes"),
    case("words", "abc\ndef", REFUSED, "aren't two codes"), case("lengths", "123456\n1234567", REFUSED, "aren't two codes"),
    case("wrong", "123456\n123456", REFUSED, "no device")])
def test_resync_without_two_codes_in_a_row_is_refused(refuses, alice, typed, exit_code, word):
    refuses(exit_code, word, typed=typed, run=["resync", "--user", alice])


def test_lines_may_end_as_they_do_on_windows(machine, alice):
    first, second = codes_at(SECRET, 0, 1)
    for command, typed, said in (("verify", f"{first}\r", "Right: phone"), ("verify", f"{first}\r\r", "shape"),
                                 ("resync", f"{first}\r\n{second}\r", "in step again")):
        done = totp_enroll(machine, command, "--user", alice, typed=typed)
        assert said in done.stdout, (command, done.stderr)


# ---- who may


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("of", ["own", "another's"])
def test_copy_without_the_group_does_nothing_for_an_ordinary_user(refuses, machine, alice, command, of):
    caller = alice if of == "own" else machine.add_user()
    program = f"/home/{caller}/totp-enroll"
    shutil.copyfile(machine.totp_enroll, program)
    os.chmod(program, 0o755)
    expected = (UNUSABLE, "setgid _totp") if of == "own" else (NOT_PERMITTED, "root")
    refuses(*expected, run=[command, "--user", alice], program=as_user(caller, program))


# ---- damage


def move_behind_a_link(path):
    moved = Path("/run/kept") / path.parent.name
    shutil.move(path, moved)
    path.symlink_to(moved)


def replace_bytes(old, new):
    def replace(path):
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))
    return replace


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def copy_of_anothers(path):
    other = next(record for record in path.parent.iterdir() if record.name != path.name)
    path.write_bytes(other.read_bytes())


RECORD_DAMAGE = {
    "link": move_behind_a_link,
    "second-name": lambda path: os.link(path, f"{path}~"),
    "directory": lambda path: (path.unlink(), path.mkdir()),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path, 0o600)),
    "empty": lambda path: path.write_bytes(b""),
    "cut-short": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "open-to-the-group": lambda path: path.chmod(0o640),
    "open-to-all": lambda path: path.chmod(0o604),
    "a-strangers": lambda path: os.chown(path, 54321, 0),
}
ENROLMENT_DAMAGE = RECORD_DAMAGE | {
    "of-another-version": replace_bytes(b"pam-totp-enrolment 1 ", b"pam-totp-enrolment 2 "),
    "of-another-user": copy_of_anothers,
    "flipped-bit": flip_a_bit,
    "overlong": lambda path: path.write_bytes(path.read_bytes() * 100),
}
STATE_DAMAGE = RECORD_DAMAGE | {
    "of-another-version": lambda path: path.write_bytes(b"version=2".ljust(2048) * 2),
    "missing": Path.unlink,
    "too-long": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
}
KEY_DAMAGE = {
    "too-short": lambda path: path.write_bytes(bytes(31)),
    "too-long": lambda path: path.write_bytes(bytes(33)),
    "empty": lambda path: path.write_bytes(b""),
    "open-to-all": lambda path: path.chmod(0o604),
    "writable-by-the-group": lambda path: path.chmod(0o660),
    "a-strangers": lambda path: os.chown(path, 54321, 0),
    "directory": lambda path: (path.unlink(), path.mkdir()),
}
DIRECTORY_DAMAGE = {
    "writable-by-all": lambda path: path.chmod(0o703),
    "writable-by-all-though-sticky": lambda path: path.chmod(0o1777),
    "writable-by-the-group": lambda path: path.chmod(0o770),
    "a-strangers": lambda path: os.chown(path, 54321, 0),
}


def settings(text, mode=0o644):
    def write(path):
        path.write_bytes(text)
        path.chmod(mode)
    return write


SETTINGS_DAMAGE = {
    "unknown-name": settings(b"windw = 1\n"),
    "out-of-range": settings(b"# more\nwindow = 21\n"),
    "no-number": settings(b"window = one\n"),
    "no-value": settings(b"window =\n"),
    "contradiction": settings(b"delay = 60\nmax_delay = 30\n"),
    "section": settings(b"[totp]\nwindow = 1\n"),
    "garbage": settings(bytes(range(1, 256))),
    "writable-by-all": settings(b"window = 1\n", 0o666),
    "directory": Path.mkdir,
}
DAMAGE = {
    "enrolment": (lambda user: STORE / "enrolled" / user, ENROLMENT_DAMAGE),
    "state": (lambda user: STORE / "state" / user, STATE_DAMAGE),
    "key": (lambda _: KEY, KEY_DAMAGE),
    "store": (lambda _: STORE, DIRECTORY_DAMAGE),
    "store-enrolled": (lambda _: STORE / "enrolled", DIRECTORY_DAMAGE),
    "store-state": (lambda _: STORE / "state", DIRECTORY_DAMAGE),
    "settings": (lambda _: SETTINGS, SETTINGS_DAMAGE),
}


def damage_to(*parts, but=()):
    return pytest.mark.parametrize("damaged", indirect=True, argvalues=[
        pytest.param((part, name), id=f"{part}-{name}") for part in parts for name in DAMAGE[part][1]
        if (part, name) not in but])


@pytest.fixture
def damaged(request, alice):
    """Does the damage to what alice needs; what must be named then."""
    part, name = request.param
    where, kinds = DAMAGE[part]
    path = where(alice)
    kinds[name](path)
    yield str(path) if (part, name) != ("settings", "contradiction") else "max_delay"
    if part == "settings" and path.is_dir():
        path.rmdir()


@pytest.fixture(scope="module")
def caller(machine):
    return machine.add_user()


@damage_to(*DAMAGE)
def test_damage_is_refused_by_every_command_with_the_files_name(refuses, alice, damaged):
    code = code_at(SECRET)
    refuses(UNUSABLE, damaged, run=["status", "--user", alice, "--json"])
    refuses(UNUSABLE, damaged, run=["verify", "--user", alice], typed=code)
    refuses(UNUSABLE, damaged, run=["add", "--user", alice, "--no-confirm", "--json"])
    refuses(UNUSABLE, damaged, run=["remove", "--user", alice, "--device", "phone", "--yes"])


@damage_to(*DAMAGE)
def test_damage_lets_nobody_in_and_the_log_has_the_files_name(machine, alice, caller, damaged):
    before = snapshot()
    logged = len(machine.log.lines)
    assert not su(caller, alice, PASSWORD, code_at(SECRET))
    assert snapshot() == before
    ours = [line for line in machine.log.lines[logged:] if "pam_totp(su:auth)" in line]
    assert damaged in ours[0]
    assert re.search(r"user=\S+ service=su rhost=- verdict=unavailable reason=(settings|store|key)", ours[-1])


@damage_to("enrolment", "state", "key", but=[("enrolment", "directory"), ("state", "directory")])
def test_remove_takes_damaged_records_away_and_nothing_else(machine, alice, damaged):
    before = snapshot()
    removed = totp_enroll(machine, "remove", "--user", alice, "--yes", "--json")
    assert (removed.returncode, removed.stdout, removed.stderr) == (DONE, "", "")
    after = snapshot()
    records = {f"{STORE}/enrolled/{alice}", f"{STORE}/state/{alice}"}
    assert set(before) - set(after) == records & set(before)
    assert {path for path in after if content_of(after[path]) != content_of(before[path])} == set()


@damage_to("settings", "store", "store-enrolled", "store-state")
def test_remove_is_refused_where_the_place_itself_cannot_be_trusted(refuses, alice, damaged):
    refuses(UNUSABLE, damaged, run=["remove", "--user", alice, "--yes"])


def test_after_damage_and_removal_one_can_enrol_again(machine, alice, caller):
    (STORE / "state" / alice).write_bytes(b"")
    assert totp_enroll(machine, "remove", "--user", alice, "--yes").returncode == DONE
    assert su(caller, alice, PASSWORD, code_at(machine.enrol(alice)["secret"]))


def test_lost_key_is_not_replaced_while_somebody_is_enrolled(refuses, alice):
    KEY.unlink()
    refuses(UNUSABLE, str(KEY), run=["add", "--user", alice, "--no-confirm", "--json"])


@pytest.mark.parametrize("option, value, word", [
    case("config", "--config", "/nonexistent/conf", "/nonexistent/conf"),
    case("store", "--store", "/nonexistent/store", "/nonexistent/store"),
    case("key", "--key", "/nonexistent/key", "/nonexistent/key")])
def test_other_place_that_is_not_there_is_refused(refuses, alice, option, value, word):
    refuses(UNUSABLE, word, run=["status", "--user", alice, option, value])


# ---- JSON alone


def test_with_json_stdout_is_json_alone(machine, alice):
    code = code_at(SECRET)
    add = ["add", "--no-confirm"]
    for arguments, typed in ((["status"], None), (["verify"], code), (["verify"], wrong(code)),
                             (["verify"], "x"), (add, None), ([*add, "--qr", "ascii"], None)):
        done = totp_enroll(machine, *arguments, "--user", alice, "--json", typed=typed)
        assert json.loads(done.stdout)["user"] == alice, arguments


def test_with_json_the_code_to_scan_goes_to_stderr(machine, user, store):
    added = totp_enroll(machine, "add", "--user", user, "--json", "--secret-from", "-", "--qr", "ascii",
                        typed=f"{SECRET}\n{code_at(SECRET)}")
    assert json.loads(added.stdout)["secret"] == SECRET
    assert "########" in added.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_with_json_stdout_stays_empty_where_nothing_can_be_told(refuses, command):
    refuses(USAGE, "nobody-here", run=[command, "--json", "--user", "nobody-here"])


@pytest.mark.parametrize("command", [["status"], ["add", "--no-confirm"]], ids=["status", "add"])
def test_stdout_that_takes_nothing_is_a_failure(machine, alice, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run([machine.totp_enroll, *command, "--user", alice, "--json"], stdout=full,
                              stderr=subprocess.PIPE)
    assert done.returncode != DONE
    assert done.stderr


# ---- remove asks


@pytest.mark.parametrize("options", [[], ["--device", "phone"], ["--json"]], ids=["all", "device", "json"])
@pytest.mark.parametrize("typed", [None, "y"], ids=["end", "y"])
def test_remove_without_yes_and_without_a_terminal_changes_nothing(refuses, alice, options, typed):
    refuses(USAGE, "--yes", run=["remove", "--user", alice, *options], typed=typed)


@pytest.fixture
def asked_to_remove(machine, alice):
    """remove on a terminal, where it asks."""
    client = pexpect.spawn(machine.totp_enroll, ["remove", "--user", alice], timeout=STUCK, encoding="utf-8")
    client.expect_exact(f"Remove everything enrolled for {alice}? [y/N] ")
    return client


@pytest.mark.parametrize("answer", ["", "n", "Yes, no", "\x04", "y|yes", " "], ids=["enter", "n", "no-clear-yes", "end", "both", "blank"])
def test_remove_on_a_terminal_changes_nothing_without_a_yes(asked_to_remove, alice, answer):
    before = snapshot()
    asked_to_remove.sendline(answer)
    asked_to_remove.expect("nothing was removed")
    assert asked_to_remove.wait() == REFUSED
    assert snapshot() == before


@pytest.mark.parametrize("answer", ["y", "yes", "Y", "YES", "Yes", "y ", " yes\t"])
def test_remove_on_a_terminal_removes_after_a_yes(asked_to_remove, alice, answer):
    asked_to_remove.sendline(answer)
    asked_to_remove.expect(r"Nothing is left then.*\[y/N\] ")
    asked_to_remove.sendline(answer)
    asked_to_remove.expect("Removed.")
    assert asked_to_remove.wait() == DONE
    assert not (STORE / "enrolled" / alice).exists() and not (STORE / "state" / alice).exists()


@pytest.mark.parametrize("settings, told", [
    case("nothing-said", "", ["unenrolled=ignore (as the profile totp), the password alone gets in",
                              "unenrolled=enrol (as totp-required), whoever knows the password enrols"]),
    case("ignore", "unenrolled = ignore\n", ["accounts without a device get in by the password alone"]),
    case("enrol", "unenrolled = enrol\n", ["whoever knows the password of an account without a device enrols one"])])
def test_remove_says_what_becomes_of_an_account_without_a_device(machine, alice, settings, told):
    SETTINGS.parent.mkdir(exist_ok=True)
    SETTINGS.write_text(settings)
    client = pexpect.spawn(machine.totp_enroll, ["remove", "--user", alice], timeout=10, encoding="utf-8")
    client.expect_exact("[y/N] ")
    client.sendline("y")
    client.expect_exact("[y/N] ")
    assert all(words in client.before for words in told), client.before
    client.close()


# ---- a full disk


@pytest.fixture
def full_store(machine, alice):
    """A store on a disk that is filled up after alice, who has a phone, enrolled a tablet."""
    directory = Path("/run/private/small")
    directory.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(directory))
    options = ["--store", f"{directory}/store", "--key", f"{directory}/key"]
    phone = machine.enrol(alice, *options)
    machine.enrol(alice, "--device", "tablet", *options)
    with contextlib.suppress(OSError), open(directory / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    yield options, phone["secret"]
    run("umount", str(directory))


def test_removal_that_fails_on_a_full_disk_locks_nobody_out(machine, alice, full_store):
    options, secret = full_store
    removal = ["remove", "--user", alice, "--device", "tablet", "--yes", *options]
    assert totp_enroll(machine, *removal).returncode == UNUSABLE
    assert totp_enroll(machine, "verify", "--user", alice, *options, typed=code_at(secret)).returncode == DONE
