"""A private machine on this one: its own /etc, /run, /home, /var/lib, /var/log and /dev/log, its own sshd on loopback.

To be used inside new mount and process name spaces only (see tests/system/run); what is made here is gone with them, and
the real machine's accounts, PAM stack and log are never touched.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pexpect

import pam_client

OUR_LINE = "auth required pam_totp.so"
PASSWORD = "correct horse battery staple"
PROMPT = "Verification code: "
SAY_WHO = "echo in as $(id -un)"
STEP = 30
GROUP = "_totp"
VERIFIERS = "_totp_verifier"
PAM_SERVICES = Path(__file__).parents[2] / "conf/pam.d"
SECONDS_TO_TYPE_A_CODE = 3
LOGIN_IN_RUNS_OF_OATHTOOL = 300  # how much longer it takes, with room to spare
STUCK = 300  # no bound on how long anything takes: who waits so long would wait for ever


def wait_until(is_so, what="it doesn't come about"):
    """Looks again and again."""
    end = time.monotonic() + STUCK
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def run(*command, **options):
    """The command's stdout; an error shows what it said."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_for_room_in_step(period=STEP, seconds=SECONDS_TO_TYPE_A_CODE):
    """The clock is the real one: no step may end between showing a code and looking at it."""
    left = period - time.time() % period
    if left < seconds:
        time.sleep(left)


def code_of_step(secret, step, digits=6, algorithm="SHA1", period=STEP):
    """What oathtool, an independent implementation, shows for a base-32 secret in that time step."""
    return run("oathtool", f"--totp={algorithm.lower()}", "--base32", f"--digits={digits}",
               f"--time-step-size={period}s", f"--now=@{step * period}", secret).strip()


