"""engine = postgresql: a code is asked of a database by TLS, and whatever can't be relied on lets nobody in."""

import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from machine import GROUP, OUR_LINE, PASSWORD, SettingsFile, as_user, authenticate, code_at, enter, run, su
from test_break_glass import codes_of
from tls_database import NAME, Authority, Database, free_port

HELPER = "/usr/libexec/pam-totp/totp_check_postgresql"
STUB = Path(__file__).parent / "fleet_stub.sql"
HOST = "host7.test"
CODE, WRONG = "081804", "081805"
PAM_SUCCESS, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL = 0, 7, 9
UNUSABLE = "verdict=unavailable reason=store"


@pytest.fixture(scope="module")
def authority(machine):
    return Authority()


@pytest.fixture(scope="module")
def stranger(machine):
    """Another authority, which nobody trusts."""
    return Authority()


@pytest.fixture(scope="module")
def shared_database(authority):
    with open("/etc/hosts", "a") as hosts:
        hosts.write(f"127.0.0.1 {NAME} db2.test\n")
    database = Database(authority)
    database.execute(STUB.read_text())
    yield database
    database.remove()


@pytest.fixture
def database(shared_database):
    """In no mood, and with nothing spent or asked, nor still at it."""
    shared_database.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{HOST}'")
    shared_database.execute("TRUNCATE stub.moods, stub.questions, stub.spent; ALTER SEQUENCE stub.losses RESTART")
    return shared_database


class Host:
    """This machine's part in it."""

    def __init__(self, database):
        self.settings = SettingsFile("fleet")
        self.database = database
        self.directory = Path("/etc/pam-totp")
        self.install(*database.authority.issue(HOST), database.authority.certificate)

    def install(self, certificate, key, root):
        for source, name in ((certificate, "postgresql.crt"), (key, "postgresql.key"), (root, "postgresql-root.crt")):
            shutil.copy(source, self.directory / name)
        shutil.chown(self.directory / "postgresql.key", "root", GROUP)
        (self.directory / "postgresql.key").chmod(0o640)

    def say(self, *lines, hosts=None, before=()):
        hosts = hosts or f"{NAME}:{self.database.port}"
        self.settings.say("engine = postgresql", *before, "[postgresql]", f"hosts = {hosts}", *lines)


@pytest.fixture
def host(database):
    host = Host(database)
    host.say("deadline = 10")
    yield host
    host.settings.remove()


@pytest.fixture
def person(machine):
    return machine.add_user()


@pytest.fixture
def in_mood(database):
    """The database does something else than is right."""
    return lambda mood: database.execute(f"INSERT INTO stub.moods VALUES ('{mood}')")


@pytest.fixture
def service():
    """One that has our line alone."""
    path = Path("/etc/pam.d/locker")
    path.write_text(OUR_LINE + "\n")
    yield path.name
    path.unlink()


def questions(database, columns):
    return database.execute(f"SELECT {columns} FROM stub.questions ORDER BY id").split("\n")[:-1]


class Tries:
    """Logs in by su, from whoever has nothing to do with it."""

    def __init__(self, machine):
        self.machine = machine
        self.caller = machine.add_user()

    def get_in(self, person, code=CODE):
        return su(self.caller, person, PASSWORD, code)

    def are_refused(self, person, because, code=CODE):
        """Whether the right code gets nobody in, and the log says why."""
        seen = len(self.machine.log.lines)
        is_in = self.get_in(person, code)
        log = self.machine.log.text(seen)
        assert because in log, log
        assert f"user={person} service=su rhost=- {UNUSABLE}" in log, log
        return not is_in


@pytest.fixture(scope="module")
def tries(machine):
    return Tries(machine)


# ---- a login


def test_right_code_lets_in_once_and_a_wrong_one_never(machine, sshd, host, person):
    assert not sshd.login(person, PASSWORD, WRONG)
    assert sshd.login(person, PASSWORD, CODE)
    assert not sshd.login(person, PASSWORD, CODE)
    begin = f"user={person} service=sshd rhost=127.0.0.1 verdict="
    assert machine.log.decisions(person) == [begin + "refused reason=wrong failures=1", begin + "accepted device=phone drift=0",
                                             begin + "refused reason=replayed failures=1"]


