"""A real PostgreSQL, which runs PAM as postgres and takes password and code in one field."""

import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import postgresql_server
from machine import PASSWORD, VERIFIERS, run, wrong
from person import Person
from postgresql_server import PROGRAMS

RECIPE = Path(__file__).parents[2] / "conf/recipes/postgresql/pam.d/postgresql"
SERVICE = Path("/etc/pam.d/postgresql")
KEY = Path("/etc/pam-totp/key")
CHECK = "/usr/libexec/pam-totp/totp_check"
READS_SHADOW = "shadow"


class Server:
    """A cluster of its own on a loopback port, run by postgres in these groups, for as long as it is wanted."""

    def __init__(self, *groups):
        self.directory = Path(run("mktemp", "-d", "/run/private/postgresql.XXXXXX").strip())
        shutil.chown(self.directory, "postgres", "postgres")
        self.groups = [str(pwd.getpwnam("postgres").pw_gid),
                       *(run("getent", "group", group).split(":")[2] for group in groups)]
        self.process = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._as_postgres(PROGRAMS / "initdb", "--pgdata", self.directory / "data", "--auth", "peer", "--no-sync",
                          "--encoding", "UTF8", "--locale", "C")
        (self.directory / "data/pg_hba.conf").write_text(
            "local all postgres peer\nhost all all 127.0.0.1/32 pam pamservice=postgresql\n")
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def command(self, *command):
        return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--groups", ",".join(self.groups), "--reset-env",
                *map(str, command)]

    def _as_postgres(self, *command):
        return run(*self.command(*command), cwd=self.directory)

    def _start(self):
        self.process = postgresql_server.begin(
            self.command(PROGRAMS / "postgres", "-D", self.directory / "data", "-h", "127.0.0.1", "-p", self.port,
                         "-k", self.directory, "-c", "fsync=off", "-c", "log_connections=on"),
            self.directory, "127.0.0.1", self.port)

    def stop(self):
        if self.process is not None:
            postgresql_server.end(self.process)
        shutil.rmtree(self.directory)

    def know(self, user):
        """A database user of that name."""
        self._as_postgres("psql", "-q", "-h", self.directory, "-p", self.port, "-c", f'CREATE ROLE "{user}" LOGIN')

    def connects(self, user, field):
        """Whether psql gets in as `user` who types this at its one prompt."""
        done = subprocess.run([PROGRAMS / "psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", user,
                               "-d", "postgres", "-c", "SELECT 'in as ' || session_user"], capture_output=True, text=True,
                              env={"PGPASSWORD": field, "PGCONNECT_TIMEOUT": "20", "LC_ALL": "C"}, cwd="/")
        is_in = done.stdout == f"in as {user}\n"
        assert is_in or (done.stdout == "" and f'PAM authentication failed for user "{user}"' in done.stderr), done.stderr
        return is_in


@pytest.fixture(scope="module", autouse=True)
def service():
    """The recipe, without pam_unix's pause after a wrong password."""
    kept = SERVICE.read_text() if SERVICE.exists() else None
    asks_password = "auth required pam_unix.so use_first_pass\n"
    lines = RECIPE.read_text()
    assert lines.count(asks_password) == 1
    SERVICE.write_text(lines.replace(asks_password, asks_password.replace("\n", " nodelay\n")))
    yield
    SERVICE.unlink()
    if kept is not None:
        SERVICE.write_text(kept)


@pytest.fixture(scope="module")
def postgresql(machine):
    server = Server(READS_SHADOW, VERIFIERS)
    yield server
    server.stop()


@pytest.fixture
def person(machine, postgresql, user):
    person = Person(machine, user)
    person.enrol()
    postgresql.know(user)
    return person


def test_password_and_code_in_one_field_get_in_once(machine, postgresql, person):
    code = person.code()
    assert postgresql.connects(person.name, PASSWORD + code)
    assert not postgresql.connects(person.name, PASSWORD + code)
    assert postgresql.connects(person.name, PASSWORD + person.code())
    uid = pwd.getpwnam("postgres").pw_uid
    begin = f"user={person.name} service=postgresql rhost=127.0.0.1 verdict="
    accepted, replayed, again = machine.log.decisions(person.name)
    assert accepted.startswith(begin + "accepted device=phone") and again.startswith(begin + "accepted device=phone")
    assert replayed == begin + "refused reason=replayed failures=1"
    assert f"pam_totp(totp_check_any:{uid}): {accepted}" in machine.log.text(), "the log names who asked"
    assert [place["address"] for place in machine.status(person.name)["places"]] == ["127.0.0.1"]


def test_wrong_code_is_refused_and_counted(machine, postgresql, person):
    code = person.code()
    for failures in (1, 2):
        assert not postgresql.connects(person.name, PASSWORD + wrong(code))
        assert machine.status(person.name)["elsewhere"]["failures"] == failures
    assert postgresql.connects(person.name, PASSWORD + code)
    assert machine.status(person.name)["elsewhere"]["failures"] == 0


