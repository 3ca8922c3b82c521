"""What `totp-enroll check sshd` says of sshd's settings, held against what a real client can do there.

Each case is an sshd_config, what must be found in it, and by which doors people then really get in.
"""

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from machine import OUR_LINE, PASSWORD, SAY_WHO, Sshd, as_user, enter, run
from stacks import kept, pam_auth_update, profiles  # noqa: F401, fixtures

CONFIG = Path("/etc/ssh/sshd_config")
DROP_IN = Path("/etc/ssh/sshd_config.d/50-vendor.conf")
KEYS = Path("/home/keys")
HERE = ["ListenAddress 127.0.0.1", "PidFile none", f"AuthorizedKeysFile {KEYS}/%u"]
SOUND = ["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no"]
DEBIAN = ["KbdInteractiveAuthentication no", "UsePAM yes", "X11Forwarding yes", "PrintMotd no",
          "AcceptEnv LANG LC_*", "Subsystem sftp /usr/lib/openssh/sftp-server"]
FROM_ELSEWHERE = ("-o", "BindAddress=127.0.0.2")
WITHOUT_KEY = ("-o", "PubkeyAuthentication=no")

KEY, PASSWORD_ALONE, CODE = "key", "password", "code"


class InstalledSshd(Sshd):
    """sshd with the machine's own configuration, at its own port: the machine is private."""

    def __init__(self):
        self.port = 22
        self.directory = Path(run("mktemp", "-d", "/run/private/sshd.XXXXXX").strip())
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e"], stderr=open(self.directory / "log", "w"))
        self._wait_until_it_listens()


@pytest.fixture(scope="module")
def key(machine):
    run("ssh-keygen", "-A")
    KEYS.mkdir(exist_ok=True)
    path = Path("/run/private/client_key")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
    return path


@pytest.fixture(autouse=True)
def as_before(machine, key):
    """The configuration and the stacks are afterwards as they were."""
    with kept("/etc/ssh", "/etc/pam.d"):
        DROP_IN.unlink(missing_ok=True)
        yield


@pytest.fixture
def sshd():
    """Starts sshd with what stands in its configuration; it ends with the test."""
    started = []

    def start():
        started.append(InstalledSshd())
        return started[-1]
    yield start
    for server in started:
        server.stop()


class Visitor:
    """Somebody with a password, a key that is authorised and a device, who tries the doors one by one."""

    def __init__(self, machine, key, name, *way, enrolled=True):
        self.name, self.key, self.way = name, key, way
        self.codes = machine.enrol(name)["recovery_codes"] if enrolled else []
        KEYS.joinpath(name).write_text(Path(f"{key}.pub").read_text())

    def gets_in(self, server, password, answer, *options):
        return server.login(self.name, password, answer, *self.way, *options)

    def doors(self, server):
        with_key = ("-o", f"IdentityFile={self.key}")
        doors = set()
        if self.gets_in(server, PASSWORD, "", *with_key, "-o", "PreferredAuthentications=publickey"):
            doors.add(KEY)
        if any(self.gets_in(server, PASSWORD, "", *options) for options in (WITHOUT_KEY, (
                *WITHOUT_KEY, "-o", "PreferredAuthentications=password"))):
            doors.add(PASSWORD_ALONE)
        elif self.codes and self.gets_in(server, PASSWORD, self.codes.pop(), *(
                WITHOUT_KEY if KEY in doors else with_key)):
            doors.add(CODE)
        return doors


def write_config(lines, drop_in=()):
    CONFIG.write_text("".join(f"{line}\n" for line in [*HERE, *lines]))
    if drop_in:
        DROP_IN.write_text("".join(f"{line}\n" for line in drop_in))


def line_of(text):
    """FILE:LINE of the configuration's first line that reads so."""
    for path in (CONFIG, DROP_IN):
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if line.strip() == text:
                return f"{path}:{number}"
    return text


def check(machine):
    """What sshd's part of the doctor finds, and whether everything is sound."""
    done = subprocess.run([machine.totp_enroll, "check", "sshd", "--json"], capture_output=True, text=True)
    assert done.stderr == "" and done.returncode in (0, 1), done.stderr
    facts = json.loads(done.stdout)
    assert facts["sound"] == (done.returncode == 0)
    return [finding for finding in facts["findings"] if finding["about"] == "sshd"], facts["sound"]


def place_of(finding):
    return f"{finding['file']}:{finding['line']}" if finding["line"] else finding["file"]


def brief(findings):
    return {(finding["severity"], finding["kind"], place_of(finding)) for finding in findings}


