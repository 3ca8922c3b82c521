"""What a login costs by a database: alone and its parts, many at once, with a standby, what it writes, and with a million
users; and how large these are."""

import os
import time
from typing import NamedTuple

from figures import Spread, Table, shown
from fleet_ground import (CLIENTS, DISK, GUESTS, PAM_AUTH_ERR, PAM_SUCCESS, Cpu, Standby, ask, right_code,
                          wrong_code)

BUSY = 0.9  # of the processors: from there on it is they who are waited for


class Cost(NamedTuple):
    """Of something that was done some times: the milliseconds of each; of the processor, on average, what this machine's
    programs took, the database, and of that its first process, which begins each session."""

    spread: Spread
    client: float
    server: float
    first: float

    @classmethod
    def of(cls, ground, do):
        """`do` gives the milliseconds of each time."""
        cpu = Cpu(*ground.clusters)
        milliseconds = do()
        ground.wait_for_sessions()
        return cls(Spread.of(milliseconds), *(spent / len(milliseconds) for spent in cpu.spent()))

    def after(self, before):
        """What it took of the processor beyond what came before it."""
        return self._replace(client=max(self.client - before.client, 0), server=max(self.server - before.server, 0))

    def cells(self):
        return self.spread, shown(self.client), shown(self.server)


def login(ground, rounds, code_of=right_code, expected=PAM_SUCCESS):
    ground.settle()
    return Cost.of(ground, lambda: ground.log_in(rounds, code_of(), expected))


# ---- one login, and its parts


def _timed(do, *arguments):
    begin = time.monotonic()
    made = do(*arguments)
    return made, (time.monotonic() - begin) * 1000


def _in_new_sessions(ground, rounds, questions):
    """That many questions, each time in a new session: what the last of them costs, or the session itself."""
    def do():
        code, milliseconds = right_code(), []
        for guest in ground.guests[:rounds]:
            session, taken = _timed(ground.session)
            nonce = os.urandom(16)
            for _ in range(questions):
                _, taken = _timed(ask, session, guest, code, nonce)
            session.close()
            milliseconds.append(taken)
        return milliseconds
    ground.settle()
    return Cost.of(ground, do)


def _in_one_session(ground, rounds):
    """Both questions, in a session that is kept."""
    def both(session, guest, code):
        nonce = os.urandom(16)
        assert [ask(session, guest, code, nonce).verdict for _ in range(2)] == ["pending", "accepted"]

    def do():
        session, code = ground.session(), right_code()
        both(session, ground.guests[rounds], code)
        milliseconds = [_timed(both, session, guest, code)[1] for guest in ground.guests[:rounds]]
        session.close()
        return milliseconds
    ground.settle()
    return Cost.of(ground, do)


def one_login(ground, rounds):
    table = Table("One login, alone; milliseconds", ["", "time", "processor, host", "processor, database"])
    ground.log_in(1, right_code())
    table.add("right code, by the module", *login(ground, rounds).cells())
    table.add("wrong code, by the module", *login(ground, rounds, wrong_code, PAM_AUTH_ERR).cells())
    session, one, two = (_in_new_sessions(ground, rounds, questions) for questions in range(3))
    table.add("a session: TCP, TLS, two certificates", *session.cells())
    table.add("the first question in it", *one.after(session).cells())
    table.add("the second", *two.after(one).cells())
    table.add("both in a session that is kept", *_in_one_session(ground, rounds).cells())
    print(table, flush=True)


# ---- many at once


class Processors:
    """How busy they are, whoever uses them."""

    def __init__(self):
        self._begin = self._times()

    @staticmethod
    def _times():
        with open("/proc/stat") as stat:
            times = list(map(int, stat.readline().split()[1:9]))
        return sum(times), times[3] + times[4]

    def busy(self):
        """As a share."""
        (all_then, idle_then), (all_now, idle_now) = self._begin, self._times()
        return 1 - (idle_now - idle_then) / max(all_now - all_then, 1)


def _crowds(ground, rounds, title, databases):
    table = Table(title, ["clients", "logins a second", "processor, hosts", f"processor, {databases}",
                          "its first process", "processors busy", "waits for"])
    for clients in CLIENTS:
        ground.settle()
        processors = Processors()
        cost = Cost.of(ground, lambda: [ground.log_in_together(rounds, clients)])  # noqa: B023
        busy = processors.busy()
        table.add(clients, shown(rounds / cost.spread.middle * 1000),
                  *(shown(spent / rounds) for spent in (cost.client, cost.server, cost.first)), f"{busy:.0%}",
                  "the processors" if busy >= BUSY else "the disk, and each other")
    print(table, flush=True)


def all_at_once(ground, rounds):
    _crowds(ground, rounds, "Logins at once, of different users, on one machine with the database; processor in "
                            "milliseconds for each", "database")


