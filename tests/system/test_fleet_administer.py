"""Many hosts, one database: an administrator enrols with totp-enroll, and the account logs in here by its code."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from machine import GROUP, PASSWORD, SettingsFile, as_user, code_at, run, su, wrong
from person import Person
from tls_database import DATABASE, NAME, Authority, Database

MIGRATE = Path(__file__).parents[2] / "conf/postgresql/migrate"
HELPER = "/usr/libexec/pam-totp/totp_administer_postgresql"
HOST, ADMINISTRATOR = "host7.test", "admin.test"
FILES = Path("/etc/pam-totp")


def new_database(**where):
    """With the schema, and with roles for this host and its administrator."""
    database = Database(Authority(), **where)
    run(*database.command(MIGRATE, "--host", database.directory, "--port", database.port, "--dbname", DATABASE), cwd="/")
    database.execute(f'CREATE ROLE "{HOST}" LOGIN IN ROLE totp_host; CREATE ROLE "{ADMINISTRATOR}" LOGIN IN ROLE totp_admin')
    return database


@pytest.fixture(scope="module")
def database(machine):
    with open("/etc/hosts", "a") as hosts:
        hosts.write(f"127.0.0.1 {NAME}\n")
    database = new_database()
    yield database
    database.remove()


def install(certificate, key, name, group="root", mode=0o600):
    shutil.copy(certificate, FILES / f"{name}.crt")
    copy = Path(shutil.copy(key, FILES / f"{name}.key"))
    shutil.chown(copy, "root", group)
    copy.chmod(mode)


def become_administrators_host(database, *further_settings):
    """This host is one of the many, and an administrator's: the settings that make it so."""
    install(*database.authority.issue(HOST), "postgresql", GROUP, 0o640)
    install(*database.authority.issue(ADMINISTRATOR), "administrator")
    shutil.copy(database.authority.certificate, FILES / "postgresql-root.crt")
    settings = SettingsFile("fleet")
    settings.say("engine = postgresql", *further_settings, "[postgresql]", f"hosts = {NAME}:{database.port}", "deadline = 10")
    return settings


@pytest.fixture(scope="module", autouse=True)
def settings(database):
    settings = become_administrators_host(database)
    yield settings
    settings.remove()


@pytest.fixture(scope="module")
def caller(machine):
    return machine.add_user()


@pytest.fixture
def person(machine):
    return machine.add_user()


def enroll(machine, *arguments, by=None):
    command = [machine.totp_enroll, *arguments]
    return subprocess.run(as_user(by, *command) if by else command, capture_output=True, text=True)


@pytest.fixture
def facts(machine, person):
    """What is shown of a new device."""
    return machine.enrol(person)


def status(machine, user):
    done = enroll(machine, "status", "--user", user, "--json")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def said_last(machine, user):
    return machine.log.decisions(user)[-1].split("verdict=")[1]


def test_who_was_enrolled_gets_in_once_by_each_code(machine, sshd, person, facts):
    code = code_at(facts["secret"])
    assert not sshd.login(person, PASSWORD, wrong(code))
    assert said_last(machine, person) == "refused reason=wrong failures=1"
    assert sshd.login(person, PASSWORD, code)
    assert said_last(machine, person).startswith("accepted device=phone drift=")
    assert not sshd.login(person, PASSWORD, code)
    assert said_last(machine, person).startswith("refused reason=replayed")


def test_recovery_codes_get_in_once_each(machine, caller, person, facts):
    assert len(facts["recovery_codes"]) == 10
    code = facts["recovery_codes"][0]
    assert su(caller, person, PASSWORD, code)
    assert said_last(machine, person).startswith("accepted device=recovery")
    assert not su(caller, person, PASSWORD, code)
    assert status(machine, person)["recovery_codes_left"] == 9


def test_nothing_of_it_is_on_this_machine(person, facts):
    assert not Path(f"/var/lib/pam-totp/enrolled/{person}").exists()
    assert facts["secret"] not in run("grep", "-rs", "-c", "", "/var/lib/pam-totp")


def test_status_is_the_databases(machine, sshd, person, facts):
    assert sshd.login(person, PASSWORD, code_at(facts["secret"]))
    standing = status(machine, person)
    assert (standing["user"], standing["enrolled"]) == (person, True)
    [device] = standing["devices"]
    assert (device["name"], device["type"], device["last_from"]) == ("phone", "totp", "127.0.0.1")
    assert f"{person} is enrolled." in enroll(machine, "status", "--user", person).stdout


def test_status_of_who_is_not_enrolled(machine, person):
    assert status(machine, person) == {"user": person, "enrolled": False}
    done = enroll(machine, "status", "--user", person)
    assert (done.returncode, f"{person} is not enrolled" in done.stdout) == (1, True)


