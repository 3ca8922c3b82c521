"""totp.verify(): two questions, what counts between them, and what administrators say."""

import base64
import os
import re
import threading
import time
from pathlib import Path

import psycopg2
import pyotp
import pytest

from fleet import SECRET, Answer, Cluster, Database, Host, ask, rows
from machine import wait_for_room_in_step

PENDING = Answer(("pending", None, None, None, None, None))
LOST = Answer(("unavailable", "store", None, None, None, None))
SHOWN = pyotp.TOTP(base64.b32encode(SECRET).decode())


def accepted(drift=0, device="phone"):
    return Answer(("accepted", None, device, drift, 0, None))


def refused(reason="wrong", failures=1):
    return Answer(("refused", reason, None, None, failures, None))


def codes(*steps):
    """Those of several steps, all seen from one moment."""
    wait_for_room_in_step()
    now = time.time()
    return [SHOWN.at(now + 30 * each) for each in steps]


def code(steps=0):
    return codes(steps)[0]


def wrong():
    """Right at no step nearby."""
    near = codes(*range(-25, 26))
    return next(text for text in map("{:06}".format, range(100)) if text not in near)


@pytest.fixture(scope="module")
def database():
    Path("/run/private").mkdir(exist_ok=True)
    cluster = Cluster()
    database = Database(cluster)
    for name in ("web1", "web2"):
        database.add_host(name)
        database.administer("SELECT totp.limit_host(%s, 1000)", name)
    yield database
    cluster.stop()


@pytest.fixture
def web1(database):
    return database.host("web1")


@pytest.fixture
def web2(database):
    return database.host("web2")


@pytest.fixture
def alice(database, request):
    """An account of this test's own."""
    name = "alice-" + os.urandom(4).hex()
    database.enrol(name)
    return name


def failures(database, account, side="elsewhere"):
    return database.administer("SELECT totp.status(%s)", account)[0][0][side]["failures"]


def let_time_pass(database, account, seconds):
    """For the account's attempts and failures."""
    database.sql("UPDATE totp.attempt SET charged_at = charged_at - %s WHERE account = %s", seconds, account)
    database.sql("UPDATE totp.login_state SET elsewhere.last_failure = (elsewhere).last_failure - %s WHERE account = %s", seconds,
                 account)


# ---- two questions

def test_a_code_is_accepted_once_on_whatever_host(web1, web2, alice):
    text = code()
    assert web1.login(alice, text) == accepted()
    assert web2.login(alice, text) == refused("replayed")
    assert web1.login(alice, code(1)) == accepted(drift=1)


def test_the_first_question_says_nothing_about_the_code(web1, alice):
    assert web1.ask(alice, code()) == web1.ask(alice, wrong()) == web1.ask(alice, "no code at all") == PENDING


@pytest.mark.parametrize("between", ["", "SAVEPOINT a", "PREPARE q AS SELECT 1"])
def test_in_one_transaction_both_questions_are_the_first(web1, alice, between):
    nonce, text = os.urandom(16), code()
    rows(web1.connection, "BEGIN")
    assert web1.ask(alice, text, nonce) == PENDING
    rows(web1.connection, between or "SELECT 1")
    assert web1.ask(alice, text, nonce) == PENDING
    rows(web1.connection, "COMMIT")
    rows(web1.connection, "DEALLOCATE ALL")
    assert web1.ask(alice, text, nonce) == accepted()


def test_a_savepoint_is_no_transaction(web1, alice):
    nonce, text = os.urandom(16), code()
    rows(web1.connection, "BEGIN; SAVEPOINT a")
    assert web1.ask(alice, text, nonce) == PENDING
    rows(web1.connection, "RELEASE a; SAVEPOINT b")
    assert web1.ask(alice, text, nonce) == PENDING
    rows(web1.connection, "ROLLBACK TO b")
    assert web1.ask(alice, text, nonce) == PENDING
    rows(web1.connection, "ROLLBACK")
    assert web1.ask(alice, text, nonce) == PENDING, "nothing was asked yet"


