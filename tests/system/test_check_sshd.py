"""What `totp-enroll check sshd` says of sshd's settings, held against what a real client can do there.

Each case is an sshd_config, what must be found in it, and by which doors people then really get in.
"""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pexpect
import pytest

from machine import OUR_LINE, PASSWORD, SAY_WHO, STUCK, Sshd, as_user, enter, run, wait_until
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
    done = subprocess.run([machine.totp_enroll, "check", "sshd", "--json"], capture_output=True, text=True, timeout=STUCK)
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
    Case("root shut out by a list", ["DenyUsers root", "UsePAM no", "PermitRootLogin yes"], {("fault", "use_pam", "UsePAM no")},
         {KEY, PASSWORD_ALONE}, set()),
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


def change_for(findings, kind):
    return next(finding["change"] for finding in findings if finding["kind"] == kind)


def put(text, before=None):
    """Adds lines to the configuration: before the first that reads so, or at the end."""
    lines = CONFIG.read_text().splitlines()
    at = len(lines) if before is None else lines.index(before)
    CONFIG.write_text("".join(f"{line}\n" for line in [*lines[:at], *text, *lines[at:]]))


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


ALL_ASKED = "; where all are asked for a code, nobody gets in as root any more: to leave root as it is, add the lines "


def test_change_for_all_shuts_root_out_unless_root_is_kept_as_it_says(machine, sshd, visitors):
    write_config(SOUND)
    change = change_for(check(machine)[0], "key_alone")
    assert change.startswith(f"add the line `AuthenticationMethods keyboard-interactive:pam` at the top of {CONFIG}, or with "
                             "`publickey,keyboard-interactive:pam` to ask for both;")
    assert (f"{ALL_ASKED}`Match User root` and `AuthenticationMethods publickey` at the end of {CONFIG}; "
            "to have root asked too, enrol root (`totp-enroll add --user root`) and "
            f"add the line `PermitRootLogin yes` at the top of {CONFIG}") in change
    put(["AuthenticationMethods publickey,keyboard-interactive:pam"], HERE[0])
    server = sshd()
    assert visitors["root"].doors(server) == set() and visitors["outside"].doors(server) == {CODE}
    server.stop()

    kept = CONFIG.read_text()
    put(["Match User root", "AuthenticationMethods publickey"])
    findings, _ = check(machine)
    assert brief(findings) == {("remark", "key_alone", line_of("AuthenticationMethods publickey"))}
    assert "keyboard-interactive" not in change_for(findings, "key_alone")
    server = sshd()
    assert visitors["root"].doors(server) == {KEY} and visitors["outside"].doors(server) == {CODE}
    server.stop()

    CONFIG.write_text(kept)
    put(["PermitRootLogin yes"], "AuthenticationMethods publickey,keyboard-interactive:pam")
    assert check(machine)[0] == []
    server = sshd()
    assert visitors["root"].doors(server) == {CODE} and visitors["outside"].doors(server) == {CODE}


def test_root_is_kept_before_the_block_that_shuts_root_out(machine, sshd, visitors):
    block = "Match LocalPort 22"
    write_config([*BOTH_WAYS, block, "AuthenticationMethods publickey"])
    findings, _ = check(machine)
    assert (f"{ALL_ASKED}`Match User root` and `AuthenticationMethods publickey` before {line_of(block)}; "
            in change_for(findings, "key_alone"))
    CONFIG.write_text(CONFIG.read_text().removesuffix("AuthenticationMethods publickey\n"))
    put([BOTH_WAYS[0]])
    put(["Match User root", "AuthenticationMethods publickey"], block)
    server = sshd()
    assert visitors["root"].doors(server) == {KEY} and visitors["outside"].doors(server) == {CODE}


# ---- beside the table


@pytest.fixture
def person(machine, user, key):
    """Makes a visitor of the test's own account."""
    return lambda **options: Visitor(machine, key, user, **options)


def test_settings_that_sshd_cannot_read_are_told_in_its_own_words(machine):
    write_config(["UsePAM perhaps", *SOUND])
    findings, is_sound = check(machine)
    assert not is_sound and brief(findings) == {("fault", "sshd_settings", line_of("UsePAM perhaps"))}
    said = subprocess.run(["/usr/sbin/sshd", "-t"], capture_output=True, text=True)
    assert said.returncode != 0 and said.stderr.splitlines()[0] in findings[0]["sentence"]