def test_each_code_is_asked_about_twice_in_transactions_of_their_own(sshd, host, database, person):
    assert sshd.login(person, PASSWORD, CODE)
    assert questions(database, "account, response, rhost, service, role") == 2 * [f"{person}|{CODE}|127.0.0.1|sshd|{HOST}"]
    assert database.execute("SELECT count(DISTINCT nonce), min(length(nonce)), count(DISTINCT xid) FROM stub.questions"
                            ) == "1|16|2\n"


def test_another_try_has_another_nonce(tries, host, database, person):
    for _ in range(2):
        assert not tries.get_in(person, WRONG)
    assert database.execute("SELECT count(DISTINCT nonce) FROM stub.questions") == "2\n"


def test_su_is_a_place_of_who_runs_it(tries, host, database, person):
    assert tries.get_in(person)
    uid = pwd.getpwnam(tries.caller).pw_uid
    assert set(questions(database, "rhost, service")) == {f"local:{uid}|su"}


def test_throttled_account_is_told_how_long(machine, tries, host, in_mood, person):
    in_mood("throttled")
    assert not tries.get_in(person)
    assert machine.log.decisions(person)[-1].endswith("verdict=throttled failures=5")


def test_who_is_unknown_is_asked_about_as_nobody(machine, host, database, service):
    assert authenticate("root", service, "nobody_there", CODE) == PAM_AUTH_ERR
    assert f"user=- service={service} rhost=- verdict=refused reason=unknown_user" in machine.log.text()
    assert questions(database, "account, rhost") == 2 * ["|local:0"]
    assert "nobody_there" not in database.execute("SELECT * FROM stub.questions")


@pytest.mark.parametrize("mood, is_in", [(None, False), ("unenrolled", True)])
def test_who_is_not_enrolled_passes_where_the_settings_say_so(machine, tries, host, in_mood, person, mood, is_in):
    host.say("deadline = 10", before=["unenrolled = ignore"])
    if mood:
        in_mood(mood)
    assert tries.get_in(person, WRONG if not is_in else None) == is_in


def test_files_of_this_machine_count_for_nothing(machine, tries, host, person):
    host.settings.say("engine = files")
    secret = machine.enrol(person)["secret"]
    host.say()
    assert not tries.get_in(person, code_at(secret))
    assert tries.get_in(person, CODE)


# ---- what can't be relied on


def test_database_that_is_down_lets_nobody_in(tries, host, database, person):
    database.stop()
    try:
        assert tries.are_refused(person, f'{NAME}: connection to server at "127.0.0.1", port {database.port} '
                                         "failed: Connection refused")
    finally:
        database.start()
    assert tries.get_in(person)


@pytest.fixture
def black_hole():
    """Takes connections, and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_database_that_never_answers_is_given_up(tries, host, black_hole, person):
    host.say("deadline = 1", hosts=f"{NAME}:{black_hole}")
    assert tries.are_refused(person, f"port {black_hole} failed: no answer in time")


@pytest.fixture
def deaf():
    """Drops every packet that would begin a connection: those it has not taken yet are as many as may wait."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in waiting:
            each.close()


def test_database_that_takes_no_connection_is_given_up(tries, host, deaf, person):
    host.say("deadline = 1", hosts=f"{NAME}:{deaf}")
    assert tries.are_refused(person, f"port {deaf} failed: no answer in time")


def test_slow_database_is_given_up(tries, host, in_mood, person):
    host.say("deadline = 1")
    in_mood("slow")
    assert tries.are_refused(person, "no answer in time")


def test_host_that_can_not_be_found_lets_nobody_in(tries, host, person):
    host.say(hosts="nowhere.invalid")
    assert tries.are_refused(person, "the host nowhere.invalid can't be found")


def test_next_host_is_asked_where_one_does_not_answer(tries, host, black_hole, database, person):
    host.say("deadline = 10", hosts=f"{NAME}:{free_port()}, {NAME}:{black_hole}, {NAME}:{database.port}")
    assert tries.get_in(person)