def test_an_attempt_is_decided_as_of_when_it_was_charged(database, web1, alice):
    """Else a host would ask again and again, roll back each time, and try the codes of a minute with one guess."""
    nonce, text = os.urandom(16), code(-2)
    web1.ask(alice, text, nonce)
    rows(web1.connection, "BEGIN")
    assert web1.ask(alice, text, nonce) == refused()
    rows(web1.connection, "ROLLBACK")
    database.sql("UPDATE totp.attempt SET charged_at = charged_at - 45 WHERE account = %s", alice)
    assert web1.ask(alice, text, nonce).verdict == "accepted"


def test_a_verdict_that_is_rolled_back_stays_a_failure(database, web1, web2, alice):
    nonce, text = os.urandom(16), wrong()
    web1.ask(alice, text, nonce)
    for _ in range(3):
        rows(web1.connection, "BEGIN")
        assert web1.ask(alice, text, nonce) == refused()
        rows(web1.connection, "ROLLBACK")
        assert failures(database, alice) == 1
    let_time_pass(database, alice, 61)
    assert web1.ask(alice, text, nonce) == LOST
    assert web1.ask(alice, text, nonce) == LOST
    assert failures(database, alice) == 1
    assert web2.login(alice, wrong()) == refused(failures=2)


def test_an_attempt_that_is_never_decided_stays_a_failure(database, web1, web2, alice):
    assert web1.ask(alice, code()) == PENDING
    let_time_pass(database, alice, 61)
    assert web2.login(alice, wrong()) == refused(failures=2)
    assert database.sql("SELECT count(*) FROM totp.attempt WHERE account = %s AND verdict IS NULL", alice) == [(0,)]


def test_outstanding_attempts_count_at_the_throttle(database, web1, web2, alice):
    questions = [(os.urandom(16), wrong()) for _ in range(5)]
    for nonce, text in questions:
        assert web1.ask(alice, text, nonce) == PENDING
    throttled = web2.ask(alice, code())
    assert throttled.verdict == "throttled" and throttled.failures == 5 and 0 < throttled.retry_in <= 30
    for i, (nonce, text) in enumerate(questions):
        assert web1.ask(alice, text, nonce) == refused(failures=i + 1)
    assert web2.ask(alice, code()).verdict == "throttled"
    let_time_pass(database, alice, 31)
    assert web2.login(alice, code()) == accepted()


def test_the_level_counts_what_a_lost_guess_could_hit(database, web1, alice):
    web1.ask(alice, wrong())
    let_time_pass(database, alice, 61)
    web1.login(alice, wrong())
    (level,), = database.sql("SELECT ceil((elsewhere).level / 86400.0) FROM totp.login_state WHERE account = %s", alice)
    assert level == 2


def test_the_same_question_again_has_the_same_answer(database, web1, alice):
    nonce, text = os.urandom(16), code()
    assert web1.login(alice, text, nonce) == accepted()
    other_session = Host(database.cluster, "web1")
    assert other_session.ask(alice, text, nonce) == accepted()
    assert other_session.ask(alice, text, nonce) == accepted()
    assert other_session.login(alice, text) == refused("replayed")


def forgotten_by(database, logins):
    """How many attempts so many logins forget."""
    count = "SELECT count(*) FROM totp.attempt"
    [(before,)] = database.sql(count)
    database.sql("SELECT totp.forget_old_attempts(totp.current_time()) FROM generate_series(1, %s)", logins)
    [(after,)] = database.sql(count)
    return before - after


def test_an_answer_is_forgotten_some_time_after_ten_minutes(database, web1, alice):
    nonce, text = os.urandom(16), code()
    web1.login(alice, text, nonce)
    let_time_pass(database, alice, 300)
    forgotten_by(database, 1501)
    assert web1.ask(alice, text, nonce) == accepted()
    let_time_pass(database, alice, 301)
    forgotten_by(database, 1501)
    assert web1.login(alice, text, nonce) == refused("replayed")


def test_few_logins_look_for_what_is_to_be_forgotten(database):
    """And take 400 at once: to look is dear beside a backup, whose snapshot keeps all that was forgotten since."""
    database.sql("INSERT INTO totp.attempt SELECT 'gone', decode(lpad(to_hex(number), 32, '0'), 'hex'), 'nobody', '', '', '', true,"
                 " true, 0, 0, pg_current_xact_id(), pg_current_xact_id(), 'accepted' FROM generate_series(1, 20000) AS number")
    gone = forgotten_by(database, 1501)
    assert gone > 0 and gone % 400 == 0
    database.sql("DELETE FROM totp.attempt WHERE host = 'gone'")


