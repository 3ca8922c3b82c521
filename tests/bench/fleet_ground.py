"""A PostgreSQL with TLS on the machine's own disk, this machine as one of its hosts, and users that log in here."""

import base64
import contextlib
import os
import resource
import shutil
import sys
import time
from pathlib import Path

import pyotp
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))
from fleet import DATABASE, SECRET, Authority, Cluster, Database, Standby, ask, rows  # noqa: E402, F401
from machine import GROUP, Machine, SettingsFile, run  # noqa: E402

from figures import samples_by_service  # noqa: E402
from ground import MOST_LINES_UNREAD, PAM_AUTH_ERR, PAM_SUCCESS, SERVICES  # noqa: E402, F401

DISK = Path("/var/tmp")
ADDRESS = "127.0.0.1"
HOST = "host7.test"
SERVICE = "fleet"
FILES = Path("/etc/pam-totp")
TOTP = pyotp.TOTP(base64.b32encode(SECRET).decode())
SETTINGS = {"fsync": "on", "shared_buffers": "1GB", "max_wal_size": "16GB", "checkpoint_timeout": "1h"}
GUESTS = 1_000  # of the users: those who log in here
CLIENTS = (1, 8, 32)


def right_code():
    """What the guests' devices will show next: it is right now, and for a minute at least."""
    return TOTP.at(time.time() + TOTP.interval)


def wrong_code():
    return f"{(int(right_code()) + 500_000) % 1_000_000:06}"


# Enrols users as add_device() and new_recovery_codes() would, but that the hashes of their ten recovery codes are of no
# code: they look alike. Every so many is a guest, whose secret is known. All have logged in from two places.
FILL = """
WITH account AS MATERIALIZED (
    SELECT 'user' || number AS name,
           CASE number %% %s WHEN 0 THEN %s::bytea ELSE totp_crypto.gen_random_bytes(20) END AS secret,
           '$2a$04$' || translate(left(encode(totp_crypto.gen_random_bytes(18), 'base64'), 22), '+', '.') AS setting
    FROM generate_series(0, %s, %s) AS number
), device AS MATERIALIZED (
    SELECT name, setting,
           ROW('phone', totp.device_id(ROW('phone', '', 'totp', 'sha1', 6, 30, secret)::totp.device), 'totp', 'sha1', 6,
               30, secret)::totp.device AS device
    FROM account
), enrolled AS (
    INSERT INTO totp.enrolment
    SELECT name, ARRAY[device],
           ARRAY(SELECT ROW(setting || left(encode(sha256(convert_to(name || code, 'UTF8')), 'base64'), 31), 'symbols',
                            NULL)::totp.recovery_code
                 FROM generate_series(1, 10) AS code)
    FROM device
)
INSERT INTO totp.login_state
SELECT name, ROW(0, 0, 0, '', NULL, NULL)::totp.side_state, ROW(0, 0, 0, '', NULL, NULL)::totp.side_state,
       ARRAY[ROW((device).id, 0, 0, 1790000000, '192.0.2.7')::totp.device_state], '{}',
       ARRAY[ROW('192.0.2.7', 1790000000)::totp.known_place, ROW('2001:db8:0:7::/64', 1780000000)::totp.known_place]
FROM device
"""

# Logins that ten thousand other hosts have had just now.
FILL_ATTEMPTS = """
INSERT INTO totp.attempt
SELECT format('host%%s.test', 10000 + number %% 10000), totp_crypto.gen_random_bytes(16), 'user' || number,
       totp_crypto.gen_random_bytes(32), '192.0.2.7', 'sshd', true, true, 3, totp.current_time(), pg_current_xact_id(),
       pg_current_xact_id(), 'accepted', NULL, 'phone', 0, 0
FROM generate_series(1, %s) AS number
"""

# As if the guests had never used a code, nor typed a wrong one.
FORGET = """
UPDATE totp.login_state AS stored
SET known = (0, 0, 0, '', NULL, NULL), elsewhere = (0, 0, 0, '', NULL, NULL),
    devices = ARRAY[ROW((stored.devices[1]).id, 0, 0, 0, '')::totp.device_state]
WHERE account = ANY (%s)
"""


