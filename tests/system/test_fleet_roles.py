"""What a stolen host can do with its role and its certificate, and what an administrator's role can't."""

import subprocess
from pathlib import Path

import psycopg2
import pytest

from fleet import DATABASE, SECRET, Authority, Cluster, Database, ask, rows
from machine import wait_until

SECRET_HEX = SECRET.hex()
WRONG = "0818"  # no code, for any device


@pytest.fixture(scope="module")
def database():
    Path("/run/private").mkdir(exist_ok=True)
    cluster = Cluster()
    database = Database(cluster)
    database.enrol("alice")
    database.administer("SELECT totp.new_recovery_codes('alice')")
    for name in ("stolen", "honest"):
        database.add_host(name)
    yield database
    cluster.stop()


@pytest.fixture
def stolen(database):
    return database.host("stolen").connection


def is_refused(connection, statement, *values):
    with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedTable,
                        psycopg2.errors.InvalidSchemaName)) as refused:
        rows(connection, statement, *values)
    assert SECRET_HEX not in str(refused.value)


def names(database, question):
    return [name for name, in database.sql(question)]


RELATIONS = """SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'totp'::regnamespace AND relkind IN ('r', 'v', 'S', 'm')"""
FUNCTIONS = """SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'totp'::regnamespace"""


# ---- tables

@pytest.mark.parametrize("role", ["stolen", "ann"])
def test_no_table_is_readable(database, role):
    connection = database.cluster.connect(role)
    relations = names(database, RELATIONS)
    assert "totp.enrolment" in relations and "totp.nobody" in relations
    for relation in relations:
        for statement in ("SELECT * FROM {}", "SELECT count(*) FROM {}", "COPY {} TO STDOUT", "DO $$BEGIN LOCK {} IN ACCESS SHARE MODE; END$$",
                          "DELETE FROM {}", "TRUNCATE {}", "SELECT ctid FROM {}"):
            is_refused(connection, statement.format(relation))
    is_refused(connection, "UPDATE totp.host SET is_on = true")
    is_refused(connection, "INSERT INTO totp.host (name) VALUES ('x')")


@pytest.mark.parametrize("statement", [
    "COPY (SELECT 1) TO PROGRAM 'id'", "COPY (SELECT 1) TO '/tmp/x'", "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('global/pg_control')", "SELECT pg_ls_dir('.')", "SELECT lo_from_bytea(0, 'x')", "SELECT lo_creat(-1)",
    "CREATE TEMPORARY TABLE t (x int)", "CREATE TABLE public.t (x int)", "CREATE SCHEMA s", "CREATE FUNCTION public.f() RETURNS int RETURN 1",
    "CREATE FUNCTION totp.f() RETURNS int RETURN 1", "CREATE FUNCTION pg_temp.f() RETURNS int RETURN 1",
    "CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)", "CREATE CAST (text AS bytea) WITHOUT FUNCTION",
    "CREATE EXTENSION dblink", "CREATE ROLE x", "ALTER ROLE honest PASSWORD 'x'", "GRANT totp_owner TO stolen",
    "ALTER FUNCTION totp.verify OWNER TO stolen", "CREATE OR REPLACE FUNCTION totp.no_end() RETURNS bigint RETURN 1",
    "SELECT pg_stat_reset()", "SELECT totp_crypto.hmac('x', 'y', 'sha1')", "ALTER SYSTEM SET log_statement = 'all'",
    "SET log_statement = 'all'", "SET temp_file_limit = -1", "LOAD 'auto_explain'", "CREATE PUBLICATION p FOR ALL TABLES", "SELECT pg_create_physical_replication_slot('x')",
    "SELECT pg_switch_wal()", "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()"])
def test_nothing_can_be_made_or_read_beside_it(stolen, statement):
    is_refused(stolen, statement)


def test_a_dump_is_refused(database):
    for what in ([], ["--data-only"], ["--table", "totp.enrolment"]):
        done = subprocess.run(["pg_dump", "-h", database.cluster.directory, "-p", str(database.cluster.port), "-U", "stolen", *what,
                               DATABASE], capture_output=True, text=True)
        assert done.returncode != 0 and "permission denied" in done.stderr
        assert SECRET_HEX not in done.stdout and "COPY" not in done.stdout


def test_a_base_backup_is_refused(database):
    done = subprocess.run(["pg_basebackup", "-h", database.cluster.directory, "-p", str(database.cluster.port), "-U", "stolen", "-D", "/tmp/never"],
                          capture_output=True, text=True)
    assert done.returncode != 0 and not Path("/tmp/never").exists()