def test_throttled_account_is_unlocked(machine, caller, person, facts):
    code = code_at(facts["secret"])
    for _ in range(5):
        assert not su(caller, person, PASSWORD, wrong(code))
    assert not su(caller, person, PASSWORD, code)
    assert said_last(machine, person) == "throttled failures=5"
    assert enroll(machine, "unlock", "--user", person).returncode == 0
    assert su(caller, person, PASSWORD, code_at(facts["secret"]))


def test_new_recovery_codes_make_the_old_void(machine, caller, person, facts):
    done = enroll(machine, "recovery", "--user", person, "--recovery-codes", "3", "--json")
    codes = json.loads(done.stdout)["recovery_codes"]
    assert len(codes) == 3
    assert not su(caller, person, PASSWORD, facts["recovery_codes"][0])
    assert su(caller, person, PASSWORD, codes[0])


def test_one_more_recovery_code_expires(machine, caller, person, facts):
    done = enroll(machine, "recovery", "--user", person, "--one", "--expires", "90m", "--json")
    one = json.loads(done.stdout)
    assert one["expires"] is not None and len(one["recovery_codes"]) == 1
    assert su(caller, person, PASSWORD, one["recovery_codes"][0])
    assert su(caller, person, PASSWORD, facts["recovery_codes"][0])


def test_second_device_has_a_name_of_its_own(machine, caller, person, facts):
    second = machine.enrol(person, "--algorithm", "SHA256", "--digits", "8")
    assert second["device"] == "phone-2" and second["recovery_codes"] == []
    assert su(caller, person, PASSWORD, code_at(second["secret"], digits=8, algorithm="SHA256"))
    done = enroll(machine, "add", "--user", person, "--no-confirm", "--device", "phone")
    assert done.returncode == 2 and "there is a device phone already" in done.stderr


def test_counter_begins_where_it_is(machine, caller, person):
    facts = machine.enrol(person, "--hotp")
    first, second = (run("oathtool", "--hotp", "--base32", "--counter", str(at), facts["secret"]).strip() for at in (0, 1))
    assert su(caller, person, PASSWORD, first)
    assert su(caller, person, PASSWORD, second)
    assert not su(caller, person, PASSWORD, first)


SECRET = "OBUG63TFOBUG63TFOBUG63TFOBUG63TF"


def add_by_code(machine, person, code, *options):
    """A device with SECRET, which shows this code."""
    return subprocess.run([machine.totp_enroll, "add", "--user", person, "--secret-from", "-", *options], capture_output=True,
                          text=True, input=f"{SECRET}\n{code}\n")


def test_code_that_confirms_a_device_is_spent_by_it(machine, caller, person):
    code = code_at(SECRET)
    assert add_by_code(machine, person, code).returncode == 0
    assert not su(caller, person, PASSWORD, code)
    assert said_last(machine, person).startswith("refused reason=replayed")
    assert su(caller, person, PASSWORD, code_at(SECRET, 1))


def test_counter_goes_on_after_the_code_that_confirmed_it(machine, caller, person):
    first, second = (run("oathtool", "--hotp", "--base32", "--counter", str(at), SECRET).strip() for at in (3, 4))
    assert add_by_code(machine, person, first, "--hotp").returncode == 0
    assert [su(caller, person, PASSWORD, code) for code in (first, second)] == [False, True]
    assert status(machine, person)["devices"][0]["period"] is None


TIME = "CREATE OR REPLACE FUNCTION totp.current_time() RETURNS bigint VOLATILE RETURN floor(extract(epoch FROM clock_timestamp()))::bigint"


def test_code_that_is_wrong_by_the_databases_clock_enrols_nothing(machine, database, person):
    database.execute(f"{TIME} + 3600")
    try:
        done = add_by_code(machine, person, code_at(SECRET))
    finally:
        database.execute(TIME)
    assert done.returncode == 4 and "by the database's clock that code isn't right" in done.stderr
    assert not status(machine, person)["enrolled"]


def test_first_enrolment_that_fails_midway_enrols_nothing(machine, database, person):
    """Else the account had a key that nobody was shown."""
    database.execute("ALTER FUNCTION totp.kept_codes RENAME TO kept_codes_once")
    try:
        done = enroll(machine, "add", "--user", person, "--no-confirm", "--json")
    finally:
        database.execute("ALTER FUNCTION totp.kept_codes_once RENAME TO kept_codes")
    assert (done.returncode, done.stdout) == (4, "") and not status(machine, person)["enrolled"]
    assert "is its schema of the same version? (migrate)" in done.stderr


def at_a_terminal(machine, person, *arguments):
    """Root acts on the account."""
    owner = Person(machine, person)
    return owner, owner.start(command=[machine.totp_enroll, *arguments, "--user", person])