def test_guesses_are_throttled(machine, postgresql, person):
    code = person.code()
    for _ in range(5):
        assert not postgresql.connects(person.name, PASSWORD + wrong(code))
    assert not postgresql.connects(person.name, PASSWORD + code)
    assert machine.log.decisions(person.name)[-1].endswith("verdict=throttled failures=5")
    run(machine.totp_enroll, "unlock", "--user", person.name)
    assert postgresql.connects(person.name, PASSWORD + code)


def test_wrong_password_with_the_right_code_is_refused(machine, postgresql, person):
    assert not postgresql.connects(person.name, "wrong" + person.code())
    assert "verdict=accepted" in machine.log.decisions(person.name)[-1], "the code was right, the password wasn't"
    assert postgresql.connects(person.name, PASSWORD + person.code())


@pytest.mark.parametrize("field", [PASSWORD, "{code}", "{code}" + PASSWORD], ids=["password", "code", "the-wrong-way-round"])
def test_one_of_the_two_is_not_enough(postgresql, person, field):
    assert not postgresql.connects(person.name, field.format(code=person.code()))


def test_recovery_code_behind_the_password_gets_in_once(postgresql, person):
    code = person.recovery_code()
    assert postgresql.connects(person.name, PASSWORD + code)
    assert not postgresql.connects(person.name, PASSWORD + code)


def test_account_without_enrolment_is_refused(machine, postgresql):
    name = machine.add_user()
    postgresql.know(name)
    for field in (PASSWORD, PASSWORD + "081804"):
        assert not postgresql.connects(name, field)
    assert machine.log.decisions(name)[-1].endswith("service=postgresql rhost=127.0.0.1 verdict=refused reason=unenrolled")


def test_database_user_without_an_account_is_refused(machine, postgresql):
    postgresql.know("nobody_there")
    assert not postgresql.connects("nobody_there", PASSWORD + "081804")
    assert "user=- service=postgresql rhost=127.0.0.1 verdict=refused reason=unknown_user" in machine.log.text()


def test_code_spent_at_ssh_is_spent_here(machine, sshd, postgresql, person):
    code = person.code()
    assert sshd.login(person.name, PASSWORD, code)
    assert not postgresql.connects(person.name, PASSWORD + code)
    assert machine.log.decisions(person.name)[-1].endswith("service=postgresql rhost=127.0.0.1 verdict=refused reason=replayed "
                                                           "failures=1")


def test_password_that_ends_in_digits_goes_with_a_recovery_code_alone(machine, postgresql, person):
    password = "correct horse 2024"
    run("chpasswd", input=f"{person.name}:{password}\n")
    seen = len(machine.log.lines)
    assert not postgresql.connects(person.name, password + person.code())
    assert "of the digits at the end of the field" in machine.log.text(seen)
    assert postgresql.connects(person.name, password + person.recovery_code())


@pytest.mark.parametrize("what", ["settings", "key", "module"])
def test_nobody_gets_in_where_something_cannot_be_used(machine, postgresql, person, what):
    module = next(Path("/lib").glob("*-linux-*/security/pam_totp.so"))
    settings = Path("/etc/security/pam_totp.conf")
    assert not settings.exists()
    undo = {"settings": lambda: settings.unlink(), "key": lambda: KEY.chmod(0o640),
            "module": lambda: Path(f"{module}.gone").rename(module)}[what]
    {"settings": lambda: settings.write_text("windows = 1\n"), "key": lambda: KEY.chmod(0o644),
     "module": lambda: module.rename(f"{module}.gone")}[what]()
    try:
        assert not postgresql.connects(person.name, PASSWORD + person.code())
    finally:
        undo()
    assert machine.status(person.name)["devices"][0]["last_used"] is None
    assert postgresql.connects(person.name, PASSWORD + person.code())


def test_outside_the_group_nobody_gets_in_and_the_log_says_what_to_do(machine, person):
    server = Server(READS_SHADOW)
    try:
        server.know(person.name)
        seen = len(machine.log.lines)
        assert not server.connects(person.name, PASSWORD + person.code())
        log = machine.log.text(seen)
        assert "totp_check_any can't be run by uid" in log and "Permission denied" in log
        assert "add the account of a service that checks others to the group _totp_verifier, and start the service anew" in log
        assert f"user={person.name} service=postgresql rhost=127.0.0.1 verdict=unavailable reason=store" in log
        assert machine.status(person.name)["devices"][0]["last_used"] is None
    finally:
        server.stop()


def test_postgres_that_may_not_look_at_passwords_lets_nobody_in(machine, person):
    """The recipe names the group shadow: pam_unix needs it for passwords of others."""
    server = Server(VERIFIERS)
    try:
        server.know(person.name)
        assert not server.connects(person.name, PASSWORD + person.code())
        assert "verdict=accepted" in machine.log.decisions(person.name)[-1]
    finally:
        server.stop()


@pytest.mark.parametrize("claim", ["", " user={0} service=postgresql rhost=127.0.0.1"], ids=["own", "claimed"])
def test_postgres_verifies_nobody_through_totp_check(machine, postgresql, person, claim):
    question = f"pam-totp-check 1 verify{claim.format(person.name)}\n{person.code()}"
    done = subprocess.run(postgresql.command(CHECK), input=question, capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stdout) == ((1, "") if claim else (0, "verdict=refused reason=unenrolled\n"))
    assert machine.status(person.name)["devices"][0]["last_used"] is None