def test_first_questions_alone_forget_too(database, web1):
    """Their second never comes, if the host doesn't ask it."""
    database.sql("INSERT INTO totp.attempt SELECT 'gone', decode(lpad(to_hex(number), 32, '0'), 'hex'), 'nobody', '', '', '', false,"
                 " false, 0, 0 FROM generate_series(1, 20000) AS number")
    rows(web1.connection, "SELECT FROM generate_series(1, 1501) AS number, LATERAL totp.verify('nobody', '081804', "
                          "decode(lpad(to_hex(number), 32, '0'), 'hex'), '', 'sshd') AS answer")
    [(left,)] = database.sql("SELECT count(*) FROM totp.attempt WHERE host = 'gone'")
    assert left < 20000 and left % 400 == 0
    database.sql("DELETE FROM totp.attempt WHERE account = 'nobody'")


def test_a_nonce_belongs_to_one_question(web1, alice):
    nonce = os.urandom(16)
    web1.ask(alice, code(), nonce)
    for account, response in ((alice, wrong()), ("nobody", code())):
        with pytest.raises(psycopg2.errors.InvalidParameterValue, match="the nonce belongs to another question"):
            web1.ask(account, response, nonce)


def test_a_nonce_of_another_host_is_another_nonce(web1, web2, alice):
    nonce, text = os.urandom(16), code()
    assert web1.login(alice, text, nonce) == accepted()
    assert web2.ask(alice, text, nonce) == PENDING
    assert web2.ask(alice, text, nonce) == refused("replayed")


@pytest.mark.parametrize("nonce", [b"", b"x" * 15, b"x" * 17, None])
def test_a_nonce_has_16_octets(web1, alice, nonce):
    with pytest.raises(psycopg2.errors.IntegrityError):
        ask(web1.connection, alice, "081804", nonce)


@pytest.mark.parametrize("response, reason", [("", "malformed"), (" \t", "malformed"), ("\b\n\r\x7fINCORRECT", "dummy")])
def test_what_is_no_guess_is_refused_at_once_and_not_counted(database, web1, alice, response, reason):
    assert web1.ask(alice, response) == refused(reason, failures=0)
    assert failures(database, alice) == 0


def test_five_wrong_codes_shut_the_side_they_came_from(database, web1, web2, alice):
    assert web1.login(alice, code(-1), rhost="desk") == accepted(drift=-1)
    for i in range(5):
        assert web2.login(alice, wrong(), rhost=f"198.51.100.{i}") == refused(failures=i + 1)
    assert web1.ask(alice, code(), rhost="198.51.100.9").verdict == "throttled"
    assert web1.login(alice, code(), rhost="desk") == accepted()


def test_two_consecutive_codes_resynchronise(web1, web2, alice):
    one, another = codes(9, 10)
    assert web1.login(alice, one) == refused()
    assert web2.login(alice, another) == accepted(drift=10)


# ---- transactions that aren't plain

@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_old_snapshot_is_refused(web1, alice, level):
    rows(web1.connection, f"BEGIN ISOLATION LEVEL {level}")
    with pytest.raises(psycopg2.errors.InvalidTransactionState, match="read committed"):
        web1.ask(alice, code())
    rows(web1.connection, "ROLLBACK")


def test_a_read_only_transaction_is_refused(web1, alice):
    rows(web1.connection, "BEGIN READ ONLY")
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        web1.ask(alice, code())
    rows(web1.connection, "ROLLBACK")


def test_a_commit_is_durable_whatever_the_host_has_set(web1, alice):
    rows(web1.connection, "SET synchronous_commit = off")
    rows(web1.connection, "BEGIN")
    web1.ask(alice, code())
    assert rows(web1.connection, "SHOW synchronous_commit") == [("on",)]
    rows(web1.connection, "COMMIT")