def test_read_only_database_lets_nobody_in(tries, host, database, person):
    database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    database.execute("SELECT pg_reload_conf()")
    try:
        assert tries.are_refused(person, "session is read-only")
    finally:
        database.execute("SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only")
        database.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("mood, because", [
    ("warning", "the server warns: WARNING: canceling wait for synchronous replication"),
    ("notice", "the server warns: NOTICE: nothing of any weight"),
    ("late", "violates foreign key constraint"),
    ("doubled", "the reply isn't one row"),
    ("hasty", "the reply makes no sense here"),
    ("failing", "(a message that repeats what was typed)"),
    ("wordy", "(a message that repeats what was typed)"),
])
def test_reply_in_doubt_lets_nobody_in(machine, tries, host, in_mood, person, mood, because):
    in_mood(mood)
    assert tries.are_refused(person, because)
    assert CODE not in machine.log.text()


def test_warning_before_any_question_is_no_doubt(tries, host, database, person):
    """It is of the server's state and comes each time: of no question, nor of whether what is answered is kept."""
    with database.warning_of_its_collation():
        assert tries.get_in(person)


def test_question_that_was_lost_is_asked_again_with_the_same_nonce(tries, host, in_mood, database, person):
    in_mood("losing")
    assert tries.get_in(person)
    assert database.execute("SELECT last_value FROM stub.losses") == "2\n", "one was lost"
    assert database.execute("SELECT count(DISTINCT nonce) FROM stub.questions") == "1\n"


def test_role_that_may_not_ask_lets_nobody_in(tries, host, database, person):
    database.execute(f'REVOKE USAGE ON SCHEMA totp FROM "{HOST}"')
    try:
        assert tries.are_refused(person, "permission denied for schema totp (SQLSTATE 42501)")
    finally:
        database.execute(f'GRANT USAGE ON SCHEMA totp TO "{HOST}"')


def test_host_that_is_switched_off_is_not_let_in_by_break_glass(machine, tries, host, in_mood, database, person):
    host.say("deadline = 10", before=[f"break_glass = {person}"])
    [code, *_] = codes_of(machine, person)
    in_mood("shut_out")
    assert not tries.get_in(person, code)
    assert machine.log.decisions(person)[-1].endswith("verdict=unavailable reason=settings")
    assert f"the host {HOST} is switched off (SQLSTATE 42501)" in machine.log.text()
    database.stop()
    try:
        assert tries.get_in(person, code)
    finally:
        database.start()


# ---- certificates


def test_server_with_a_certificate_for_another_name_is_not_asked(tries, host, database, person):
    host.say(hosts=f"db2.test:{database.port}")
    assert tries.are_refused(person, f'server certificate for "{NAME}" does not match host name "db2.test"')
    assert questions(database, "id") == []


def test_server_of_another_authority_is_not_asked(tries, host, stranger, authority, database, person):
    host.install(*authority.issue(HOST), stranger.certificate)
    assert tries.are_refused(person, "certificate verify failed")
    assert questions(database, "id") == []


def test_server_whose_certificate_has_expired_is_not_asked(tries, host, authority, database, person):
    database.show(*authority.issue(NAME, days=-1))
    database.restart()
    try:
        assert tries.are_refused(person, "certificate verify failed")
        assert questions(database, "id") == []
    finally:
        database.show(*authority.issue(NAME))
        database.restart()


@pytest.mark.parametrize("days, whose", [(-1, "authority"), (1, "stranger")], ids=["expired", "of-another-authority"])
def test_host_whose_certificate_is_not_good_lets_nobody_in(request, tries, host, authority, person, days, whose):
    certificate = request.getfixturevalue(whose).issue(HOST, days=days)
    host.install(*certificate, authority.certificate)
    assert tries.are_refused(person, f'{NAME}: connection to server at "127.0.0.1"')


def test_host_is_nobody_else_than_its_certificate_says(tries, host, database, person):
    database.execute('CREATE ROLE "host8.test" LOGIN; GRANT USAGE ON SCHEMA totp TO "host8.test"')
    host.say("user = host8.test")
    assert tries.are_refused(person, 'certificate authentication failed for user "host8.test"')
    host.say(f"user = {HOST}")
    assert tries.get_in(person)


