"""A fleet's database is brought back from a backup, by the commands of docs/fleet.md."""

import re
import subprocess
from pathlib import Path

import psycopg2
import pytest

from fleet import Cluster, Database, Host, rows
from test_fleet_verify import accepted, code

DOCUMENT = Path(__file__).parents[2] / "docs/fleet.md"
COMMANDS = re.findall(r"^    (sudo -u postgres (?:pg_dump|psql).*)$", DOCUMENT.read_text().split("## Backup")[1].split("\n## ")[0], re.MULTILINE)


def do(cluster, command, directory):
    """As it stands there, on this cluster."""
    where = f"-h {cluster.directory} -p {cluster.port} -U postgres"
    words = re.sub(r"^sudo -u postgres (\w+)", rf"\1 {where}", command)
    return subprocess.run(["sh", "-c", words], cwd=directory, capture_output=True, text=True)


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    """What came back in a cluster of its own, after much was changed."""
    Path("/run/private").mkdir(exist_ok=True)
    directory = tmp_path_factory.mktemp("backup")
    cluster = Cluster()
    try:
        database = Database(cluster)
        for name in ("web1", "stolen"):
            database.add_host(name)
        for account in ("alice", "bob"):
            database.enrol(account)
        dumps = [command for command in COMMANDS if "dump" in command]
        for command in dumps:
            assert do(cluster, command, directory).returncode == 0
        database.administer("SELECT totp.switch_off_host('stolen')")
        database.administer("SELECT totp.remove('bob')")
    finally:
        cluster.stop()
    cluster = Cluster()
    for command in COMMANDS:
        if command not in dumps:
            said = do(cluster, command, directory)
            assert re.findall("ERROR:.*", said.stderr) in ([], ['ERROR:  role "postgres" already exists'])
    yield cluster
    cluster.stop()


def test_commands_are_two_and_two():
    assert [command.split()[3] for command in COMMANDS] == ["pg_dumpall", "pg_dump", "psql", "psql"]


def test_people_log_in_and_hosts_may_no_more_than_before(restored):
    web1 = Host(restored, "web1")
    assert web1.login("alice", code()) == accepted()
    for statement in ("SELECT * FROM totp.enrolment", "SELECT lo_creat(-1)", "CREATE TEMPORARY TABLE t (x int)"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            rows(web1.connection, statement)
    rows(restored.connect(), "CREATE ROLE somebody LOGIN")
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        restored.connect("somebody")


def test_what_was_switched_off_and_removed_since_is_back(restored):
    assert Host(restored, "stolen").ask("bob", None, None).verdict == "enrolled"
    assert ("stolen", True) in rows(restored.connect("ann"), "SELECT host, is_on FROM totp.hosts()")