def test_where_transactions_can_be_prepared_nothing_is_answered():
    cluster = Cluster(max_prepared_transactions="2")
    try:
        database = Database(cluster)
        database.add_host("web1")
        database.enrol("alice")
        with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match="max_prepared_transactions"):
            database.host("web1").ask("alice", code())
    finally:
        cluster.stop()


def hold(host, account, before="SELECT 1", response=None, after="SELECT 1"):
    """Asks about the account in a transaction that it leaves open."""
    rows(host.connection, "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0")
    rows(host.connection, before)
    assert host.ask(account, wrong() if response is None else response).verdict in ("pending", "refused")
    rows(host.connection, after)


@pytest.mark.parametrize("how", [
    {}, {"before": "SAVEPOINT a", "after": "RELEASE a"}, {"before": "SAVEPOINT a; SAVEPOINT b", "after": "RELEASE b; RELEASE a"},
    {"before": "SAVEPOINT a", "response": "", "after": "RELEASE a"}], ids=["plain", "savepoint", "savepoints", "uncounted"])
def test_a_host_cannot_hold_an_account(web1, web2, alice, how):
    """It takes two seconds: as long as somebody waits before the holder is ended."""
    hold(web1, alice, **how)
    assert web2.login(alice, code()).verdict == "accepted"
    with pytest.raises(psycopg2.OperationalError):
        rows(web1.connection, "COMMIT")


