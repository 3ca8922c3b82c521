"""What a person changes of their own from a host in the group totp_person."""

import base64
import os
import threading
import time
from pathlib import Path

import psycopg2
import pyotp
import pytest

from fleet import SECRET, Cluster, Database, rows
from test_fleet_verify import accepted, code, refused, wrong

TABLET = b"abcdefghijklmnopqrst"


@pytest.fixture(scope="module")
def database():
    Path("/run/private").mkdir(exist_ok=True)
    cluster = Cluster()
    database = Database(cluster)
    for name in ("desk", "web1"):
        database.add_host(name)
        database.administer("SELECT totp.limit_host(%s, 1000)", name)
    database.sql("GRANT totp_person TO desk")
    yield database
    cluster.stop()


@pytest.fixture
def desk(database):
    return database.host("desk")


@pytest.fixture
def alice(database):
    name = "alice-" + os.urandom(4).hex()
    database.enrol(name)
    return name


@pytest.fixture
def passed(desk, alice):
    """The nonce of a code that was accepted at the desk."""
    nonce = os.urandom(16)
    assert desk.login(alice, code(), nonce) == accepted()
    return nonce


def refuses(session, statement, *values, match="a code must be accepted before"):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match=match):
        rows(session.connection, statement, *values)


def tablet_code():
    wrong()  # waits for room in the step
    return pyotp.TOTP(base64.b32encode(TABLET).decode()).now()


def test_who_has_passed_adds_a_device_by_its_code(database, desk, alice, passed):
    add = "SELECT totp.add_my_device(%s, 'tablet', %s, %s)"
    for no_code in (None, "", "081804"):
        assert rows(desk.connection, add, passed, TABLET, no_code) == [(False,)]
    assert rows(desk.connection, add, passed, TABLET, tablet_code()) == [(True,)]
    status = rows(desk.connection, "SELECT totp.my_status(%s)", passed)[0][0]
    assert status["user"] == alice and [device["name"] for device in status["devices"]] == ["phone", "tablet"]


def test_who_has_passed_removes_a_device_and_makes_recovery_codes(database, desk, alice, passed):
    text, *others = [text for text, in rows(desk.connection, "SELECT totp.my_new_recovery_codes(%s, 3)", passed)]
    assert len(others) == 2 and desk.login(alice, text).device == "recovery"
    assert rows(desk.connection, "SELECT totp.remove_my_device(%s, 'phone', false)", passed) == [(False,)]
    assert rows(desk.connection, "SELECT totp.remove_my_device(%s, 'phone', true)", passed) == [(True,)]
    assert database.administer("SELECT totp.status(%s) -> 'enrolled'", alice) == [(False,)]


def test_who_has_passed_unlocks_the_side_of_strangers_alone(database, desk, alice, passed):
    for place in ("192.0.2.7", "198.51.100.1"):
        for _ in range(5):
            desk.login(alice, wrong(), rhost=place)
    rows(desk.connection, "SELECT totp.unlock_myself(%s)", passed)
    status, = database.administer("SELECT totp.status(%s)", alice)[0]
    assert (status["known"]["failures"], status["elsewhere"]["failures"]) == (5, 0)
    assert status["elsewhere"]["level"] == 5, "the long-run budget stays"


def test_who_has_passed_takes_everything_away(database, desk, alice, passed):
    rows(desk.connection, "SELECT totp.remove_myself(%s)", passed)
    assert database.administer("SELECT totp.status(%s) -> 'enrolled'", alice) == [(False,)]


@pytest.mark.parametrize("statement", ["SELECT totp.remove_myself(%s)", "SELECT totp.my_status(%s)", "SELECT totp.my_new_recovery_codes(%s)",
                                       "SELECT totp.remove_my_device(%s, 'phone')",
                                       "SELECT totp.remove_my_device(%s, 'phone', true)", "SELECT totp.unlock_myself(%s)",
                                       "SELECT totp.add_my_device(%s, 'tablet', 'abcdefghijklmnopqrst', '1')"])
def test_a_code_must_be_accepted_before(database, desk, alice, statement):
    refuses(desk, statement, os.urandom(16))
    asked, failed = os.urandom(16), os.urandom(16)
    desk.ask(alice, code(), asked)
    refuses(desk, statement, asked)
    desk.login(alice, wrong(), failed)
    refuses(desk, statement, failed)


def test_an_acceptance_that_is_not_committed_changes_nothing(desk, alice):
    nonce, text = os.urandom(16), code()
    desk.ask(alice, text, nonce)
    rows(desk.connection, "BEGIN")
    assert desk.ask(alice, text, nonce) == accepted()
    refuses(desk, "SELECT totp.my_new_recovery_codes(%s)", nonce)
    rows(desk.connection, "ROLLBACK")


def test_an_acceptance_lasts_ten_minutes_on_its_host(database, desk, alice, passed):
    database.sql("GRANT totp_person TO web1")
    refuses(database.host("web1"), "SELECT totp.my_status(%s)", passed)
    database.sql("REVOKE totp_person FROM web1")
    database.sql("UPDATE totp.attempt SET charged_at = charged_at - 600 WHERE account = %s", alice)
    refuses(desk, "SELECT totp.my_status(%s)", passed)


def test_hosts_outside_the_group_change_nothing(database, alice):
    web1, nonce = database.host("web1"), os.urandom(16)
    assert web1.login(alice, code(), nonce) == accepted()
    refuses(web1, "SELECT totp.my_status(%s)", nonce, match="permission denied")


