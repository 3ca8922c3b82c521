"""Many hosts, one database, many accounts at once: totp-enroll import, bulk and status --all against it."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pyotp
import pytest

from machine import PASSWORD, code_at, su, wait_for_room_in_step
from test_bulk import Bulk, kill_in_the_midst, two_at_once
from test_fleet_administer import caller, database, enroll, facts, person, said_last, settings, status  # noqa: F401, fixtures
from test_import import GoogleAuthenticator, hotp
from test_qr_file import read

DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)
ACCOUNTS, KILLS = 40, 8
SECRET, OTHER = "OBUG63TFOBUG63TFOBUG63TFOBUG63TF", "ORXWWZLOORXWWZLOORXWWZLOORXWWZLO"


# ---- import


def imported(machine, *arguments, **options):
    """What an import of one account that takes everything says."""
    done = subprocess.run([machine.totp_enroll, "import", *map(str, arguments), "--json"], capture_output=True, text=True, **options)
    assert done.returncode == DONE, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def uris(tmp_path):
    def write(*lines):
        file = tmp_path / "uris"
        file.write_text("".join(line + "\n" for line in lines))
        file.chmod(0o600)
        return file
    return write


def say_in(google, old, new):
    """Its file with something else in it."""
    text = google.file.read_text()
    assert text.count(old) == 1
    google.file.chmod(0o600)
    google.file.write_text(text.replace(old, new))


def test_devices_of_a_file_log_in(machine, caller, person, uris):  # noqa: F811
    file = uris(f"otpauth://totp/a?secret={SECRET}", f"otpauth://totp/b?secret={OTHER}&digits=8&algorithm=SHA256&period=60")
    said = imported(machine, "uri", file, "--user", person)
    assert (said["user"], said["file"], said["changed"], said["error"]) == (person, str(file), True, None)
    assert [(each["name"], each["new"], each["digits"], each["period"]) for each in said["devices"]] == [
        ("phone", True, 6, 30), ("phone-2", True, 8, 60)]
    code = code_at(SECRET)
    assert [su(caller, person, PASSWORD, code) for _ in range(2)] == [True, False]
    assert su(caller, person, PASSWORD, code_at(OTHER, digits=8, algorithm="SHA256", period=60))
    assert f"user={person} service=totp-enroll by=root change=device_added device=phone-2" in machine.log.text()
    assert not Path(f"/var/lib/pam-totp/enrolled/{person}").exists()


def test_what_google_authenticator_enrolled_logs_in_and_what_was_spent_there_stays_spent(machine, caller, person):  # noqa: F811
    google = GoogleAuthenticator(person, "-t", "-d", "-u", "-W")
    spent = code_at(google.secret)
    say_in(google, '" DISALLOW_REUSE', f'" DISALLOW_REUSE {int(time.time()) // 30}')
    said = imported(machine, "google", "--user", person)
    assert said["devices"][0]["recovery_codes"] == 5
    assert not su(caller, person, PASSWORD, spent)
    assert said_last(machine, person).startswith("refused reason=replayed")
    assert su(caller, person, PASSWORD, code_at(google.secret, 1))
    code, *_ = google.scratch_codes()
    assert [su(caller, person, PASSWORD, code) for _ in range(2)] == [True, False]
    assert status(machine, person)["recovery_codes_left"] == 4


def test_users_file_is_taken_account_by_account(machine, caller, person, tmp_path):  # noqa: F811
    file = tmp_path / "users"
    key, other = "3132333435363738393031323334353637383930", "3132333435363738393031323334353637383931"
    file.write_text(f"HOTP {person} - {key} 2\nHOTP somewhere-else - {other}\nHOTP wrong - xyz\n")
    file.chmod(0o600)
    done = enroll(machine, "import", "oath", str(file))
    assert (done.returncode, "has a wrong line 3" in done.stderr) == (REFUSED, True), done.stderr
    assert status(machine, "somewhere-else")["enrolled"], "whom this machine doesn't know"
    assert not status(machine, "wrong")["enrolled"]
    assert [su(caller, person, PASSWORD, hotp(key, counter)) for counter in (1, 2)] == [False, True]


def test_twice_changes_nothing_and_what_was_used_there_since_is_spent(machine, caller, person):  # noqa: F811
    google = GoogleAuthenticator(person, "-c", "-u", "-W")
    assert imported(machine, "google", google.file)["changed"]
    before = status(machine, person)
    again = enroll(machine, "import", "google", str(google.file))
    assert (again.returncode, again.stdout) == (DONE, f"{person}: phone is there already\n")
    assert status(machine, person) == before
    say_in(google, "HOTP_COUNTER 1", "HOTP_COUNTER 4")
    said = imported(machine, "google", google.file)
    assert (said["changed"], said["devices"][0]["new"], said["devices"][0]["recovery_codes"]) == (True, False, 0)
    assert [su(caller, person, PASSWORD, hotp(google.secret, counter, "--base32")) for counter in (3, 4)] == [False, True]


def test_clock_that_was_found_off_stays_known(machine, caller, person):  # noqa: F811
    google = GoogleAuthenticator(person, "-t", "-d", "-u", "-W")
    google.add_line('" TIME_SKEW 5')
    imported(machine, "google", google.file)
    assert status(machine, person)["devices"][0]["drift"] == 5
    assert su(caller, person, PASSWORD, code_at(google.secret, 5))


def test_short_secret_is_taken(machine, caller, person, uris):  # noqa: F811
    said = imported(machine, "uri", uris("otpauth://totp/a?secret=OBUG63TFOBUG63TF"), "--user", person, "--device", "old")
    assert said["devices"][0]["name"] == "old" and "80 bits" in said["devices"][0]["notes"][0]
    assert su(caller, person, PASSWORD, code_at("OBUG63TFOBUG63TF"))


@pytest.mark.parametrize("line, said", [
    (f'" DISALLOW_REUSE {int(time.time()) // 30 + 1000}', "come long from now"),
    ('" DISALLOW_REUSE\n" TIME_SKEW 90', "off by 90 steps, more than max_drift (20) allows")], ids=["future", "clock"])
def test_what_would_shut_somebody_out_is_refused(machine, person, line, said):  # noqa: F811
    google = GoogleAuthenticator(person, "-t", "-d", "-u", "-W")
    say_in(google, '" DISALLOW_REUSE', line)
    done = enroll(machine, "import", "google", str(google.file))
    assert (done.returncode, said in done.stderr) == (REFUSED, True), done.stderr
    assert done.stderr.startswith(f"totp-enroll: {person}: ")
    assert not status(machine, person)["enrolled"]


def test_of_what_cannot_be_taken_whole_nothing_is(machine, person, uris):  # noqa: F811
    many = [f"otpauth://totp/{number}?secret={'AB'[number % 2] * 30}{'ABCDEFGHI'[number]}A" for number in range(9)]
    done = enroll(machine, "import", "uri", str(uris(*many)), "--user", person, "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]) == (REFUSED, f"{person}: an account has at most 8 devices")
    done = enroll(machine, "import", "uri", str(uris(*many[:2])), "--user", person, "--device", "same")
    assert (done.returncode, "another device of the account has this name" in done.stderr) == (REFUSED, True)
    assert not status(machine, person)["enrolled"]


def test_all_homes_add_no_device_to_who_is_enrolled(machine, person):  # noqa: F811
    GoogleAuthenticator(person, "-t", "-d", "-u", "-W")
    enroll(machine, "import", "google", "--all-homes")
    assert len(status(machine, person)["devices"]) == 1
    planted = GoogleAuthenticator(person, "-t", "-d", "-u", "-W")
    done = enroll(machine, "import", "google", "--all-homes")
    assert done.returncode == REFUSED and f"{person}: it is enrolled, and the file has another secret" in done.stderr
    assert len(status(machine, person)["devices"]) == 1
    assert imported(machine, "google", planted.file)["devices"][0]["name"] == "phone-2"


# ---- bulk


class Names:
    """Accounts that no machine here knows."""

    def __init__(self):
        self._made = 0

    def make(self, count):
        self._made += count
        return [f"staff-{number}" for number in range(self._made - count, self._made)]


names = Names()


@pytest.fixture
def bulk(machine, tmp_path):
    return Bulk(machine, tmp_path)


def enrolled_in(database, users):  # noqa: F811
    """The devices' ids by account, of these."""
    lines = database.execute("SELECT account || ' ' || (devices[1]).id || ' ' || cardinality(devices) FROM totp.enrolment").split("\n")
    rows = [line.split(" ") for line in lines if line]
    assert {count for account, _, count in rows if account in users} <= {"1"}
    return {account: device for account, device, _ in rows if account in users}


