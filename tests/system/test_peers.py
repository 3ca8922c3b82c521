"""The README's table against google-authenticator-libpam and pam_oath: each cell is measured here, of all three, by the
modules that Debian ships, enrolled as their own tools and manuals say.

A row says what whoever logs in, or looks after the machine, can count on. "not offered" is where there is nothing that
could be so.
"""

import base64
import re
import secrets
import subprocess
import time
from pathlib import Path

import pytest

import pam_client
from machine import App, SettingsFile, as_user, code_at, run, wrong

README = Path(__file__).parents[2] / "README.md"
DISK = Path("/run/private/disk")
YES, NO, NOT_OFFERED = "yes", "no", "not offered"
WRITES = "pwrite64,rename,renameat,renameat2,fsync,fdatasync"
SECONDS_TO_START = 60
MANY = 12  # wrong codes


def said(is_so):
    return YES if is_so else NO


def looks_at_stacks(command):
    """Whether the one command of a peer has anything to say of a PAM stack."""
    assert not re.search(r"check|pam\.d|stack", run(command, "--help")), f"{command} has learnt something: measure it"
    return NOT_OFFERED


# ---- the three

class Product:
    """A module with a PAM service of its own, and what it keeps, below DISK."""

    def __init__(self, machine):
        self.machine = machine
        self.service = self.column.replace("-", "_")
        self.write_stack(self.line)

    def write_stack(self, *lines):
        text = "".join(f"{line}\n" for line in (*lines, "account required pam_permit.so"))
        Path("/etc/pam.d", self.service).write_text(text)

    def client(self, user, *remote_host):
        return ["/usr/bin/python3", pam_client.__file__, self.service, user, *remote_host]

    def lets_in(self, user, typed, *remote_host):
        return subprocess.run(self.client(user, *remote_host), input=f"{typed}\n", text=True).returncode == 0

    def kept(self, reader="root"):
        """All that it keeps, as far as somebody can read it."""
        done = subprocess.run(as_user(reader, "grep", "-r", "--text", "--no-messages", "", str(self.places)),
                              capture_output=True, text=True, errors="replace")
        assert reader != "root" or self.mark in done.stdout
        return done.stdout


class Ours(Product):
    column = "pam-totp"
    line = "auth required pam_totp.so"
    places = DISK / "store"
    mark = "pam-totp-enrolment"
    limit = 5  # four are free, and the fifth begins a wait

    def enrol(self, user):
        facts = self.machine.enrol(user)
        self.recovery_codes = facts["recovery_codes"]
        return facts["secret"]

    def enrol_another(self, user):
        return self.machine.enrol(user)["secret"]

    def evaluated(self, text):
        return text.count("reason=wrong")

    def finds_a_way_past(self):
        done = subprocess.run([self.machine.totp_enroll, "check", self.service], capture_output=True, text=True)
        return said(done.returncode == 1 and "pam_permit" in done.stdout)


class Google(Product):
    column = "google-authenticator"
    places = DISK / "google"
    line = f"auth required pam_google_authenticator.so secret={places}/${{USER}}/secret"
    mark = "TOTP_AUTH"
    limit = 3

    def enrol(self, user):
        run("install", "-d", "-o", user, "-m", "700", str(self.places / user))
        self.file = self.places / user / "secret"
        run(*as_user(user, "google-authenticator", "--quiet", "--qr-mode=NONE", "--no-confirm", "--force",
                     f"--secret={self.file}", "-t", "-d", "-r", str(self.limit), "-R", "30", "-W"), cwd="/")
        lines = self.file.read_text().split("\n")
        self.recovery_codes = [line for line in lines if re.fullmatch(r"\d{8}", line)]
        return lines[0]

    def enrol_another(self, user):
        """In its file a second secret has no place: the tool writes the file anew."""
        return self.enrol(user)

    def evaluated(self, text):
        return text.count("Invalid verification code")

    def finds_a_way_past(self):
        return looks_at_stacks("google-authenticator")


class Oath(Product):
    column = "pam_oath"
    places = DISK / "oath"
    line = f"auth required pam_oath.so usersfile={places}/users.oath window=20 digits=6"
    mark = "HOTP/T30"
    recovery_codes = ()

    def enrol(self, user):
        self.places.mkdir(exist_ok=True)
        self.file = self.places / "users.oath"
        self.file.touch(mode=0o600)
        return self.enrol_another(user)

    def enrol_another(self, user):
        secret = secrets.token_bytes(20)
        with self.file.open("a") as file:
            file.write(f"HOTP/T30 {user} - {secret.hex()}\n")
        return base64.b32encode(secret).decode()

    def finds_a_way_past(self):
        return looks_at_stacks("oathtool")


@pytest.fixture(scope="module")
def disk(machine):
    DISK.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "tmpfs", str(DISK))
    settings = SettingsFile("peers")
    settings.say(f"store = {DISK}/store")
    run(machine.totp_enroll, "prepare")
    yield
    settings.remove()


@pytest.fixture(scope="module", params=[Ours, Google, Oath], ids=lambda kind: kind.column)
def product(request, machine, disk):
    return request.param(machine)


# ---- sessions at once