@pytest.mark.parametrize("file, because", [
    ("postgresql.crt", "/etc/pam-totp/postgresql.crt can't be read: No such file"),
    ("postgresql.key", "postgresql.key"), ("postgresql-root.crt", "postgresql-root.crt")])
def test_missing_file_is_named(machine, tries, host, person, file, because):
    (host.directory / file).unlink()
    seen = len(machine.log.lines)
    assert not tries.get_in(person)
    assert because in machine.log.text(seen)


def test_private_key_that_others_may_read_lets_nobody_in(tries, host, person):
    (host.directory / "postgresql.key").chmod(0o644)
    assert tries.are_refused(person, "has group or world access")


def test_no_host_named_lets_nobody_in(machine, tries, host, person):
    host.settings.say("engine = postgresql")
    assert not tries.get_in(person)
    assert "engine = postgresql needs hosts in [postgresql]" in machine.log.text()
    assert machine.log.decisions(person)[-1].endswith("verdict=unavailable reason=settings")


# ---- what the caller has set up


HOSTILE = {"PGHOST": "192.0.2.1", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "postgres", "PGDATABASE": "nothing",
           "PGSERVICE": "evil", "PGSERVICEFILE": "/home/evil/service.conf", "PGSYSCONFDIR": "/home/evil",
           "PGSSLROOTCERT": "/dev/null", "PGSSLMODE": "disable", "PGSSLCERT": "/dev/null", "PGSSLKEY": "/dev/null",
           "PGSSLCRL": "/home/evil/root.crl", "PGOPTIONS": "-c search_path=evil", "PGPASSFILE": "/home/evil/pass",
           "PGREQUIREPEER": "nobody", "PGTARGETSESSIONATTRS": "read-only", "PGGSSENCMODE": "require",
           "PGCHANNELBINDING": "require", "PGCLIENTENCODING": "LATIN1", "PGLOCALEDIR": "/home/evil", "PGAPPNAME": "evil",
           "OPENSSL_CONF": "/home/evil/openssl.cnf", "SSL_CERT_FILE": "/dev/null", "HOSTALIASES": "/home/evil/hosts",
           "RES_OPTIONS": "nameserver:192.0.2.1", "LOCALDOMAIN": "evil", "GCONV_PATH": "/home/evil", "HOME": "/home/evil",
           "TMPDIR": "/home/evil"}


@pytest.fixture
def hostile(evil_library):
    Path("/home/evil/service.conf").write_text("[evil]\nhost=192.0.2.1\nsslmode=disable\n")
    Path("/home/evil/openssl.cnf").write_text("nonsense")
    return [f"{name}={value}" for name, value in HOSTILE.items()]


@pytest.mark.parametrize("command", [("su", "{0}", "-c"), ("sudo", "-k", "sh", "-c")], ids=["su", "sudo"])
def test_environment_of_su_and_sudo_changes_nothing(machine, host, database, person, hostile, evil_library, command):
    caller = person if command[0] == "sudo" else machine.add_user()
    Path("/etc/sudoers.d/fleet").write_text(f"{caller} ALL=(ALL) ALL\nDefaults:{caller} setenv\n")
    before = ["env", *hostile, f"LD_PRELOAD={evil_library}", f"LD_LIBRARY_PATH={evil_library.parent}"]
    words = [word.format(person) for word in command] + ["echo in as $(id -un)"]
    try:
        assert enter(as_user(caller, *before, *words), "root" if command[0] == "sudo" else person, PASSWORD, CODE)
    finally:
        Path("/etc/sudoers.d/fleet").unlink()
    assert set(questions(database, "account, role")) == {f"{person}|{HOST}"}


@pytest.fixture
def home(person):
    """A home with what libpq would take from one."""
    directory = Path(f"/home/{person}/.postgresql")
    directory.mkdir()
    for name in ("postgresql.crt", "postgresql.key", "root.crt", "root.crl"):
        (directory / name).write_text("nonsense")
    Path(f"/home/{person}/.pgpass").write_text("*:*:*:*:secret\n")
    Path(f"/home/{person}/.pg_service.conf").write_text("[evil]\nhost=192.0.2.1\n")
    return directory


def ask(caller, question, *before, program=HELPER):
    return subprocess.run(as_user(caller, *before, program), input=question, capture_output=True, text=True)


