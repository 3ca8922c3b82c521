"""What a login costs: by what is typed, in one process and in new ones, with few accounts and many, one by one and all
at once; and what it costs beside time."""

import os
import re
import subprocess
from pathlib import Path

from figures import Spread, Table, ratio, samples_by_service, shown
from ground import (CROWD, MODULES, NEVER_THROTTLED, PAM_AUTH_ERR, PAM_SUCCESS, RECOVERING, USER, code_at, run,
                    wrong_at)

OURS, PEER, OATH, FLOOR = "pam_totp", "pam_google_authenticator", "pam_oath", "floor"
ALL = [kind.name for kind in MODULES]
REAL = [OURS, PEER, OATH]
PLAIN, WITH_OPENSSL = "bench_login", "bench_login_openssl"


class Run:
    """Logins of some services side by side, by the names of the modules."""

    def __init__(self, ground, mode, rounds, attempts_of, expected=PAM_SUCCESS):
        """`attempts_of`: of each service the name to call it, and the file of what is tried there."""
        command = [ground.host(PLAIN), *mode, str(rounds)]
        command += [f"{service}={attempts}" for service, (_, attempts) in attempts_of.items()]
        found = samples_by_service(run(*command))
        self.samples = {attempts_of[service][0]: samples for service, samples in found.items()}
        for name, samples in self.samples.items():
            outcomes = {sample.outcome for sample in samples}
            assert outcomes == {expected}, f"{name} answered {outcomes}, not {expected}"

    def column(self, name, figure):
        """Without the first, which loads and learns."""
        return [getattr(sample, figure) for sample in self.samples[name][1:]]

    def spread(self, name, figure):
        return Spread.of(self.column(name, figure))

    def ratio(self, name, other, figure):
        return ratio(self.column(name, figure), self.column(other, figure))


def side_by_side(ground, mode, rounds, file_system, answer_at=code_at, names=ALL, user=USER, expected=PAM_SUCCESS,
                 ours=""):
    attempts = ground.attempts(ground.clock.steps(rounds + 1), answer_at, user)
    return Run(ground, mode, rounds + 1, {
        ground.service(name, file_system, ours if name == OURS else ""): (name, attempts) for name in names}, expected)


# ---- one login


def in_one_process(ground, rounds, goals, chart):
    for file_system in ground.FILE_SYSTEMS:
        seen = side_by_side(ground, ["same"], rounds, file_system)
        table = Table(f"A login with a right code, in one process, on {file_system}; microseconds",
                      ["", "login", "processor", "pam_authenticate", "ratio to google", "processor", "ratio"])
        for name in ALL:
            table.add(name, seen.spread(name, "login"), seen.spread(name, "cpu"), seen.spread(name, "authenticate"),
                      seen.ratio(name, PEER, "authenticate"), seen.spread(name, "authenticate_cpu"),
                      seen.ratio(name, PEER, "authenticate_cpu"))
        print(table, flush=True)
        chart.add(f"pam_authenticate, {file_system}", {name: seen.spread(name, "authenticate") for name in ALL[1:]})
        to_peer = seen.ratio(OURS, PEER, "authenticate").middle
        if file_system == "ext4":
            goals.at_most(f"pam_authenticate on ext4, to {PEER}", to_peer, 0.6)
            to_floor = seen.ratio(OURS, FLOOR, "authenticate").middle
            goals.at_most("pam_authenticate on ext4, to the floor", to_floor, 1.25)
        else:
            goals.at_most(f"pam_authenticate on tmpfs, to {PEER}", to_peer, 1)


def in_new_processes(ground, rounds, goals, chart):
    for host, said, bound in ((WITH_OPENSSL, "that uses OpenSSL (sshd)", 1.1), (PLAIN, "without OpenSSL (su)", 1.5)):
        seen = side_by_side(ground, ["new", ground.host(host)], rounds, "ext4")
        table = Table(f"A login in a new process {said}, on ext4; microseconds",
                      ["", "process", f"ratio to {PEER}", "login", "ratio", "processor, process", "KiB"])
        for name in ALL:
            table.add(name, seen.spread(name, "process"), seen.ratio(name, PEER, "process"), seen.spread(name, "login"),
                      seen.ratio(name, PEER, "login"), seen.spread(name, "process_cpu"),
                      shown(seen.spread(name, "memory").middle))
        print(table, flush=True)
        chart.add(f"a new process {said}", {name: seen.spread(name, "process") for name in ALL[1:]})
        goals.at_most(f"a new process {said}, to {PEER}", seen.ratio(OURS, PEER, "process").middle, bound)


# ---- by what is typed


