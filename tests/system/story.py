"""The whole story on a private machine: an account is made, enrolled, and logs in over ssh. See quickstart.sh."""

import os
import pwd
import re
import subprocess
import sys

import pexpect

from machine import PASSWORD, STUCK, App, Machine, Sshd

def free_name():
    """A name that this machine has no account of."""
    taken = {account.pw_name for account in pwd.getpwall()}
    return next(name for name in ["alice"] + [f"alice{i}" for i in range(1000)] if name not in taken)


USER = free_name()


def say(text=""):
    print(text, flush=True)


def step(text):
    say(f"\n== {text}")


def prepare(build):
    machine = Machine(build)
    machine.add_line_after_password("sshd", "auth required pam_totp.so")
    machine.add_user(USER)
    say("A private machine inside this one: its /etc, /run, /home, /var/lib and /var/log are its own, in memory.")
    say("/etc/pam.d/sshd there has one line more, after the password:")
    say("    auth required pam_totp.so")
    return machine, Sshd()


def check(machine, sshd):
    """Plays both sides. Whether the right code got in and nothing else did."""
    step(f"root enrols {USER}; an app (played by oathtool) shows the first code")
    enrolling = pexpect.spawn(machine.totp_enroll, ["add", "--user", USER], timeout=STUCK, encoding="utf-8",
                              env={**os.environ, "TERM": "xterm"})
    enrolling.expect(r"\r\n    ([A-Z2-7 ]{20,})\r\n")
    app = App(enrolling.match[1].replace(" ", ""))
    enrolling.expect("Code that the app shows now: ")
    enrolling.sendline(app.code())
    enrolling.expect("Press any key")
    recovery_code = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", enrolling.before)[0]
    enrolling.send(" ")
    enrolling.expect(pexpect.EOF)
    enrolling.wait()
    say(f"{USER} is enrolled.")

    outcomes = []

    def attempt(what, expected, password, answer):
        got_in = sshd.login(USER, password, answer)
        outcomes.append(got_in == expected)
        mark = "as it must be" if outcomes[-1] else "AND THAT IS WRONG"
        say(f"{what}: {'let in' if got_in else 'not let in'}, {mark}")

    step(f"{USER} logs in with ssh, on a real OpenSSH server")
    code = app.code()
    attempt("right password, wrong code", False, PASSWORD, f"{(int(code) + 500_000) % 1_000_000:06}")
    attempt("wrong password, right code", False, "wrong", code)
    attempt("right password, right code", True, PASSWORD, code)
    attempt("the same code once more", False, PASSWORD, code)
    attempt("a recovery code", True, PASSWORD, recovery_code)
    attempt("the same recovery code once more", False, PASSWORD, recovery_code)

    step("what the log says")
    for line in machine.log.decisions(USER):
        say(f"    {line}")
    return len(outcomes) == 6 and all(outcomes)


def play(machine, sshd):
    """The same with the person at the terminal as the user. Whether they got in."""
    step(f"1. Enrol: scan the QR code with an authenticator app and type the code it shows")
    if subprocess.run([machine.totp_enroll, "add", "--user", USER]).returncode != 0:
        return False
    step(f"2. Log in as {USER}. The password is:  {PASSWORD}")
    say("   Then the code: the next one that the app shows, for the one you typed is spent.\n")
    greeting = "echo; echo You are in. Leave with: exit; exec /bin/sh -i"
    entered = subprocess.run(sshd.command(USER, "-t", "-o", "NumberOfPasswordPrompts=3") + [greeting])
    step("What the log says")
    for line in machine.log.decisions(USER):
        say(f"    {line}")
    return entered.returncode != 255


def main():
    build, *options = sys.argv[1:]
    machine, sshd = prepare(build)
    is_interactive = "--check" not in options and os.isatty(0) and os.isatty(1)
    try:
        went_well = play(machine, sshd) if is_interactive else check(machine, sshd)
    finally:
        sshd.stop()
    say("\nDone: password, then code; and every code once." if went_well else "\nThis did not work out.")
    say("Everything that was made is gone again; the machine's own PAM stack was not touched.")
    return 0 if went_well else 1


if __name__ == "__main__":
    sys.exit(main())