# ---- roles

@pytest.mark.parametrize("role", ["totp_owner", "totp_admin", "honest", "postgres", "ann"])
def test_nobody_else_can_be_become(stolen, role):
    is_refused(stolen, f"SET ROLE {role}")
    is_refused(stolen, f"SET SESSION AUTHORIZATION {role}")


@pytest.mark.parametrize("role", ["totp_owner", "postgres", "honest"])
def test_an_administrator_becomes_nobody_else(database, role):
    is_refused(database.cluster.connect("ann"), f"SET ROLE {role}")


def test_who_asks_is_the_session_s_user_whatever_role_is_set(database, stolen):
    rows(stolen, "SET ROLE totp_host")
    ask(stolen, "alice", WRONG, b"role............")
    assert database.sql("SELECT host FROM totp.attempt WHERE nonce = 'role............'") == [("stolen",)]


def test_hosts_may_ask_one_question_and_administrators_none(database):
    callable_by = """SELECT proname FROM pg_proc WHERE pronamespace IN ('totp'::regnamespace, 'totp_crypto'::regnamespace)
                     AND has_schema_privilege('{0}', pronamespace, 'USAGE') AND has_function_privilege('{0}', oid, 'EXECUTE')"""
    assert names(database, callable_by.format("stolen")) == ["verify"]
    for_administrators = names(database, callable_by.format("ann"))
    assert "switch_off_host" in for_administrators and "verify" not in for_administrators and "hold" not in for_administrators
    assert names(database, callable_by.format("pg_read_all_stats")) == [], "everybody may call nothing"


def test_whatever_others_may_call_runs_as_the_owner_with_a_pinned_path(database):
    loose = database.sql("""SELECT proname FROM pg_proc WHERE pronamespace = 'totp'::regnamespace
                            AND (has_function_privilege('totp_host', oid, 'EXECUTE') OR has_function_privilege('totp_admin', oid, 'EXECUTE'))
                            AND NOT (prosecdef AND proowner = 'totp_owner'::regrole AND 'search_path=pg_catalog, pg_temp' = ANY (proconfig))""")
    assert loose == []
    assert database.sql("SELECT proname FROM pg_proc WHERE pronamespace = 'totp'::regnamespace AND proowner <> 'totp_owner'::regrole") == []


def test_calling_the_parts_of_verify_is_refused(database, stolen):
    for function in ("totp.hold('alice')", "totp.current_policy()", "totp.end_transactions('{3}')", "totp.forget_old_attempts(0)",
                     "totp.status('alice')", "totp.accounts()", "totp.unlock('alice')", "totp.hosts()", "totp.switch_on_host('stolen')"):
        is_refused(stolen, f"SELECT {function}")


def test_no_secret_is_in_a_function_s_text(database, stolen):
    sources = "\n".join(text for text, in rows(stolen, "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'totp'::regnamespace AND prokind = 'f'"))
    secrets = names(database, "SELECT encode(device.secret, 'hex') FROM totp.nobody, unnest((enrolment).devices) AS device")
    assert len(secrets) == 1 and secrets[0] not in sources and SECRET_HEX not in sources


# ---- what is given away

def test_status_gives_no_secret_away(database):
    text = str(database.administer("SELECT totp.status('alice')"))
    assert SECRET_HEX not in text and "$2a$" not in text and "secret" not in text


def test_others_questions_are_not_seen(database, stolen):
    honest = database.host("honest")
    honest.ask("alice", "the-response-of-alice")
    seen = rows(stolen, "SELECT usename, query, xact_start, wait_event FROM pg_stat_activity WHERE usename = 'honest'")
    assert seen and all(row[1:] == ("<insufficient privilege>", None, None) for row in seen)
    assert "the-response-of-alice" not in str(rows(stolen, "SELECT * FROM pg_stat_activity"))
    assert "the-response-of-alice" not in database.cluster.log()


def test_other_sessions_cannot_be_ended(database, stolen):
    honest = database.host("honest").connection
    pid = rows(honest, "SELECT pg_backend_pid()")[0][0]
    is_refused(stolen, "SELECT pg_terminate_backend(%s)", pid)
    is_refused(stolen, "SELECT pg_cancel_backend(%s)", pid)
    assert rows(honest, "SELECT 1") == [(1,)]


STATISTICS = "SELECT * FROM pg_stats", "SELECT * FROM pg_stats_ext", "SELECT * FROM pg_stats_ext_exprs"


