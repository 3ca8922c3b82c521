"""Many hosts, one database: what a person does for themselves there, from a host of the group totp_person."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, as_user, code_at, su, wrong
from person import CODE_PROMPT, PASSWORD_PROMPT, RECOVERY_CODE, Person
from test_fleet_administer import HOST, NAME, TIME, become_administrators_host, database, enroll  # noqa: F401
from test_fleet_login import HOSTILE

HELPER = Path("/usr/libexec/pam-totp/totp_person_postgresql")
DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)
TOKEN_PROMPT = "Token: "


@pytest.fixture(scope="module")
def settings(database):
    settings = become_administrators_host(database)
    yield settings
    settings.remove()


@pytest.fixture(autouse=True)
def host(database, settings):
    """One on which people change what is theirs, and that may fail as often as the tests want."""
    database.execute(f'GRANT totp_person TO "{HOST}"; SELECT totp.limit_host(\'{HOST}\', 1000000)')


@pytest.fixture(scope="module")
def caller(machine):
    """Whoever tries to log in as somebody."""
    return machine.add_user()


@pytest.fixture
def newcomer(machine, user):
    """Not enrolled."""
    return Person(machine, user)


@pytest.fixture
def person(newcomer):
    newcomer.enrol()
    return newcomer


def begin(person, *arguments, answer=None, prompt=CODE_PROMPT):
    """A run on a terminal whose owner has answered the one question who they are."""
    client = person.start(*arguments)
    client.expect_exact(prompt)
    assert PASSWORD_PROMPT not in client.before
    client.sendline(answer or person.code())
    return client


def standing(person):
    """As root sees it."""
    done = enroll(person.machine, "status", "--user", person.name, "--json")
    assert done.returncode in (DONE, REFUSED), done.stderr
    return json.loads(done.stdout)


def devices(person):
    return [device["name"] for device in standing(person).get("devices", [])]


def logs_in(caller, person, code):
    return su(caller, person.name, PASSWORD, code)


def is_let_in_by(person, *arguments, answer):
    client = begin(person, *arguments, answer=answer)
    return person.finish(client)[1] == DONE


def lines_of(machine, person, what):
    return [line for line in machine.log.text().split("\n") if f"user={person.name} " in line and what in line]


# ---- the whole story


def test_person_lives_through_it_all(machine, caller, person):
    said, exit_code = person.finish(begin(person, "status"))
    assert exit_code == DONE and f"{person.name} is enrolled." in said and "phone: totp" in said

    adding = begin(person, "add", "--device", "tablet", answer=person.recovery_code())
    person.confirm(adding, "tablet")
    assert f"{person.name}'s device tablet is enrolled." in person.finish(adding)[0]
    assert devices(person) == ["phone", "tablet"]

    removing = begin(person, "remove", "--device", "phone", answer=person.code("tablet"))
    removing.expect_exact(f"Remove the device phone of {person.name}? [y/N] ")
    removing.sendline("y")
    assert person.finish(removing)[1] == DONE
    assert devices(person) == ["tablet"]

    old = person.recovery_codes
    renewing = begin(person, "recovery", answer=person.recovery_code())
    person.take_recovery_codes(renewing)
    assert person.finish(renewing)[1] == DONE and len(person.recovery_codes) == 10
    assert not logs_in(caller, person, old[0])
    assert logs_in(caller, person, person.recovery_code())

    said, exit_code = person.finish(begin(person, "unlock", answer=person.recovery_code()))
    assert (exit_code, "Unlocked." in said) == (DONE, True)
    assert json.loads(person.script("status", "--json", typed=[person.recovery_code()]).stdout)["recovery_codes_left"] == 7

    removing = begin(person, "remove", "--yes", answer=person.recovery_code())
    assert person.finish(removing)[1] == DONE
    assert standing(person) == {"user": person.name, "enrolled": False}


def test_without_a_command_it_is_add(person):
    adding = begin(person)
    person.confirm(adding, "phone-2")
    assert person.finish(adding)[1] == DONE and devices(person) == ["phone", "phone-2"]


def test_everything_works_without_a_terminal(caller, person):
    added = person.script("add", "--json", typed=[person.code(), "000000", "000000", "000000"])
    assert (added.returncode, added.stdout) == (REFUSED, "")
    renewed = person.script("recovery", "--recovery-codes", "3", "--json", typed=[person.code()])
    codes = json.loads(renewed.stdout)["recovery_codes"]
    assert len(codes) == 3 and logs_in(caller, person, codes[0])
    removed = person.script("remove", "--device", "phone", "--yes", "--json", typed=[codes[1]])
    assert (removed.returncode, removed.stdout) == (DONE, "")


def test_code_that_proved_who_is_asking_is_spent(caller, person):
    code = person.code()
    assert is_let_in_by(person, "status", answer=code)
    assert not logs_in(caller, person, code)
    assert logs_in(caller, person, person.code())


def test_code_that_confirmed_a_device_is_spent(caller, person):
    adding = begin(person)
    secret = person.see_key(adding)
    code = code_at(secret)
    adding.sendline(code)
    assert person.finish(adding)[1] == DONE
    assert not logs_in(caller, person, code)
    assert logs_in(caller, person, code_at(secret, 1))


def test_changes_and_who_asked_are_logged(machine, person):
    assert is_let_in_by(person, "remove", "--device", "phone", "--yes", answer=person.code())
    [attempt] = lines_of(machine, person, "verdict=")
    assert "pam_totp(totp_person_postgresql): " in attempt and "service=totp_check rhost=- verdict=accepted device=phone" in attempt
    assert lines_of(machine, person, f"service=totp-enroll by={person.name} change=device_removed device=phone")


# ---- the question who is asking


def test_prompt_is_the_modules(database, settings, person):
    client = person.start("status")
    client.expect_exact(CODE_PROMPT)
    code = person.code()
    client.sendline(code)
    assert code not in person.finish(client)[0]
    settings.say("engine = postgresql", "prompt = Your code please: ", "echo = yes", "[postgresql]",
                 f"hosts = {NAME}:{database.port}", "deadline = 10")
    try:
        code = person.code()
        said, exit_code = person.finish(begin(person, "status", answer=code, prompt="Your code please: "))
    finally:
        settings.say("engine = postgresql", "[postgresql]", f"hosts = {NAME}:{database.port}", "deadline = 10")
    assert exit_code == DONE and code in said


COMMANDS = [("status",), ("add",), ("remove", "--yes"), ("recovery",), ("unlock",)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda it: it[0])
def test_wrong_code_changes_nothing_and_is_counted(machine, person, command):
    before = standing(person)
    said, exit_code = person.finish(begin(person, *command, answer=wrong(code_at(person.secrets["phone"]))))
    assert exit_code == NOT_PERMITTED and f"not recognised as {person.name}: that code isn't right" in said
    after = standing(person)
    assert after["known"].pop("failures") == 1 + before["known"].pop("failures")
    assert after["known"].pop("level") == 1 + before["known"].pop("level")
    assert after == before
    assert lines_of(machine, person, "verdict=refused reason=wrong failures=1")


@pytest.mark.parametrize("answer", ["nonsense", " ", "0" * 3000, "12345\xa0", "\x01\x02"],
                         ids=["words", "blank", "long", "bytes", "control"])
def test_what_is_no_code_proves_nothing(person, answer):
    done = person.script("status", typed=[answer])
    assert done.returncode == NOT_PERMITTED and "that code isn't right" in done.stderr


def test_who_is_throttled_is_told_how_long(person):
    guess = wrong(code_at(person.secrets["phone"]))
    for _ in range(5):
        assert not is_let_in_by(person, "status", answer=guess)
    said, exit_code = person.finish(begin(person, "status"))
    assert exit_code == NOT_PERMITTED and re.search(r"Too many wrong codes\. Try again in \d+ seconds\.", said)
    assert enroll(person.machine, "unlock", "--user", person.name).returncode == DONE
    assert is_let_in_by(person, "status", answer=person.code())


def test_who_is_shut_out_for_good_is_told_so(database, person):
    database.execute(f"UPDATE totp.login_state SET known.failures = 100 WHERE account = '{person.name}'")
    said, exit_code = person.finish(begin(person, "status"))
    assert exit_code == NOT_PERMITTED and "waiting doesn't help. Ask the administrator" in said


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "end"])
def test_leaving_the_question_changes_nothing(person, key):
    client = person.start("remove", "--yes")
    client.expect_exact(CODE_PROMPT)
    client.send(key)
    assert person.finish(client)[1] != DONE and devices(person) == ["phone"]


def test_stranger_does_not_keep_its_owner_from_looking_after_an_account(caller, person):
    for _ in range(5):
        assert not logs_in(caller, person, wrong(code_at(person.secrets["phone"])))
    assert not logs_in(caller, person, person.recovery_code())
    assert is_let_in_by(person, "unlock", answer=person.code())
    assert standing(person)["elsewhere"]["failures"] == 0
    assert logs_in(caller, person, person.code())
    assert len(standing(person)["places"]) == 1, "su's, and none of the owner's"


def test_owners_unlock_leaves_the_long_run_budget(database, person):
    database.execute("UPDATE totp.login_state SET elsewhere = ROW(50, 110 * totp.level_parts(), totp.current_time(), '', NULL, NULL)"
                     f" WHERE account = '{person.name}'")
    said, exit_code = person.finish(begin(person, "unlock"))
    assert exit_code == DONE and "There were too many in the long run as well: until 20" in said
    assert (standing(person)["elsewhere"]["failures"], standing(person)["elsewhere"]["level"]) == (0, 110)
    closed = json.loads(person.script("unlock", "--json", typed=[person.code()]).stdout)
    assert closed["elsewhere_locked_until"].startswith("20")


# ---- new devices


def test_leaving_before_the_right_code_changes_nothing(person):
    adding = begin(person)
    person.see_key(adding)
    adding.send("\x03")
    adding.expect(pexpect.EOF)
    assert devices(person) == ["phone"]


def test_code_that_is_wrong_by_the_databases_clock_adds_nothing(database, person):
    adding = begin(person)
    secret = person.see_key(adding)
    database.execute(f"{TIME} - 3600")
    try:
        adding.sendline(code_at(secret))
        said, exit_code = person.finish(adding)
    finally:
        database.execute(TIME)
    assert exit_code == UNUSABLE and "by the database's clock that code isn't right" in said
    assert devices(person) == ["phone"]


def test_proof_is_good_for_ten_minutes(database, person):
    adding = begin(person)
    secret = person.see_key(adding)
    database.execute(f"UPDATE totp.attempt SET charged_at = charged_at - 600 WHERE account = '{person.name}'")
    adding.sendline(code_at(secret))
    said, exit_code = person.finish(adding)
    assert exit_code == USAGE and "totp-enroll: a code must be accepted before" in said
    assert devices(person) == ["phone"]


def test_device_there_already_and_a_ninth_are_refused(person):
    done = person.script("add", "--device", "phone", typed=[person.code()])
    assert done.returncode == USAGE and "there is a device phone already" in done.stderr
    for _ in range(7):
        person.enrol()
    done = person.script("add", typed=[person.code()])
    assert done.returncode == USAGE and "there are 8 devices already" in done.stderr


def test_device_that_is_not_there_is_not_removed(person):
    done = person.script("remove", "--device", "tablet", "--yes", typed=[person.code()])
    assert (done.returncode, f"{person.name} has no device tablet" in done.stderr) == (USAGE, True)


# ---- what one may not


@pytest.mark.parametrize("command", COMMANDS, ids=lambda it: it[0])
def test_another_s_account_is_refused(machine, person, command):
    other = machine.add_user()
    done = person.script(*command, "--user", other, typed=[person.code()])
    assert done.returncode == NOT_PERMITTED
    assert f"--user {other} is for root: you may act on {person.name} alone" in done.stderr


@pytest.mark.parametrize("arguments, exit_code, instead", [
    (("verify",), UNUSABLE, "a database tries codes at logins alone"),
    (("resync",), UNUSABLE, "types two codes that follow each other"),
    (("forget",), UNUSABLE, "totp-enroll unlock"),
    (("export",), NOT_PERMITTED, "to add an app of yours, totp-enroll add"),
    (("bulk", "-", "--out", "/tmp/x"), NOT_PERMITTED, "bulk is for root"),
    (("import", "google"), NOT_PERMITTED, "import is for root"),
    (("rekey",), NOT_PERMITTED, "rekey is for root"),
    (("status", "--all"), NOT_PERMITTED, "how you stand yourself, totp-enroll status tells"),
    (("token",), NOT_PERMITTED, "ask an administrator for one"),
    (("recovery", "--one"), NOT_PERMITTED, "--one is for root"),
    (("add", "--no-confirm"), NOT_PERMITTED, "the device must show a code"),
    (("status", "--local"), NOT_PERMITTED, "--local is for root alone"),
    (("status", "--config", "/dev/null"), NOT_PERMITTED, "--config is for root alone")],
    ids=lambda it: " ".join(it) if isinstance(it, tuple) else "")
def test_what_is_not_possible_is_refused_without_a_question(person, arguments, exit_code, instead):
    done = person.script(*arguments)
    assert done.returncode == exit_code and instead in done.stderr, done.stderr
    assert "--local it is" not in done.stderr and done.stdout == ""


# ---- a first enrolment


def token_for(person, *options):
    done = enroll(person.machine, "token", "--user", person.name, "--json", *options)
    assert done.returncode == DONE, done.stderr
    return json.loads(done.stdout)["token"]


def enrols(person, token, *options):
    client = begin(person, "add", "--token", *options, answer=token, prompt=TOKEN_PROMPT)
    person.confirm(client)
    person.take_recovery_codes(client)
    return person.finish(client)


def test_who_is_not_enrolled_is_told_what_for(newcomer):
    done = newcomer.script("add")
    assert done.returncode == NOT_PERMITTED
    assert f"(totp-enroll token --user {newcomer.name}); with it: totp-enroll add --token" in done.stderr
    done = newcomer.script("status")
    assert done.returncode == REFUSED and f"{newcomer.name} is not enrolled. To enrol: totp-enroll add" in done.stdout
    assert json.loads(newcomer.script("status", "--json").stdout) == {"user": newcomer.name, "enrolled": False}
    for command in (["remove", "--yes"], ["recovery"], ["unlock"]):
        done = newcomer.script(*command)
        assert (done.returncode, done.stderr) == (REFUSED, f"totp-enroll: {newcomer.name} is not enrolled\n")


def test_person_enrols_by_a_token(machine, caller, newcomer):
    token = token_for(newcomer)
    assert RECOVERY_CODE.fullmatch(token)
    said, exit_code = enrols(newcomer, token)
    assert exit_code == DONE and f"{newcomer.name}'s device phone is enrolled." in said and token not in said
    assert len(newcomer.recovery_codes) == 10
    assert logs_in(caller, newcomer, newcomer.code()) and logs_in(caller, newcomer, newcomer.recovery_code())
    assert lines_of(machine, newcomer, "by=root change=enrolment_allowed")
    assert lines_of(machine, newcomer, f"by={newcomer.name} change=device_added device=phone")
    assert token not in machine.log.text()


def test_token_is_read_as_recovery_codes_are(newcomer):
    assert enrols(newcomer, token_for(newcomer).replace("-", " ").lower())[1] == DONE


def test_token_enrols_without_a_terminal_too(newcomer):
    secret = "OBUG63TFOBUG63TFOBUG63TFOBUG63TF"
    done = newcomer.script("add", "--token", "--secret-from", "-", "--digits", "8", "--algorithm", "SHA256",
                           "--recovery-codes", "0", "--json",
                           typed=[token_for(newcomer), secret, code_at(secret, digits=8, algorithm="SHA256")])
    facts = json.loads(done.stdout)
    assert (facts["device"], facts["secret"], facts["recovery_codes"]) == ("phone", secret, [])
    assert standing(newcomer)["devices"][0]["algorithm"] == "SHA256"


def refuses(newcomer, token):
    done = newcomer.script("add", "--token", typed=[token])
    return done.returncode == NOT_PERMITTED and "can't be enrolled by this token" in done.stderr and done.stdout == ""


def test_token_is_good_once(newcomer):
    token = token_for(newcomer)
    assert enrols(newcomer, token)[1] == DONE
    done = enroll(newcomer.machine, "remove", "--user", newcomer.name, "--yes")
    assert done.returncode == DONE
    assert refuses(newcomer, token)


def test_token_is_no_good_when_it_is_old_or_another_s_or_replaced(machine, database, newcomer):
    token = token_for(newcomer, "--expires", "90m")
    left = database.execute("SELECT expires - totp.current_time() FROM totp.enrolment_token"
                            f" WHERE account = '{newcomer.name}'")
    assert 5300 < int(left) <= 5400
    assert refuses(Person(machine, machine.add_user()), token)
    database.execute(f"UPDATE totp.enrolment_token SET expires = expires - 5400 WHERE account = '{newcomer.name}'")
    assert refuses(newcomer, token)
    assert refuses(newcomer, "0000-0000-0000-0000") and refuses(newcomer, "") and refuses(newcomer, "x" * 3000)
    old, new = token_for(newcomer), token_for(newcomer)
    assert refuses(newcomer, old) and enrols(newcomer, new)[1] == DONE


def test_token_stays_good_where_no_right_code_came(newcomer):
    token = token_for(newcomer)
    client = begin(newcomer, "add", "--token", answer=token, prompt=TOKEN_PROMPT)
    for _ in range(3):
        client.sendline(wrong(code_at(newcomer.see_key(client))))
    assert newcomer.finish(client)[1] == REFUSED and not standing(newcomer)["enrolled"]
    assert enrols(newcomer, token)[1] == DONE


def test_token_that_is_used_up_meanwhile_enrols_nothing(database, newcomer):
    client = begin(newcomer, "add", "--token", answer=token_for(newcomer), prompt=TOKEN_PROMPT)
    secret = newcomer.see_key(client)
    database.execute("DELETE FROM totp.enrolment_token")
    client.sendline(code_at(secret))
    said, exit_code = newcomer.finish(client)
    assert exit_code == USAGE and "totp-enroll: an administrator gives a token" in said and not standing(newcomer)["enrolled"]


def test_token_is_shown_once(newcomer):
    done = enroll(newcomer.machine, "token", "--user", newcomer.name)
    assert re.match(rf"By this token {newcomer.name} enrols once until \S+Z, with totp-enroll add --token:\n", done.stdout)
    assert len(RECOVERY_CODE.findall(done.stdout)) == 1


def test_who_is_enrolled_needs_no_token(person):
    done = enroll(person.machine, "token", "--user", person.name)
    assert done.returncode == USAGE and f"{person.name} is enrolled, and adds a device by totp-enroll add" in done.stderr
    done = person.script("add", "--token", typed=[person.code()])
    assert done.returncode == USAGE and "leave it out" in done.stderr
    done = enroll(person.machine, "add", "--token", "--user", person.name)
    assert done.returncode == USAGE and "leave it out" in done.stderr


@pytest.mark.parametrize("time", ["0h", "1", "367d", "-1h", "soon"])
def test_time_that_makes_no_sense_is_refused(newcomer, time):
    done = enroll(newcomer.machine, "token", "--user", newcomer.name, f"--expires={time}")
    assert done.returncode == USAGE and "90m, 24h or 7d" in done.stderr


def test_with_files_there_are_no_tokens(settings, database, newcomer):
    settings.say("engine = files")
    try:
        given = enroll(newcomer.machine, "token", "--user", newcomer.name)
        client = newcomer.begin("add", "--token")
        said, exit_code = newcomer.finish(client)
    finally:
        settings.say("engine = postgresql", "[postgresql]", f"hosts = {NAME}:{database.port}", "deadline = 10")
    assert given.returncode == USAGE and f"here {newcomer.name} enrols by totp-enroll alone" in given.stderr
    assert exit_code == USAGE and "leave it out" in said


# ---- what is taken away while they are asked something

TAKEN_AWAY = {"everything": [("remove", "--yes")], "the device": [("remove", "--device", "phone", "--yes")],
              "the codes": [("recovery",)], "enrolled anew": [("remove", "--yes"), ("add", "--no-confirm", "--device", "new")]}


@pytest.mark.parametrize("commands", TAKEN_AWAY.values(), ids=TAKEN_AWAY)
def test_who_passed_by_what_was_taken_away_changes_nothing(person, commands):
    assert enroll(person.machine, "add", "--no-confirm", "--user", person.name, "--device", "other").returncode == DONE
    adding, removing = begin(person, "add", "--device", "evil"), begin(person, "remove", "--device", "other")
    secret = person.see_key(adding)
    removing.expect_exact("[y/N] ")
    for command in commands:
        assert enroll(person.machine, *command, "--user", person.name).returncode == DONE
    before = standing(person)
    adding.sendline(code_at(secret))
    removing.sendline("y")
    for client in (adding, removing):
        said, exit_code = person.finish(client)
        assert exit_code == USAGE and "totp-enroll: a code must be accepted before" in said
    assert standing(person) == before


def test_what_is_added_meanwhile_takes_no_proof_away(person):
    adding = begin(person, "add", "--device", "tablet")
    secret = person.see_key(adding)
    assert enroll(person.machine, "add", "--no-confirm", "--user", person.name, "--device", "other").returncode == DONE
    assert enroll(person.machine, "recovery", "--one", "--user", person.name).returncode == DONE
    adding.sendline(code_at(secret))
    assert person.finish(adding)[1] == DONE
    assert devices(person) == ["phone", "other", "tablet"]


# ---- from where


def test_host_outside_of_the_group_changes_nothing_and_asks_for_no_code(database, person):
    database.execute(f'REVOKE totp_person FROM "{HOST}"')
    for command in ("status", "add", "remove", "recovery", "unlock"):
        done = person.script(command)
        assert done.returncode == NOT_PERMITTED and "nobody changes what is enrolled from this host" in done.stderr
    assert database.execute(f"SELECT count(*) FROM totp.attempt WHERE account = '{person.name}'") == "0\n"


def at_last_question(person):
    """A run that takes the last device away, but for a yes."""
    removing = begin(person, "remove", "--device", "phone")
    removing.expect_exact(f"Remove the device phone of {person.name}? [y/N] ")
    removing.sendline("y")
    removing.expect_exact("Nothing is left then, recovery codes included")
    removing.expect_exact("[y/N] ")
    return removing


def test_host_that_leaves_the_group_meanwhile_changes_nothing(database, person):
    removing = at_last_question(person)
    database.execute(f'REVOKE totp_person FROM "{HOST}"')
    removing.sendline("y")
    said, exit_code = person.finish(removing)
    assert exit_code == UNUSABLE and "permission denied for function" in said and devices(person) == ["phone"]


def test_host_that_is_switched_off_changes_nothing(database, person):
    database.execute(f"SELECT totp.switch_off_host('{HOST}')")
    try:
        done = person.script("status")
    finally:
        database.execute(f"SELECT totp.switch_on_host('{HOST}')")
    assert (done.returncode, done.stderr) == (USAGE, f"totp-enroll: the host {HOST} is switched off\n")


def test_without_the_program_the_package_is_named(person):
    HELPER.rename(f"{HELPER}.gone")
    try:
        done = person.script("status")
    finally:
        Path(f"{HELPER}.gone").rename(HELPER)
    assert done.returncode == UNUSABLE and "engine = postgresql needs the package libpam-totp-postgresql" in done.stderr


def test_without_its_group_it_says_so(person):
    done = person.script(command=as_user(person.name, "setpriv", "--no-new-privs", person.machine.totp_enroll, "status"))
    assert done.returncode == UNUSABLE and f"{HELPER} isn't setgid _totp, or runs where that has no effect" in done.stderr


# ---- the database goes


def test_database_that_is_down_is_named_and_no_code_is_asked_for(database, person):
    database.stop()
    try:
        done = person.script("status")
    finally:
        database.start()
    assert done.returncode == UNUSABLE and f'{NAME}: connection to server at "127.0.0.1"' in done.stderr


def test_database_that_goes_while_somebody_thinks_loses_nothing(database, person):
    removing = at_last_question(person)
    database.stop()
    try:
        removing.sendline("y")
        said, exit_code = person.finish(removing)
    finally:
        database.start()
    assert exit_code == UNUSABLE and "the database can't be relied on" in said and devices(person) == ["phone"]


def test_database_that_was_away_while_somebody_thought_goes_on(database, person):
    removing = at_last_question(person)
    database.restart()
    removing.sendline("y")
    assert person.finish(removing)[1] == DONE and devices(person) == []


def test_answer_that_is_lost_is_in_doubt(database, newcomer):
    database.execute("""
        CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON totp.enrolment DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION public.lose()""")
    try:
        client = begin(newcomer, "add", "--token", answer=token_for(newcomer), prompt=TOKEN_PROMPT)
        newcomer.confirm(client)
        said, exit_code = newcomer.finish(client)
    finally:
        database.execute("DROP FUNCTION public.lose CASCADE")
    assert exit_code == UNUSABLE and "whether it was done, totp-enroll status tells" in said
    assert not standing(newcomer)["enrolled"]


# ---- the program itself


def order(word, *values):
    return f"pam-totp-administer 1 {word}\n" + "".join("-\n" if value is None else f"={value}\n" for value in values) + "\n"


def give(person, message, before=(), command=(str(HELPER),)):
    """What the program answers to whoever starts it."""
    return subprocess.run(as_user(person.name, *before, *command), input=message, capture_output=True, text=True)


class Talk:
    """One run of the program, with one order after the other."""

    def __init__(self, person):
        self.program = subprocess.Popen(as_user(person.name, str(HELPER)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stdin.close()
        self.said += self.program.stdout.read()
        self.program.wait()

    def order(self, word, *values):
        self.program.stdin.write(order(word, *values))
        self.program.stdin.flush()
        lines = []
        while not lines or lines[-1] not in ("\n", ""):
            lines.append(self.program.stdout.readline())
        self.said += "".join(lines)
        return "".join(lines[:-1])

    def proves(self, code):
        return self.order("prove", code) == "done\n=accepted\n-\n"


CHANGES = [("status",), ("add_device", "tablet", "61" * 20, "totp", "SHA1", 6, 30, 0, "123456"), ("remove",),
           ("remove_device", "phone", "t"), ("new_recovery_codes", 10), ("unlock",)]
NO_PROOF = "refused a code must be accepted before\n"


@pytest.mark.parametrize("change", CHANGES, ids=lambda it: it[0])
def test_without_a_proof_no_order_is_obeyed(person, change):
    with Talk(person) as talk:
        assert talk.order(*change) == NO_PROOF
        assert talk.order("prove", wrong(code_at(person.secrets["phone"]))) == "done\n=refused\n-\n"
        assert talk.order(*change) == NO_PROOF
    assert devices(person) == ["phone"] and standing(person)["recovery_codes_left"] == 10


def test_proof_ends_where_another_fails(person):
    with Talk(person) as talk:
        assert talk.proves(person.code())
        assert not talk.proves("000000")
        assert talk.order("remove") == NO_PROOF


UNKNOWN = [("drop_table",), ("allow_enrolment", "x", 60), ("status", "alice"), ("statuses", "", 100), ("prove",), ("prove", None),
           ("prove", "1", "2"), ("remove_device", "phone"), ("enquire", "x"), ("takes_token",), ("verify", "x", "081804", "00" * 16, "", "")]


@pytest.mark.parametrize("unknown", UNKNOWN, ids=lambda it: "-".join(map(str, it)))
def test_no_other_order_is_known(person, unknown):
    with Talk(person) as talk:
        assert talk.proves(person.code())
        assert talk.order(*unknown).startswith("unusable the database can't be relied on: no such order is known")
    assert devices(person) == ["phone"]


@pytest.mark.parametrize("message", ["\n\n", "SELECT 1", "status\n\n", "pam-totp-check 1 enrolled\n", order("status")[:-1],
                                     "x" * 200_000, order("prove", "0" * 70_000), "\0" * 100, order("prove", "%zz")],
                         ids=["empty", "sql", "bare", "other-protocol", "cut-off", "long", "long-value", "nul", "percent"])
def test_garbage_is_not_obeyed_and_ends_it(person, message):
    done = give(person, message + order("enquire"))
    assert done.stdout.startswith("unusable the database can't be relied on: the order makes no sense\n")
    assert done.stdout.count("\n\n") == 1


def test_another_s_nonce_and_account_are_out_of_reach(machine, database, person):
    """Of a person who has just passed nothing is to be had by another; nor may anything be said in their name."""
    other = Person(machine, machine.add_user())
    other.enrol()
    assert is_let_in_by(person, "status", answer=person.code())
    (nonce,) = database.execute(f"SELECT encode(nonce, 'hex') FROM totp.attempt WHERE account = '{person.name}'").split()
    with Talk(other) as talk:
        for attempt in (("status", nonce), ("remove", nonce), ("prove", nonce), ("prove", person.code()), ("remove",)):
            assert "done\n=accepted" not in talk.order(*attempt)
    assert devices(person) == ["phone"] == devices(other)


def test_nonce_never_leaves_the_program(database, person):
    with Talk(person) as talk:
        assert talk.proves(person.code()) and "enrolled" in talk.order("status")
        for other in (("remove_device", "x", "t"), ("nonce",), ("add_device", "x", "61", "totp", "SHA1", 6, 30, 0, "1")):
            talk.order(*other)
        for file in ("mem", "environ", "maps", "stack", "fd"):
            place = f"/proc/{talk.program.pid}/{file}"
            looked = person.script(command=as_user(person.name, "sh", "-c", f"cat {place} || ls {place}/"))
            assert looked.stdout == "", file
    (nonce,) = database.execute(f"SELECT encode(nonce, 'hex') FROM totp.attempt WHERE account = '{person.name}'").split()
    assert len(nonce) == 32 and nonce not in talk.said.lower()


def test_root_has_no_use_for_it(person):
    done = subprocess.run([HELPER], input=order("enquire"), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


def test_nobody_names_settings(person):
    done = give(person, order("enquire"), command=(str(HELPER), "/dev/null"))
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("mode", [0o4755, 0o6755])
def test_setuid_it_obeys_nobody(person, mode):
    program = Path(shutil.copy(HELPER, "/run/private/person"))
    try:
        program.chmod(mode)
        done = give(person, order("enquire"), command=(str(program),))
    finally:
        program.unlink()
    assert (done.returncode, done.stdout) == (1, "")


@pytest.fixture
def hostile(evil_library):
    Path("/home/evil/service.conf").write_text("[evil]\nhost=192.0.2.1\nsslmode=disable\n")
    Path("/home/evil/openssl.cnf").write_text("nonsense")
    return [f"{name}={value}" for name, value in HOSTILE.items()]


def test_environment_changes_nothing(person, hostile, evil_library):
    libraries = [f"LD_PRELOAD={evil_library}", f"LD_LIBRARY_PATH={evil_library.parent}", f"LD_AUDIT={evil_library}"]
    done = give(person, order("enquire"), before=("env", *hostile))
    assert done.stdout == "done\n=enrolled\n\n"
    for setting in libraries:
        done = give(person, order("enquire"), command=("sh", "-c", f"exec env {setting} {HELPER} 2>/dev/null"))
        assert "EVIL" not in done.stdout.replace("EVIL\n", "", 1), "env loads it, but the helper doesn't"
    done = subprocess.run(person.command("status", **HOSTILE), input=f"{person.code()}\n", capture_output=True, text=True)
    assert done.returncode == DONE, done.stderr


def test_private_key_stays_out_of_reach(person):
    done = subprocess.run(as_user(person.name, "cat", "/etc/pam-totp/postgresql.key"), capture_output=True, text=True)
    assert (done.returncode != 0, done.stdout) == (True, "")