def test_a_first_enrolment_needs_an_administrator_s_token_once(database, desk):
    enrol = "SELECT totp.enrol_myself('new', %s, 'tablet', %s, %s)"
    no_token = "an administrator gives a token"
    refuses(desk, enrol, "0000-0000-0000-0000", TABLET, tablet_code(), match=no_token)
    (old,), = database.administer("SELECT totp.allow_enrolment('new')")
    (token,), = database.administer("SELECT totp.allow_enrolment('new')")
    (late,), = database.administer("SELECT totp.allow_enrolment('late', '0 s')")
    refuses(desk, enrol, old, TABLET, tablet_code(), match=no_token)
    refuses(desk, enrol.replace("new", "late"), late, TABLET, tablet_code(), match=no_token)
    assert rows(desk.connection, enrol, token, TABLET, "081804") == [(False,)]
    text = tablet_code()
    assert rows(desk.connection, enrol, token, TABLET, text) == [(True,)]
    assert desk.login("new", text) == refused("replayed")
    database.administer("SELECT totp.remove('new')")
    refuses(desk, enrol, token, TABLET, tablet_code(), match=no_token)
    with pytest.raises(psycopg2.errors.UniqueViolation, match="is enrolled already"):
        database.enrol("again")
        database.administer("SELECT totp.allow_enrolment('again')")


ENROL_WITH_CODES = "SELECT totp.enrol_myself_with_codes(%s, %s, 'tablet', %s, 'totp', 'sha1', 6, 30, 0, %s, 3)"


def test_a_first_enrolment_gives_recovery_codes_with_it(database, desk):
    (token,), = database.administer("SELECT totp.allow_enrolment('novice')")
    spoken = token.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    for no_code in (None, "", "081804"):
        assert rows(desk.connection, ENROL_WITH_CODES, "novice", spoken, TABLET, no_code) == [(None,)]
    (codes,), = rows(desk.connection, ENROL_WITH_CODES, "novice", spoken, TABLET, tablet_code())
    assert len(set(codes)) == 3 and desk.login("novice", codes[0]).device == "recovery"
    refuses(desk, ENROL_WITH_CODES, "novice", token, TABLET, tablet_code(), match="an administrator gives a token")


def test_a_token_is_known_before_it_is_used(database, desk):
    (token,), = database.administer("SELECT totp.allow_enrolment('adept')")
    database.administer("SELECT totp.allow_enrolment('other')")
    takes = "SELECT totp.takes_token(%s, %s)"
    assert rows(desk.connection, takes, "adept", token) == [(True,)]
    for account, no_token in (("other", token), ("adept", "0000-0000-0000-0000"), ("adept", ""), ("adept", None), ("adept", token[:-1])):
        assert rows(desk.connection, takes, account, no_token) == [(False,)]
    database.enrol("adept")
    assert rows(desk.connection, takes, "adept", token) == [(False,)]
    for statement in (takes, ENROL_WITH_CODES.replace("%s, 3", "'1', 3").replace("'tablet', %s", "'tablet', ''")):
        refuses(database.host("web1"), statement, "adept", token, match="permission denied")


@pytest.mark.parametrize("order", [("remove",), ("enrol", "remove"), ("enrol",)], ids="-".join)
def test_a_token_ends_with_what_it_was_for(database, desk, order):
    """Else whoever finds it in an old mail enrols themselves when the account is enrolled no more."""
    account = "bob-" + "-".join(order)
    (token,), = database.administer("SELECT totp.allow_enrolment(%s)", account)
    if order == ("remove",):  # it was given at the moment of the enrolment
        stands = database.sql("SELECT * FROM totp.enrolment_token WHERE account = %s", account)[0]
    database.enrol(account)
    if order == ("remove",):
        database.sql("INSERT INTO totp.enrolment_token VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", *stands)
    if "remove" in order:
        database.administer("SELECT totp.remove(%s)", account)
    assert database.sql("SELECT 1 FROM totp.enrolment_token WHERE account = %s", account) == []
    refuses(desk, ENROL_WITH_CODES, account, token, TABLET, tablet_code(), match="an administrator gives a token")


@pytest.fixture
def gate(database):
    """As long as it is closed, an enrolment of the device `slow` waits after its token was looked at."""
    database.sql("""
        ALTER FUNCTION totp.flaw_of(totp.device) RENAME TO flaw_of_device;
        CREATE FUNCTION totp.flaw_of(device totp.device) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            WHILE device.name = 'slow' AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory') LOOP
                PERFORM pg_sleep(0.01);
            END LOOP;
            RETURN totp.flaw_of_device(device);
        END
        $$;
        GRANT EXECUTE ON FUNCTION totp.flaw_of(totp.device) TO totp_owner""")
    connection = database.cluster.connect()
    rows(connection, "SELECT pg_advisory_lock(7)")
    yield connection
    connection.close()
    database.sql("DROP FUNCTION totp.flaw_of(totp.device); ALTER FUNCTION totp.flaw_of_device(totp.device) RENAME TO flaw_of")


def test_of_two_uses_of_a_token_at_once_one_counts(database, desk, gate):
    (token,), = database.administer("SELECT totp.allow_enrolment('twice')")
    slow, said = database.host("desk"), []
    shown = tablet_code()
    secrets = {"slow": TABLET, "fast": SECRET}

    def enrol(session, device):
        try:
            said.extend(rows(session.connection, "SELECT totp.enrol_myself('twice', %s, %s, %s, %s)", token, device, secrets[device],
                             shown if device == "slow" else code()))
        except psycopg2.Error as refused:
            said.append(refused.pgcode)

    thread = threading.Thread(target=enrol, args=(slow, "slow"))
    thread.start()
    while not database.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'", slow.connection.info.backend_pid):
        time.sleep(0.01)
    enrol(desk, "fast")
    rows(gate, "SELECT pg_advisory_unlock(7)")
    thread.join()
    assert said.count((True,)) == 1 and len(said) == 2, said
    assert len(database.administer("SELECT totp.status('twice')")[0][0]["devices"]) == 1