def make_change(finding):
    """Does what the change says."""
    wanted = re.search(r"`([^`]+)`", finding["change"])[1]
    if finding["change"].startswith("write"):
        path, number = Path(finding["file"]), finding["line"] - 1
        lines = path.read_text().splitlines()
        lines[number] = wanted
    else:
        assert finding["change"].startswith(f"add the line `{wanted}` at the top of {CONFIG}"), finding["change"]
        path, lines = CONFIG, [wanted, *CONFIG.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")


# ---- the table

KEY_ALONE = ("warning", "key_alone", str(CONFIG))


def by_key_alone(line):
    return ("warning", "key_alone", line)


@dataclass
class Case:
    name: str
    config: list
    found: set
    user: set                                   # the doors that lead in for an ordinary account
    root: set
    inside: set = None                          # likewise for whom the Match block is about
    way: tuple = ()                             # how that one comes, if an address is asked for
    drop_in: list = field(default_factory=list)


BOTH_WAYS = ["AuthenticationMethods publickey,keyboard-interactive:pam", *SOUND]
ROOT_CLOSED = ("remark", "root_closed", str(CONFIG))

CASES = [
    Case("as Debian ships it", DEBIAN, {("fault", "no_prompt", DEBIAN[0]), KEY_ALONE}, {KEY}, {KEY}),
    Case("prompts beside keys", SOUND, {KEY_ALONE}, {KEY, CODE}, {KEY}),
    Case("prompts alone", ["AuthenticationMethods keyboard-interactive:pam", *SOUND], {ROOT_CLOSED}, {CODE}, set()),
    Case("prompts, and passwords too", ["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication yes"],
         {("warning", "password_in_vain", "PasswordAuthentication yes"), KEY_ALONE}, {KEY, CODE}, {KEY}),
    Case("passwords only", ["UsePAM yes", "KbdInteractiveAuthentication no", "PubkeyAuthentication no"],
         {("fault", "no_prompt", "KbdInteractiveAuthentication no"), ROOT_CLOSED}, set(), set()),
    Case("without PAM", ["UsePAM no", "PasswordAuthentication yes"], {("fault", "use_pam", "UsePAM no")},
         {KEY, PASSWORD_ALONE}, {KEY}),
    Case("without PAM and for root too", ["UsePAM no", "PermitRootLogin yes"],
         {("fault", "use_pam", "UsePAM no"), ("fault", "root_password", "PermitRootLogin yes")},
         {KEY, PASSWORD_ALONE}, {KEY, PASSWORD_ALONE}),
    Case("prompts without PAM", ["UsePAM no", "KbdInteractiveAuthentication yes", "PasswordAuthentication no",
                                 "PubkeyAuthentication no"],
         {("fault", "closed", "UsePAM no"), ROOT_CLOSED}, set(), set()),
    Case("keys only", ["UsePAM yes", "KbdInteractiveAuthentication no", "PasswordAuthentication no",
                       "PubkeyAuthentication yes"], {by_key_alone("PubkeyAuthentication yes")}, {KEY}, {KEY}),
    Case("key, then prompts", BOTH_WAYS, {ROOT_CLOSED}, {CODE}, set()),
    Case("key, then password", ["AuthenticationMethods publickey,password", "UsePAM yes", "PasswordAuthentication yes",
                                "KbdInteractiveAuthentication yes"],
         {("fault", "no_prompt", "AuthenticationMethods publickey,password"), ROOT_CLOSED}, set(), set()),
    Case("key or prompts, by decision", ["AuthenticationMethods publickey keyboard-interactive:pam", *SOUND],
         {("remark", "key_alone", "AuthenticationMethods publickey keyboard-interactive:pam")}, {KEY, CODE}, {KEY}),
    Case("any method", ["AuthenticationMethods any", *SOUND], {by_key_alone("AuthenticationMethods any")},
         {KEY, CODE}, {KEY}),
    Case("a hole for one account", [*BOTH_WAYS, "Match User inside", "  AuthenticationMethods publickey keyboard-interactive"],
         {("remark", "key_alone", "AuthenticationMethods publickey keyboard-interactive"), ROOT_CLOSED}, {CODE}, set(), {KEY, CODE}),
    Case("a hole for one address", [*BOTH_WAYS, "Match Address 127.0.0.2", "AuthenticationMethods publickey"],
         {("remark", "key_alone", "AuthenticationMethods publickey"), ROOT_CLOSED}, {CODE}, set(), {KEY}, FROM_ELSEWHERE),
    Case("no prompts for one group", [*SOUND, "Match Group insiders", "KbdInteractiveAuthentication no",
                                      "PasswordAuthentication yes"],
         {("fault", "no_prompt", "KbdInteractiveAuthentication no"), KEY_ALONE}, {KEY, CODE}, {KEY}, {KEY}),
    Case("nothing left for one account", ["AuthenticationMethods keyboard-interactive", *SOUND, "Match User inside",
                                          "KbdInteractiveAuthentication no"],
         {("fault", "closed", "KbdInteractiveAuthentication no"), ROOT_CLOSED}, {CODE}, set(), set()),
    Case("a file beside that counts first", ["Include /etc/ssh/sshd_config.d/*.conf", *SOUND],
         {("fault", "use_pam", "UsePAM no")}, {KEY, PASSWORD_ALONE}, {KEY},
         drop_in=["UsePAM no", "PasswordAuthentication yes"]),
    Case("a block in a file beside", [*BOTH_WAYS, "Include sshd_config.d/*.conf"],
         {("remark", "key_alone", "AuthenticationMethods publickey keyboard-interactive"), ROOT_CLOSED}, {CODE}, set(), {KEY, CODE},
         drop_in=["Match User inside,nobody-else", "AuthenticationMethods publickey keyboard-interactive", "Match all"]),
    Case("root as everybody", ["AuthenticationMethods keyboard-interactive:pam", "PermitRootLogin yes", *SOUND],
         set(), {CODE}, {CODE}),
    Case("root by key from one address", ["AuthenticationMethods keyboard-interactive:pam", "PermitRootLogin no", *SOUND,
                                          "Match User root", "PermitRootLogin prohibit-password",
                                          "AuthenticationMethods publickey"],
         {("remark", "key_alone", "AuthenticationMethods publickey")}, {CODE}, {KEY}),
    Case("tries for one key only", ["MaxAuthTries 1", "LoginGraceTime 20", *SOUND],
         {("warning", "max_tries", "MaxAuthTries 1"), ("warning", "grace_time", "LoginGraceTime 20"), KEY_ALONE},
         {KEY, CODE}, {KEY}),
]


@pytest.fixture
def visitors(machine, key):
    """An ordinary account, root, and one that Match blocks are about."""
    run("groupadd", "--force", "insiders")
    for name in ("outside", "inside"):
        machine.add_user(name)
    run("usermod", "--append", "--groups", "insiders", "inside")
    run("chpasswd", input=f"root:{PASSWORD}\n")
    made = {name: Visitor(machine, key, name) for name in ("outside", "inside", "root")}
    yield made
    for name in made:
        run(machine.totp_enroll, "remove", "--user", name, "--yes")
    for name in ("outside", "inside"):
        run("userdel", "--remove", name)


def reality(case, visitors, server):
    seen = {"user": visitors["outside"].doors(server), "root": visitors["root"].doors(server)}
    if case.inside is not None:
        visitors["inside"].way = case.way
        seen["inside"] = visitors["inside"].doors(server)
    return seen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_what_is_found_is_what_a_client_finds(machine, sshd, visitors, case):
    write_config(case.config, case.drop_in)
    findings, _ = check(machine)
    assert brief(findings) == {(severity, kind, line_of(place)) for severity, kind, place in case.found}
    seen = reality(case, visitors, sshd())
    assert seen == {"user": case.user, "root": case.root} | ({} if case.inside is None else {"inside": case.inside})
    kinds = {finding["kind"] for finding in findings}
    doors = set().union(*seen.values())
    is_without_pam = "use_pam" in kinds
    assert (KEY in doors) == ("key_alone" in kinds or is_without_pam)
    assert (PASSWORD_ALONE in doors) == is_without_pam
    is_anybody_shut_out = any(CODE not in seen[name] for name in seen if name != "root")
    assert is_anybody_shut_out == bool(kinds & {"no_prompt", "closed", "use_pam"}) or "key_alone" in kinds


@pytest.mark.parametrize("case", [case for case in CASES if any(severity == "fault" for severity, _, _ in case.found)],
                         ids=lambda case: case.name.replace(" ", "_"))
def test_changes_that_are_told_make_it_sound(machine, sshd, visitors, case):
    write_config(case.config, case.drop_in)
    for _ in range(4):
        findings, is_sound = check(machine)
        if is_sound:
            break
        make_change(next(finding for finding in findings if finding["severity"] == "fault"))
    assert is_sound, findings
    seen = reality(case, visitors, sshd())
    assert CODE in seen["user"] and CODE in seen.get("inside", {CODE})
    assert not any(PASSWORD_ALONE in doors for doors in seen.values())