@pytest.mark.parametrize("statement", STATISTICS)
def test_statistics_of_the_tables_are_not_seen(database, stolen, statement):
    database.sql("ANALYZE totp.enrolment")
    assert not [row for row in rows(stolen, statement) if row[0] == "totp"]
    is_refused(stolen, "SELECT stavalues1 FROM pg_statistic")


# ---- tricks with one transaction

EXPLAINED = "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM totp.verify('alice', '081804', 'explained.......', 'x', 'y')"


def test_an_explained_question_has_no_verdict(stolen):
    rows(stolen, "BEGIN")
    for _ in range(2):
        plan = str(rows(stolen, EXPLAINED))
        assert "refused" not in plan and "wrong" not in plan
    rows(stolen, "ROLLBACK")


@pytest.mark.parametrize("hold", ["", "WITH HOLD"])
def test_cursors_have_no_verdict_before_the_commit(stolen, hold):
    question = f"SELECT verdict FROM totp.verify('alice', '081804', 'cursor.......{len(hold):03}', 'x', 'y')"
    rows(stolen, "BEGIN")
    for name in ("a", "b"):
        rows(stolen, f"DECLARE {name} CURSOR {hold} FOR {question}")
    assert [rows(stolen, f"FETCH {name}") for name in ("a", "b")] == [[("pending",)]] * 2
    rows(stolen, "ROLLBACK")


def test_a_prepared_question_has_no_verdict_in_one_transaction(stolen):
    rows(stolen, "PREPARE question AS SELECT verdict FROM totp.verify('alice', '081804', 'prepared........', 'x', 'y')")
    rows(stolen, "BEGIN")
    assert [rows(stolen, "EXECUTE question") for _ in range(3)] == [[("pending",)]] * 3
    rows(stolen, "ROLLBACK")


def test_many_questions_in_one_statement_have_no_verdict(stolen):
    again = rows(stolen, """SELECT answer.verdict FROM generate_series(1, 3), LATERAL (SELECT * FROM totp.verify(
                            'alice', '081804', decode(lpad(to_hex(generate_series * 0), 32, '0'), 'hex'), 'x', 'y')) AS answer""")
    assert again == [("pending",)] * 3


def test_a_block_with_caught_errors_is_one_transaction(stolen):
    rows(stolen, """DO $$
        DECLARE said text;
        BEGIN
            FOR i IN 1 .. 2 LOOP
                BEGIN
                    SELECT verdict INTO said FROM totp.verify('alice', '081804', 'block...........', 'x', 'y');
                    IF said <> 'pending' THEN RAISE 'an answer: %', said USING ERRCODE = 'P0004'; END IF;
                    RAISE division_by_zero;
                EXCEPTION WHEN division_by_zero THEN NULL;
                END;
            END LOOP;
        END $$""")


def test_two_phase_commit_is_off(stolen):
    rows(stolen, "BEGIN; SELECT totp.verify('alice', '081804', 'two phases......', 'x', 'y')")
    with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match="prepared transactions are disabled"):
        rows(stolen, "PREPARE TRANSACTION 'kept'")


# ---- search_path

TRAP = """
    CREATE SCHEMA trap AUTHORIZATION stolen;
    GRANT TEMPORARY ON DATABASE totp TO stolen;
    SET ROLE stolen;
    CREATE FUNCTION trap.sprung(text, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'the trap is sprung'; END$$;
    CREATE FUNCTION trap.sprung(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'the trap is sprung'; END$$;
    CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.sprung);
    CREATE OPERATOR trap.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.sprung);
    CREATE OPERATOR trap.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.sprung);
    CREATE FUNCTION trap.length(text) RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'the trap is sprung'; END$$;
    CREATE FUNCTION trap.current_setting(text) RETURNS text LANGUAGE sql RETURN 'read committed';
    CREATE FUNCTION trap.translate(text, text, text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'the trap is sprung'; END$$;
    CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN RAISE 'the trap is sprung'; END$$;
    RESET ROLE;
"""


def test_a_search_path_of_the_host_s_own_changes_nothing(database):
    database.sql(TRAP)
    try:
        stolen = database.host("stolen").connection
        rows(stolen, "CREATE TEMPORARY TABLE attempt (host text); CREATE TEMPORARY TABLE pg_stat_activity (pid int)")
        rows(stolen, "CREATE FUNCTION pg_temp.int8send(bigint) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN RAISE 'the trap is sprung'; END$$")
        for path in ("trap, pg_catalog", "pg_temp, trap, pg_catalog", "trap, totp, totp_crypto"):
            rows(stolen, f"SET search_path = {path}")
            for _ in range(2):
                answer = ask(stolen, "alice", "081804", b"path" + path.encode()[:12].ljust(12))
            assert answer.verdict in ("refused", "throttled")
    finally:
        database.sql("DROP SCHEMA trap CASCADE; REVOKE TEMPORARY ON DATABASE totp FROM stolen")


