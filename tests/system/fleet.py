"""A fleet on this machine: real PostgreSQL clusters on loopback, with the schema of conf/postgresql, and hosts' roles."""

import contextlib
import os
import shutil
import signal
import socket
import time
from pathlib import Path

import psycopg2

import postgresql_server
from machine import run
from postgresql_server import PROGRAMS

SCHEMA = Path(__file__).parents[2] / "conf/postgresql"
DATABASE = "totp"
SECRET = b"12345678901234567890"  # of RFC 6238's appendix


def as_postgres(*command, **options):
    return run("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--reset-env", *map(str, command),
               **options)


class Cluster:
    """PostgreSQL in a directory of its own, reached through a socket there; whoever may go there is who they say."""

    def __init__(self, place="/run/private", **settings):
        self.directory = Path(run("mktemp", "-d", f"{place}/cluster.XXXXXX").strip())
        shutil.chown(self.directory, "postgres", "postgres")
        self.data = self.directory / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None
        try:
            self.prepare()
            self.configure(**{"fsync": "off", "max_connections": "300"} | settings,
                           unix_socket_directories=f"'{self.directory}'", port=self.port)
            self.start()
        except BaseException:
            self.stop()
            raise

    def prepare(self):
        as_postgres(PROGRAMS / "initdb", "--pgdata", self.data, "--auth", "trust", "--no-sync", "--encoding", "UTF8",
                    "--locale", "C", cwd=self.directory)

    def configure(self, **settings):
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def reload(self):
        as_postgres(PROGRAMS / "pg_ctl", "reload", "-D", self.data, cwd=self.directory)

    def start(self):
        self.process = postgresql_server.begin(
            ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--reset-env",
             PROGRAMS / "postgres", "-D", self.data], self.directory, self.directory, self.port)

    def kill(self):
        """As a power cut does."""
        pids = [self.process.pid, *map(int, run("pgrep", "-P", str(self.process.pid)).split())]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # some end by themselves, once the first is gone
                os.kill(pid, 9)
        self.process.wait()
        self.process = None

    def restart(self):
        postgresql_server.end(self.process, signal.SIGINT)
        self.start()

    def stop(self):
        if self.process is not None:
            postgresql_server.end(self.process, signal.SIGINT)  # which ends its sessions
        shutil.rmtree(self.directory)

    def connect(self, user="postgres", database=DATABASE, host=None, **parameters):
        connection = psycopg2.connect(host=host or str(self.directory), port=self.port, user=user, dbname=database,
                                      **parameters)
        connection.autocommit = True
        return connection

    def use_tls(self, authority):
        """Over TCP as docs/fleet.md has it: hosts and administrators show a certificate whose CN is their role."""
        files = authority.issue("127.0.0.1", server=True)
        for name, file in (("server.crt", files["sslcert"]), ("server.key", files["sslkey"]), ("hosts-ca.crt", authority.root),
                           ("hosts-ca.crl", authority.revocations())):
            self.install(file, name)
        self.configure(ssl="on", ssl_ca_file="'hosts-ca.crt'", ssl_crl_file="'hosts-ca.crl'", ssl_min_protocol_version="'TLSv1.3'")
        (self.data / "pg_hba.conf").write_text(
            f"local all,replication all trust\nhostssl {DATABASE} +totp_host,+totp_admin all cert\n")
        self.reload()
        while rows(self.connect(), "SHOW ssl") != [("on",)]:
            time.sleep(0.05)

    def install(self, file, name):
        shutil.copy(file, self.data / name)
        shutil.chown(self.data / name, "postgres", "postgres")

    def log(self):
        return (self.directory / "log").read_text()


class Standby(Cluster):
    """A copy of a cluster that follows it."""

    def __init__(self, primary, **where_and_settings):
        self.primary = primary
        super().__init__(**where_and_settings)

    def prepare(self):
        as_postgres(PROGRAMS / "pg_basebackup", "-h", self.primary.directory, "-p", self.primary.port, "-D", self.data, "--no-sync",
                    "--write-recovery-conf", "--checkpoint", "fast", cwd=self.directory)

    def follows(self):
        return bool(rows(self.primary.connect(), "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"))

    def part_from_primary(self):
        """As a broken cable does."""
        rows(self.connect(), "ALTER SYSTEM SET primary_conninfo = ''")
        self.reload()
        while self.follows():
            time.sleep(0.05)

    def promote(self):
        as_postgres(PROGRAMS / "pg_ctl", "promote", "-D", self.data, cwd=self.directory)


