"""The recipes of conf/recipes, as they are shipped: each is installed here, then everybody tries to log in."""

import contextlib
import datetime
import re
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, PROMPT, SAY_WHO, STUCK, Sshd, as_user, code_at, enter, run, wait_for_room_in_step, wrong
from person import Person
from stacks import CONF, EXCEPT_SERVICES, RECIPES, SERVICES, services_as_installed  # noqa: F401, the last: a fixture
from test_enrol_at_login import OverSsh, enrols
from test_local_doors import Login, Su, Sudo, sudoers  # noqa: F401, fixtures

INCLUDE_AUTH, INCLUDE_ACCOUNT = "@include common-auth\n", "@include common-account\n"
# What the recipe for Fedora changes there: auth lines as a new system has them, behind the names of its stacks.
FEDORA_SERVICES = {"sshd": "auth substack password-auth\n", "login": "auth substack system-auth\n",
                   "su": "auth substack system-auth\n", "sudo": "auth include system-auth\n"}
FEDORA_LINES = "auth sufficient pam_unix.so\nauth required pam_deny.so\n"
FEDORA_STACK = f"auth required pam_env.so\n{FEDORA_LINES}account required pam_unix.so\n"


def replace_once(path, lines, instead):
    text = path.read_text()
    assert text.count(lines) == 1, f"{path} has not one {lines!r}"
    path.write_text(text.replace(lines, instead))


def replace_each(path, lines, instead):
    text = path.read_text()
    assert lines in text, f"{path} has no {lines!r}"
    path.write_text(text.replace(lines, instead))


def install_in_service(recipe):
    """What the comments of the files in pam.d say: the lines take the place of those that they take in."""
    service = Path("/etc/pam.d") / recipe.name
    lines = recipe.read_text()
    if lines.endswith(INCLUDE_ACCOUNT) or f"\n{INCLUDE_ACCOUNT}" in lines:
        replace_once(service, INCLUDE_ACCOUNT, "")
    replace_once(service, INCLUDE_AUTH, lines)


def install(name):
    """A recipe whose files in pam.d belong in Debian's services."""
    for recipe in (RECIPES / name / "pam.d").iterdir():
        install_in_service(recipe)
    for recipe in (RECIPES / name).glob("security/*"):
        shutil.copy(recipe, "/etc/security")


# ---- what can be missing

@contextlib.contextmanager
def gone(path):
    path.rename(f"{path}.gone")
    try:
        yield
    finally:
        Path(f"{path}.gone").rename(path)


def module(name):
    return next(Path("/lib").glob("*-linux-*/security/pam_unix.so")).with_name(f"{name}.so")


@contextlib.contextmanager
def settings_others_may_write():
    path = Path("/etc/security/pam_totp.conf")
    path.touch()
    path.chmod(0o666)
    try:
        yield
    finally:
        path.unlink()


# The last makes sshd refuse who is exempt too: its setcred, in another process, doesn't jump.
FAULTS = {"settings": settings_others_may_write, "key": lambda: gone(Path("/etc/pam-totp/key")),
          "module": lambda: gone(module("pam_totp"))}


@pytest.fixture(params=FAULTS)
def fault(request):
    return FAULTS[request.param]


@pytest.fixture(params=["settings", "key"])
def fault_found(request):
    """What the module itself finds wrong."""
    return FAULTS[request.param]


# ---- who gets in

class Ssh:
    service = "sshd"

    def __init__(self, server, user, *options):
        self.server, self.user, self.options = server, user, options

    def enter(self, password, answer):
        return self.server.login(self.user, password, answer, *self.options)


@pytest.fixture(params=["Ssh", "Su", "Sudo", "Login"])
def door(request, machine, sshd, user):
    """Each of the four ways in."""
    if request.param == "Ssh":
        return Ssh(sshd, user)
    return {"Su": Su, "Sudo": Sudo, "Login": Login}[request.param](machine, user)


def asks_for_password_and_code(machine, door, secret):
    """Nothing less gets in; and who doesn't know the password is no guess at the code."""
    before = machine.log.decisions(door.user)
    assert not door.enter("wrong", code_at(secret))
    assert machine.log.decisions(door.user) == before
    assert not door.enter(PASSWORD, "")
    assert not door.enter(PASSWORD, wrong(code_at(secret)))
    assert door.enter(PASSWORD, code_at(secret))
    assert f"service={door.service} " in machine.log.decisions(door.user)[-1]