def test_who_waits_for_an_account_that_is_held_is_not_ended(database, web1, alice):
    hold(web1, alice, before="SAVEPOINT a", after="RELEASE a")
    text, said = code(), []
    waiting = [threading.Thread(target=lambda host: said.append(host.login(alice, text)), args=(database.host("web2"),)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert sorted(answer.verdict for answer in said) == ["accepted", "refused", "refused"]


def test_an_administrator_who_holds_an_account_is_not_ended(database, web1, alice):
    ann = database.cluster.connect("ann")
    rows(ann, "BEGIN")
    rows(ann, "SELECT totp.new_recovery_codes(%s)", alice)
    with pytest.raises(psycopg2.errors.LockNotAvailable, match="the account is held by others"):
        web1.ask(alice, code())
    rows(ann, "COMMIT")


@pytest.mark.parametrize("what", [
    {"account": "x" * 256}, {"account": "\xe9" * 128}, {"service": "x" * 256}, {"response": "0" * 1025}, {"rhost": "x" * 1025}],
    ids=lambda what: "".join(what))
def test_what_no_login_has_is_refused(database, web1, what):
    """Else a host would fill the disk with it."""
    question = {"account": "trudy", "response": "081804", "nonce": os.urandom(16)}
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match="at most 255 octets, response and rhost 1024"):
        web1.ask(**question | what)
    longest = {"account": "x" * 255, "service": "x" * 255, "response": "0" * 1024, "rhost": "x" * 1024}
    assert web1.login(**question | {name: longest[name] for name in what}) == refused("unenrolled", failures=None)


# ---- who isn't enrolled

def test_whether_an_account_is_enrolled_is_one_question(database, web1, alice):
    assert web1.ask(alice, None, None) == Answer(("enrolled", *[None] * 5))
    assert web1.ask("mallory", None, None) == Answer(("unenrolled", *[None] * 5))
    assert database.sql("SELECT count(*) FROM totp.attempt WHERE account IN (%s, 'mallory')", alice) == [(0,)]


def test_who_is_not_enrolled_is_refused_as_a_wrong_code_is(database, web1):
    for _ in range(7):
        nonce = os.urandom(16)
        assert web1.ask("mallory", code(), nonce) == PENDING
        assert web1.ask("mallory", code(), nonce) == refused("unenrolled", failures=None)
    assert database.sql("SELECT count(*) FROM totp.login_state WHERE account = 'mallory'") == [(0,)]


def test_guesses_before_an_account_is_enrolled_are_no_failures(database, web1):
    for _ in range(7):
        web1.ask("late", code())
    database.enrol("late")
    assert web1.login("late", code()) == accepted()


# ---- recovery codes, counters

def test_a_recovery_code_gets_in_once(database, web1, web2, alice):
    codes = [text for text, in database.administer("SELECT totp.new_recovery_codes(%s)", alice)]
    assert len(set(codes)) == 10
    assert web1.login(alice, codes[3].lower().replace("-", "")) == Answer(("accepted", None, "recovery", 0, 0, None))
    assert web2.login(alice, codes[3]) == refused("replayed")
    assert database.administer("SELECT totp.status(%s)", alice)[0][0]["recovery_codes_left"] == 9
    database.administer("SELECT totp.new_recovery_codes(%s)", alice)
    assert web2.login(alice, codes[4]) == refused(failures=2)


def test_one_more_recovery_code_expires(database, web1, alice):
    (late,), = database.administer("SELECT totp.one_more_recovery_code(%s, '0 s')", alice)
    (usual,), = database.administer("SELECT totp.one_more_recovery_code(%s)", alice)
    assert web1.login(alice, late) == refused()
    assert web1.login(alice, usual).device == "recovery"


def test_one_more_recovery_code_comes_in_place_of_what_is_over(database, web1, alice):
    codes = [text for text, in database.administer("SELECT totp.new_recovery_codes(%s, 30)", alice)]
    assert web1.login(alice, codes[0]).device == "recovery"
    for _ in range(5):
        database.administer("SELECT totp.one_more_recovery_code(%s, '0 s')", alice)
    assert database.administer("SELECT totp.status(%s)", alice)[0][0]["recovery_codes_left"] == 29
    (usual,), = database.administer("SELECT totp.one_more_recovery_code(%s)", alice)
    assert web1.login(alice, usual).device == "recovery" and web1.login(alice, codes[1]).device == "recovery"


def test_eight_digits_of_another_program_are_taken_over(database, web1, alice):
    database.administer("SELECT totp.keep_recovery_digits(%s, %s)", alice, ["1234 5678", "87654321"])
    assert web1.login(alice, "12345678").device == "recovery"
    assert web1.login(alice, "12345678") == refused("replayed")


def test_a_counter_is_looked_for_ahead(database, web1):
    shown = pyotp.HOTP(SHOWN.secret)
    database.enrol("hotp", type="hotp", counter=5)
    assert web1.login("hotp", shown.at(7)) == accepted()
    assert web1.login("hotp", shown.at(7)) == refused("replayed")
    assert web1.login("hotp", shown.at(18)) == accepted()


# ---- administrators

FIRST = "SELECT totp.enrol_with_codes(%s, 'phone', %s, 'totp', 'sha1', 6, 30, 0, %s, 3)"


def test_a_first_enrolment_is_one_change(database, web1):
    assert database.administer(FIRST, "first", SECRET, wrong()) == [(None,)]
    assert web1.ask("first", None, None).verdict == "unenrolled"
    text = code()
    (codes,), = database.administer(FIRST, "first", SECRET, text)
    assert len(set(codes)) == 3 and web1.login("first", text) == refused("replayed")
    assert web1.login("first", codes[0]).device == "recovery"


def test_a_first_enrolment_of_who_is_enrolled_changes_nothing(database, web1, alice):
    codes = [text for text, in database.administer("SELECT totp.new_recovery_codes(%s)", alice)]
    with pytest.raises(psycopg2.errors.UniqueViolation, match=f"^meanwhile {alice} was enrolled: nothing was changed; begin again"):
        database.administer(FIRST.replace("'phone'", "'tablet'"), alice, b"t" * 20, None)
    assert len(database.administer("SELECT totp.status(%s)", alice)[0][0]["devices"]) == 1
    assert web1.login(alice, codes[0]).device == "recovery"


def test_the_last_device_goes_only_where_that_is_meant(database, alice):
    remove = "SELECT totp.remove_device(%s, %s, %s)"
    database.administer("SELECT totp.add_device(%s, 'tablet', %s)", alice, b"t" * 20)
    assert database.administer(remove, alice, "tablet", False) == [(True,)]
    assert database.administer(remove, alice, "phone", False) == [(False,)]
    assert database.administer("SELECT totp.status(%s) -> 'enrolled'", alice) == [(True,)]
    with pytest.raises(psycopg2.errors.NoDataFound, match="has no device tablet"):
        database.administer(remove, alice, "tablet", True)
    assert database.administer(remove, alice, "phone", True) == [(True,)]
    assert database.administer("SELECT totp.status(%s) -> 'enrolled'", alice) == [(False,)]


def test_a_new_device_is_confirmed_by_a_code_that_is_spent_by_it(database, web1):
    assert database.administer("SELECT totp.add_device('new', 'phone', %s, code => %s)", SECRET, wrong()) == [(False,)]
    assert web1.ask("new", None, None).verdict == "unenrolled"
    text = code()
    assert database.administer("SELECT totp.add_device('new', 'phone', %s, code => %s)", SECRET, text) == [(True,)]
    assert web1.login("new", text) == refused("replayed")
    assert web1.login("new", code(1)) == accepted(drift=1)


@pytest.mark.parametrize("parameters, flaw", [
    ({"device": "recovery"}, "no device can have this name"), ({"device": "a b"}, "no device can have this name"),
    ({"device": "phone"}, "another device of the account has this name"), ({"type": "motp"}, "the type is totp or hotp"),
    ({"algorithm": "md5"}, "the algorithm is"), ({"digits": 5}, "a code has"), ({"period": 0}, "the period is"),
    ({"secret": b"x" * 15}, "a secret has"), ({"secret": None}, "all its parameters"), ({"digits": None}, "all its parameters"),
    ({"secret": SECRET}, "another device of the account has this secret")])
def test_a_device_that_cannot_be_is_refused(database, alice, parameters, flaw):
    parameters = {"device": "tablet", "secret": b"x" * 20} | parameters
    names = ", ".join(f"{name} => %s" for name in parameters)
    with pytest.raises(psycopg2.errors.InvalidParameterValue, match=flaw):
        database.administer(f"SELECT totp.add_device(%s, {names})", alice, *parameters.values())


def test_what_is_removed_opens_nothing_from_the_next_login_on(database, web1, web2, alice):
    database.administer("SELECT totp.add_device(%s, 'tablet', %s)", alice, b"y" * 20)
    nonce, text = os.urandom(16), code()
    assert web1.ask(alice, text, nonce) == PENDING
    database.administer("SELECT totp.remove_device(%s, 'phone')", alice)
    assert web1.ask(alice, text, nonce) == refused()
    database.administer("SELECT totp.remove(%s)", alice)
    assert web2.login(alice, text) == refused("unenrolled", failures=None)


def test_an_attempt_under_way_is_nothing_once_the_account_is_removed(database, web1, alice):
    nonce, text = os.urandom(16), code()
    web1.ask(alice, text, nonce)
    database.administer("SELECT totp.remove(%s)", alice)
    assert web1.ask(alice, text, nonce) == refused("unenrolled", failures=None)
    database.enrol(alice)
    assert failures(database, alice) == 0


@pytest.mark.parametrize("side, opens", [(None, True), ("elsewhere", True), ("known", False)])
def test_unlock_clears_the_side_it_names(database, web1, alice, side, opens):
    for _ in range(5):
        web1.login(alice, wrong())
    database.administer("SELECT totp.unlock(%s, %s)", alice, side)
    assert web1.login(alice, code()).verdict == ("accepted" if opens else "throttled")


def test_status_has_the_words_of_totp_enroll(database, web1, alice):
    web1.login(alice, wrong())
    web1.login(alice, code(), rhost="2001:db8:1:2::9")
    (status,), = database.administer("SELECT totp.status(%s)", alice)
    device, = status.pop("devices")
    place, = status.pop("places")
    assert device.pop("last_used").startswith("20") and place.pop("last").endswith("Z")
    assert device == {"name": "phone", "type": "totp", "algorithm": "SHA1", "digits": 6, "period": 30, "drift": 0,
                      "last_from": "2001:db8:1:2::/64"}
    assert place == {"address": "2001:db8:1:2::/64", "remembered_until": None}
    open_side = {"failures": 0, "level": 0, "locked_until": None}
    assert status == {"user": alice, "enrolled": True, "recovery_codes_left": 0, "known": open_side,
                      "elsewhere": open_side | {"level": 1}}
    assert database.administer("SELECT totp.status('mallory')") == [({"user": "mallory", "enrolled": False},)]
    assert (alice,) in database.administer("SELECT totp.accounts()")


@pytest.mark.parametrize("rhost, place", [(None, "local:web1"), ("", "local:web1"), ("local:1000", "local:1000@web1"),
                                          ("192.0.2.7", "192.0.2.7")])
def test_a_place_on_the_host_itself_is_that_host_s(database, web1, alice, rhost, place):
    web1.login(alice, code(), rhost=rhost)
    (status,), = database.administer("SELECT totp.status(%s)", alice)
    assert [known["address"] for known in status["places"]] == [place]


def at_home(uid=1000):
    return {"rhost": f"local:{uid}", "service": "totp_check"}


def test_who_is_at_home_is_let_in_whatever_strangers_did_and_makes_no_place_known(database, web1, alice):
    for _ in range(5):
        web1.login(alice, wrong())
    assert web1.login(alice, code(), rhost="local:1000", service="su").verdict == "throttled"
    assert web1.login(alice, code(), **at_home()) == accepted()
    (status,), = database.administer("SELECT totp.status(%s)", alice)
    assert (status["elsewhere"]["failures"], status["places"]) == (5, [])


def test_who_fails_at_home_is_shut_out_there_alone(database, web1, alice):
    for _ in range(5):
        web1.login(alice, wrong(), **at_home())
    assert web1.login(alice, code(), **at_home(1001)).verdict == "throttled"
    (status,), = database.administer("SELECT totp.status(%s)", alice)
    assert (status["known"]["failures"], status["elsewhere"]["failures"]) == (5, 0)
    assert web1.login(alice, code()) == accepted()


@pytest.mark.parametrize("where", [{"rhost": "192.0.2.7", "service": "totp_check"}, {"rhost": "", "service": "totp_check"},
                                   {"rhost": "local:x", "service": "totp_check"}, {"rhost": "local:1000", "service": ""},
                                   {"rhost": "local:1000", "service": None}], ids=str)
def test_nobody_else_is_at_home(database, web1, alice, where):
    web1.login(alice, wrong(), **where)
    (status,), = database.administer("SELECT totp.status(%s)", alice)
    assert (status["known"]["failures"], status["elsewhere"]["failures"]) == (0, 1)


# ---- hosts

def test_a_host_that_is_switched_off_is_refused_in_open_sessions_too(database, alice):
    database.add_host("web3")
    web3 = database.host("web3")
    assert web3.login(alice, wrong()) == refused()
    assert database.administer("SELECT totp.switch_off_host('web3')") == [(1,)]
    with pytest.raises(psycopg2.OperationalError):
        web3.ask(alice, code())
    later = database.host("web3")
    for account, response in ((alice, code()), (alice, None), ("mallory", code())):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="the host web3 is switched off"):
            later.ask(account, response)
    database.administer("SELECT totp.switch_on_host('web3')")
    assert later.login(alice, code()) == accepted()