class Session:
    """A login on a slow disk, whose program runs already: it waits for the code at its prompt."""

    def __init__(self, product, user, directory):
        self.calls = directory / f"calls-{secrets.token_hex(8)}"
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", str(self.calls), "-e", f"trace=access,faccessat,faccessat2,{WRITES}",
             "-e", f"inject={WRITES}:delay_enter=300ms", *product.client(user)], stdin=subprocess.PIPE, text=True)

    def wait_until_asked(self):
        for _ in range(100 * SECONDS_TO_START):
            if self.calls.exists() and f'"{pam_client.ASKED}"' in self.calls.read_text():
                return
            time.sleep(0.01)
        raise RuntimeError("it doesn't ask")

    def answer(self, text):
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.close()

    def is_in(self):
        return self.process.wait() == 0


def at_once(product, user, answers, directory):
    """How many of these get in, each typed into a session of its own once all of them wait at their prompts. The disk
    is slow, so that they meet."""
    sessions = [Session(product, user, directory) for _ in answers]
    for session in sessions:
        session.wait_until_asked()
    for session, answer in zip(sessions, answers):
        session.answer(answer)
    return sum([session.is_in() for session in sessions])


# ---- the rows

ROWS = {}


def row(text):
    """What measures a row of the README's table: a function of a product, a user who isn't enrolled and a directory."""
    def keep(measure):
        ROWS[text] = measure
        return measure
    return keep


@row("one code opens one of two sessions that give it at once")
def one_code(product, user, directory):
    code = code_at(product.enrol(user))
    return said(at_once(product, user, [code, code], directory) == 1)


@row("a spent code stays spent, whatever was restarted")
def spent_code(product, user, directory):
    code = code_at(product.enrol(user))
    assert product.lets_in(user, code)
    return said(not product.lets_in(user, code))


@row("that it is spent has reached the disk before it lets in")
def durable(product, user, directory):
    secret = product.enrol(user)
    session = Session(product, user, directory)
    session.wait_until_asked()
    session.answer(code_at(secret))
    assert session.is_in()
    calls = session.calls.read_text()
    begin, end = (calls.index(f'"{mark}"') for mark in (pam_client.ANSWERED, pam_client.END))
    return said(re.search(r"fsync|fdatasync", calls[begin:end]))


@row("the limit on guesses counts across sessions at once")
def limit(product, user, directory):
    code = code_at(product.enrol(user))
    for _ in range(MANY):
        product.lets_in(user, wrong(code))
    if product.lets_in(user, code):
        return NOT_OFFERED
    other = product.machine.add_user()
    guess = wrong(code_at(product.enrol(other)))
    since = len(product.machine.log.lines)
    assert at_once(product, other, [guess] * MANY, directory) == 0
    return said(product.evaluated(product.machine.log.text(since)) <= product.limit)


@row("a stranger's wrong codes don't shut the owner out")
def owner(product, user, directory):
    desk, elsewhere = "192.0.2.1", "203.0.113.9"
    app = App(product.enrol(user))
    code = app.code()
    assert product.lets_in(user, code, desk)
    for _ in range(MANY):
        product.lets_in(user, wrong(code), elsewhere)
    return said(product.lets_in(user, app.code(), desk))


@row("a full disk keeps nobody out")
def full_disk(product, user, directory):
    app = App(product.enrol(user))
    filler = DISK / "filler"
    with open(filler, "wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(b"x" * 4096)
    is_in = product.lets_in(user, app.code())
    filler.unlink()
    assert product.lets_in(user, app.code()), "it's the disk and nothing else"
    return said(is_in)


def has_secret(text, secret):
    octets = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return any(form in text for form in (secret, octets.hex()))


@row("the user, and what runs as the user, can't read the secret")
def secret_from_user(product, user, directory):
    secret = product.enrol(user)
    return said(not has_secret(product.kept(user), secret))


@row("a copy of what is stored tells no secret")
def secret_from_thief(product, user, directory):
    secret = product.enrol(user)
    return said(not has_secret(product.kept(), secret))


@row("recovery codes are stored as hashes")
def recovery_codes(product, user, directory):
    product.enrol(user)
    if not product.recovery_codes:
        return NOT_OFFERED
    kept = product.kept()
    return said(not any(code in kept or code.replace("-", "") in kept for code in product.recovery_codes))


@row("an account may have several devices, each with a key of its own")
def several_devices(product, user, directory):
    one, another = product.enrol(user), product.enrol_another(user)
    return said(all(product.lets_in(user, code_at(secret)) for secret in (one, another)))


@row("a misspelt argument of the PAM line lets nobody in")
def misspelt(product, user, directory):
    code = code_at(product.enrol(user))
    product.write_stack(f"{product.line} nulok")
    try:
        return said(not product.lets_in(user, code))
    finally:
        product.write_stack(product.line)


@row("a way past the code in a PAM stack is found")
def way_past(product, user, directory):
    product.write_stack("auth sufficient pam_permit.so", product.line)
    try:
        assert product.lets_in(user, "")
        return product.finds_a_way_past()
    finally:
        product.write_stack(product.line)


# ---- the table

def table():
    """The README's, as cells by row and column."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.read_text().splitlines()
             if line.startswith("|") and line.count("|") == 5]
    (_, *columns), _, *rows = lines
    return {text: dict(zip(columns, cells)) for text, *cells in rows}


def test_table_has_the_rows_that_are_measured():
    assert list(table()) == list(ROWS)


@pytest.mark.parametrize("text", ROWS)
def test_cell_is_as_measured(product, user, tmp_path, text):
    assert table()[text][product.column] == ROWS[text](product, user, tmp_path)