def with_a_standby(ground, rounds):
    """On the same machine and the same disk, so at its dearest."""
    standby = Standby(ground.cluster, place=DISK, fsync="on")
    ground.clusters.append(standby)
    _say_standbys(ground, "'*'", [("sync",)])
    table = Table("With a synchronous standby on the same disk; milliseconds",
                  ["", "time", "processor, host", "processor, both databases"])
    table.add("right code, with the standby", *login(ground, rounds).cells())
    print(table, flush=True)
    _crowds(ground, rounds, "Logins at once with it; processor in milliseconds for each", "both databases")
    _say_standbys(ground, "''", [("async",)])
    ground.clusters.remove(standby)
    standby.stop()


def _say_standbys(ground, names, become):
    ground.cluster.configure(synchronous_standby_names=names)
    ground.cluster.reload()
    while ground.database.sql("SELECT sync_state FROM pg_stat_replication") != become:
        time.sleep(0.05)


# ---- what is written


WRITTEN = ["records", "bytes of records", "bytes of whole pages"]


def _written(ground, rounds, do):
    """In the write-ahead log for each login, as cells."""
    [(begin,)] = ground.database.sql("SELECT pg_current_wal_insert_lsn()")
    do()
    [found] = ground.database.sql("SELECT sum(count), sum(record_size), sum(fpi_size)"
                                  " FROM pg_get_wal_stats(%s, pg_current_wal_flush_lsn())", begin)
    return [shown(float(figure) / rounds) for figure in found]


def what_is_written(ground, rounds):
    """With few users, whose pages were all written since the last checkpoint."""
    table = Table("What a login adds to the write-ahead log", ["", *WRITTEN])
    for what, code_of, expected, is_old in (("right code", right_code, PAM_SUCCESS, False),
                                            ("right code, and one attempt is old", right_code, PAM_SUCCESS, True),
                                            ("wrong code", wrong_code, PAM_AUTH_ERR, False)):
        ground.settle()
        ground.log_in(rounds, right_code())
        ground.forget()
        if is_old:
            ground.age_attempts(rounds)
        table.add(what, *_written(ground, rounds, lambda: ground.log_in(rounds, code_of(), expected)))  # noqa: B023
    print(table, flush=True)


# ---- by function


def by_function(ground, rounds):
    """Functions that PostgreSQL inlines count as part of their callers."""
    ground.settle()
    ground.database.sql("ALTER SYSTEM SET track_functions = 'all'")
    ground.cluster.reload()
    ground.database.sql("SELECT pg_stat_reset()")
    ground.log_in(rounds, right_code())
    ground.wait_for_sessions()
    table = Table("In the database's functions; milliseconds for each login, right code",
                  ["", "calls", "in it", "with all it calls"])
    for name, *figures in ground.database.sql(
            "SELECT funcname, calls, self_time, total_time FROM pg_stat_user_functions WHERE schemaname LIKE 'totp%'"
            " ORDER BY total_time DESC LIMIT 12"):
        table.add(name, *(shown(figure / rounds) for figure in figures))
    print(table, flush=True)
    ground.database.sql("ALTER SYSTEM RESET track_functions")
    ground.cluster.reload()


# ---- many users


def _add_growth(table, ground, rounds, what):
    cost = login(ground, rounds)
    ground.settle()
    table.add(what, *cost.cells(), *_written(ground, rounds, lambda: ground.log_in(rounds, right_code())))


def with_many_users(ground, rounds):
    table = Table("A login by how many are enrolled, with as many logins in the last ten minutes; right code, milliseconds, "
                  "and what it writes just after a checkpoint",
                  ["users", "time", "processor, host", "processor, database", *WRITTEN])
    _add_growth(table, ground, rounds, f"{GUESTS:,}")
    ground.enrol(ground.users)
    ground.add_attempts(ground.users)
    _add_growth(table, ground, rounds, f"{ground.users:,}")
    sizes = _sizes(ground)
    old = ground.users // 10
    with ground.backup_since(old, rounds):
        _add_growth(table, ground, rounds, f"with a backup that began {old:,} logins ago")
    print(table, flush=True)
    print(sizes, flush=True)


def _sizes(ground):
    table = Table(f"Sizes with {ground.users:,} users, ten recovery codes each, and as many attempts",
                  ["", "MB", "bytes a row", "index, MB"])
    for name, rest, index in ground.database.sql(
            "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class WHERE relname IN "
            "('enrolment', 'login_state', 'attempt') AND relnamespace = 'totp'::regnamespace ORDER BY 2 DESC"):
        table.add(name, shown(rest / 1e6), shown(rest / ground.users), shown(index / 1e6))
    return table
