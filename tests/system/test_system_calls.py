"""What one login asks of the kernel, by strace: the same for one account and for a hundred thousand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pam_client
from machine import App, code_at, wrong

STORE = Path("/var/lib/own-store")
KEY = Path("/etc/own-key")
SERVICE = "strace"
MANY = 100_000

PAM_SUCCESS, PAM_AUTH_ERR = 0, 7
CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)")
ABOUT_MEMORY = {"brk", "mmap", "munmap"}


class Call:
    """One line of strace."""

    def __init__(self, line):
        self.line = line
        self.name, self.arguments, self.result = CALL.match(line).groups()

    def path(self):
        """The file it is about, None for a call that is about none."""
        names_a_file = re.search("open|access|stat|link|connect", self.name)
        path = re.search(r'"([^"]*)"', self.arguments)
        return path[1] if names_a_file and path else None

    def shape(self, user):
        """The call and the file it is about, whoever the user is."""
        path = self.path()
        if path is None:
            return self.name
        return f"{self.name} {re.sub('[0-9]+', 'N', path.replace(user, 'USER'))}"


def between(calls, first, last):
    """The calls after the look at one mark and before the look at the next."""
    marks = [call.path() if "access" in call.name else None for call in calls]
    return calls[marks.index(first) + 1:marks.index(last)]


@pytest.fixture(scope="module", autouse=True)
def service(machine):
    """A PAM service with our line alone, and a store of its own."""
    Path(f"/etc/pam.d/{SERVICE}").write_text(f"auth required pam_totp.so quiet store={STORE} key={KEY}\n")
    yield
    shutil.rmtree(STORE)


@pytest.fixture
def own(machine, user):
    """An account enrolled in that store: its name and the device's secret."""
    facts = machine.enrol(user, "--store", str(STORE), "--key", str(KEY))
    return user, facts["secret"]


@pytest.fixture(scope="module")
def many_others(service):
    """Fills the store, once: names are what could make it slow, so all have one content."""
    def fill():
        for directory, size in (("enrolled", 400), ("state", 4096)):
            first = STORE / directory / "account0"
            if not first.exists():
                first.write_bytes(os.urandom(size))
                for number in range(1, MANY):
                    os.link(first, STORE / directory / f"account{number}")
    return fill


@pytest.fixture
def login(tmp_path):
    """Logs in under strace: the outcome, and the calls of pam_authenticate() but for memory and answering."""
    def login(user, answer):
        trace = tmp_path / "trace"
        strace = ["strace", "-f", "-o", str(trace), "-s", "4096", "-e", "signal=none"]
        done = subprocess.run([*strace, sys.executable, pam_client.__file__, SERVICE, user], text=True,
                              input=f"{answer}\n")
        calls = [Call(line) for line in trace.read_text().splitlines() if CALL.match(line)]
        calls = [call for call in calls if call.name not in ABOUT_MEMORY]
        ours = between(calls, pam_client.BEGIN, pam_client.END)
        answering = between(ours, pam_client.ASKED, pam_client.ANSWERED)
        return done.returncode, [call for call in ours if call not in answering]
    return login


def names(calls):
    return [call.name for call in calls]


def shapes(calls, user):
    return [call.shape(user) for call in calls]


def writes(calls):
    """Of each write to a file its place among the calls and its number of bytes."""
    return [(index, call.name, call.result) for index, call in enumerate(calls) if "write" in call.name]


def right(secret):
    return code_at(secret)


def not_right(secret):
    return wrong(code_at(secret))


@pytest.fixture(params=[(right, PAM_SUCCESS), (not_right, PAM_AUTH_ERR)], ids=["right", "wrong"])
def traced(request, own, login):
    """The user and the calls of one login with a right or a wrong code."""
    user, secret = own
    code_of, expected = request.param
    outcome, calls = login(user, code_of(secret))
    assert outcome == expected
    return user, calls


def test_strace_saw_the_login(traced):
    user, calls = traced
    assert {f"openat {STORE}", "openat enrolled", "openat USER"} <= set(shapes(calls, user))
    assert [call.result for call in calls if call.name == "pwrite64"] == ["2048"]


def test_login_waits_for_the_disk_once(traced):
    _, calls = traced
    assert [name for name in names(calls) if "sync" in name] == ["fdatasync"]
    assert names(calls).index("pwrite64") + 1 == names(calls).index("fdatasync")


def test_login_makes_renames_and_removes_no_file(traced):
    _, calls = traced
    forbidden = re.compile("rename|unlink|^link|symlink|mkdir|rmdir|mknod|creat|chmod|chown|truncate")
    assert [call.line for call in calls if forbidden.search(call.name)] == []
    assert [call.line for call in calls if "O_CREAT" in call.line or "O_TMPFILE" in call.line] == []


def test_login_writes_to_the_accounts_state_and_the_log_alone(traced):
    user, calls = traced
    opened = [call.shape(user) for call in calls if re.search("O_WRONLY|O_RDWR", call.arguments)]
    assert opened == ["openat USER"]
    assert [call.path() for call in calls if call.name == "connect"][-1] == "/dev/log"


def test_login_starts_no_process_and_no_thread_and_touches_no_signal(traced):
    _, calls = traced
    forbidden = re.compile("clone|fork|exec|sig|kill|alarm|setitimer|setuid|setres|setgid|umask|chdir")
    assert [call.line for call in calls if forbidden.search(call.name)] == []


def test_right_and_wrong_codes_make_the_same_calls_and_write_as_much_at_the_same(own, login, machine):
    user, secret = own
    machine.enrol(user, "--store", str(STORE), "--key", str(KEY), "--digits", "8")
    refused, wrong_calls = login(user, not_right(secret))
    accepted, right_calls = login(user, right(secret))
    assert (refused, accepted) == (PAM_AUTH_ERR, PAM_SUCCESS)
    assert shapes(wrong_calls, user) == shapes(right_calls, user)
    assert writes(wrong_calls) == writes(right_calls)
    assert writes(right_calls)[0][1:] == ("pwrite64", "2048")


def test_login_makes_the_same_calls_with_a_hundred_thousand_accounts(own, login, many_others):
    user, secret = own
    app = App(secret)
    outcome, calls_of_few = login(user, app.code())
    assert (outcome, len(os.listdir(STORE / "state")) < 100) == (PAM_SUCCESS, True)
    many_others()
    outcome, calls_of_many = login(user, app.code())
    assert (outcome, len(os.listdir(STORE / "state")) > MANY) == (PAM_SUCCESS, True)
    assert shapes(calls_of_many, user) == shapes(calls_of_few, user)
    assert not any("getdents" in name for name in names(calls_of_many))
