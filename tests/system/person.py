"""An ordinary user at a terminal of their own, with totp-enroll."""

import os
import re
import subprocess

import pexpect

from machine import PASSWORD, STUCK, App, as_user

PASSWORD_PROMPT = "Password: "
CODE_PROMPT = "Verification code: "
CONFIRM_PROMPT = "Code that the app shows now: "
RECOVERY_CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}")
TERMINAL = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
ENTERS_PAGE, LEAVES_PAGE, WIPES = "\x1b[?1049h", "\x1b[?1049l", "\x1b[2;1H\x1b[K\x1b[1;1H\x1b[K"


class Person:
    """One account, and what its owner knows."""

    def __init__(self, machine, name):
        self.machine = machine
        self.name = name
        self.secrets = {}
        self.recovery_codes = []
        self._apps = {}

    # ---- what they type

    def command(self, *arguments, **environment):
        """totp-enroll as they start it."""
        settings = [f"{name}={value}" for name, value in {**TERMINAL, **environment}.items()]
        return as_user(self.name, "env", *settings, self.machine.totp_enroll, *arguments)

    def start(self, *arguments, size=(24, 80), command=None, **environment):
        """A run on a terminal, before anything is typed."""
        program, *rest = command or self.command(*arguments, **environment)
        return pexpect.spawn(program, rest, encoding="utf-8", timeout=STUCK, dimensions=size)

    def begin(self, *arguments, answer=None, **options):
        """A run on a terminal whose owner has shown who they are: by a code too where `answer` is given."""
        client = self.start(*arguments, **options)
        client.expect_exact(PASSWORD_PROMPT)
        client.sendline(PASSWORD)
        if answer is not None:
            client.expect_exact(CODE_PROMPT)
            client.sendline(answer)
        return client

    def script(self, *arguments, typed=(), command=None, **options):
        """A run without a terminal; `typed` are the lines on stdin."""
        return subprocess.run(command or self.command(*arguments), text=True, capture_output=True,
                              input="".join(f"{line}\n" for line in typed), **options)

    # ---- what they have

    def code(self, device="phone"):
        """A code of the device that wasn't used yet."""
        secret = self.secrets[device]
        return self._apps.setdefault(secret, App(secret)).code()

    def recovery_code(self):
        return self.recovery_codes.pop()

    def enrol(self, *options):
        """Root has enrolled them."""
        facts = self.machine.enrol(self.name, *options)
        self.secrets[facts["device"]] = facts["secret"]
        self.recovery_codes = facts["recovery_codes"] or self.recovery_codes
        return facts

    # ---- what they do

    def see_key(self, client):
        """The key as text on the page of a new device."""
        client.expect(r"\n    ([A-Z2-7]{4}(?: [A-Z2-7]{1,4})+)\r?\n")
        secret = client.match[1].replace(" ", "")
        client.expect_exact(CONFIRM_PROMPT)
        return secret

    def confirm(self, client, device="phone"):
        """Types the code of the new device; the key is theirs now."""
        self.secrets[device] = self.see_key(client)
        client.sendline(self.code(device))

    def take_recovery_codes(self, client):
        """Notes the codes on the page, and presses a key."""
        client.expect_exact("Press any key")
        self.recovery_codes = RECOVERY_CODE.findall(client.before)
        client.send("x")

    def finish(self, client):
        """What is said until the end, and the exit code."""
        client.expect(pexpect.EOF)
        client.close()
        return client.before, client.exitstatus

    def enrol_themselves(self):
        client = self.begin()
        self.confirm(client)
        self.take_recovery_codes(client)
        return self.finish(client)


def last_words(client):
    """What is left on the normal screen of what a run said."""
    return client.rpartition(LEAVES_PAGE)[2]
