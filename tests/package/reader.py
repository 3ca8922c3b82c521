"""Who follows the README: an administrator, the owners of three accounts with their apps, and the server they log in at."""

import re
import socket
import subprocess
import time

import pexpect

from builder import ADMIN, STUCK
from fresh_debian import run

PASSWORD = "correct horse battery staple"
STEP = 30
SECONDS_TO_TYPE = 5
SSHD_STACK, SSHD_SETTINGS = "/etc/pam.d/sshd", "/etc/ssh/sshd_config"
RECOVERY_CODE = re.compile(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b")
KEY = re.compile(r"^ +([A-Z2-7]{4}(?: [A-Z2-7]{1,4})+)\r?$", re.M)


class Person:
    """An account's owner: a password, the devices in their app, and what is left of their recovery codes."""

    def __init__(self, builder, name):
        self.builder, self.name = builder, name
        self.devices, self.recovery_codes = {}, []
        self.steps_off = 0  # how far the app's clock is off
        builder.say("useradd", "--create-home", "--shell", "/bin/sh", name)
        builder.say("chpasswd", input=f"{name}:{PASSWORD}\n")

    def codes_of(self, secret, *steps):
        """Those of several steps, all seen from one moment."""
        left = STEP - time.time() % STEP
        if left < SECONDS_TO_TYPE:
            time.sleep(left)
        now = int(time.time())
        return [run("oathtool", "--totp", "--base32", f"--now=@{now + (self.steps_off + step) * STEP}", secret).strip()
                for step in steps]

    def code_of(self, secret, step=0):
        return self.codes_of(secret, step)[0]

    def code(self, step=0):
        return self.code_of(next(iter(self.devices.values())), step)

    def answers(self, client):
        """Whatever a program asks, until it ends; all that was on the terminal."""
        seen = ""
        two_codes = iter(())

        def first_of_two():
            nonlocal two_codes
            two_codes = iter(self.codes_of(next(iter(self.devices.values())), 0, 1))
            return next(two_codes)

        replies = {
            r"Password: ": lambda: PASSWORD,
            r"Verification code: ": lambda: self.recovery_codes.pop(),
            r"Code that the app shows now: ": lambda: self.code_of(KEY.findall(seen)[-1].replace(" ", "")),
            r"Press any key|Press Enter": lambda: "",
            r"A code of the device: ": first_of_two,
            r"The code after it: ": lambda: next(two_codes),
            r"Code or recovery code: ": lambda: self.code(step=2),
            r"\[y/N\] ": lambda: "y",
            r"\[Y/n\] ": lambda: "",
            pexpect.EOF: None,
        }
        while True:
            reply = list(replies.values())[client.expect(list(replies), timeout=STUCK)]
            seen += client.before + ("" if reply is None else client.after)
            if reply is None:
                break
            client.sendline(reply())
        client.close()
        assert client.exitstatus == 0, seen
        self.recovery_codes = RECOVERY_CODE.findall(seen) or self.recovery_codes
        return seen

    def types(self, command, as_who=None):
        return self.answers(self.builder.begins(command, as_who or self.name))

    def takes_new_device(self, name, shown):
        self.devices[name] = KEY.findall(shown)[-1].replace(" ", "")


class Sshd:
    """The server as systemd starts it, but on loopback alone and another port; the journal that it writes to."""

    def __init__(self, builder):
        self.builder, self.server = builder, None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (builder.root / "run/sshd").mkdir(exist_ok=True)
        self.cgroups = builder.root / "sys/fs/cgroup"  # journald looks there
        self.cgroups.mkdir(parents=True, exist_ok=True)
        run("mount", "--rbind", "/sys/fs/cgroup", self.cgroups)
        self.journal = subprocess.Popen(builder.command("/lib/systemd/systemd-journald"))
        while not (builder.root / "run/systemd/journal/dev-log").exists():
            time.sleep(0.1)

    def restart(self):
        self.stop_server()
        self.server = subprocess.Popen(
            self.builder.command("/usr/sbin/sshd", "-D", "-p", str(self.port), "-o", "ListenAddress=127.0.0.1"))
        while self.server.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("sshd doesn't start")

    def wait_for_log(self, line):
        """journald writes in its own time."""
        end = time.monotonic() + STUCK
        while not re.search(line, subprocess.run(self.builder.command("journalctl"), capture_output=True, text=True).stdout):
            assert time.monotonic() < end, f"no {line} in the journal"
            time.sleep(0.1)

    def client(self, user):
        return pexpect.spawn("ssh", [
            "-F", "/dev/null", "-p", str(self.port), "-o", "StrictHostKeyChecking=no", "-o",
            "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", "-o",
            "PreferredAuthentications=keyboard-interactive", f"{user}@127.0.0.1", "echo I am in"],
            encoding="utf-8", timeout=STUCK, dimensions=(50, 120))

    def lets_in(self, user, *replies):
        """Whether the password and these, each at its own question, get in; nothing else may be asked."""
        client = self.client(user)
        for question, reply in zip(("Password: ", "Verification code: "), (PASSWORD, *replies)):
            client.expect_exact(question)
            client.sendline(reply)
        outcome = client.expect_exact(["I am in", "Permission denied", "Verification code: "])
        client.close(force=True)
        return outcome == 0

    def stop_server(self):
        if self.server:
            self.server.terminate()
            self.server.wait()

    def stop(self):
        self.stop_server()
        self.journal.terminate()
        self.journal.wait()
        run("umount", "--recursive", self.cgroups)


class Reader:
    """An administrator with the README, two of their users, and what was done so far."""

    def __init__(self, builder):
        self.builder = builder
        self.sshd = Sshd(builder)
        self.alice, self.bob, self.carol = (Person(builder, name) for name in ("alice", "bob", "carol"))
        self.file = None  # the one that the README has last told to open
        self.spent = None  # a code of bob's
        self.kept = {path: self.path(path).read_text() for path in (SSHD_STACK, SSHD_SETTINGS)}

    def path(self, name):
        return self.builder.root / name[1:]

    def types(self, command):
        """As the administrator, and with alice at the terminal where she is asked something."""
        return self.alice.types(command, ADMIN)

    def leave(self):
        self.sshd.stop()
        self.builder.say("pam-auth-update", "--disable", "totp", "totp-required")
        for path, text in self.kept.items():
            self.path(path).write_text(text)
        for person in (self.alice, self.bob, self.carol):
            self.builder.say("userdel", "--force", "--remove", person.name)
