"""The primary dies under load and its standby takes over: which codes get in a second time."""

import base64
import os
import threading
import time
from pathlib import Path

import psycopg2
import pyotp
import pytest

from fleet import SECRET, Cluster, Database, Host, Standby, rows
from machine import STUCK
from test_fleet_verify import code

SESSIONS = 16
LOGINS = 300
KEY = pyotp.HOTP(base64.b32encode(SECRET).decode())


class Pair:
    """A primary that people log in on, and its standby."""

    def __init__(self, synchronous):
        Path("/run/private").mkdir(exist_ok=True)
        self.primary = Cluster()
        self.standby = None
        database = Database(self.primary)
        database.add_host("web1")
        database.administer("SELECT totp.limit_host('web1', 1000000)")
        for i in range(SESSIONS):
            database.enrol(f"person{i}", type="hotp")
        database.enrol("alice")
        self.standby = Standby(self.primary)
        while not self.standby.follows():
            time.sleep(0.05)
        if synchronous:
            self.primary.configure(synchronous_standby_names="'*'")
            self.primary.reload()
            while rows(self.primary.connect(), "SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
                time.sleep(0.05)
        self.accepted = []
        self.enough = threading.Event()
        self.threads = [threading.Thread(target=self._log_in, args=(f"person{i}",)) for i in range(SESSIONS)]

    def _log_in(self, account):
        """One code after the other, until the primary is gone. What counts is what was answered."""
        try:
            session = Host(self.primary, "web1")
            for counter in range(100_000):
                if session.login(account, KEY.at(counter)).verdict == "accepted" and not session.connection.notices:
                    self.accepted.append((account, KEY.at(counter)))
                if len(self.accepted) >= LOGINS:
                    self.enough.set()
        except psycopg2.Error:
            pass

    def begin(self):
        for thread in self.threads:
            thread.start()
        assert self.enough.wait(STUCK)

    def fail_over(self):
        self.primary.kill()
        for thread in self.threads:
            if thread.ident:
                thread.join()
        self.standby.promote()

    def replays(self):
        """The accepted codes that get in again."""
        session = Host(self.standby, "web1")
        rows(self.standby.connect(), "UPDATE totp.policy SET free_failures = 10000, max_failures = 10000, budget = 10000")
        return [answer for account, text in self.accepted
                if (answer := session.login(account, text)).verdict == "accepted"]

    def stop(self):
        if self.standby is not None:
            self.standby.stop()
        self.primary.stop()


@pytest.fixture
def pair(request):
    pair = Pair(request.param)
    yield pair
    pair.stop()


@pytest.mark.parametrize("pair", [True], indirect=True, ids=["synchronous"])
def test_no_accepted_code_gets_in_again_after_a_failover(pair):
    pair.begin()
    pair.fail_over()
    assert len(pair.accepted) >= LOGINS and pair.replays() == []


@pytest.mark.parametrize("pair", [True, False], indirect=True, ids=["synchronous", "asynchronous"])
def test_a_standby_that_lags_shows_replays_only_where_nobody_waits_for_it(pair, request):
    """With asynchronous replication codes do get in again: the proof that this test would see them."""
    pair.standby.part_from_primary()
    if "asynchronous" in request.node.callspec.id:
        pair.begin()
        pair.fail_over()
        assert len(pair.replays()) >= LOGINS
        return
    for thread in pair.threads:
        thread.start()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'web1'"
    while rows(pair.primary.connect(), waiting) != [(SESSIONS,)]:
        time.sleep(0.05)
    pair.fail_over()
    assert pair.accepted == []


@pytest.mark.parametrize("pair", [True], indirect=True, ids=["synchronous"])
def test_a_wait_for_the_standby_that_is_cancelled_is_told(pair):
    """The answer comes all the same, after a warning: whoever asked must not take it for a success."""
    session, nonce, text = Host(pair.primary, "web1"), os.urandom(16), code()
    assert session.ask("alice", text, nonce).verdict == "pending" and session.connection.notices == []
    pair.standby.part_from_primary()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(session.ask("alice", text, nonce).verdict))
    thread.start()
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'web1'"
    while not rows(pair.primary.connect(), cancel):
        time.sleep(0.05)
    thread.join()
    assert answers == ["accepted"]
    assert any(notice.startswith("WARNING:  canceling wait for synchronous replication") for notice in session.connection.notices)
