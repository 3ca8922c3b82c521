"""Where the modules are measured: each with an account of its own on two file systems, and the answers to give."""

import base64
import itertools
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import pyotp

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))
from machine import Machine, run  # noqa: E402

LOOP_DEVICES = {"loop-control": (0o020600, 10, 237)} | {f"loop{number}": (0o060600, 7, number) for number in range(32)}
STEP = 30
SECRET = b"12345678901234567890"
TOTP = pyotp.TOTP(base64.b32encode(SECRET).decode(), interval=STEP)
USER = "alice"
SERVICES = Path("/run/bench/pam.d")
MOST_LINES_UNREAD = Path("/proc/sys/net/unix/max_dgram_qlen")
CROWD = [f"user{number}" for number in range(32)]
RECOVERING = "rita"
NEVER_THROTTLED = "free_failures=10000 max_failures=10000 budget=10000 budget_drain=10000"
PAM_SUCCESS, PAM_AUTH_ERR, PAM_USER_UNKNOWN = 0, 7, 10


def code_at(now):
    """What the device shows."""
    return TOTP.at(now)


def wrong_at(now):
    return f"{(int(code_at(now)) + 500_000) % 1_000_000:06}"


class Clock:
    """What the modules are told the time is. It goes on a step from one attempt to the next: each code is new."""

    def __init__(self):
        self._next = int(time.time()) // STEP * STEP + 10 * STEP

    def steps(self, count):
        begin, self._next = self._next, self._next + count * STEP
        return range(begin, self._next, STEP)