class Cpu:
    """What this machine's programs and the servers take of the processor, in milliseconds."""

    TICK = os.sysconf("SC_CLK_TCK")

    def __init__(self, *clusters):
        self._clusters = clusters
        self._begin = self._now()

    def _now(self):
        ours = sum(sum(resource.getrusage(whose)[:2]) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        firsts = [cluster.process.pid for cluster in self._clusters]
        return (ours * 1000, sum(map(self._of_server, firsts)) * 1000 / self.TICK,
                sum(self._times(firsts[0])[:2]) * 1000 / self.TICK)

    def _of_server(self, first):
        """In ticks: of its first process, of those which that has waited for, and of those that are still there."""
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return sum(self._times(first)) + sum(sum(self._times(child)[:2]) for child in children)

    @staticmethod
    def _times(pid):
        try:
            return list(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except FileNotFoundError:  # it was waited for just now
            return []

    def spent(self):
        """Of the programs; of the servers; of the primary's first process alone, which begins each session."""
        return [now - begin for now, begin in zip(self._now(), self._begin)]


class FleetGround:
    def __init__(self, build, users):
        self.build = Path(build)
        self.users = users
        self.guests = [f"user{number}" for number in range(0, users, users // GUESTS)]
        MOST_LINES_UNREAD.write_text("100000")  # no login waits for who reads them
        self.machine = Machine(build)
        self.authority = Authority("/run/private/authority")
        self.cluster = Cluster(DISK, **SETTINGS)
        self.clusters = [self.cluster]
        try:
            self._set_up()
        except BaseException:
            self.remove()
            raise

    def _set_up(self):
        self.database = Database(self.cluster)
        self.cluster.use_tls(self.authority)
        self.database.add_host(HOST)
        self.database.administer("SELECT totp.limit_host(%s, 1000000)", HOST)
        self.database.sql("CREATE EXTENSION pg_walinspect")
        self._become_host()
        with open("/etc/passwd", "a") as accounts:
            accounts.writelines(f"{who}:x:{uid}:{uid}::/nonexistent:/bin/sh\n" for uid, who in enumerate(self.guests, 3000))
        self.enrol(GUESTS)

    def _become_host(self):
        pair = self.authority.pair(HOST)
        for source, name in ((pair["sslcert"], "postgresql.crt"), (pair["sslkey"], "postgresql.key"),
                             (self.authority.root, "postgresql-root.crt")):
            shutil.copy(source, FILES / name)
        shutil.chown(FILES / "postgresql.key", "root", GROUP)
        (FILES / "postgresql.key").chmod(0o640)
        SettingsFile("fleet").say("engine = postgresql", "[postgresql]", f"hosts = {ADDRESS}:{self.cluster.port}",
                                  f"database = {DATABASE}", "deadline = 30")
        SERVICES.mkdir(parents=True)
        (SERVICES / SERVICE).write_text("auth required pam_totp.so\n")

    def remove(self):
        for cluster in reversed(self.clusters):
            cluster.stop()

    # ---- what the database has

    def enrol(self, users):
        """So many, in place of all that there were: the guests, and others between them."""
        self.database.sql("TRUNCATE totp.enrolment, totp.login_state, totp.attempt")
        self.database.sql("SET session_replication_role = replica")  # an account's two records are known to be there
        self.database.sql(FILL, self.users // GUESTS, SECRET, self.users - 1, self.users // users)

    def add_attempts(self, count):
        self.database.sql(FILL_ATTEMPTS, count)

    def age_attempts(self, count):
        """So many are older than is kept."""
        self.database.sql("UPDATE totp.attempt SET charged_at = charged_at - 601 WHERE (host, nonce) IN"
                          " (SELECT host, nonce FROM totp.attempt LIMIT %s)", count)

    @contextlib.contextmanager
    def backup_since(self, logins, left):
        """A snapshot from before that many logins, which forgot as many old attempts; some are left."""
        self.age_attempts(logins + left)
        snapshot = self.cluster.connect()
        snapshot.autocommit = False
        snapshot.set_isolation_level(ISOLATION_LEVEL_REPEATABLE_READ)
        rows(snapshot, "SELECT FROM totp.policy")
        self.database.sql("DELETE FROM totp.attempt WHERE (host, nonce) IN (SELECT host, nonce FROM totp.attempt"
                          " WHERE charged_at < totp.current_time() - 600 ORDER BY charged_at LIMIT %s)", logins)
        yield
        snapshot.close()

    def forget(self):
        self.database.sql(FORGET, self.guests)

    def settle(self):
        """The guests begin anew, and nothing is left that was put off."""
        self.forget()
        self.database.sql("VACUUM ANALYZE totp.enrolment, totp.login_state, totp.attempt")
        self.database.sql("CHECKPOINT")

    def wait_for_sessions(self):
        """Until those of this host have ended."""
        while self.database.sql("SELECT FROM pg_stat_activity WHERE usename = %s", HOST):
            time.sleep(0.01)

    # ---- logins

    def session(self):
        return self.cluster.connect(HOST, host=ADDRESS, sslmode="verify-full", sslrootcert=self.authority.root,
                                    **self.authority.pair(HOST))

    def _attempts(self, guests, code):
        path = Path("/run/bench/attempts")
        path.write_text("".join(f"{int(time.time())} {who} {code}\n" for who in guests))
        return f"{SERVICE}={path}"

    def _host(self, *arguments):
        return run(self.build / "tests/bench/bench_login", *map(str, arguments))

    def log_in(self, count, code, expected=PAM_SUCCESS):
        """That many guests, one after the other: the milliseconds of each."""
        [samples] = samples_by_service(self._host("same", count, self._attempts(self.guests[:count], code))).values()
        assert {sample.outcome for sample in samples} == {expected}, self.machine.log.text()[-1000:]
        return [sample.login / 1000 for sample in samples]

    def log_in_together(self, count, clients):
        """That many guests, so many at once: the milliseconds of all."""
        said = self._host("shared", self._attempts(self.guests[:count], right_code()), clients).split()
        assert said[1:3] == [str(count), "0"], self.machine.log.text()[-1000:]
        return int(said[3]) / 1e6