def recovery_codes_fit(database, account, codes):  # noqa: F811
    """Whether the codes are those that the database knows."""
    typed = ",".join(code.replace("-", "") for code in codes)
    return database.execute(
        f"SELECT count(*) = {len(codes)} AND count(*) = cardinality(recovery) FROM totp.enrolment, unnest('{{{typed}}}'::text[]) AS typed, "
        f"unnest(recovery) AS code WHERE account = '{account}' AND code.hash = totp_crypto.crypt(typed, code.hash) GROUP BY recovery"
    ).strip() == "t"


def device_of(database, handed):  # noqa: F811
    secret = pyotp.parse_uri(handed.uri).byte_secret().hex()
    return database.execute("SELECT totp.device_id(ROW('', '', 'totp', 'sha1', 6, 30, "
                            f"decode('{secret}', 'hex'))::totp.device)").strip()


def assert_handed_over(bulk, database, users):  # noqa: F811
    """Each by its picture and its text has what the database has."""
    there = enrolled_in(database, users)
    assert set(there) == set(users) and bulk.names() == bulk.expected_names(users)
    for user in users:
        handed = bulk.handed(user)
        assert there[user] == device_of(database, handed), user
        assert recovery_codes_fit(database, user, handed.recovery_codes), user


def test_everybody_is_enrolled_and_logs_in_with_what_they_are_handed(machine, database, caller, person, bulk):  # noqa: F811
    users = [person, *names.make(5)]
    bulk.say(*users)
    done = bulk.run("--issuer", "Example")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert done.stdout == f"6 enrolled, 0 done before, 0 failed. What is to be handed over is in {bulk.out}.\n"
    assert_handed_over(bulk, database, users)
    assert all(read(bulk.out / f"{user}.png") == bulk.handed(user).uri for user in users)
    assert f"user={users[1]} service=totp-enroll by=root change=device_added device=phone" in machine.log.text()
    handed = bulk.handed(person)
    wait_for_room_in_step()
    code = pyotp.parse_uri(handed.uri).now()
    assert [su(caller, person, PASSWORD, code) for _ in range(2)] == [True, False]
    assert su(caller, person, PASSWORD, handed.recovery_codes[7])
    assert not Path(f"/var/lib/pam-totp/enrolled/{person}").exists()