def _recovery(ground, rounds, file_system):
    """Each module's own codes, each once; pam_oath has none."""
    rounds = min(rounds, 30)
    ours, peer = ground.modules[OURS, file_system], ground.modules[PEER, file_system]
    codes = {OURS: ours.enrol(RECOVERING, "--recovery-codes", "32"),
             PEER: [f"{10_000_000 + number}" for number in range(32)]}
    peer.enrol(RECOVERING, *codes[PEER])
    attempts_of = {}
    for name, known in codes.items():
        answers = iter(known)
        attempts = ground.attempts(ground.clock.steps(rounds + 1), lambda _: next(answers), RECOVERING)  # noqa: B023
        attempts_of[ground.service(name, file_system)] = (name, attempts)
    return Run(ground, ["same"], rounds + 1, attempts_of)


def by_answer(ground, rounds, goals, _chart):
    for file_system in ground.FILE_SYSTEMS:
        table = Table(f"pam_authenticate by what is typed, in one process, on {file_system}; microseconds", ["", *REAL])
        kinds = {
            "right code": side_by_side(ground, ["same"], rounds, file_system, names=REAL, ours=NEVER_THROTTLED),
            "wrong code": side_by_side(ground, ["same"], rounds, file_system, wrong_at, REAL, expected=PAM_AUTH_ERR,
                                       ours=NEVER_THROTTLED),
            "recovery code": _recovery(ground, rounds, file_system)}
        for kind, seen in kinds.items():
            table.add(kind, *(seen.spread(name, "authenticate") if name in seen.samples else "–" for name in REAL))
        print(table, flush=True)
    _right_and_wrong(ground, rounds, goals)


def _right_and_wrong(ground, rounds, goals):
    """Of one account each, side by side, on tmpfs: no disk hides a difference."""
    times = ground.clock.steps(rounds + 1)
    attempts_of = {}
    for kind, answer_at, user in (("right", code_at, CROWD[0]), ("wrong", wrong_at, CROWD[1]),
                                  ("unknown", code_at, "mallory")):
        attempts_of[ground.service(OURS, "tmpfs", NEVER_THROTTLED)] = (kind, ground.attempts(times, answer_at, user))
    command = [ground.host(PLAIN), "same", str(rounds + 1), *(f"{s}={a}" for s, (_, a) in attempts_of.items())]
    found = {attempts_of[service][0]: samples for service, samples in samples_by_service(run(*command)).items()}
    table = Table("pam_totp, by what is typed, side by side on tmpfs; microseconds",
                  ["", "pam_authenticate", "to a right one"])
    column = {kind: [sample.authenticate for sample in samples[1:]] for kind, samples in found.items()}
    for kind, times in column.items():
        table.add(kind, Spread.of(times), ratio(times, column["right"]))
    print(table, flush=True)
    goals.at_most("a wrong code, to a right one", ratio(column["wrong"], column["right"]).middle, 1.05)


# ---- beside time


def _relocations(module):
    return sum(line.split()[2:3] != [] and line.split()[2].startswith("R_")
               for line in run("readelf", "-rW", module).splitlines() if len(line.split()) > 2)


def _libraries(ground, service, attempt):
    """All that are loaded, by their files."""
    environment = os.environ | {"LD_DEBUG": "files"}
    done = subprocess.run([ground.host(PLAIN), "once", service, *attempt], env=environment, capture_output=True,
                          text=True)
    assert done.returncode == PAM_SUCCESS, done.stderr
    loaded = re.findall(r"file=(\S+) \[0\];  generating link map", done.stderr)
    return {Path(each).name for each in loaded if not Path(each).name.startswith("pam_")}


def _calls(ground, service, attempt):
    """Of pam_authenticate() alone."""
    trace = Path("/run/bench/trace")
    run("strace", "-f", "-o", str(trace), ground.host(PLAIN), "once", service, *attempt)
    between = re.search(r'"/begin".*?\n(.*)\n.*"/end"', trace.read_text(), re.S)
    return re.findall(r"^\d+ +(\w+)\(", between[1] if between else "", re.M)


