"""totp-enroll bulk: many accounts from a list, killed and hindered; what is handed over logs in through the module."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pexpect
import pyotp
import pytest

import pam_client
from machine import PASSWORD, STUCK, SettingsFile, as_user, run, wait_for_room_in_step
from person import RECOVERY_CODE
from test_qr_file import read

SERVICE = "bulk"
ENROLLED, KEY = Path("/var/lib/pam-totp/enrolled"), Path("/etc/pam-totp/key")
PAM_SUCCESS, PAM_AUTH_ERR = 0, 7
DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)
ACCOUNTS, KILLS = 60, 10


@pytest.fixture(scope="module", autouse=True)
def service(machine):
    Path(f"/etc/pam.d/{SERVICE}").write_text("auth required pam_totp.so quiet\n")


class Passwd:
    """Accounts that are lines of /etc/passwd and no more."""

    def __init__(self):
        self._made = 0

    def add(self, count):
        names = [f"staff{self._made + number}" for number in range(count)]
        self._made += count
        with open("/etc/passwd", "a") as accounts:
            accounts.writelines(f"{name}:x:{random.randrange(20_000, 30_000)}:100::/:/bin/sh\n" for name in names)
        return names


@pytest.fixture(scope="module")
def passwd():
    return Passwd()


class Bulk:
    """A list, and where what is handed over goes."""

    def __init__(self, machine, directory):
        self.machine = machine
        self.list = directory / "list"
        self.out = directory / "out"

    def say(self, *lines, end="\n"):
        self.list.write_text("".join(line + end for line in lines))

    def command(self, *options):
        return [self.machine.totp_enroll, "bulk", str(self.list), "--out", str(self.out), *options]

    def run(self, *options, **others):
        return subprocess.run(self.command(*options), capture_output=True, text=True, **others)

    def facts(self, *options):
        """The facts, by line; and the exit code."""
        done = self.run("--json", *options)
        facts = [json.loads(line) for line in done.stdout.splitlines()]
        assert len({fact["line"] for fact in facts}) == len(facts)
        return {fact["line"]: fact for fact in facts}, done.returncode

    def handed(self, user):
        return Handed(user, (self.out / f"{user}.txt").read_text(), self.out / f"{user}.png")

    def names(self):
        return {path.name for path in self.out.iterdir()} if self.out.exists() else set()

    def expected_names(self, users):
        return {f"{user}.{kind}" for user in users for kind in ("txt", "png")}


class Handed:
    """What the owner of an account was handed."""

    def __init__(self, user, text, picture):
        self.user = user
        self.text = text
        self.picture = picture
        self.recovery_codes = RECOVERY_CODE.findall(text)
        self.uri, = re.findall(r"^otpauth://.*$", text, re.MULTILINE)

    def logs_in(self, answer):
        return subprocess.run([sys.executable, pam_client.__file__, SERVICE, self.user], input=f"{answer}\n",
                              text=True).returncode

    def code_logs_in_once(self, uri=None):
        """With what an app shows that scanned the picture; and nobody with the same."""
        app = pyotp.parse_uri(uri or self.uri)
        wait_for_room_in_step()
        code = app.now()
        return (self.logs_in(code), self.logs_in(code)) == (PAM_SUCCESS, PAM_AUTH_ERR)


@pytest.fixture
def bulk(machine, tmp_path):
    return Bulk(machine, tmp_path)


def records():
    """The enrolments, by account: as long as one stands, nobody was enrolled anew."""
    return {path.name: path.read_bytes() for path in ENROLLED.iterdir() if path.name[0] != "."}


def all_log_in(bulk, users):
    """By their pictures, each of which says the same as its text."""
    pictures = dict(zip(users, ThreadPoolExecutor(4).map(lambda user: read(bulk.out / f"{user}.png"), users)))
    assert len(set(pictures.values())) == len(users)
    for user in users:
        handed = bulk.handed(user)
        assert pictures[user] == handed.uri
        assert handed.code_logs_in_once(pictures[user]), user
    return True


def modes(directory):
    return {(path.stat().st_uid, path.stat().st_mode & 0o7777) for path in directory.iterdir()}


# ---- what comes of it

def test_everybody_is_enrolled_and_logs_in_with_what_they_are_handed(machine, bulk, passwd):
    users = passwd.add(ACCOUNTS)
    lines = len(machine.log.lines)
    bulk.say("# all of them", "", *users)
    done = bulk.run("--issuer", "Example")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert done.stdout == f"60 enrolled, 0 done before, 0 failed. What is to be handed over is in {bulk.out}.\n"
    assert bulk.names() == bulk.expected_names(users)
    assert (bulk.out.stat().st_uid, bulk.out.stat().st_mode & 0o7777, modes(bulk.out)) == (0, 0o700, {(0, 0o600)})
    assert all_log_in(bulk, users)
    log = machine.log.text(since=lines)
    assert all(f"user={user} service=totp-enroll by=root change=device_added device=phone" in log for user in users)

    handed = bulk.handed(users[0])
    assert "Example" in handed.uri and len(handed.recovery_codes) == 10
    code = handed.recovery_codes[3]
    assert (handed.logs_in(code), handed.logs_in(code)) == (PAM_SUCCESS, PAM_AUTH_ERR)
    key = re.search(r"^    ([A-Z2-7]{4}(?: [A-Z2-7]{4})+)$", handed.text, re.MULTILINE)[1]
    assert f"secret={key.replace(' ', '')}" in handed.uri


def test_account_logs_in_over_ssh(machine, sshd, bulk, user):
    bulk.say(user)
    assert bulk.run().returncode == DONE
    wait_for_room_in_step()
    code = pyotp.parse_uri(read(bulk.out / f"{user}.png")).now()
    assert [sshd.login(user, PASSWORD, code) for _ in range(2)] == [True, False]


def test_columns_say_device_issuer_and_label(machine, bulk, passwd):
    alice, bob = passwd.add(2)
    bulk.say("\ufeffuser,device,issuer,label", f'"{alice}",tablet,"Example, Inc.",alice at work', f"{bob},,,", end="\r\n")
    facts, code = bulk.facts("--device", "key", "--recovery-codes", "0")
    assert code == DONE
    assert facts[2] == {"line": 2, "user": alice, "outcome": "enrolled", "device": "tablet",
                        "record": f"{bulk.out}/{alice}.txt", "picture": f"{bulk.out}/{alice}.png", "error": None}
    assert (facts[3]["outcome"], facts[3]["device"]) == ("enrolled", "key")
    app = pyotp.parse_uri(read(bulk.out / f"{alice}.png"))
    assert (app.issuer, app.name) == ("Example, Inc.", "alice at work")
    assert [device["name"] for device in machine.status(alice)["devices"]] == ["tablet"]
    assert bulk.handed(bob).recovery_codes == [] and "ecovery" not in bulk.handed(bob).text
    assert all_log_in(bulk, [alice, bob])


def test_list_comes_from_stdin(bulk, passwd):
    users = passwd.add(2)
    bulk.list = "-"
    done = bulk.run(input="\n".join([users[0], "nobody-here", users[1]]))
    assert (done.returncode, bulk.names()) == (REFUSED, bulk.expected_names(users))
    assert done.stderr == ("totp-enroll: stdin:2 names nobody-here, who isn't an account of this machine: "
                           "see getent passwd\n")


def test_strange_names_stay_in_their_directory(bulk):
    with open("/etc/passwd", "a") as accounts:
        accounts.write("../../up:x:20001:100::/:/bin/sh\nDOM\\müller:x:20002:100::/:/bin/sh\n")
    bulk.say("../../up", "DOM\\müller")
    assert bulk.run().returncode == DONE
    assert bulk.names() == bulk.expected_names(["%2E.%2F..%2Fup", "DOM%5Cm%C3%BCller"])


def test_lost_state_makes_nobody_fail_where_it_may_begin_anew(bulk, passwd):
    users = passwd.add(2)
    bulk.say(*users)
    assert bulk.run().returncode == DONE
    Path("/var/lib/pam-totp/state", users[0]).unlink()
    settings = SettingsFile("anew")
    settings.say("missing_state = new")
    try:
        facts, code = bulk.facts()
    finally:
        settings.remove()
    assert (code, {fact["outcome"] for fact in facts.values()}) == (DONE, {"done_before"})


# ---- interruption

def kill_in_the_midst(bulk, by, names=0, pause=0.0, before=()):
    """Starts it, by the command `before` where there is one, and sends the signal once there are so many names more where it puts them, and the pause is over.
    The exit code and what it said."""
    names += len(bulk.names())
    with subprocess.Popen([*before, *bulk.command()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        while len(bulk.names()) < names and process.poll() is None:
            time.sleep(0.001)
        time.sleep(pause)
        process.send_signal(by)
        said = process.communicate()
    return process.returncode, *said


def assert_nothing_doubled_or_lost(bulk, users, before):
    """Who is enrolled stays enrolled with that very key, which lies there whole, with its picture once that has its
    name; what has its name stays."""
    standing, texts = before
    now = {user: record for user, record in records().items() if user in users}
    assert {user: now.get(user) for user in standing} == standing
    names = bulk.names()
    for user in now:
        assert {f"{user}.txt", f".{user}.txt"} & names, user
        assert f"{user}.txt" not in names or f"{user}.png" in names
    handed = {name: (bulk.out / name).read_bytes() for name in names if name[0] != "."}
    assert {name: handed.get(name) for name in texts} == texts
    assert {name[:-4] for name in handed if name.endswith(".txt")} <= set(now)
    assert modes(bulk.out) <= {(0, 0o600)} if names else True
    return now, handed


def test_killed_at_random_moments_it_goes_on_and_nothing_is_doubled_or_lost(machine, bulk, passwd, record_property):
    users = passwd.add(ACCOUNTS)
    bulk.say(*users)
    random.seed(7)
    record_property("cases", KILLS)
    standing, in_the_middle = ({}, {}), 0
    for _ in range(KILLS):
        code, _, said = kill_in_the_midst(bulk, signal.SIGKILL, random.randrange(10), random.uniform(0, 0.02))
        assert code in (DONE, -signal.SIGKILL), said
        before, standing = standing, assert_nothing_doubled_or_lost(bulk, users, standing)
        in_the_middle += len(before[0]) < len(standing[0]) < ACCOUNTS
    assert in_the_middle >= KILLS / 3
    facts, code = bulk.facts()
    assert code == DONE and len(facts) == ACCOUNTS
    assert sum(fact["outcome"] == "done_before" for fact in facts.values()) <= len(standing[0])
    assert_nothing_doubled_or_lost(bulk, users, standing)
    assert bulk.names() == bulk.expected_names(users)
    assert all(len(machine.status(user)["devices"]) == 1 for user in users)
    assert all_log_in(bulk, users)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_signal_lets_it_finish_what_is_under_way(machine, bulk, passwd, by):
    users = passwd.add(6 * ACCOUNTS)  # many more than are under way at once
    bulk.say(*users)
    code, *said = kill_in_the_midst(bulk, by, names=6)
    assert code == -by
    enrolled = len(set(records()) & set(users))
    assert 0 < enrolled < len(users) and not any(name[0] == "." for name in bulk.names())
    assert said[0].startswith(f"{enrolled} enrolled, 0 done before, 0 failed.")
    assert said[1] == f"totp-enroll: interrupted: {len(users) - enrolled} are left; the same command goes on with them\n"
    done = bulk.run()
    assert (done.returncode, done.stdout.split(" failed")[0]) == (
        DONE, f"{len(users) - enrolled} enrolled, {enrolled} done before, 0")
    assert all_log_in(bulk, users[:3] + users[-3:])


def test_hang_up_stops_nothing_that_was_begun_with_nohup(bulk, passwd):
    users = passwd.add(6 * ACCOUNTS)
    bulk.say(*users)
    code, *said = kill_in_the_midst(bulk, signal.SIGHUP, names=6, before=["nohup"])
    assert (code, *said) == (DONE, f"{len(users)} enrolled, 0 done before, 0 failed. What is to be handed over is in "
                                   f"{bulk.out}.\n", "")


def test_lost_output_stops_it_and_it_goes_on(bulk, passwd):
    users = passwd.add(4 * ACCOUNTS)  # more than are under way at once
    bulk.say(*users)
    with open("/dev/full", "w") as full:
        done = subprocess.run(bulk.command("--json"), stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, "the same command goes on" in done.stderr) == (UNUSABLE, True)
    assert 0 < len(set(records()) & set(users)) < len(users)
    assert bulk.run().returncode == DONE and bulk.names() == bulk.expected_names(users)


def test_done_once_more_it_changes_nothing_and_a_longer_list_adds(bulk, passwd):
    users = passwd.add(3)
    bulk.say(*users[:2])
    assert bulk.run().returncode == DONE
    before = {path.name: path.read_bytes() for path in bulk.out.iterdir()}, records()
    facts, code = bulk.facts()
    assert (code, {fact["outcome"] for fact in facts.values()}) == (DONE, {"done_before"})
    assert ({path.name: path.read_bytes() for path in bulk.out.iterdir()}, records()) == before
    bulk.say(*reversed(users))
    facts, code = bulk.facts()
    assert [facts[line]["outcome"] for line in (1, 2, 3)] == ["enrolled", "done_before", "done_before"]


def two_at_once(machine, tmp_path, users):
    """Two that enrol all of these, each into an --out of its own; and what each says of them."""
    both = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        both.append(Bulk(machine, tmp_path / name))
        both[-1].say(*users)
    return both, list(ThreadPoolExecutor(2).map(lambda each: each.facts()[0], both))


def test_two_at_once_give_nobody_two_keys(machine, passwd, tmp_path):
    users = passwd.add(ACCOUNTS)
    both, (one, two) = two_at_once(machine, tmp_path, users)
    for line, user in enumerate(users, 1):
        outcomes = (one[line]["outcome"], two[line]["outcome"])
        assert outcomes in (("enrolled", "failed"), ("failed", "enrolled")), user
        winner = both[outcomes.index("enrolled")]
        assert winner.handed(user).code_logs_in_once(), user
    names = [each.names() for each in both]
    assert not names[0] & names[1] and names[0] | names[1] == both[0].expected_names(users)


class Stopped:
    """A bulk in the midst of its work."""

    def __init__(self, bulk):
        self.process = subprocess.Popen(bulk.command(), stdout=subprocess.DEVNULL)
        while len(bulk.names()) < 4:
            time.sleep(0.001)
        self.process.send_signal(signal.SIGSTOP)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        assert self.process.wait() == DONE


def test_rekey_and_another_bulk_are_refused_meanwhile(machine, bulk, passwd):
    users = passwd.add(ACCOUNTS)
    bulk.say(*users)
    with Stopped(bulk), ThreadPoolExecutor(2) as pool:
        key = KEY.read_bytes()
        rekey = pool.submit(subprocess.run, [machine.totp_enroll, "rekey"], capture_output=True, text=True)
        another = pool.submit(bulk.run)
        assert (rekey.result().returncode, another.result().returncode) == (UNUSABLE, USAGE)
        assert "by bulk: try again when that is done" in rekey.result().stderr
        assert "in use by another totp-enroll bulk" in another.result().stderr
        assert KEY.read_bytes() == key
    assert run(machine.totp_enroll, "rekey") and bulk.run().returncode == DONE
    assert all_log_in(bulk, users[:3])


# ---- what fails

def test_failure_names_its_line_and_stops_nothing_else(machine, bulk, passwd):
    first, twice, there, last = passwd.add(4)
    machine.enrol(there)
    enrolment = records()[there]
    bulk.say("# staff", "user,device", f"{first},", "nobody-here,", f"{twice},a b", f"{twice},tablet", f"{twice},",
             f"{there},", f"{last}", f"{last},phone")
    done = bulk.run()
    assert done.returncode == REFUSED
    assert done.stdout.startswith("3 enrolled, 0 done before, 5 failed.")
    assert sorted(re.findall(rf"^totp-enroll: {bulk.list}:(\d+):? (.{{12}})", done.stderr, re.MULTILINE)) == [
        ("4", "names nobody"), ("5", "names the de"), ("7", f"names {twice}"[:12]),
        ("8", f"{there} is enrolled already"[:12]), ("9", "has 1 values")]
    assert f"{bulk.list}:7 names {twice} again, who is in line 6" in done.stderr
    assert bulk.names() == bulk.expected_names([first, twice, last]) and records()[there] == enrolment
    facts, code = bulk.facts()
    assert (code, facts[4]["outcome"], facts[4]["user"], facts[4]["record"]) == (REFUSED, "failed", "nobody-here", None)
    assert f"{bulk.list}:4" in facts[4]["error"]
    assert {line: fact["outcome"] for line, fact in facts.items()} == {
        3: "done_before", 4: "failed", 5: "failed", 6: "done_before", 7: "failed", 8: "failed", 9: "failed",
        10: "done_before"}


def test_what_was_handed_and_is_not_enrolled_is_told(machine, bulk, passwd):
    gone, other, picture = users = passwd.add(3)
    bulk.out = bulk.out.with_name("out" * 40)
    bulk.say(gone, other)
    assert bulk.run().returncode == DONE
    for user in (gone, other):
        run(machine.totp_enroll, "remove", "--yes", "--user", user)
    machine.enrol(other)
    (bulk.out / f"{picture}.png").write_text("mine")
    before = {path.name: path.read_bytes() for path in bulk.out.iterdir()}, records()
    bulk.say(*users)
    facts, code = bulk.facts()
    assert code == REFUSED
    assert f"isn't enrolled, but there is {bulk.out}/{gone}.txt" in facts[1]["error"]
    assert f"not with the key in {bulk.out}/{other}.txt" in facts[2]["error"]
    assert f"picture {bulk.out}/{picture}.png" in facts[3]["error"]
    assert ({path.name: path.read_bytes() for path in bulk.out.iterdir()}, records()) == before


@pytest.mark.parametrize("lines, complaint", [
    (["user,mail", "root,x"], ":1 heads a column 'mail': there are user, device, issuer and label"),
    (["user", "root"], ":1 may be a heading or an account"),
    (["# nobody"], " lists nobody"),
])
def test_list_that_is_wrong_as_a_whole_changes_nothing(bulk, lines, complaint):
    before = records()
    bulk.say(*lines)
    done = bulk.run()
    assert (done.returncode, done.stdout) == (USAGE, "") and f"{bulk.list}{complaint}" in done.stderr
    assert records() == before and not bulk.out.exists()


@pytest.mark.parametrize("options, code", [(["--user", "root"], USAGE), (["--device", "a b"], USAGE),
                                           (["--issuer", "a:b"], USAGE), (["--issuer", "a\nb"], USAGE),
                                           (["--recovery-codes", "33"], USAGE), (["--key", "/nowhere/key"], UNUSABLE)])
def test_options_that_make_no_sense_change_nothing(bulk, passwd, options, code):
    bulk.say(*passwd.add(1))
    before = records()
    done = bulk.run(*options)
    assert (done.returncode, done.stdout, done.stderr != "") == (code, "", True)
    assert records() == before and not bulk.out.exists()


def open_to_others(out):
    out.mkdir(mode=0o750)


def somebody_elses(out):
    out.mkdir(mode=0o700)
    shutil.chown(out, "nobody")


def link(out):
    out.with_name("real").mkdir(mode=0o700)
    out.symlink_to(out.with_name("real"))


@pytest.mark.parametrize("make", [open_to_others, somebody_elses, link, Path.touch], ids=lambda make: make.__name__)
@pytest.mark.parametrize("end", ["", "/"], ids=["plain", "slash"])
def test_out_that_is_not_roots_alone_is_refused(bulk, passwd, make, end):
    bulk.say(*passwd.add(1))
    make(bulk.out)
    before = records()
    done = subprocess.run([*bulk.command()[:-1], f"{bulk.out}{end}"], capture_output=True, text=True)
    assert (done.returncode, f"--out {bulk.out}" in done.stderr) == (USAGE, True), done.stderr
    assert records() == before and (make is Path.touch or not bulk.names())


def test_is_for_root(machine, bulk, user):
    bulk.say(user)
    refused = subprocess.run(as_user(user, *bulk.command()), capture_output=True, text=True)
    assert (refused.returncode, "for root" in refused.stderr) == (NOT_PERMITTED, True)


def test_full_disk_under_out_enrols_nobody_whose_key_would_be_lost(bulk, passwd):
    users = passwd.add(30)
    bulk.say(*users)
    bulk.out.mkdir(mode=0o700)
    run("mount", "-t", "tmpfs", "-o", "size=40k,mode=700", "tmpfs", str(bulk.out))
    try:
        done = bulk.run()
        enrolled = set(records()) & set(users)
        assert done.returncode == REFUSED and "No space left on device" in done.stderr
        assert 0 < len(enrolled) < len(users) and bulk.names() == bulk.expected_names(enrolled)
        run("mount", "-o", "remount,size=10m", str(bulk.out))
        assert bulk.run().returncode == DONE
        assert all_log_in(bulk, users)
    finally:
        run("umount", str(bulk.out))


# ---- the progress line

def on_terminal(bulk, *options):
    """All that was written to a terminal of 60 columns."""
    program, *rest = bulk.command(*options)
    client = pexpect.spawn(program, rest, encoding="utf-8", timeout=STUCK, dimensions=(24, 60))
    client.expect(pexpect.EOF)
    client.close()
    return client.before, client.exitstatus


def test_progress_is_on_a_terminal_alone_and_gone_in_the_end(bulk, passwd):
    bulk.say(*passwd.add(ACCOUNTS), "nobody-here")
    said, code = on_terminal(bulk)
    bars = re.findall(r"\r(\d+) of 61 \[[#-]+\]", said)
    assert code == REFUSED and bars and bars[0] != "61"
    *_, last = said.replace("\r\n", "\n").split("\r")
    assert last == f"60 enrolled, 0 done before, 1 failed. What is to be handed over is in {bulk.out}.\n"
    assert all(len(line) < 60 for line in re.split(r"[\r\n]", said) if " of 61" in line)
    bulk.say(*passwd.add(ACCOUNTS))
    said, code = on_terminal(bulk, "--json")
    assert code == DONE and len([json.loads(line) for line in said.splitlines()]) == ACCOUNTS
    bulk.say(*passwd.add(ACCOUNTS))
    done = bulk.run()
    assert (done.returncode, done.stderr, "\r" in done.stdout) == (DONE, "", False)