class Journal:
    """systemd's, as far as a login is concerned: takes what is sent to it."""

    def __init__(self, path="/run/systemd/journal/socket"):
        Path(path).parent.mkdir(parents=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        while True:
            self._socket.recv(65536)


# ---- what is measured, each at a place of its own


def _write(path, text, owner="root", mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    os.chown(path, int(run("id", "-u", owner)) if owner != "root" else 0, -1)
    path.chmod(mode)


class Module:
    """A module that is measured: its line in a service file, and what it has to know of an account."""

    file = None  # where libpam looks for modules

    def __init__(self, machine, place):
        self.machine = machine
        self.place = place / self.name.replace(" ", "_")
        self.place.mkdir(parents=True)

    def arguments(self):
        return ""

    def enrol(self, user):
        pass


class Permit(Module):
    name = "pam_permit"
    file = "pam_permit.so"


class BareFloor(Module):
    name = "floor, bare"
    file = "pam_floor.so"

    def enrol(self, user):
        _write(self.place / "state", bytes(4096))

    def arguments(self):
        return f"state={self.place}/state"


class WholeFloor(BareFloor):
    name = "floor"

    def enrol(self, user):
        super().enrol(user)
        _write(self.place / "settings", "window = 1\n" * 20)
        _write(self.place / "key", bytes(32))
        _write(self.place / "record", bytes(300))

    def arguments(self):
        return f"{super().arguments()} whole={self.place}"


class PamTotp(Module):
    name = "pam_totp"
    file = "pam_totp.so"

    def enrol(self, user, *options):
        """The recovery codes."""
        secret = base64.b32encode(SECRET).decode()
        command = [self.machine.totp_enroll, "add", "--user", user, "--json", "--no-confirm", "--secret-from", "-",
                   "--store", f"{self.place}/store", "--key", f"{self.place}/key", *options]
        return json.loads(run(*command, input=secret))["recovery_codes"]

    def arguments(self):
        return f"store={self.place}/store key={self.place}/key"


class GoogleAuthenticator(Module):
    name = "pam_google_authenticator"
    file = "pam_google_authenticator.so"

    def enrol(self, user, *scratch_codes):
        home = self.place / user
        home.mkdir(exist_ok=True)
        os.chown(home, int(run("id", "-u", user)), -1)
        lines = [base64.b32encode(SECRET).decode(), '" RATE_LIMIT 3 30', '" WINDOW_SIZE 3', '" DISALLOW_REUSE',
                 '" TOTP_AUTH', *scratch_codes]
        _write(home / ".google_authenticator", "\n".join(lines) + "\n", user, 0o400)

    def arguments(self):
        return f"secret={self.place}/${{USER}}/.google_authenticator"


class Oath(Module):
    name = "pam_oath"
    file = "pam_oath.so"

    def enrol(self, user):
        users = self.place / "users.oath"
        known = users.read_text() if users.exists() else ""
        _write(users, f"{known}HOTP/T30 {user} - {SECRET.hex()}\n")

    def arguments(self):
        return f"usersfile={self.place}/users.oath window=3 digits=6"


MODULES = (Permit, BareFloor, WholeFloor, PamTotp, GoogleAuthenticator, Oath)


# ---- the machine


class Ground:
    """A private machine with accounts, and each module at home on ext4 and on tmpfs."""

    FILE_SYSTEMS = ("ext4", "tmpfs")

    def __init__(self, build):
        self.build = Path(build)
        MOST_LINES_UNREAD.write_text("100000")  # no login waits for who reads them
        self.machine = Machine(build)
        self.journal = Journal()
        self.clock = Clock()
        self.places = {name: Path("/run/bench") / name for name in self.FILE_SYSTEMS}
        SERVICES.mkdir(parents=True)
        self._mount()
        self._add_accounts()
        self._install_floor()
        self.modules = {(kind.name, name): kind(self.machine, place)
                        for kind in MODULES for name, place in self.places.items()}
        for module in self.modules.values():
            for user in (USER, *CROWD):
                module.enrol(user)
        self._numbers = itertools.count()

    def _mount(self):
        """The file of ext4 has no name any more: it goes with the machine."""
        for name, (mode, major, minor) in LOOP_DEVICES.items():
            os.mknod(f"/dev/{name}", mode, os.makedev(major, minor))
        for place in self.places.values():
            place.mkdir(parents=True)
        image = Path(run("mktemp", "/var/tmp/bench.XXXXXX").strip())
        run("truncate", "--size", "40G", str(image))
        run("mkfs.ext4", "-q", "-N", "3000000", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(image))
        run("mount", "-o", "loop", str(image), str(self.places["ext4"]))
        image.unlink()
        run("mount", "-t", "tmpfs", "-o", "mode=755,size=16G,nr_inodes=4M", "tmpfs", str(self.places["tmpfs"]))

    def _add_accounts(self):
        with open("/etc/passwd", "a") as accounts:
            for uid, user in enumerate((USER, RECOVERING, *CROWD), 3000):
                accounts.write(f"{user}:x:{uid}:{uid}::/nonexistent:/bin/sh\n")

    def _install_floor(self):
        self.directory = next(Path("/lib").glob("*-linux-*/security/pam_unix.so")).parent
        run("cp", str(self.build / "tests/bench/pam_floor.so"), str(self.directory))

    def flat_peer(self):
        """A service in which google-authenticator's files lie in one directory, as root's."""
        place = self.places["ext4"] / "flat"
        peer = GoogleAuthenticator(self.machine, self.places["ext4"] / "homes_of_nobody")
        peer.enrol("root")
        place.mkdir()
        (peer.place / "root/.google_authenticator").rename(place / USER)
        service = f"bench{next(self._numbers)}"
        (SERVICES / service).write_text(f"auth required {peer.file} secret={place}/${{USER}} user=root\n")
        return service

    def host(self, name):
        return str(self.build / "tests/bench" / name)

    def service(self, name, file_system, more=""):
        """A service with that module's line alone."""
        module = self.modules[name, file_system]
        service = f"bench{next(self._numbers)}"
        (SERVICES / service).write_text(f"auth required {module.file} {module.arguments()} {more}\n")
        return service

    def attempts(self, times, answer_at, user=USER):
        """A file of them: at each time what the user answers then."""
        path = Path("/run/bench") / f"attempts{next(self._numbers)}"
        path.write_text("".join(f"{now} {user} {answer_at(now)}\n" for now in times))
        return path