def test_methods_that_cannot_be_are_told_with_their_line(machine):
    write_config(["KbdInteractiveAuthentication no", "AuthenticationMethods keyboard-interactive"])
    findings, _ = check(machine)
    assert brief(findings) == {("fault", "sshd_settings", line_of("AuthenticationMethods keyboard-interactive"))}
    assert "AuthenticationMethods cannot be satisfied by enabled authentication methods" in findings[0]["sentence"]


def test_who_is_not_root_is_told_that_root_sees_more(machine, user):
    write_config(DEBIAN)
    done = subprocess.run(as_user(user, machine.totp_enroll, "check", "sshd"), capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert ("remark  sshd: its own settings are told to root alone.\n  change: run `sudo totp-enroll check sshd`\n"
            in done.stdout)


def test_other_services_are_none_of_sshds_business(machine):
    write_config(["UsePAM no"])
    done = subprocess.run([machine.totp_enroll, "check", "login", "--json"], capture_output=True, text=True)
    assert "sshd" not in done.stdout


def said_by_check(machine, *arguments):
    return subprocess.run([machine.totp_enroll, "check", *arguments], capture_output=True, text=True).stdout


@pytest.mark.parametrize(("lines", "proven"), [
    (["AuthenticationMethods keyboard-interactive", *SOUND], "gets in without a code"),
    (SOUND, "gets in by a password without a code"), (["UsePAM no"], None)], ids=["prompts", "keys", "without_PAM"])
def test_only_what_is_so_is_called_proven(machine, lines, proven):
    write_config(lines)
    said = re.findall(r"proven  sshd: nobody who is enrolled (.*)\.\n", said_by_check(machine, "sshd"))
    assert said == ([proven] if proven else [])


def test_sshd_that_is_to_ask_for_no_code_may_have_any_settings(machine):
    service = Path("/etc/pam.d/sshd")
    service.write_text(service.read_text().replace(f"{OUR_LINE}\n", ""))
    write_config(["UsePAM no", "PermitRootLogin yes"])
    assert "fault  sshd" not in said_by_check(machine)
    assert "fault  sshd: whoever has the password gets in without a code" in said_by_check(machine, "sshd")


def test_finding_reads_well(machine):
    write_config([*BOTH_WAYS, "Match Address 127.0.0.0/8", "PasswordAuthentication yes",
                  "AuthenticationMethods publickey,password"])
    done = subprocess.run([machine.totp_enroll, "check"], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"""fault  sshd: where `Match Address 127.0.0.0/8` applies, nobody can give the code that is asked: sshd answers \
the prompt with the password.
    sshd -T -C user=nobody,host=192.0.2.1,addr=127.0.0.0,laddr=192.0.2.2,lport=22 says UsePAM yes, \
KbdInteractiveAuthentication yes, PasswordAuthentication yes, PubkeyAuthentication yes, \
AuthenticationMethods publickey,password
  at {line_of("AuthenticationMethods publickey,password")}
  change: write `AuthenticationMethods publickey,keyboard-interactive:pam` in its place
""" in re.sub(r"user=\w+", "user=nobody", done.stdout)


def test_code_behind_the_password_needs_no_prompt(machine, sshd, person):
    service = Path("/etc/pam.d/sshd")
    lines = [line for line in service.read_text().splitlines() if line not in ("@include common-auth", OUR_LINE)]
    service.write_text("\n".join(["auth required pam_totp.so forward_pass",
                                  "auth required pam_unix.so use_first_pass nodelay", *lines]) + "\n")
    write_config(["UsePAM yes", "PasswordAuthentication yes", "KbdInteractiveAuthentication no",
                  "PubkeyAuthentication no"])
    findings, is_sound = check(machine)
    assert is_sound and brief(findings) == {ROOT_CLOSED}
    visitor, server = person(), sshd()
    assert not visitor.gets_in(server, PASSWORD, None)
    assert visitor.gets_in(server, PASSWORD + visitor.codes.pop(), None)


def test_client_with_another_key_is_cut_off_before_the_code(machine, sshd, person):
    write_config(["MaxAuthTries 1", *SOUND])
    assert ("warning", "max_tries", line_of("MaxAuthTries 1")) in brief(check(machine)[0])
    other = Path("/run/private/other_key")
    if not other.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
    visitor, server = person(), sshd()
    assert not visitor.gets_in(server, PASSWORD, visitor.codes[-1], "-o", f"IdentityFile={other}")
    assert visitor.gets_in(server, PASSWORD, visitor.codes[-1], *WITHOUT_KEY)


def test_time_that_is_too_short_ends_the_login(machine, sshd, person):
    write_config(["LoginGraceTime 1", *SOUND])
    assert ("warning", "grace_time", line_of("LoginGraceTime 1")) in brief(check(machine)[0])
    visitor, server = person(), sshd()
    command = server.command(visitor.name, *WITHOUT_KEY) + [SAY_WHO]
    client = pexpect.spawn(command[0], command[1:], timeout=STUCK, encoding="utf-8")
    client.expect(["assword:", pexpect.EOF])  # on a busy machine it was too short even for the question
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    wait_until(lambda: children.read_text() == "")
    client.sendline(PASSWORD)
    client.expect(pexpect.EOF)
    client.close()


EMPTY = ["PermitEmptyPasswords yes", "AuthenticationMethods keyboard-interactive", *SOUND]


def test_empty_password_leaves_the_code_alone(machine, sshd, person):
    write_config(EMPTY)
    findings, is_sound = check(machine)
    assert is_sound and ("warning", "empty_password", line_of(EMPTY[0])) in brief(findings)
    visitor, server = person(), sshd()
    run("passwd", "--delete", visitor.name)
    assert not visitor.gets_in(server, None, "")
    assert visitor.gets_in(server, None, visitor.codes.pop()), "no password is asked for"


def test_empty_password_opens_an_account_that_is_not_enrolled(machine, sshd, person, pam_auth_update):
    Path("/etc/pam.d/sshd").write_text(Path("/etc/pam.d/sshd").read_text().replace(f"{OUR_LINE}\n", ""))
    pam_auth_update("--force", "--enable", "totp")
    write_config(EMPTY)
    findings, is_sound = check(machine)
    assert not is_sound and ("fault", "empty_password", line_of(EMPTY[0])) in brief(findings)
    visitor = person(enrolled=False)
    run("passwd", "--delete", visitor.name)
    server = sshd()
    assert visitor.gets_in(server, None, None)
    server.stop()
    make_change(next(finding for finding in findings if finding["kind"] == "empty_password"))
    assert check(machine)[1] and not visitor.gets_in(sshd(), None, None)


def test_root_who_is_not_enrolled_gets_in_by_the_password(machine, sshd, key, pam_auth_update):
    Path("/etc/pam.d/sshd").write_text(Path("/etc/pam.d/sshd").read_text().replace(f"{OUR_LINE}\n", ""))
    pam_auth_update("--force", "--enable", "totp")
    write_config(["PermitRootLogin yes", *SOUND])
    run("chpasswd", input=f"root:{PASSWORD}\n")
    findings, is_sound = check(machine)
    assert is_sound and ("warning", "root_unenrolled", line_of("PermitRootLogin yes")) in brief(findings)
    root = Visitor(machine, key, "root", enrolled=False)
    server = sshd()
    assert root.doors(server) == {KEY, PASSWORD_ALONE}
    server.stop()
    make_change(next(finding for finding in findings if finding["kind"] == "root_unenrolled"))
    assert "root_unenrolled" not in {finding["kind"] for finding in check(machine)[0]}
    assert root.doors(sshd()) == {KEY}


# ---- an sshd that doesn't answer


@pytest.fixture
def in_place_of_sshd():
    """Another file where sshd is, for a while."""
    mounted = []

    def put(path):
        run("mount", "--bind", str(path), "/usr/sbin/sshd")
        mounted.append(path)
    yield put
    for _ in mounted:
        run("umount", "/usr/sbin/sshd")


def test_machine_without_sshd_has_no_settings_of_it(machine, in_place_of_sshd):
    in_place_of_sshd("/dev/null")
    findings, is_sound = check(machine)
    assert is_sound and findings == []


def test_sshd_that_does_not_answer_holds_nobody_up(machine, in_place_of_sshd):
    silent = Path("/run/private/silent")
    silent.write_text("#!/bin/sh\nexec sleep infinity\n")
    silent.chmod(0o755)
    in_place_of_sshd(silent)
    findings, _ = check(machine)
    assert brief(findings) == {("warning", "unseen", str(CONFIG))}
    assert "/usr/sbin/sshd doesn't answer" in findings[0]["sentence"]


def test_sshd_that_never_ran_says_nothing_of_itself(machine):
    write_config(SOUND)
    Path("/run/sshd").rmdir()
    try:
        findings, is_sound = check(machine)
    finally:
        Path("/run/sshd").mkdir(mode=0o755)
    assert is_sound and brief(findings) == {("remark", "not_running", None)}
    assert findings[0]["change"] == "start it, or run mkdir -m 755 /run/sshd"


# ---- a host that is trusted


def test_account_on_a_trusted_host_needs_no_code(machine, sshd, user):
    write_config(["HostbasedAuthentication yes", "HostbasedUsesNameFromPacketOnly yes", "PubkeyAuthentication no", *SOUND])
    findings, is_sound = check(machine)
    assert is_sound and ("warning", "host_alone", line_of("HostbasedAuthentication yes")) in brief(findings)
    host_keys = [key.read_text() for key in Path("/etc/ssh").glob("ssh_host_*_key.pub")]
    Path("/etc/ssh/ssh_known_hosts").write_text("".join(f"localhost,127.0.0.1 {key}" for key in host_keys))
    Path("/etc/ssh/shosts.equiv").write_text("localhost\n")
    Path("/etc/ssh/ssh_config").write_text("EnableSSHKeysign yes\n")
    by_host = ("-o", "HostbasedAuthentication=yes", "-o", "PreferredAuthentications=hostbased")
    server = sshd()
    client = ["ssh", "-F", "none", "-p", "22", "-o", "StrictHostKeyChecking=yes", *by_host, f"{user}@127.0.0.1", SAY_WHO]
    assert enter(as_user(user, *client), user, None, None)
    server.stop()
    make_change(next(finding for finding in findings if finding["kind"] == "host_alone"))
    assert "host_alone" not in {finding["kind"] for finding in check(machine)[0]}
    sshd()
    assert not enter(as_user(user, *client), user, None, None)


# ---- Match lines as sshd has them


MATCH_LINES = Path(__file__).parents[1] / "vectors/sshd_match.txt"


def known_match_lines():
    """Of the vectors of sshd_match_test those that every sshd knows: Match line, connection, whether it is concerned."""
    rows = [line for line in MATCH_LINES.read_text().splitlines() if line and not line.startswith("#")]
    cut = [[part.strip() for part in row.split("|")] for row in rows]
    return [(match, *connection.split(), is_so == "yes") for match, connection, is_so in cut if not match.startswith("Phase")]


@pytest.fixture
def members(machine):
    """The account of the vectors; it is in the groups that they want when they want it."""
    run("groupadd", "--force", "staff")
    run("useradd", "--gid", "users", "alice")
    yield lambda groups: run("usermod", "--groups", ",".join(set(groups.split(",")) - {"users"}), "alice")
    run("userdel", "alice")


def test_sshd_takes_match_lines_as_our_vectors_have_it(members):
    for match, user, groups, address, host, port, is_concerned in known_match_lines():
        members(groups)
        write_config([f"Match {match}", "MaxSessions 77"])
        said = run("/usr/sbin/sshd", "-T", "-C", f"user={user},host={host},addr={address},laddr=127.0.0.1,lport={port}")
        assert ("maxsessions 77\n" in said) == is_concerned, match


# ---- a key before PAM, whose stack asks for the code alone

@pytest.mark.parametrize("methods, is_sound", [("publickey,keyboard-interactive", True),
                                               ("publickey,keyboard-interactive keyboard-interactive", False)])
def test_code_alone_is_a_fault_where_no_key_comes_before(machine, key, sshd, user, methods, is_sound):
    stack = Path("/etc/pam.d/sshd")
    stack.write_text(stack.read_text().replace("@include common-auth\n", ""))
    write_config([*SOUND, f"AuthenticationMethods {methods}"])
    findings, sound = check(machine)
    severity = {finding["kind"]: finding["severity"] for finding in findings}
    assert (sound, severity["code_alone"]) == (is_sound, "remark" if is_sound else "fault"), findings
    assert ("asked_first" in severity) == (not is_sound)
    visitor, server = Visitor(machine, key, user), sshd()
    assert visitor.gets_in(server, None, visitor.codes.pop(), *WITHOUT_KEY) == (not is_sound)
    assert visitor.gets_in(server, None, visitor.codes.pop(), "-o", f"IdentityFile={key}")