def _instructions(ground, mode):
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    done = subprocess.run([*valgrind, *mode], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def _instructions_of_one_more(ground, service):
    """Of a login in a process that has had some: the difference of two runs."""
    counts = {}
    for rounds in (5, 15):
        attempts = ground.attempts(ground.clock.steps(rounds), code_at)
        counts[rounds] = _instructions(ground, [ground.host(PLAIN), "same", str(rounds), f"{service}={attempts}"])
    return (counts[15] - counts[5]) / 10


def beside_time(ground, rounds, _goals, _chart):
    def attempt():
        [now] = ground.clock.steps(1)
        return [str(now), USER, code_at(now)]

    table = Table("Beside time, on tmpfs", ["", "instructions", "in a new process", "system calls", "syncs",
                                            "module, KB", "relocations", "libraries it brings"])
    hosts = _libraries(ground, ground.service("pam_permit", "tmpfs"), attempt())
    for name in ALL:
        service = ground.service(name, "tmpfs")
        module = str(ground.directory / ground.modules[name, "tmpfs"].file)
        first = _instructions(ground, [ground.host(PLAIN), "once", service, *attempt()])
        calls = _calls(ground, service, attempt())
        libraries = sorted(_libraries(ground, service, attempt()) - hosts)
        table.add(name, shown(_instructions_of_one_more(ground, service)), shown(first), len(calls),
                  sum("sync" in call for call in calls), shown(_loaded_size(module)), _relocations(module),
                  " ".join(each.split(".so")[0] for each in libraries) or "–")
    print(table, flush=True)
    _loading(ground, rounds)


def _loaded_size(module):
    """What of it is loaded: not what a debugger reads."""
    text, data = run("size", module).splitlines()[1].split()[:2]
    return (int(text) + int(data)) / 1000


def _loading(ground, rounds):
    modules = {str(ground.directory / ground.modules[name, "ext4"].file): name for name in ALL}
    found = samples_by_service(run(ground.host(PLAIN), "load", str(rounds), *modules))
    table = Table("dlopen of the module in a new process; microseconds", ["", "time", "processor"])
    for module, samples in found.items():
        table.add(Path(module).name, Spread.of([each.login for each in samples]),
                  Spread.of([each.cpu for each in samples]))
    print(table, flush=True)


# ---- many accounts, many at once


class Growth:
    """How a login grows with those who are enrolled beside. Names are what could make it slow, so all have one content;
    a file system lets a file have so many names only."""

    NAMES = 60_000

    def __init__(self, ground):
        self.place = ground.places["ext4"]
        self.ground = ground
        self.count = 1

    def _link(self, directory, content, many):
        first = None
        for number in range(self.count, many):
            if first is None or number % self.NAMES == 0:
                first = directory / f"account{number}"
                first.write_bytes(content)
                first.chmod(0o600)
            else:
                os.link(first, directory / f"account{number}")

    def grow(self, many):
        """All three of them, to that many accounts."""
        ours, oath = (self.ground.modules[name, "ext4"].place for name in (OURS, OATH))
        self._link(ours / "store/enrolled", os.urandom(400), many)
        self._link(ours / "store/state", os.urandom(4096), many)
        self._link(self.place / "flat", b"A" * 116, many)
        with open(oath / "users.oath", "a") as users:
            users.writelines(f"HOTP/T30 account{number} - 3132333435363738393031323334353637383930\n"
                             for number in range(self.count, many))
        self.count = many
        os.sync()


def with_many_accounts(ground, rounds, goals, _chart):
    counts = (1, 1_000, 100_000, 1_000_000) if rounds > 50 else (1, 1_000, 10_000)
    growth = Growth(ground)
    flat = ground.flat_peer()
    table = Table("pam_authenticate with that many enrolled, on ext4; microseconds", ["accounts", *REAL])
    first, last = {}, {}
    for many in counts:
        growth.grow(many)
        for name in REAL:
            few = rounds if name != OATH or many <= 1_000 else 10
            service = flat if name == PEER else ground.service(name, "ext4")
            attempts = ground.attempts(ground.clock.steps(few + 1), code_at)
            seen = Run(ground, ["same"], few + 1, {service: (name, attempts)})
            last[name] = seen.spread(name, "authenticate")
            first.setdefault(name, last[name])
        table.add(f"{many:,}", *(last[name] for name in REAL))
    table.add("ratio, last to first", *(shown(last[name].middle / first[name].middle) for name in REAL))
    print(table, flush=True)
    goals.at_most(f"{counts[-1]:,} accounts to one", last[OURS].middle / first[OURS].middle, 1.25)


def all_at_once(ground, rounds, goals, _chart):
    table = Table("Logins a second, of different users at once, on ext4",
                  ["processes", *REAL, "refused"])
    rates = {}
    for processes in (1, 2, 8, 32):
        refused = {}
        for name in REAL:
            each = rounds if name != OATH else max(3, rounds // processes // 8)
            attempts = ground.attempts(ground.clock.steps(each), code_at)
            service = ground.service(name, "ext4")
            crowd = [ground.host(PLAIN), "crowd", f"{service}={attempts}", str(processes)]
            _, _, refused[name], passed = run(*crowd).split()
            rates[name] = (each * processes - int(refused[name])) / int(passed) * 1e9
        table.add(processes, *(shown(rates[name]) for name in REAL),
                  ", ".join(f"{name} {count}" for name, count in refused.items() if int(count)) or "nobody")
    print(table, flush=True)
    goals.at_least(f"32 at once, to {PEER}", rates[OURS] / rates[PEER], 3)
    goals.at_most("32 at once, valid codes refused", int(refused[OURS]), 0)