# ---- certificates

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def with_tls(database, authority):
    """The same cluster, over TCP: whoever comes shows a certificate that names their role."""
    database.cluster.use_tls(authority)
    return database.cluster


def over_tls(cluster, authority, certificate, user):
    return cluster.connect(user, host="127.0.0.1", sslmode="verify-full", sslrootcert=authority.root,
                           **(authority.pair(certificate) if certificate else {"sslcert": "/none", "sslkey": "/none"}))


def test_a_certificate_lets_its_own_host_in(with_tls, authority):
    connection = over_tls(with_tls, authority, "honest", "honest")
    assert ask(connection, "alice", None, None).verdict == "enrolled"


def test_a_certificate_lets_its_own_administrator_in(with_tls, authority):
    assert ("alice",) in rows(over_tls(with_tls, authority, "ann", "ann"), "SELECT totp.accounts()")


@pytest.mark.parametrize("user", ["honest", "ann"])
def test_a_certificate_lets_nobody_else_in(with_tls, authority, user):
    with pytest.raises(psycopg2.OperationalError, match="certificate authentication failed"):
        over_tls(with_tls, authority, "stolen", user)


@pytest.mark.parametrize("user", ["postgres", "totp_owner", "somebody"])
def test_who_is_in_neither_group_does_not_get_in_by_their_own_certificate(database, with_tls, authority, user):
    database.sql("DROP ROLE IF EXISTS somebody; CREATE ROLE somebody LOGIN")
    with pytest.raises(psycopg2.OperationalError, match="no pg_hba.conf entry"):
        over_tls(with_tls, authority, user, user)


def test_nobody_gets_into_another_database(with_tls, authority):
    with pytest.raises(psycopg2.OperationalError, match="no pg_hba.conf entry"):
        with_tls.connect("honest", database="postgres", host="127.0.0.1", sslmode="verify-full", sslrootcert=authority.root,
                         **authority.pair("honest"))


def gets_in(cluster, authority, name, error):
    """Within the moments that a server takes to read its files anew."""
    def is_so():
        try:
            over_tls(cluster, authority, name, name).close()
            said = ""
        except psycopg2.OperationalError as refused:
            said = str(refused)
        return error in said if error else not said
    wait_until(is_so, f"{name} is never answered {error!r}")
    return not error


@pytest.fixture
def with_revocations(with_tls, authority):
    def show(**times):
        with_tls.install(authority.revocations(**times), "hosts-ca.crl")
        with_tls.reload()
    yield show
    show()


def test_a_certificate_that_was_revoked_lets_nobody_in_after_a_reload(with_tls, authority, with_revocations):
    with_tls.connect().cursor().execute("DROP ROLE IF EXISTS thief; CREATE ROLE thief LOGIN IN ROLE totp_host")
    assert gets_in(with_tls, authority, "thief", "")
    authority.revoke("thief")
    with_tls.install(authority.revocations(), "hosts-ca.crl")
    assert gets_in(with_tls, authority, "thief", "")
    with_revocations()
    assert not gets_in(with_tls, authority, "thief", "certificate revoked")
    assert gets_in(with_tls, authority, "honest", "")


def test_a_list_of_revocations_that_is_over_lets_nobody_in(with_tls, authority, with_revocations):
    with_revocations(hours=-1)
    assert not gets_in(with_tls, authority, "honest", "certificate expired")
    assert not gets_in(with_tls, authority, "ann", "certificate expired")
    with_revocations()
    assert gets_in(with_tls, authority, "honest", "")


def test_without_a_certificate_nobody_gets_in(with_tls, authority):
    with pytest.raises(psycopg2.OperationalError, match="requires a valid client certificate"):
        over_tls(with_tls, authority, None, "honest")


def test_a_certificate_of_another_authority_is_refused(with_tls, authority, tmp_path):
    other = Authority(tmp_path / "other")
    with pytest.raises(psycopg2.OperationalError, match="unknown ca"):
        with_tls.connect("honest", host="127.0.0.1", sslmode="verify-full", sslrootcert=authority.root, **other.pair("honest"))


def test_without_tls_nobody_gets_in(with_tls):
    with pytest.raises(psycopg2.OperationalError, match="no pg_hba.conf entry"):
        with_tls.connect("honest", host="127.0.0.1", sslmode="disable")
