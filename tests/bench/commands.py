"""What totp-enroll takes: one account, many from a list, a QR code, how a million stand."""

import base64
import os
import subprocess
import time
from typing import NamedTuple

from figures import Spread, Table, shown
from ground import SECRET, run


class Command(NamedTuple):
    """What a command took: seconds by the clock and of the processor, and the most memory it had, in MB."""

    seconds: float
    cpu: float
    megabytes: float

    @classmethod
    def run(cls, *command, text=None):
        begin = time.monotonic()
        stdin = subprocess.PIPE if text else subprocess.DEVNULL
        process = subprocess.Popen(list(map(str, command)), stdin=stdin, stdout=subprocess.DEVNULL)
        if text:
            process.stdin.write(text)
            process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        return cls(time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


class Accounts:
    """Accounts of the private machine, as many as are wanted."""

    def __init__(self):
        self._next = 100_000

    def add(self, count):
        uids = range(self._next, self._next + count)
        self._next += count
        with open("/etc/passwd", "a") as accounts:
            accounts.writelines(f"person{uid}:x:{uid}:{uid}::/nonexistent:/bin/sh\n" for uid in uids)
        return [f"person{uid}" for uid in uids]


def _places(ground, name, file_system):
    place = ground.places[file_system] / name
    place.mkdir()
    return place, ("--store", f"{place}/store", "--key", f"{place}/key")


def one_by_one(ground, rounds, _goals, _chart):
    place, where = _places(ground, "one by one", "ext4")
    people = Accounts().add(rounds)
    secret = base64.b32encode(SECRET)
    add = [ground.machine.totp_enroll, "add", *where, "--no-confirm", "--secret-from", "-", "--user"]
    table = Table("totp-enroll for one account, on ext4; milliseconds", ["", "time", "processor"])
    export = [ground.machine.totp_enroll, "export", *where, "--user"]
    commands = {
        "add, ten recovery codes, QR code as text": lambda who: [*add, who, "--qr", "utf8"],
        "export: a QR code as text": lambda who: [*export, who, "--format", "qr", "--qr", "utf8"],
        "export: a QR code as PNG": lambda who: [*export, who, "--qr-file", f"{place}/{who}.png"],
        "status": lambda who: [ground.machine.totp_enroll, "status", *where, "--user", who]}
    for what, command in commands.items():
        taken = [Command.run(*command(who), text=secret if "add" in what else None) for who in people]
        table.add(what, Spread.of([each.seconds * 1000 for each in taken]),
                  Spread.of([each.cpu * 1000 for each in taken]))
    print(table, flush=True)


def from_a_list(ground, rounds, goals, _chart):
    table = Table("totp-enroll bulk, on ext4", ["", "accounts", "a second", "processor, ms each"])
    accounts = Accounts()
    for codes, bound in ((10, 100), (0, 1000)):
        place, where = _places(ground, f"bulk{codes}", "ext4")
        people = accounts.add(rounds * 5)
        (place / "list").write_text("".join(f"{who}\n" for who in people))
        taken = Command.run(ground.machine.totp_enroll, "bulk", place / "list", "--out", place / "out", *where,
                            "--recovery-codes", codes)
        rate = len(people) / taken.seconds
        table.add(f"{codes} recovery codes each", len(people), shown(rate), shown(taken.cpu / len(people) * 1000))
        goals.at_least(f"bulk with {codes} recovery codes each, a second", rate, bound)
    print(table, flush=True)


def everybody(ground, rounds, goals, _chart):
    many = 1_000_000 if rounds > 50 else 10_000
    place, where = _places(ground, "everybody", "ext4")
    run(ground.machine.totp_enroll, "add", *where, "--user", "alice", "--no-confirm", "--json")
    run(ground.host("bench_accounts"), f"{place}/store", f"{place}/key", "0", str(many))
    os.sync()  # what has to be written yet isn't waited for by who only reads
    taken = Command.run(ground.machine.totp_enroll, "status", "--all", *where)
    table = Table("totp-enroll status --all, on ext4", ["accounts", "seconds", "processor", "MB"])
    table.add(f"{many:,}", shown(taken.seconds), shown(taken.cpu), shown(taken.megabytes))
    print(table, flush=True)
    goals.at_most("status --all, microseconds an account", taken.seconds / many * 1e6, 60)
    goals.at_most("status --all, MB", taken.megabytes, 200)
