"""The log, as others read it: fail2ban, systemd's journal, Linux' audit."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pam_client
from machine import PASSWORD, code_at, run, wait_until, wrong

FAIL2BAN = Path(__file__).parents[2] / "conf/fail2ban"
FILTERS = Path("/etc/fail2ban/filter.d")
SERVICE = "logged"
ADDRESS = "192.0.2.7"


@pytest.fixture(scope="module")
def fail2ban_filter():
    return Path(shutil.copy(FAIL2BAN / "pam-totp.conf", FILTERS))


@pytest.fixture(scope="module", autouse=True)
def service(machine):
    Path(f"/etc/pam.d/{SERVICE}").write_text("auth required pam_totp.so\n")


def log_in(user, answer, host=ADDRESS):
    """The PAM code of a login from another host."""
    return subprocess.run([sys.executable, pam_client.__file__, SERVICE, user, host], text=True, capture_output=True,
                          input=f"{answer}\n").returncode


# ---- fail2ban

def as_written_by_rsyslog(line):
    """What /dev/log was sent, as it stands in a log file."""
    month_to_second, rest = re.match(r"<\d+>(\w{3} +\d+ [\d:]{8}) ([^\0]*)\0?$", line).groups()
    return f"{month_to_second} thishost {rest}\n"


def hosts_found(log, *options):
    """The hosts fail2ban would count, one for each line, by fail2ban's own tool."""
    found = run("fail2ban-regex", "--print-all-matched", "--out", "ip", *options, log, "pam-totp")
    return found.split()


@pytest.fixture
def log_file(machine, tmp_path):
    """Runs logins, and gives the log file of them."""
    def written(logins):
        machine.log.text()
        begin = len(machine.log.lines)
        logins()
        machine.log.text()
        path = tmp_path / "auth.log"
        path.write_text("".join(as_written_by_rsyslog(line) for line in machine.log.lines[begin:]))
        return str(path)
    return written


def test_fail2ban_counts_each_wrong_code_and_where_it_came_from(fail2ban_filter, log_file, enrolled):
    user, secret = enrolled

    def logins():
        code = code_at(secret)
        log_in(user, wrong(code))
        log_in(user, wrong(code), "2001:db8::7")
        log_in(user, "nonsense")
        log_in("nobody-at-all", code, "198.51.100.9")
        log_in(user, code)
        log_in(user, code, "203.0.113.5")  # spent
    assert hosts_found(log_file(logins)) == [ADDRESS, "2001:db8::7", ADDRESS, "198.51.100.9", "203.0.113.5"]


def test_fail2ban_counts_who_has_to_wait(fail2ban_filter, log_file, enrolled):
    user, secret = enrolled

    def logins():
        for _ in range(7):
            log_in(user, wrong(code_at(secret)))
    assert hosts_found(log_file(logins)) == [ADDRESS] * 7


def test_fail2ban_counts_real_ssh_clients(machine, sshd, fail2ban_filter, log_file, enrolled):
    user, secret = enrolled

    def logins():
        code = code_at(secret)
        assert not sshd.login(user, PASSWORD, wrong(code))
        assert sshd.login(user, PASSWORD, code)
    # Loopback, as in a jail's ignoreip, is left out only if the jail says so.
    assert hosts_found(log_file(logins)) == ["127.0.0.1"]


def test_fail2ban_lets_nobody_shut_others_out(fail2ban_filter, log_file, enrolled):
    user, secret = enrolled
    forged = f"x pam_totp(sshd:auth): user=a service=s rhost=198.51.100.1 verdict=refused reason=wrong"

    def logins():
        log_in(forged, code_at(secret))  # whoever types a line of the log for a name
        log_in(user, wrong(code_at(secret)), f"10.0.0.1 {forged}")
        subprocess.run(["logger", "--tag", "sshd", "--socket", "/dev/log", f"Invalid user {forged} from 10.0.0.2"])
    assert set(hosts_found(log_file(logins))) <= {ADDRESS}


def test_fail2ban_leaves_a_password_at_our_prompt_and_our_own_faults_alone(sshd, fail2ban_filter, log_file, enrolled):
    user, _ = enrolled
    state = Path("/var/lib/pam-totp/state") / user

    def logins():
        assert not sshd.login(user, PASSWORD, PASSWORD)
        state.write_bytes(b"?" * 4096)
        log_in(user, "123456")
    path = log_file(logins)
    assert re.search("reason=password.*verdict=unavailable", Path(path).read_text(), re.DOTALL)
    assert hosts_found(path) == []