def test_a_host_that_fails_often_is_a_slow_oracle(database, web1):
    database.add_host("web4")
    database.administer("SELECT totp.limit_host('web4', 3)")
    web4 = database.host("web4")
    for i in range(5):
        database.enrol(f"many{i}")
        assert web4.login(f"many{i}", code()) == accepted(), "what is right doesn't count"
    for account in ("many0", "many1", "many2"):
        assert web4.login(account, wrong()).verdict == "refused"
    for account in ("many4", "mallory"):
        answer = web4.ask(account, code())
        assert answer.verdict == "throttled" and answer.failures is None and 0 < answer.retry_in <= 600
    assert web1.login("many4", code(1)) == accepted(drift=1), "other hosts don't notice"
    assert ("web4", True, 3, 5, 3) in database.administer("SELECT * FROM totp.hosts()")
    database.sql("UPDATE totp.attempt SET charged_at = charged_at - 601 WHERE host = 'web4'")
    assert web4.login("many3", code(1)) == accepted(drift=1)


def test_only_outstanding_attempts_make_a_host_wait_too(database):
    database.add_host("web5")
    database.administer("SELECT totp.limit_host('web5', 2)")
    web5 = database.host("web5")
    for i in range(3):
        database.enrol(f"person{i}")
    assert [web5.ask(f"person{i}", "081804").verdict for i in range(3)] == ["pending", "pending", "throttled"]