def codes_at(secret, *steps_from_now, period=STEP, **kind):
    """The codes of several steps, all seen from one moment; it is early enough in its step for a login, however slow this
    machine is just now."""
    while True:
        now, begin = time.time(), time.monotonic()
        codes = [code_of_step(secret, int(now // period) + steps, period=period, **kind) for steps in steps_from_now]
        took = (time.monotonic() - begin) / len(codes)
        left = period - now % period
        if left >= min(max(SECONDS_TO_TYPE_A_CODE, LOGIN_IN_RUNS_OF_OATHTOOL * took), period / 2):
            return codes
        time.sleep(left)


def code_at(secret, steps_from_now=0, **kind):
    [code] = codes_at(secret, steps_from_now, **kind)
    return code


class App:
    """An app whose owner types one code after the other and never the same again. Each is right for as long as anybody may
    need to type it; if one is wanted before its time, those before it have told that this clock is ahead."""

    def __init__(self, secret, period=STEP, **kind):
        self.secret, self._period, self._kind = secret, period, kind
        self._last, self._ahead = 0, 0

    def code(self):
        now = int(time.time() // self._period)
        self._last = max(self._last + 1, now + max(self._ahead - 1, 0))
        self._ahead = self._last - now
        return code_of_step(self.secret, self._last, period=self._period, **self._kind)


def wrong(code):
    """Another code of the same length, right at no step nearby but by a chance of one in ten thousand."""
    return f"{(int(code) + 500_000) % 10 ** len(code):0{len(code)}}"


class Log:
    """/dev/log, and what was written to it."""

    MARK = b"everything before was read"

    def __init__(self):
        self._lines = []
        self._has_read = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            line = self._socket.recv(65536)
            if line == self.MARK:
                self._has_read.set()
            else:
                self._lines.append(line.decode(errors="replace"))

    @property
    def lines(self):
        """All that was written until now."""
        self._has_read.clear()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writer:
            writer.sendto(self.MARK, "/dev/log")
        assert self._has_read.wait(STUCK)
        return list(self._lines)

    def text(self, since=0):
        """The same from that line on."""
        return "\n".join(self.lines[since:])

    def decisions(self, user):
        """Our log lines about one user, from `user=` on."""
        ours = (re.search(r"pam_totp\(\S+\): (user=.*?)\0?$", line) for line in self.lines)
        return [line[1] for line in ours if line and line[1].startswith(f"user={user} ")]


def _mount_private(path, build):
    """A copy of a directory in memory, over the directory."""
    copy = Path("/run/private") / path.strip("/").replace("/", "-")
    build(copy)
    run("mount", "--bind", str(copy), path)


def _copy(path):
    return lambda copy: run("cp", "-a", path, str(copy))


def mount_private_copy(path):
    """What is changed below this directory from now on is changed on the private machine alone."""
    _mount_private(path, _copy(path))


def _make_dev(dev):
    dev.mkdir()
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(dev / name, 0o020666, os.makedev(1, minor))
    os.mknod(dev / "tty", 0o020666, os.makedev(5, 0))
    for node in dev.iterdir():
        node.chmod(0o666)
    for name, target in (("fd", "/proc/self/fd"), ("ptmx", "pts/ptmx"), ("stdin", "/proc/self/fd/0"),
                         ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):
        (dev / name).symlink_to(target)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
        run("mount", "--bind", f"/dev/{name}", str(dev / name))


def _refuse_at_once():
    """No pause after a wrong password or code: the pauses are other modules', and tests don't sleep."""
    replaced = {"/etc/pam.d/common-auth": (r"(pam_unix\.so nullok)", r"\1 nodelay"),
                "/etc/pam.d/login": (r"delay=\d+", "delay=0"),
                "/etc/login.defs": (r"\Z", "FAIL_DELAY 0\n")}
    for path, (what, instead) in replaced.items():
        text, count = re.subn(what, instead, Path(path).read_text(), count=1)
        assert count == 1, f"{path} has no {what}"
        Path(path).write_text(text)


class SettingsFile:
    """A file of settings of its own, while it is wanted."""

    def __init__(self, name):
        self.path = Path("/etc/security/pam_totp.conf.d") / f"{name}.conf"
        self.path.parent.mkdir(exist_ok=True)

    def say(self, *lines):
        self.path.write_text("".join(f"{line}\n" for line in lines))

    def remove(self):
        self.path.unlink()
        self.path.parent.rmdir()


class Machine:
    """The private machine, with our module where libpam looks for modules."""

    def __init__(self, build):
        self.build = Path(build)
        self.totp_enroll = "/run/private/bin/totp-enroll"
        self._users = 0
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        os.mkdir("/run/private")
        os.mkdir("/run/sshd")
        mount_private_copy("/etc")
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/home")
        for path in ("/var/lib", "/var/log"):
            run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
        _refuse_at_once()
        _make_dev(Path("/run/private/dev"))
        run("mount", "--rbind", "/run/private/dev", "/dev")
        self._install_module()
        self._install_programs()
        self.log = Log()

    def _install_module(self):
        modules = next(Path("/lib").glob("*-linux-*/security/pam_unix.so")).parent
        mount_private_copy(str(modules))
        shutil.copy(self.build / "pam_module/pam_totp.so", modules)

    def _install_programs(self):
        """The programs with their groups and modes, the PAM services, the store: as cmake --install and prepare make
        them."""
        mount_private_copy("/usr/libexec")
        helpers = Path("/usr/libexec/pam-totp")
        for program, directory, group, mode in (
                ("enroll/totp-enroll", Path(self.totp_enroll).parent, GROUP, 0o2755),
                ("pam_module/totp_check", helpers, GROUP, 0o2755),
                ("pam_module/totp_check_any", helpers, VERIFIERS, 0o4710),
                ("pam_module/fleet/totp_check_postgresql", helpers, GROUP, 0o2755),
                ("pam_module/fleet/totp_person_postgresql", helpers, GROUP, 0o2755),
                ("pam_module/fleet/totp_administer_postgresql", helpers, "root", 0o700)):
            run("groupadd", "--system", "--force", group)
            directory.mkdir(mode=0o755, exist_ok=True)
            installed = shutil.copy(self.build / program, directory)
            shutil.chown(installed, "root", group)
            os.chmod(installed, mode)
        shutil.copy(self.build / "pam_module/totp_draw", "/usr/libexec/pam-totp")
        for service in PAM_SERVICES.iterdir():
            shutil.copy(service, "/etc/pam.d")
        run(self.totp_enroll, "prepare")

    def add_line_after_password(self, service, line):
        """Our line where it belongs: after the service's common-auth."""
        path = Path("/etc/pam.d") / service
        text = path.read_text()
        assert "@include common-auth\n" in text, f"{path} has no common-auth"
        path.write_text(text.replace("@include common-auth\n", f"@include common-auth\n{line}\n", 1))

    def add_user(self, name=None):
        """A new account with PASSWORD."""
        self._users += 1
        name = name or f"user{self._users}"
        run("useradd", "--create-home", "--shell", "/bin/sh", name)
        run("chpasswd", input=f"{name}:{PASSWORD}\n")
        return name

    def enrol(self, user, *options):
        """What `add --json --no-confirm` says of a new device of the user's."""
        return json.loads(run(self.totp_enroll, "add", "--user", user, "--json", "--no-confirm", *options))

    def status(self, user, enrolled=True):
        """What `status --json` says of an account that is enrolled, or that isn't."""
        done = subprocess.run([self.totp_enroll, "status", "--user", user, "--json"], capture_output=True, text=True)
        assert done.returncode == (0 if enrolled else 1), done.stderr
        return json.loads(done.stdout)


class Sshd:
    """A real OpenSSH server on a loopback port of its own."""

    def __init__(self, options=()):
        self.directory = Path(run("mktemp", "-d", "/run/private/sshd.XXXXXX").strip())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / "key"))
        defaults = ["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no"]
        config = self.directory / "sshd_config"
        # The first of two lines for one option counts.
        config.write_text("\n".join([
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.directory}/key", "PidFile none",
            "MaxStartups 200", "PrintMotd no", *options, *defaults]) + "\n")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)],
                                        stderr=open(self.directory / "log", "w"))
        self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise RuntimeError("sshd doesn't start:\n" + (self.directory / "log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def command(self, user, *options):
        """A client that knows no keys, asks once, and runs one command."""
        return ["ssh", "-F", "none", "-p", str(self.port), "-o", "UserKnownHostsFile=/dev/null",
                "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1",
                "-o", "IdentitiesOnly=yes", *options, f"{user}@127.0.0.1"]

    def login(self, user, password, answer, *options):
        """Whether somebody who types this gets in. `answer` may be None where no code should be asked."""
        return enter(self.command(user, *options) + [SAY_WHO], user, password, answer)


def _split(command):
    return command[0], command[1:]


def as_user(user, *command):
    """The command as an ordinary user runs it."""
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env", *command]


def authenticate(caller, service, user, typed, *before):
    """What PAM says to an application that runs as the caller, as a screen locker does."""
    client = shutil.copy(pam_client.__file__, "/run/private/pam_client.py")
    return subprocess.run(as_user(caller, *before, "/usr/bin/python3", client, service, user), text=True,
                          input=f"{typed}\n", capture_output=True).returncode


def enter(command, user, password, answer):
    """Whether somebody who types this at a command's prompts on a terminal of its own gets in as `user`."""
    client = pexpect.spawn(*_split(command), timeout=STUCK, encoding="utf-8")
    return conversation(client, user, password, answer)


def su(caller, user, password, answer):
    """Whether an ordinary user gets in as another (or the same) with su."""
    return enter(as_user(caller, "su", user, "-c", SAY_WHO), user, password, answer)


def conversation(client, user, password, answer):
    """Plays password and code at whatever asks for them; whether "in as USER" was seen."""
    expected = [r"[Pp]assword(?: for [^:\r\n]*)?:", re.escape(PROMPT.strip()), rf"in as {user}\r",
                pexpect.EOF, pexpect.TIMEOUT, "Login incorrect"]
    answers = [password, answer]
    while True:
        seen = client.expect(expected)
        if seen >= 2:
            client.close()
            if seen == 4:
                raise RuntimeError(f"it hangs after: {client.before}")
            return seen == 2
        if answers[seen] is None:
            client.close()
            return False
        client.sendline(answers[seen])
        answers[seen] = None
