"""Many hosts at once. PAM_TOTP_ROUNDS=200 for the whole of it."""

import os
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg2
import pytest

from fleet import Cluster, Database, rows
from test_fleet_verify import code, wrong

HOSTS = 50
SESSIONS = 200
ROUNDS = int(os.environ.get("PAM_TOTP_ROUNDS", "3"))
MOST_TRIES = 50


@pytest.fixture(scope="module")
def database():
    Path("/run/private").mkdir(exist_ok=True)
    cluster = Cluster()
    database = Database(cluster)
    for i in range(HOSTS):
        database.add_host(f"web{i}")
        database.administer("SELECT totp.limit_host(%s, 1000000)", f"web{i}")
    yield database
    cluster.stop()


@pytest.fixture(scope="module")
def sessions(database):
    return [database.host(f"web{i % HOSTS}") for i in range(SESSIONS)]


def login(session, account, text):
    """What is said in the end: where processors are waited for so long that it counts as others' holding the account, or that
    the session is ended as one that holds it, it is asked again."""
    nonce = os.urandom(16)
    for _ in range(MOST_TRIES):
        try:
            return session.login(account, text, nonce).verdict
        except psycopg2.errors.LockNotAvailable:
            pass
        except psycopg2.OperationalError:
            if not session.connection.closed:
                raise
            session.connect()
    return "held by others"


def at_once(sessions, question):
    """What each session says to question(session), all of them beginning together."""
    gate = threading.Barrier(len(sessions))
    answers = []

    def ask(session):
        gate.wait()
        answers.append(question(session))

    threads = [threading.Thread(target=ask, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(sessions)
    return Counter(answers)


@pytest.mark.parametrize("round", range(ROUNDS))
def test_one_code_asked_about_by_all_gets_in_once(database, sessions, round):
    account = f"alice{round}"
    database.enrol(account)
    text = code()
    answers = at_once(sessions, lambda session: login(session, account, text))
    assert answers["accepted"] == 1 and not answers["held by others"], answers
    assert sessions[0].login(account, text).verdict in ("refused", "throttled")


@pytest.mark.parametrize("round", range(ROUNDS))
def test_a_lock_out_counts_the_guesses_of_all(database, sessions, round):
    account = f"bob{round}"
    database.enrol(account)
    text = wrong()
    answers = at_once(sessions, lambda session: login(session, account, text))
    assert answers == {"refused": 5, "throttled": SESSIONS - 5}
    assert database.administer("SELECT totp.status(%s)", account)[0][0]["elsewhere"]["failures"] == 5


def test_a_guess_on_each_host_is_a_guess_more(database, sessions):
    database.enrol("carol")
    answers = [session.login("carol", wrong()).verdict for session in sessions[:HOSTS]]
    assert answers == ["refused"] * 5 + ["throttled"] * (HOSTS - 5)


def test_accounts_do_not_wait_for_each_other(database, sessions):
    """Nor for one that an administrator holds all the while."""
    numbered = {session: i for i, session in enumerate(sessions[:HOSTS])}
    for name in ["held", *(f"many{i}" for i in range(HOSTS))]:
        database.enrol(name)
    ann = database.cluster.connect("ann")
    rows(ann, "BEGIN")
    rows(ann, "SELECT totp.new_recovery_codes('held')")
    with pytest.raises(psycopg2.errors.LockNotAvailable, match="the account is held by others"):
        sessions[0].ask("held", wrong())
    text = code()
    assert at_once(list(numbered), lambda session: login(session, f"many{numbered[session]}", text)) == {"accepted": HOSTS}
    rows(ann, "COMMIT")


@pytest.fixture
def gate(database):
    """As long as it is closed, an enrolment of the device `slow` waits between its look for the account and its commit."""
    database.sql("""
        ALTER FUNCTION totp.flaw_of(totp.enrolment) RENAME TO flaw_of_enrolment;
        CREATE FUNCTION totp.flaw_of(enrolment totp.enrolment) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            WHILE enrolment.devices[1].name = 'slow' AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory') LOOP
                PERFORM pg_sleep(0.01);
            END LOOP;
            RETURN totp.flaw_of_enrolment(enrolment);
        END
        $$""")
    connection = database.cluster.connect()
    rows(connection, "SELECT pg_advisory_lock(7)")
    yield connection
    connection.close()
    database.sql("DROP FUNCTION totp.flaw_of(totp.enrolment);"
                 "ALTER FUNCTION totp.flaw_of_enrolment(totp.enrolment) RENAME TO flaw_of")


@pytest.mark.parametrize("account, enrol", [("dora", "SELECT totp.add_device(%s, %s, %s)"), ("eve", "SELECT totp.enrol(%s, %s, %s, '{}')"),
                                            ("finn", "SELECT totp.enrol_with_codes(%s, %s, %s, 'totp', 'sha1', 6, 30, 0, NULL, 3) IS NOT NULL")])
def test_a_first_enrolment_never_replaces_another(database, gate, account, enrol):
    slow, said = database.cluster.connect("ann"), []

    def enrol_slowly():
        try:
            said.append(rows(slow, enrol, account, "slow", b"s" * 20)[0][0])
        except psycopg2.errors.UniqueViolation:
            said.append(False)

    thread = threading.Thread(target=enrol_slowly)
    thread.start()
    while not database.sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'", slow.info.backend_pid):
        time.sleep(0.01)
    assert database.administer(enrol, account, "first", b"f" * 20) == [(True,)]
    rows(gate, "SELECT pg_advisory_unlock(7)")
    thread.join()
    assert said == [False]
    assert [device["name"] for device in database.administer("SELECT totp.status(%s)", account)[0][0]["devices"]] == ["first"]