VERIFY = f"pam-totp-check 1 verify\n{CODE}"


def test_ordinary_user_is_answered_about_themselves(machine, host, database, person, home, hostile):
    done = ask(person, VERIFY, "env", *hostile)
    assert (done.returncode, done.stdout) == (0, "verdict=accepted device=phone drift=0\n")
    uid = pwd.getpwnam(person).pw_uid
    assert set(questions(database, "account, rhost, service, role")) == {f"{person}|local:{uid}|totp_check|{HOST}"}
    assert "service=totp_check rhost=- verdict=accepted device=phone drift=0" in machine.log.decisions(person)[-1]


def test_library_of_the_callers_is_not_loaded(host, person, evil_library):
    for setting in (f"LD_PRELOAD={evil_library}", f"LD_LIBRARY_PATH={evil_library.parent}", f"LD_AUDIT={evil_library}"):
        done = subprocess.run(as_user(person, "sh", "-c", f"exec env {setting} {HELPER} 2>/dev/null"), input=VERIFY,
                              capture_output=True, text=True)
        assert "EVIL" not in done.stdout.replace("EVIL\n", "", 1), "env loads it, but the helper doesn't"


@pytest.mark.parametrize("question", [
    "pam-totp-check 1 verify user={0} service=su rhost=\n" + CODE, "pam-totp-check 1 enrolled user={0} service=su rhost=\n"])
def test_ordinary_user_is_told_nothing_about_a_claim(host, database, person, question):
    done = ask(person, question.format(person))
    assert (done.returncode, done.stdout) == (1, "")
    assert questions(database, "id") == []


def test_ordinary_user_names_no_settings(host, person):
    done = subprocess.run(as_user(person, HELPER, "/dev/null"), input=VERIFY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")


def test_screen_locker_asks_about_its_user_alone(machine, host, database, person, service):
    assert authenticate(person, service, person, WRONG) == PAM_AUTH_ERR
    assert authenticate(person, service, person, CODE) == PAM_SUCCESS
    assert authenticate(person, service, machine.add_user(), CODE) == PAM_AUTHINFO_UNAVAIL
    assert set(questions(database, "account")) == {person}
    assert "answers root alone about others than its caller" in machine.log.text()


@pytest.mark.parametrize("before", [("setpriv", "--no-new-privs")], ids=["no-new-privs"])
def test_without_its_group_nobody_is_answered_and_the_log_says_why(machine, host, person, before):
    done = ask(person, VERIFY, *before)
    assert done.stdout == "verdict=unavailable reason=key\n"
    assert "totp_check_postgresql isn't setgid _totp" in machine.log.text()


def test_setuid_it_answers_nobody(machine, host, database, person):
    program = Path(shutil.copy(HELPER, "/run/private/checks"))
    try:
        program.chmod(0o4755)
        done = ask(person, f"pam-totp-check 1 verify user={person} service=su rhost=\n{CODE}", program=str(program))
        assert (done.returncode, done.stdout) == (1, "")
    finally:
        program.unlink()
    assert questions(database, "id") == []


def test_private_key_is_out_of_its_users_reach(host, person):
    done = subprocess.run(as_user(person, "cat", str(host.directory / "postgresql.key")), capture_output=True, text=True)
    assert (done.returncode != 0, done.stdout) == (True, "")


# ---- where the package isn't installed


def test_without_the_program_nobody_gets_in_and_the_log_names_the_package(tries, host, person):
    Path(HELPER).rename(f"{HELPER}.gone")
    try:
        assert tries.are_refused(person, "engine = postgresql needs the package libpam-totp-postgresql")
    finally:
        Path(f"{HELPER}.gone").rename(HELPER)


def test_no_host_process_loads_libpq(machine):
    module = next(Path("/lib").glob("*-linux-*/security/pam_totp.so"))
    assert "libpq" not in run("ldd", str(module)) and "libpq" in run("ldd", HELPER)


def test_totp_check_knows_nothing_of_it(machine, host, person):
    done = ask(person, VERIFY, program="/usr/libexec/pam-totp/totp_check")
    assert done.stdout == "verdict=unavailable reason=settings\n"
    assert "totp_check answers with engine = files alone" in machine.log.text()