def test_fail2ban_knows_the_jail(fail2ban_filter):
    """The jail is one fail2ban can start, with this filter."""
    shutil.copy(FAIL2BAN / "pam-totp.jail", "/etc/fail2ban/jail.d/pam-totp.conf")
    assert "['add', 'pam-totp', 'systemd']" in run("fail2ban-client", "--dp")


# ---- the journal

@pytest.fixture
def journal(machine):
    """systemd's own journal, listening; a function that gives its entries with a field of ours."""
    Path("/run/systemd/journal").mkdir(parents=True, exist_ok=True)
    Path("/etc/machine-id").write_text("0" * 31 + "1\n")
    daemon = subprocess.Popen(["/lib/systemd/systemd-journald"])
    wait_until(Path("/run/systemd/journal/socket").exists)

    def entries(*matches):
        text = run("journalctl", "--directory=/run/log/journal", "--output=json", *matches)
        return [json.loads(line) for line in text.splitlines()]
    yield entries
    daemon.terminate()
    daemon.wait()
    shutil.rmtree("/run/systemd/journal")


def test_journal_has_the_words_as_fields(machine, journal, enrolled):
    user, secret = enrolled
    machine.log.text()
    begin = len(machine.log.lines)
    code = code_at(secret)
    log_in(user, wrong(code))
    log_in(user, code)
    by_user = f"PAM_TOTP_USER={user}"
    wait_until(lambda: len(journal(by_user)) == 2)
    refused, accepted = journal(by_user)
    assert refused["MESSAGE"] == (f"pam_totp({SERVICE}:auth): user={user} service={SERVICE} rhost={ADDRESS} "
                                  "verdict=refused reason=wrong failures=1")
    assert {name: value for name, value in refused.items() if name.startswith("PAM_TOTP_")} == {
        "PAM_TOTP_USER": user, "PAM_TOTP_SERVICE": SERVICE, "PAM_TOTP_RHOST": ADDRESS, "PAM_TOTP_VERDICT": "refused",
        "PAM_TOTP_REASON": "wrong", "PAM_TOTP_FAILURES": "1"}
    assert (refused["PRIORITY"], refused["SYSLOG_FACILITY"]) == ("5", "10")
    assert (accepted["PRIORITY"], accepted["PAM_TOTP_VERDICT"]) == ("6", "accepted")
    assert "PAM_TOTP_REASON" not in accepted
    assert machine.log.text(begin).count("verdict=") == 0, "and not in syslog as well"


def test_fail2ban_reads_the_journal(machine, journal, fail2ban_filter, enrolled):
    user, secret = enrolled
    log_in(user, wrong(code_at(secret)))
    wait_until(lambda: journal(f"PAM_TOTP_USER={user}"))
    by_user = [f"_UID=0 PAM_TOTP_USER={user}"]
    found = run("fail2ban-regex", "--out", "ip", "--journalmatch", *by_user,
                "systemd-journal[journalfiles=/run/log/journal/*/system.journal]", "pam-totp")
    assert found.split() == [ADDRESS]


# ---- audit

def records(user, answer):
    """What a login as root sends to Linux' audit, as strace sees it."""
    trace = Path("/run/private/audit.trace")
    subprocess.run(["strace", "-f", "-s", "4096", "-e", "trace=sendto", "-o", str(trace), sys.executable,
                    pam_client.__file__, SERVICE, user, ADDRESS], text=True, capture_output=True, input=f"{answer}\n")
    sent = re.findall(r'NLM_F_ACK.*?"((?:\\x[0-9a-f]{2})+)"', trace.read_text())
    texts = [bytes.fromhex(text.replace("\\x", "")).decode() for text in sent]
    ours = [re.match(r'op=PAM:totp acct="(\S+)" .* res=(\w+)', text) for text in texts]
    return [found.groups() for found in ours if found]


def test_audit_gets_a_record_of_each_try(machine, enrolled):
    user, secret = enrolled
    code = code_at(secret)
    assert records(user, wrong(code)) == [(user, "failed")]
    assert records(user, code) == [(user, "success")]
    assert records("a-name-that-may-be-a-password", code) == [("?", "failed")]
