"""What the packages have in their documentation can be run and read there, and what the pages tell to type is right."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from builder import TREE
from fresh_debian import QUIET, run
from test_package import OURS, PASSWORD, USER, deb, enrol_a_token, logs_in

FLEET = (TREE / "docs/fleet.md").read_text()
SET_UP = FLEET.split("## Set it up\n")[1].split("\n## ")[0]
README = (TREE / "debian/libpam-totp.README.Debian").read_text()
DOCUMENTATION = "usr/share/doc/libpam-totp"


def typed(text, pattern):
    """The indented lines, without the indentation, that begin so."""
    return re.findall(rf"^ {{4}}({pattern}.*)$", text, re.MULTILINE)


def host_settings():
    """Where docs/fleet.md has a host's settings, and which."""
    return re.search(r"its settings, in `(/\S+)`:\n\n((?: {4}.*\n|\n)+)", FLEET).groups()


# ---- the packages unpacked

@pytest.fixture(scope="module")
def unpacked(packages):
    """Where PostgreSQL's user can read it."""
    with tempfile.TemporaryDirectory(prefix="pam-totp-unpacked-") as directory:
        for name in OURS:
            run("dpkg-deb", "--extract", deb(packages, name), directory)
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.mark.parametrize("name", ["fail2ban", "postgresql", "prometheus", "recipes"])
def test_what_is_run_or_copied_is_as_in_the_sources(unpacked, name):
    def content(directory):
        return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    assert content(unpacked / DOCUMENTATION / name) == content(TREE / "conf" / name)


def test_page_of_the_database_comes_with_the_packages(unpacked):
    assert (unpacked / DOCUMENTATION / "fleet.md").read_text() == FLEET


def test_nothing_else_is_compressed_than_a_reader_expects(unpacked):
    assert {path.name for path in unpacked.glob("usr/share/doc/**/*.gz")} <= {
        "changelog.gz", "changelog.Debian.gz", "README.Debian.gz"}


# ---- the database

@pytest.fixture
def cluster():
    """A server of this machine's PostgreSQL, in a directory of its own; `run` has a command as its superuser there."""
    sys.path.append(str(TREE / "tests/system"))
    import postgresql_server
    ids = pwd.getpwnam("postgres")
    directory = Path(tempfile.mkdtemp(prefix="pam-totp-cluster-"))
    shutil.chown(directory, "postgres", "postgres")
    as_owner = ["setpriv", "--reuid", "postgres", "--regid", str(ids.pw_gid), "--clear-groups", "--reset-env", "env",
                f"PGHOST={directory}", f"PATH={postgresql_server.PROGRAMS}:{QUIET['PATH']}"]
    try:
        run(*as_owner, "initdb", "--pgdata", directory / "data", "--auth", "peer", "--no-sync", "--encoding", "UTF8",
            "--locale", "C", cwd=directory)
        process = postgresql_server.begin(
            [*as_owner, "postgres", "-D", directory / "data", "-h", "", "-k", directory, "-c", "fsync=off"], directory,
            directory, 5432)
        try:
            yield lambda *command: run(*as_owner, *command, cwd=directory)
        finally:
            postgresql_server.end(process)
    finally:
        shutil.rmtree(directory)


def test_database_is_made_as_the_page_says(unpacked, cluster):
    for command in typed(SET_UP, "sudo -u postgres "):
        cluster(*command.removeprefix("sudo -u postgres ").replace(" /usr", f" {unpacked}/usr").split())
    [database] = re.findall("^ *database = (.*)$", host_settings()[1], re.MULTILINE)
    for statement in typed(FLEET, "CREATE ROLE "):
        cluster("psql", "-Xq", database, "-c", statement)
    names = {file.stem for file in (TREE / "conf/postgresql/migrations").iterdir()}
    assert set(cluster("psql", "-XAt", database, "-c", "SELECT name FROM totp.migration").split()) == names
    [[of_hba, *_]] = [line.split()[1:] for line in typed(FLEET, "hostssl ")]
    assert of_hba == database


# ---- a host, and its prompt

@pytest.fixture
def machine(packages, debian):
    """With a user and our packages."""
    debian.install("pamtester", "openssh-server", *(deb(packages, name) for name in OURS))
    debian.say("useradd", "--create-home", USER)
    debian.say("chpasswd", input=f"{USER}:{PASSWORD}\n")
    return debian


def write(debian, path, text):
    file = debian.root / path[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_host_is_set_up_as_the_page_says(machine):
    """As far as to the database, whose name isn't found here."""
    issued = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("web1", "ann", "servers-ca"):
        run("openssl", *issued, "-subj", f"/CN={name}", "-keyout", machine.root / f"root/{name}.key", "-out",
            machine.root / f"root/{name}.crt")
    for command in typed(FLEET, "install -m "):
        machine.say("sh", "-ec", f"cd /root && {command}")
    path, settings = host_settings()
    write(machine, path, settings.replace("    ", ""))
    for user in ("root", USER):
        words = ("status", "--user", USER) if user == "root" else ("status",)
        as_user = ("setpriv", "--reuid", user, "--regid", user, "--init-groups")
        done = subprocess.run(machine.command(*as_user, "totp-enroll", *words), input="123456\n", env=QUIET,
                              capture_output=True, text=True)
        assert done.returncode == 4 and "db1.example.org" in done.stderr, (user, done.stdout, done.stderr)


def test_prompt_stands_where_the_page_says(machine):
    """There it lasts; in a file of pam-auth-update's it doesn't."""
    machine.say("pam-auth-update", "--enable", "totp")
    [path] = re.findall(r"as in (/\S+):\n", README)
    [setting] = typed(README, "prompt = ")
    write(machine, path, f"{setting}\n")
    machine.say("pam-auth-update", "--package")
    prompt = setting.split(" = ")[1] + " "
    assert logs_in(machine, enrol_a_token(machine, "token").next(), prompt=prompt)

    [argument] = set(re.findall(r"\[prompt=.*?\]", README))
    stack = machine.root / "etc/pam.d/common-auth"
    stack.write_text(re.sub("(pam_totp.so.*)", rf"\1 {argument}", stack.read_text()))
    machine.say("pam-auth-update", "--package")
    assert argument not in stack.read_text(), "the warning can go"