def test_facts_are_those_of_files(machine, bulk):
    alice, bob = names.make(2)
    bulk.say("user,device,issuer,label", f"{alice},tablet,Example,alice at work", f"{bob},a b,,")
    said, code = bulk.facts("--recovery-codes", "0")
    assert (code, said[3]["outcome"]) == (REFUSED, "failed")
    assert said[2] == {"line": 2, "user": alice, "outcome": "enrolled", "device": "tablet", "record": f"{bulk.out}/{alice}.txt",
                       "picture": f"{bulk.out}/{alice}.png", "error": None}
    assert [device["name"] for device in status(machine, alice)["devices"]] == ["tablet"]
    assert (status(machine, alice)["recovery_codes_left"], bulk.handed(alice).recovery_codes) == (0, [])


def test_who_is_enrolled_is_done_before_and_left_as_they_are(machine, database, bulk, person, facts):  # noqa: F811
    users = names.make(2)
    bulk.say(person, *users)
    before = enrolled_in(database, [person])
    said, code = bulk.facts()
    assert (code, [said[line]["outcome"] for line in (1, 2, 3)]) == (DONE, ["done_before", "enrolled", "enrolled"])
    assert said[1] == {"line": 1, "user": person, "outcome": "done_before", "device": None, "record": None, "picture": None, "error": None}
    assert enrolled_in(database, [person]) == before and bulk.names() == bulk.expected_names(users)
    texts = {path.name: path.read_bytes() for path in bulk.out.iterdir()}
    said, code = bulk.facts()
    assert (code, {each["outcome"] for each in said.values()}) == (DONE, {"done_before"})
    assert said[2]["record"] == f"{bulk.out}/{users[0]}.txt"
    assert {path.name: path.read_bytes() for path in bulk.out.iterdir()} == texts