def asks_for_password_alone(door):
    assert not door.enter("wrong", None)
    assert door.enter(PASSWORD, None)


def refuses_unenrolled(machine, door):
    before = machine.log.decisions(door.user)
    assert not door.enter("wrong", "123456")
    assert machine.log.decisions(door.user) == before
    assert not door.enter(PASSWORD, "123456")
    assert "verdict=refused reason=unenrolled" in machine.log.decisions(door.user)[-1]


def lets_nobody_in_while(fault, door, secret):
    with fault():
        assert not door.enter(PASSWORD, code_at(secret))
    assert door.enter(PASSWORD, code_at(secret)), "it was the fault alone"


# ---- ssh-key

@pytest.fixture(scope="module")
def key_server(machine):
    """All that the recipe must decide is set the other way after it: sshd takes the first of two lines."""
    server = Sshd([f"Include {RECIPES}/ssh-key/ssh/sshd_config.d/pam-totp.conf", "UsePAM no",
                   "KbdInteractiveAuthentication no", "PasswordAuthentication yes", "AuthenticationMethods publickey"])
    yield server
    server.stop()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The key of the account's owner, and a stranger's."""
    directory = tmp_path_factory.mktemp("keys")
    for name in ("own", "strange"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name))
    return directory


@pytest.fixture
def without_key(key_server, user):
    install("ssh-key")
    return Ssh(key_server, user)


@pytest.fixture
def with_key(without_key, user, keys):
    directory = f"/home/{user}/.ssh"
    run("install", "-d", "-m", "700", "-o", user, directory)
    run("install", "-m", "600", "-o", user, str(keys / "own.pub"), f"{directory}/authorized_keys")
    return Ssh(without_key.server, user, "-i", str(keys / "own"))


@pytest.fixture
def secret(machine, user):
    return machine.enrol(user)["secret"]


def test_ssh_without_key_asks_for_password_and_code(machine, without_key, secret):
    asks_for_password_and_code(machine, without_key, secret)


def test_ssh_with_key_asks_for_a_code_and_no_password(machine, with_key, secret):
    assert not with_key.enter(None, "")
    assert not with_key.enter(None, wrong(code_at(secret)))
    assert not with_key.enter(PASSWORD, PASSWORD)
    code = code_at(secret)
    assert with_key.enter(None, code)
    assert not with_key.enter(None, code), "spent"
    assert not Ssh(with_key.server, with_key.user).enter(PASSWORD, code), "at the other way too"


def test_ssh_wrong_code_with_key_ends_the_attempt(with_key, secret):
    program, *arguments = with_key.server.command(with_key.user, *with_key.options) + [SAY_WHO]
    client = pexpect.spawn(program, arguments, timeout=STUCK, encoding="utf-8")
    client.expect_exact(PROMPT.strip())
    client.sendline(wrong(code_at(secret)))
    assert client.expect(["[Pp]assword", pexpect.EOF]) == 1
    client.close()


def test_ssh_key_alone_is_not_enough(with_key, secret):
    only_keys = Ssh(with_key.server, with_key.user, *with_key.options, "-o", "PreferredAuthentications=publickey")
    assert not only_keys.enter(None, None)


def test_ssh_method_password_is_closed(with_key, secret):
    for options in ((), with_key.options):
        old = Ssh(with_key.server, with_key.user, *options, "-o", "PreferredAuthentications=password,publickey")
        assert not old.enter(PASSWORD, None)


def test_ssh_strange_key_is_no_key(machine, with_key, keys, secret):
    asks_for_password_and_code(machine, Ssh(with_key.server, with_key.user, "-i", str(keys / "strange")), secret)


def test_ssh_refuses_unenrolled_with_key_and_without(machine, with_key):
    assert not with_key.enter(None, "123456")
    assert "verdict=refused reason=unenrolled" in machine.log.decisions(with_key.user)[-1]
    refuses_unenrolled(machine, Ssh(with_key.server, with_key.user))


def test_ssh_with_key_lets_nobody_in_by_a_fault(with_key, secret, fault):
    with fault():
        assert not with_key.enter(None, code_at(secret))
        assert not with_key.enter(PASSWORD, code_at(secret))
    assert with_key.enter(None, code_at(secret)), "it was the fault alone"


def test_ssh_without_key_lets_nobody_in_by_a_fault(without_key, secret, fault):
    lets_nobody_in_while(fault, without_key, secret)


def test_ssh_asks_for_the_password_where_it_cannot_be_known_who_has_a_key(with_key, secret):
    with gone(module("pam_exec")):
        assert not with_key.enter(None, code_at(secret))
        assert with_key.enter(PASSWORD, code_at(secret))


@pytest.mark.parametrize("told, is_key", [
    ("publickey ssh-ed25519 AAAA", True), ("publickey ssh-ed25519 AAAA\npassword", True), (None, False), ("", False),
    ("publickey", False), ("publickeys x", False), ("hostbased publickey x", False), ("password\npublickey x", False)])
def test_ssh_takes_only_a_key_that_came_first_for_a_key(told, is_key):
    """The command that pam_exec runs, with what sshd may tell."""
    lines = (RECIPES / "ssh-key/pam.d/sshd").read_text()
    program, argument, command = re.search(r"pam_exec\.so quiet (\S+) (\S+) \[(.*)\]\n", lines).groups()
    environment = {} if told is None else {"SSH_AUTH_INFO_0": told}
    assert (subprocess.run([program, argument, command], env=environment).returncode == 0) == is_key


def test_ssh_while_people_enrol(machine, with_key, without_key):
    """The variant that the comment tells of."""
    service = Path("/etc/pam.d/sshd")
    lines = service.read_text()
    assert lines.count("pam_totp.so\n") == 2
    service.write_text(lines.replace("pam_totp.so\n", "pam_totp.so unenrolled=ignore\n"))
    for way in (with_key, without_key):
        assert not way.enter(None, None), "the password is asked"
        asks_for_password_alone(way)
    secret = machine.enrol(with_key.user)["secret"]
    assert with_key.enter(None, code_at(secret))
    assert not with_key.enter(PASSWORD, None), "and no longer"
    assert not without_key.enter(PASSWORD, None)


def test_ssh_root_gets_in_only_with_permit_root_login_yes(machine, keys, without_key):
    run("install", "-d", "-m", "700", "/run/private/root-keys")
    shutil.copy(keys / "own.pub", "/run/private/root-keys/authorized_keys")
    secret = machine.enrol("root")["secret"]
    try:
        for permission, gets_in in (("prohibit-password", False), ("yes", True)):
            server = Sshd([f"PermitRootLogin {permission}",
                           "AuthorizedKeysFile /run/private/root-keys/authorized_keys",
                           f"Include {RECIPES}/ssh-key/ssh/sshd_config.d/pam-totp.conf"])
            try:
                assert Ssh(server, "root", "-i", str(keys / "own")).enter(None, code_at(secret)) == gets_in
            finally:
                server.stop()
    finally:
        run(machine.totp_enroll, "remove", "--user", "root", "--yes")


# ---- exempt-group

def join(user, group):
    run("groupadd", "--force", group)
    run("usermod", "--append", "--groups", group, user)


@pytest.fixture
def exempt_group(machine):
    """The recipe at the service it names, and at others as its comment says."""
    run("groupadd", "--force", "code-exempt")
    lines = (RECIPES / "exempt-group/pam.d/sshd").read_text()
    for service in SERVICES:
        replace_once(Path("/etc/pam.d") / service, INCLUDE_AUTH, lines)


@pytest.fixture
def group_door(exempt_group, door):
    return door


def test_group_is_exempt_enrolled_or_not(machine, group_door):
    join(group_door.user, "code-exempt")
    asks_for_password_alone(group_door)
    machine.enrol(group_door.user)
    asks_for_password_alone(group_door)


def test_group_leaves_others_to_give_a_code(machine, group_door, secret):
    if group_door.service == "su":
        join(group_door.caller, "code-exempt")
    if group_door.service == "sudo":
        join("root", "code-exempt")
    asks_for_password_and_code(machine, group_door, secret)


def test_group_leaves_others_refused_unenrolled(machine, exempt_group, sshd, user):
    refuses_unenrolled(machine, Ssh(sshd, user))


def test_group_lets_nobody_else_in_by_a_fault(exempt_group, sshd, user, secret, fault):
    lets_nobody_in_while(fault, Ssh(sshd, user), secret)


def test_group_is_exempt_from_a_fault(exempt_group, sshd, user, fault_found):
    join(user, "code-exempt")
    with fault_found():
        asks_for_password_alone(Ssh(sshd, user))


def test_nobody_is_exempt_without_the_group_or_who_knows_it(exempt_group, sshd, user):
    join(user, "code-exempt")
    door = Ssh(sshd, user)
    with gone(module("pam_succeed_if")):
        assert not door.enter(PASSWORD, None)
    run("groupdel", "code-exempt")
    assert not door.enter(PASSWORD, None)


# ---- exempt-service

@pytest.fixture
def except_services(pam_auth_update):
    pam_auth_update("--force", "--enable", "totp")
    pam_auth_update("--disable", "totp", "--enable", "totp-except")


class SuWithLogin(Su):
    service = "su-l"

    def enter(self, password, answer):
        return enter(as_user(self.caller, "su", "-", self.user, "-c", SAY_WHO), self.user, password, answer)


class SudoWithLogin(Sudo):
    service = "sudo-i"

    def enter(self, password, answer):
        return enter(as_user(self.user, "sudo", "-i", "sh", "-c", SAY_WHO), "root", password, answer)


def test_services_profile_has_a_name_of_its_own_and_is_not_on_by_itself(pam_auth_update):
    names = {re.search(r"^Name: (.+)", profile.read_text()).group(1)
             for profile in (EXCEPT_SERVICES, CONF / "pam-configs/totp")}
    assert len(names) == 2
    Path("/var/lib/pam/seen").unlink(missing_ok=True)
    pam_auth_update("--force", "--package")
    stack = Path("/etc/pam.d/common-auth").read_text()
    assert "pam_unix.so" in stack and "pam_totp.so" not in stack


@pytest.mark.parametrize("kind", [Su, SuWithLogin, Sudo, SudoWithLogin])
def test_services_named_are_exempt_enrolled_or_not(machine, except_services, user, kind):
    door = kind(machine, user)
    asks_for_password_alone(door)
    machine.enrol(user)
    asks_for_password_alone(door)


FURTHER = """Name: Something of somebody else's
Default: no
Priority: -1
Auth-Type: Additional
Auth:
	required	pam_exec.so quiet /usr/bin/touch @MARK@