def test_guesses_at_who_is_not_enrolled_keep_no_host_waiting(database, alice):
    """They can hit nothing; and anybody on a host may ask about themselves."""
    database.add_host("web6")
    database.administer("SELECT totp.limit_host('web6', 3)")
    web6 = database.host("web6")
    for _ in range(5):
        assert web6.login("mallory", code()) == refused("unenrolled", failures=None)
    web6.ask("mallory", code())
    assert web6.login(alice, code()) == accepted()
    assert ("web6", True, 3, 1, 0) in database.administer("SELECT * FROM totp.hosts()")


ANY_NAME = ["switch_off_host(%s)", "switch_on_host(%s)", "limit_host(%s, 5)"]


@pytest.mark.parametrize("statement", ANY_NAME)
def test_a_name_that_is_no_hosts_is_refused(database, statement):
    for name in ("web11", "WEB1", "ann", "totp_host", "postgres"):
        with pytest.raises(psycopg2.errors.NoDataFound, match=f"^{name} is no host"):
            database.administer(f"SELECT totp.{statement}", name)
        assert database.sql("SELECT 1 FROM totp.host WHERE name = %s", name) == []


@pytest.mark.parametrize("statement", ANY_NAME)
def test_a_host_whose_role_is_gone_is_still_known(database, statement):
    database.add_host("gone")
    database.administer("SELECT totp.switch_off_host('gone')")
    database.sql("DROP ROLE gone")
    database.administer(f"SELECT totp.{statement}", "gone")