def test_killed_at_random_moments_it_goes_on_and_nothing_is_doubled_or_lost(database, bulk):  # noqa: F811
    users = names.make(ACCOUNTS)
    bulk.say(*users)
    random.seed(9)
    standing, in_the_middle = {}, 0
    for _ in range(KILLS):
        code, _, said = kill_in_the_midst(bulk, signal.SIGKILL, random.randrange(8), random.uniform(0, 0.3))
        assert code in (DONE, -signal.SIGKILL), said
        now = enrolled_in(database, users)
        in_the_middle += len(standing) < len(now) < ACCOUNTS
        assert {user: now[user] for user in standing} == standing
        standing = now
    assert in_the_middle >= KILLS / 4
    said, code = bulk.facts()
    assert code == DONE and {each["record"] is None for each in said.values()} == {False}
    assert_handed_over(bulk, database, users)


def test_interrupted_at_its_terminal_it_finishes_what_is_under_way(database, bulk):  # noqa: F811
    users = names.make(3 * ACCOUNTS)  # more than are under way at once
    bulk.say(*users)
    with subprocess.Popen(bulk.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while len(bulk.names()) < 6:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate()
    enrolled = len(enrolled_in(database, users))
    assert 0 < enrolled < len(users) and said[0].startswith(f"{enrolled} enrolled, 0 done before, 0 failed."), said
    assert bulk.run().returncode == DONE
    assert_handed_over(bulk, database, users)


def begun(bulk, user):
    """As if it had been killed before it gave the names."""
    for kind in ("txt", "png"):
        (bulk.out / f"{user}.{kind}").rename(bulk.out / f".{user}.{kind}")


def test_what_a_run_that_is_over_had_under_way_is_no_lost_key(database, bulk):  # noqa: F811
    """The database may come to an order after who gave it was killed, and after the next run has looked."""
    [user] = names.make(1)
    bulk.say(user)
    assert bulk.run().returncode == DONE
    begun(bulk, user)
    before = enrolled_in(database, [user])
    database.execute(f"CREATE TABLE late AS SELECT * FROM totp.enrolment WHERE account = '{user}';"
                     f"CREATE TABLE late_state AS SELECT * FROM totp.login_state WHERE account = '{user}';"
                     f"DELETE FROM totp.enrolment WHERE account = '{user}';"
                     "ALTER FUNCTION totp.enrol RENAME TO enrol_late")
    database.execute("CREATE FUNCTION totp.enrol(text, text, bytea, text[]) RETURNS boolean LANGUAGE sql SECURITY DEFINER AS "
                     "'INSERT INTO totp.enrolment SELECT * FROM late; INSERT INTO totp.login_state SELECT * FROM late_state; "
                     "SELECT totp.enrol_late($1, $2, $3, $4)'; GRANT EXECUTE ON FUNCTION totp.enrol TO totp_admin")
    try:
        said, code = bulk.facts()
    finally:
        database.execute("DROP FUNCTION totp.enrol; ALTER FUNCTION totp.enrol_late RENAME TO enrol; DROP TABLE late, late_state")
    assert (code, said[1]["outcome"]) == (DONE, "enrolled")
    assert enrolled_in(database, [user]) == before
    assert_handed_over(bulk, database, [user])


def test_what_has_begun_whole_is_gone_on_with_and_what_is_torn_is_made_anew(database, bulk):  # noqa: F811
    whole, torn, alone = users = names.make(3)
    bulk.say(*users)
    assert bulk.run().returncode == DONE
    before = {user: bulk.handed(user).uri for user in users}
    for user in users:
        begun(bulk, user)
    database.execute("DELETE FROM totp.enrolment WHERE account IN ('" + "', '".join(users) + "')")
    text = bulk.out / f".{torn}.txt"
    text.write_text(text.read_text()[:60])
    (bulk.out / f".{alone}.png").unlink()
    assert bulk.run().returncode == DONE
    assert_handed_over(bulk, database, users)
    assert [bulk.handed(user).uri == before[user] for user in users] == [True, False, False]


def test_what_was_handed_and_is_not_enrolled_is_told(machine, database, bulk):  # noqa: F811
    gone, other = users = names.make(2)
    bulk.say(*users)
    assert bulk.run().returncode == DONE
    for user in users:
        assert enroll(machine, "remove", "--yes", "--user", user).returncode == DONE
    machine.enrol(other)
    said, code = bulk.facts()
    assert code == REFUSED
    assert f"isn't enrolled, but there is {bulk.out}/{gone}.txt" in said[1]["error"]
    assert f"not with the key in {bulk.out}/{other}.txt" in said[2]["error"]


def test_two_at_once_give_nobody_two_keys(machine, database, tmp_path):  # noqa: F811
    users = names.make(ACCOUNTS)
    both, (one, two) = two_at_once(machine, tmp_path, users)
    there = enrolled_in(database, users)
    for line, user in enumerate(users, 1):
        winner, = [bulk for bulk, said in zip(both, (one, two)) if said[line]["outcome"] == "enrolled"]
        assert there[user] == device_of(database, winner.handed(user)), user
    for each in both:  # who waited too long for the other isn't certain of it
        said, code = each.facts()
        assert (code, {fact["outcome"] for fact in said.values()}) == (DONE, {"done_before"})
    assert both[0].names() | both[1].names() == both[0].expected_names(users) and not both[0].names() & both[1].names()


def test_database_that_is_down_enrols_nobody_and_loses_nothing(database, bulk):  # noqa: F811
    users = names.make(2)
    bulk.say(*users)
    database.stop()
    try:
        done = bulk.run()
    finally:
        database.start()
    assert done.returncode == UNUSABLE and f"{bulk.list}:1: the database can't be relied on" in done.stderr
    assert bulk.run().returncode == DONE
    assert_handed_over(bulk, database, users)


# ---- status --all


def test_status_of_all_is_one_line_for_each(machine, database):  # noqa: F811
    done = enroll(machine, "status", "--all", "--json")
    assert done.returncode == DONE, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    accounts = database.execute("SELECT account FROM totp.enrolment ORDER BY account").split()
    assert [each["user"] for each in said] == accounts
    assert said[-1] == status(machine, accounts[-1])
    done = enroll(machine, "status", "--all")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == accounts
    assert f"{accounts[-1]}: 1 device, " in done.stdout


def test_status_of_more_than_one_page(machine, database):  # noqa: F811
    database.execute("INSERT INTO totp.enrolment SELECT 'page-' || number, (nobody.enrolment).devices FROM totp.nobody, generate_series(1, 250) AS number;"
                     "INSERT INTO totp.login_state (account, devices) SELECT 'page-' || number, (nobody.state).devices FROM totp.nobody, "
                     "generate_series(1, 250) AS number")
    try:
        done = enroll(machine, "status", "--all", "--json")
        users = [json.loads(line)["user"] for line in done.stdout.splitlines()]
        assert users == database.execute("SELECT account FROM totp.enrolment ORDER BY account").split()
        assert len(users) == len(set(users)) >= 250
    finally:
        database.execute("DELETE FROM totp.enrolment WHERE account LIKE 'page-%'")


def test_all_is_everybody_and_for_root(machine, person):  # noqa: F811
    assert enroll(machine, "status", "--all", "--user", person).returncode == USAGE
    assert enroll(machine, "status", "--all", by=person).returncode == NOT_PERMITTED
    for command in (["import", "google", "--all-homes"], ["bulk", "/dev/null", "--out", "/home/out"]):
        assert enroll(machine, *command, by=person).returncode == NOT_PERMITTED


# ---- what a database doesn't do


@pytest.mark.parametrize("command, instead", [
    ("verify", "totp-enroll status --user {0} tells"), ("resync", "{0} types two codes that follow each other"),
    ("export", "totp-enroll add --user {0}"), ("forget", "totp-enroll unlock --user {0}")])
def test_what_a_database_does_not_do_says_what_does_it(machine, person, command, instead):  # noqa: F811
    done = enroll(machine, command, "--user", person)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    assert instead.format(person) in done.stderr and "(engine = postgresql)" in done.stderr
    assert "(with --local it is for this machine's accounts)" in done.stderr and done.stderr.count("\n") == 1


def test_key_of_this_machine_is_changed_with_local_alone(machine):
    key = Path("/etc/pam-totp/key")
    before = key.read_bytes()
    done = enroll(machine, "rekey")
    assert done.returncode == UNUSABLE and "under no key of this machine" in done.stderr and key.read_bytes() == before
    assert enroll(machine, "rekey", "--local").returncode == DONE and key.read_bytes() != before
    assert enroll(machine, "prepare").returncode == DONE