"""


def test_services_named_jump_no_further_than_over_us(machine, pam_auth_update, profiles, sshd, user, tmp_path):
    mark = tmp_path / "further"
    further = profiles / "further"
    further.write_text(FURTHER.replace("@MARK@", str(mark)))
    try:
        pam_auth_update("--force", "--disable", "totp", "--enable", "totp-except", "further")
        asks_for_password_alone(Su(machine, user))
        assert mark.exists()
        mark.unlink()
        asks_for_password_and_code(machine, Ssh(sshd, user), machine.enrol(user)["secret"])
        assert mark.exists()
    finally:
        further.unlink()


@pytest.fixture(params=["Ssh", "Login"])
def other_service(request, machine, sshd, user):
    return Ssh(sshd, user) if request.param == "Ssh" else Login(machine, user)


def test_services_not_named_ask_for_a_code(machine, except_services, other_service, secret):
    asks_for_password_and_code(machine, other_service, secret)


def test_services_not_named_refuse_unenrolled(machine, except_services, other_service):
    refuses_unenrolled(machine, other_service)


def test_services_not_named_let_nobody_in_by_a_fault(except_services, sshd, user, secret, fault):
    lets_nobody_in_while(fault, Ssh(sshd, user), secret)


def test_services_named_are_exempt_from_a_fault_but_not_of_the_exemption(machine, except_services, user, fault_found):
    door = Su(machine, user)
    with fault_found():
        asks_for_password_alone(door)
    with gone(module("pam_succeed_if")):
        assert not door.enter(PASSWORD, None)


def test_people_can_enrol_themselves_though_codes_are_demanded_elsewhere(machine, except_services, user):
    person = Person(machine, user)
    assert recognised(person, PASSWORD)
    secret = machine.enrol(user)["secret"]
    assert not recognised(person, PASSWORD), "once enrolled, by a code too"
    assert recognised(person, PASSWORD, code_at(secret))


def recognised(person, *typed):
    """Whether totp-enroll takes who types this for the account's owner."""
    done = person.script("status", typed=typed)
    assert done.returncode in (0, 1, 3), done.stderr
    return done.returncode != 3