def test_who_enrols_themselves_while_an_administrator_does_it_keeps_what_they_were_shown(machine, caller, person):
    owner, adding = at_a_terminal(machine, person, "add")
    secret = owner.see_key(adding)
    facts = machine.enrol(person)
    adding.sendline(code_at(secret))
    said, exit_code = owner.finish(adding)
    assert exit_code == 2 and f"totp-enroll: meanwhile {person} was enrolled: nothing was changed; begin again" in said
    assert len(status(machine, person)["devices"]) == 1
    assert su(caller, person, PASSWORD, facts["recovery_codes"][0])


LAST_QUESTION = "Nothing is left then, recovery codes included"


@pytest.mark.parametrize("answer, is_enrolled", [("y", False), ("n", True)])
def test_last_device_is_asked_about_twice(machine, person, facts, answer, is_enrolled):
    owner, removing = at_a_terminal(machine, person, "remove", "--device", "phone")
    removing.expect_exact(f"Remove the device phone of {person}? [y/N] ")
    removing.sendline("y")
    removing.expect_exact(LAST_QUESTION)
    removing.sendline(answer)
    assert owner.finish(removing)[1] == int(is_enrolled)
    assert status(machine, person)["enrolled"] == is_enrolled


def test_device_that_became_the_last_meanwhile_stays(machine, person, facts):
    machine.enrol(person)
    owner, removing = at_a_terminal(machine, person, "remove", "--device", "phone")
    removing.expect_exact("[y/N] ")
    assert enroll(machine, "remove", "--device", "phone-2", "--yes", "--user", person).returncode == 0
    removing.sendline("y")
    said, exit_code = owner.finish(removing)
    assert exit_code == 1 and "meanwhile it became the last device: nothing was removed; begin again" in said
    assert LAST_QUESTION not in said and [device["name"] for device in status(machine, person)["devices"]] == ["phone"]


def test_removed_device_gets_nobody_in(machine, caller, person, facts):
    second = machine.enrol(person)
    assert enroll(machine, "remove", "--user", person, "--device", "phone", "--yes").returncode == 0
    assert not su(caller, person, PASSWORD, code_at(facts["secret"]))
    assert su(caller, person, PASSWORD, code_at(second["secret"]))
    assert enroll(machine, "remove", "--user", person, "--yes").returncode == 0
    assert not su(caller, person, PASSWORD, code_at(second["secret"], 1))
    assert said_last(machine, person) == "refused reason=unenrolled"


def test_what_makes_no_sense_there_is_said(machine, person, facts):
    done = enroll(machine, "remove", "--user", person, "--device", "tablet", "--yes")
    assert (done.returncode, done.stderr) == (2, f"totp-enroll: {person} has no device tablet\n")
    other = machine.add_user()
    done = enroll(machine, "unlock", "--user", other)
    assert (done.returncode, done.stderr) == (2, f"totp-enroll: {other} isn't enrolled\n")


def test_changes_are_logged(machine, person, facts):
    assert f"user={person} service=totp-enroll by=root change=device_added device=phone" in machine.log.text()


# ---- who may


def test_certificate_of_a_host_changes_nothing(machine, database, person, facts):
    install(*database.authority.issue(HOST), "administrator")
    try:
        for command in (["status"], ["unlock"], ["remove", "--yes"], ["recovery"]):
            done = enroll(machine, *command, "--user", person)
            assert done.returncode == 4 and "permission denied for function" in done.stderr, command
    finally:
        install(*database.authority.issue(ADMINISTRATOR), "administrator")
    assert status(machine, person)["recovery_codes_left"] == 10


def test_warning_before_any_order_is_no_doubt(machine, database, person):
    with database.warning_of_its_collation():
        done = enroll(machine, "add", "--user", person, "--no-confirm", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert status(machine, person)["enrolled"]


def test_database_that_is_down_is_named(machine, database, person):
    database.stop()
    try:
        done = enroll(machine, "status", "--user", person)
        assert done.returncode == 4 and f'{NAME}: connection to server at "127.0.0.1"' in done.stderr
    finally:
        database.start()


def test_ordinary_user_is_told_whom_to_ask(machine, person):
    done = enroll(machine, "status", by=person)
    assert done.returncode == 3 and "the group totp_person, or ask an administrator" in done.stderr


def test_ordinary_user_orders_nothing(person):
    with pytest.raises(PermissionError):
        subprocess.run([HELPER], user=person)


@pytest.mark.parametrize("order", ["\n", "pam-totp-administer 1 drop_table\n\n", "pam-totp-administer 1 status\n\n",
                                   "pam-totp-administer 1 status\n=a\n=b\n\n", "pam-totp-administer 1 status\n=a\n", "SELECT 1"])
def test_no_other_statement_reaches_the_database(order):
    done = subprocess.run([HELPER], input=order, capture_output=True, text=True)
    assert done.stdout.startswith("unusable the ") and "order" in done.stdout