class Authority:
    """A small certification authority."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.root = str(self.directory / "root.crt")
        self.key = self.directory / "root.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                      "/CN=the fleet's authority", "-keyout", self.key, "-out", self.root)
        self.issued = {}

    @staticmethod
    def _openssl(*words):
        run("openssl", *map(str, words))

    def issue(self, name, server=False, days=1):
        """A key and a certificate for this CN, as libpq's parameters."""
        key, request, certificate = (self.directory / f"{name}.{kind}" for kind in ("key", "csr", "crt"))
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName = IP:{name}\n" if server else "extendedKeyUsage = clientAuth\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key,
                      "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                      "-extfile", extensions, "-out", certificate)
        key.chmod(0o600)
        return {"sslcert": str(certificate), "sslkey": str(key)}

    def _ca(self, *words):
        """openssl's, which remembers what was revoked."""
        remembered, settings = self.directory / "revoked", self.directory / "ca.cnf"
        remembered.touch()
        settings.write_text(f"[ca]\ndefault_ca = fleet\n[fleet]\ndatabase = {remembered}\ndefault_md = sha256\n")
        self._openssl("ca", "-config", settings, "-cert", self.root, "-keyfile", self.key, *words)

    def revoke(self, name):
        self._ca("-revoke", self.pair(name)["sslcert"])

    def revocations(self, hours=1):
        """The list of them, good for so long; below 0 it is over."""
        file, now = self.directory / "root.crl", time.time()
        begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(moment)) for moment in (now - 86400, now + 3600 * hours))
        self._ca("-gencrl", "-crl_lastupdate", begin, "-crl_nextupdate", end, "-out", file)
        return file

    def pair(self, name):
        if name not in self.issued:
            self.issued[name] = self.issue(name)
        return self.issued[name]


class Database:
    """The schema, as an administrator sets it up from nothing."""

    def __init__(self, cluster):
        self.cluster = cluster
        as_postgres(PROGRAMS / "createdb", "-h", cluster.directory, "-p", cluster.port, "--template", "template0", "--encoding", "UTF8",
                    "--locale", "C", DATABASE, cwd=cluster.directory)
        self.migrate()
        self.root = cluster.connect()
        self.sql("CREATE ROLE ann LOGIN IN ROLE totp_admin")
        self.admin = cluster.connect("ann")

    def migrate(self):
        return run(SCHEMA / "migrate", "-h", str(self.cluster.directory), "-p", str(self.cluster.port), "-U", "postgres", "-d",
                   DATABASE)

    def sql(self, statement, *values):
        """As the superuser."""
        return rows(self.root, statement, *values)

    def administer(self, statement, *values):
        return rows(self.admin, statement, *values)

    def add_host(self, name):
        self.sql(f'CREATE ROLE "{name}" LOGIN IN ROLE totp_host')

    def enrol(self, account, secret=SECRET, **parameters):
        names = "".join(f", {name} => %s" for name in parameters)
        self.administer(f"SELECT totp.add_device(%s, 'phone', %s{names})", account, secret, *parameters.values())

    def host(self, name):
        return Host(self.cluster, name)


def rows(connection, statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


VERIFY = "SELECT verdict, reason, device, drift, failures, retry_in FROM totp.verify(%s, %s, %s, %s, %s)"


class Answer(tuple):
    """What verify() says: compared as a tuple, read by name."""

    verdict, reason, device, drift, failures, retry_in = (property(lambda self, i=i: self[i]) for i in range(6))


def ask(connection, account, response, nonce, rhost="192.0.2.7", service="sshd"):
    """One question, in whatever transaction the connection is in."""
    return Answer(rows(connection, VERIFY, account, response, nonce, rhost, service)[0])


class Host:
    """A host's session with the database."""

    def __init__(self, cluster, name, **parameters):
        self._connect = lambda: cluster.connect(name, **parameters)
        self.connect()

    def connect(self):
        self.connection = self._connect()

    def ask(self, account, response, nonce=None, **where):
        return ask(self.connection, account, response, nonce or os.urandom(16), **where)

    def login(self, account, response, nonce=None, **where):
        """Both questions, as the client asks them."""
        nonce = nonce or os.urandom(16)
        answer = self.ask(account, response, nonce, **where)
        return self.ask(account, response, nonce, **where) if answer.verdict == "pending" else answer