# ---- exempt-addresses

@pytest.fixture(scope="module")
def address_server(machine):
    for address in ("192.0.2.7/32", "192.0.3.7/32", "2001:db8::7/128", "2001:db8:0:1::7/128"):
        run("ip", "address", "replace", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    server = Sshd(["ListenAddress ::1"])
    yield server
    server.stop()


@pytest.fixture
def come_from(address_server, user):
    install("exempt-addresses")
    return lambda address: Ssh(address_server, user, "-b", address, "-o",
                               f"HostName={'::1' if ':' in address else '127.0.0.1'}")


INSIDE = ("192.0.2.7", "2001:db8::7")
OUTSIDE = ("127.0.0.1", "192.0.3.7", "::1", "2001:db8:0:1::7")


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_are_exempt_enrolled_or_not(machine, come_from, address):
    door = come_from(address)
    asks_for_password_alone(door)
    machine.enrol(door.user)
    asks_for_password_alone(door)


@pytest.mark.parametrize("address", OUTSIDE)
def test_other_addresses_are_refused_unenrolled(machine, come_from, address):
    refuses_unenrolled(machine, come_from(address))


def test_other_addresses_need_a_code(machine, come_from, secret):
    asks_for_password_and_code(machine, come_from(OUTSIDE[0]), secret)


def test_other_addresses_let_nobody_in_by_a_fault(come_from, secret, fault):
    lets_nobody_in_while(fault, come_from("127.0.0.1"), secret)


def test_addresses_are_exempt_from_a_fault(come_from, fault_found):
    with fault_found():
        asks_for_password_alone(come_from("192.0.2.7"))


@pytest.mark.parametrize("missing", ["the file", "the module"])
def test_nobody_is_exempt_where_addresses_cannot_be_compared(come_from, missing):
    with gone(Path("/etc/security/pam_totp_access.conf") if missing == "the file" else module("pam_access")):
        assert not come_from("192.0.2.7").enter(PASSWORD, None)


# ---- sudo-only, console-only

ONLY = {"sudo-only": (Sudo, SudoWithLogin), "console-only": (Login,)}


@pytest.fixture(params=[(name, kind) for name, kinds in ONLY.items() for kind in kinds],
                ids=lambda only: only[1].__name__)
def only_door(request, machine, user):
    name, kind = request.param
    install(name)
    return kind(machine, user)


def test_only_there_a_code_is_asked(machine, only_door, secret):
    asks_for_password_and_code(machine, only_door, secret)


def test_only_there_unenrolled_are_refused(machine, only_door):
    refuses_unenrolled(machine, only_door)


def test_only_there_nobody_gets_in_by_a_fault(only_door, secret, fault):
    lets_nobody_in_while(fault, only_door, secret)


@pytest.mark.parametrize("name", ONLY)
def test_all_others_are_left_alone(machine, sshd, user, secret, name):
    install(name)
    others = [Ssh(sshd, user)] + [kind(machine, user) for kind in (Su, SuWithLogin, *ONLY["sudo-only"], Login)
                                  if kind not in ONLY[name]]
    for door in others:
        asks_for_password_alone(door)


# ---- mandatory-for-group

DATED = "unenrolled=enrol enrol_by=2030-01-31 enrol_until=2030-03-31"


@pytest.fixture(params=["unenrolled=refuse", "unenrolled=ignore"])
def mandatory(request, sshd, user):
    """The lines with what they come to after the last date and before the first."""
    install("mandatory-for-group")
    service = Path("/etc/pam.d/sshd")
    lines = service.read_text()
    assert lines.count(DATED) == 2, "on the auth and the account line"
    service.write_text(lines.replace(f"account required pam_totp.so {DATED}\n", "").replace(DATED, request.param))
    run("groupadd", "--force", "code-required")
    return Ssh(sshd, user), request.param


def test_members_are_asked_once_and_by_the_date_refused_unenrolled(machine, mandatory):
    door, what_unenrolled_get = mandatory
    join(door.user, "code-required")
    if what_unenrolled_get == "unenrolled=refuse":
        refuses_unenrolled(machine, door)
    else:
        asks_for_password_alone(door)
    asks_for_password_and_code(machine, door, machine.enrol(door.user)["secret"])


def test_others_pass_until_they_are_enrolled(machine, mandatory):
    door, _ = mandatory
    asks_for_password_alone(door)
    asks_for_password_and_code(machine, door, machine.enrol(door.user)["secret"])


def day(days_from_today):
    wait_for_room_in_step(24 * 3600, STUCK)
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days_from_today)).strftime("%Y-%m-%d")