# ---- a clock that was ahead

def put_clock_back(database, account):
    """By an hour, since these attempts were charged."""
    database.sql("UPDATE totp.attempt SET charged_at = charged_at + 3600 WHERE account = %s", account)


def test_attempts_of_a_clock_that_was_ahead_are_settled(database, web1, web2, alice):
    nonce, text = os.urandom(16), wrong()
    web1.ask(alice, text, nonce)
    put_clock_back(database, alice)
    assert web2.login(alice, wrong()) == refused(failures=2)
    assert web1.ask(alice, text, nonce) == LOST


def test_attempts_of_a_clock_that_was_ahead_are_not_asked_about_for_long(database, web1, alice):
    """Else a host would try the codes of an hour with one guess, and roll back each time."""
    nonce, text = os.urandom(16), code()
    web1.ask(alice, text, nonce)
    put_clock_back(database, alice)
    assert web1.ask(alice, text, nonce) == LOST and failures(database, alice) == 1


def test_unlock_opens_what_a_clock_that_was_ahead_has_shut(database, web1, web2, alice):
    for _ in range(5):
        web1.ask(alice, wrong())
    put_clock_back(database, alice)
    database.administer("SELECT totp.unlock(%s)", alice)
    assert web2.login(alice, code()) == accepted()


def test_failures_of_a_clock_that_was_ahead_keep_no_host_waiting(database, alice):
    database.add_host("web7")
    database.administer("SELECT totp.limit_host('web7', 1)")
    web7 = database.host("web7")
    web7.login(alice, wrong())
    put_clock_back(database, alice)
    assert web7.login(alice, code()) == accepted()


# ---- migrations

def test_migrations_run_once(database):
    before = database.sql("SELECT * FROM totp.migration ORDER BY name")
    assert [name for name, _ in before] == sorted(path.stem for path in
                                                 (Path(__file__).parents[2] / "conf/postgresql/migrations").glob("*.sql"))
    database.migrate()
    assert database.sql("SELECT * FROM totp.migration ORDER BY name") == before


def test_the_shipped_policy_is_that_of_the_files(database):
    """Names and defaults are pam_totp.conf's."""
    settings = dict(re.findall(r"^# (\w+) = (\S+)$", (Path(__file__).parents[2] / "conf/pam_totp.conf").read_text(), re.MULTILINE))
    (policy,), = database.sql("SELECT to_jsonb(policy) FROM totp.policy")
    assert {name: str(value) for name, value in policy.items()} == {name: settings[name] for name in policy}
