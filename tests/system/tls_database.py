"""A real PostgreSQL that hosts reach by TLS alone, with certificates of a small authority."""

import contextlib
import pwd
import shutil
import socket
from pathlib import Path

import postgresql_server
from machine import run
from postgresql_server import PROGRAMS

OWNER = "postgres"
DATABASE = "totp"
NAME = "db1.test"  # what a server's certificate is for, if nothing else is said


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Authority:
    """Signs certificates."""

    def __init__(self):
        self.directory = Path(run("mktemp", "-d", "/run/private/authority.XXXXXX").strip())
        self.directory.chmod(0o755)
        self.certificate, self._key = self.directory / "root.crt", self.directory / "root.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=authority", "-keyout", self._key, "-out", self.certificate)

    def _openssl(self, *arguments):
        return run("openssl", *map(str, arguments), cwd=self.directory)

    def issue(self, name, days=1):
        """A certificate and its key for a host of that name; with days below 0 it has expired."""
        certificate, key, request = (self.directory / f"{name}{days}.{kind}" for kind in ("crt", "key", "csr"))
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-copy_extensions", "copy", "-CA", self.certificate, "-CAkey", self._key,
                      "-CAcreateserial", "-days", days, "-out", certificate)
        return certificate, key


class Database:
    """A cluster of its own on a loopback port, for as long as it is wanted."""

    def __init__(self, authority, place="/run/private"):
        self.authority = authority
        self.directory = Path(run("mktemp", "-d", f"{place}/database.XXXXXX").strip())
        shutil.chown(self.directory, OWNER, OWNER)
        self.port = free_port()
        self.process = None
        self._as_owner(PROGRAMS / "initdb", "--pgdata", self.directory / "data", "--auth", "peer", "--no-sync",
                       "--encoding", "UTF8", "--locale", "C")
        (self.directory / "data/pg_hba.conf").write_text(
            f"local all {OWNER} peer\nhostssl {DATABASE} all 127.0.0.1/32 cert\n")
        self.show(*authority.issue(NAME))
        shutil.copy(authority.certificate, self.directory / "root.crt")
        self.start()
        self.execute(f"CREATE DATABASE {DATABASE}", database=OWNER)

    def command(self, *command):
        """The command as the cluster's owner runs it."""
        ids = pwd.getpwnam(OWNER)
        return ["setpriv", "--reuid", OWNER, "--regid", str(ids.pw_gid), "--clear-groups", "--reset-env", *map(str, command)]

    def _as_owner(self, *command, **options):
        return run(*self.command(*command), cwd=self.directory, **options)

    def show(self, certificate, key):
        """From the next start on, this certificate."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            copy = Path(shutil.copy(source, self.directory / name))
            shutil.chown(copy, OWNER, OWNER)
            copy.chmod(0o600)

    def start(self):
        self.process = postgresql_server.begin(
            self.command(PROGRAMS / "postgres", "-D", self.directory / "data", "-h", "127.0.0.1", "-p", self.port,
                         "-k", self.directory, "-c", "fsync=off", "-c", "ssl=on",
                         "-c", f"ssl_cert_file={self.directory}/server.crt",
                         "-c", f"ssl_key_file={self.directory}/server.key",
                         "-c", f"ssl_ca_file={self.directory}/root.crt"),
            self.directory, self.directory, self.port)

    def log(self):
        return (self.directory / "log").read_text()

    def stop(self):
        postgresql_server.end(self.process)

    def restart(self):
        self.stop()
        self.start()

    def execute(self, sql, database=DATABASE):
        """What its owner's psql says of these statements."""
        return self._as_owner("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.directory,
                              "-p", self.port, "-d", database, input=sql)

    @contextlib.contextmanager
    def warning_of_its_collation(self):
        """As after an upgrade of the C library: whoever connects is warned, before any statement."""
        record = f"UPDATE pg_database SET datcollversion = %s WHERE datname = '{DATABASE}'"
        self.execute(record % "'0'", database=OWNER)
        try:
            yield
        finally:
            self.execute(record % "NULL", database=OWNER)
        assert "but a version was recorded" in self.log()

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory)