@pytest.fixture
def on_a_day(sshd, user):
    """The recipe as it is, with dates that lie this many days ahead."""
    def install_with(first, second):
        install("mandatory-for-group")
        replace_each(Path("/etc/pam.d/sshd"), DATED, f"unenrolled=enrol enrol_by={day(first)} enrol_until={day(second)}")
        return OverSsh(sshd, user)

    run("groupadd", "--force", "code-required")
    return install_with


def test_members_are_told_before_the_first_date(machine, sshd, on_a_day):
    door = on_a_day(3, 60)
    join(door.user, "code-required")
    program, *arguments = sshd.command(door.user)  # a shell: sshd shows it to no single command
    client = pexpect.spawn(program, arguments, timeout=STUCK, encoding="utf-8")
    client.expect("assword: ")
    client.sendline(PASSWORD)
    client.expect("3 days")
    client.expect_exact("$ ")
    client.close()
    assert not machine.status(door.user, enrolled=False)["enrolled"]


def test_members_enrol_between_the_dates(on_a_day, tmp_path):
    door = on_a_day(0, 30)
    join(door.user, "code-required")
    app, _, confirming = enrols(door, tmp_path)
    assert not door.enter(PASSWORD, confirming), "the confirming code is spent"
    assert door.enter(PASSWORD, app.code())


def test_members_do_not_get_in_between_the_dates_without_the_account_line(machine, on_a_day):
    door = on_a_day(0, 30)
    join(door.user, "code-required")
    service = Path("/etc/pam.d/sshd")
    service.write_text(re.sub(r"(?m)^account required pam_totp.*\n", "", service.read_text()))
    assert not door.enter(PASSWORD, None)
    assert not machine.status(door.user, enrolled=False)["enrolled"]


def test_members_who_have_not_enrolled_are_refused_from_the_second_date_on(machine, on_a_day):
    door = on_a_day(-30, 0)
    join(door.user, "code-required")
    refuses_unenrolled(machine, door)
    assert door.enter(PASSWORD, code_at(machine.enrol(door.user)["secret"]))


@pytest.mark.parametrize("days", [(3, 60), (0, 30), (-30, 0)], ids=["before", "between", "after"])
def test_others_never_have_to_enrol(machine, on_a_day, days):
    door = on_a_day(*days)
    assert door.enter(PASSWORD, None)
    assert door.enter(PASSWORD, code_at(machine.enrol(door.user)["secret"]))


@pytest.mark.parametrize("is_member", [True, False])
def test_neither_members_nor_others_get_in_by_a_fault(mandatory, secret, fault, is_member):
    """Who is enrolled."""
    door, _ = mandatory
    if is_member:
        join(door.user, "code-required")
    lets_nobody_in_while(fault, door, secret)


def test_all_are_members_where_it_cannot_be_known(mandatory):
    door, what_unenrolled_get = mandatory
    with gone(module("pam_succeed_if")):
        assert door.enter(PASSWORD, None) == (what_unenrolled_get == "unenrolled=ignore")


# ---- the stacks of Debian and Fedora

def make_fedora():
    for name in ("system-auth", "password-auth"):
        stack = Path("/etc/pam.d") / name
        stack.write_text(FEDORA_STACK)
        replace_once(stack, FEDORA_LINES, (RECIPES / "fedora/pam.d" / name).read_text())
        replace_once(stack, "pam_unix.so\nauth", "pam_unix.so nodelay\nauth")
    for service, line in FEDORA_SERVICES.items():
        replace_once(Path("/etc/pam.d") / service, INCLUDE_AUTH, line)
    for name in ("totp-enroll", "totp-enroll-code"):
        shutil.copy(RECIPES / "fedora/pam.d" / name, "/etc/pam.d")
    (Path("/etc/pam.d") / "common-auth").write_text("")


@pytest.fixture(params=["debian", "fedora"])
def stack(request, pam_auth_update):
    if request.param == "debian":
        pam_auth_update("--force", "--enable", "totp")
    else:
        make_fedora()


def test_stack_asks_the_enrolled_for_password_and_code(machine, stack, door, secret):
    asks_for_password_and_code(machine, door, secret)


def test_stack_lets_the_unenrolled_pass_by_password_alone(stack, door):
    asks_for_password_alone(door)


def test_stack_lets_nobody_in_by_a_fault(machine, stack, user, secret, fault):
    lets_nobody_in_while(fault, Su(machine, user), secret)


def test_stack_serves_totp_enroll(machine, stack, user):
    person = Person(machine, user)
    assert recognised(person, PASSWORD)
    secret = machine.enrol(user)["secret"]
    assert not recognised(person, PASSWORD)
    assert recognised(person, PASSWORD, code_at(secret))


def test_stack_serves_totp_enroll_for_who_has_no_password(machine, stack, user, secret):
    run("passwd", "--lock", user)
    person = Person(machine, user)
    assert not recognised(person, wrong(code_at(secret)))
    assert recognised(person, code_at(secret))
