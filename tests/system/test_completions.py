"""What bash, zsh and fish complete for totp-enroll is what its --help tells: one option more, and these fail."""

import os
import pwd
import re
from pathlib import Path

import pexpect
import pytest

from machine import STUCK, run

COMPLETIONS = Path(__file__).parents[2] / "enroll/completions"
EVERY, SHOW, LIST, EMPTY = "\x14", "\x0f", "\x04", "\x01\x0b"  # ^T ^O ^D ^A^K

BASH = f"""
source {COMPLETIONS}/totp-enroll.bash
bind '"\\C-t": insert-completions'
bind -x '"\\C-o": printf "<%s>\\n" "$READLINE_LINE"'
"""
ZSH = f"""
unsetopt zle_bracketed_paste list_beep
bindkey -e
fpath=({COMPLETIONS} $fpath)
autoload -U compinit && compinit -u -D
zle -C every complete-word _generic
zstyle ':completion:every:*' completer _all_matches _complete
zstyle ':completion:every:*' insert yes
show() {{ print -r -- "<$BUFFER>" }}
zle -N show
bindkey '^T' every '^O' show '^D' list-choices
"""


# ---- the shells


class OnTerminal:
    """An interactive shell, set up to write all completions into its line (^T) and to show the line (^O)."""

    def __init__(self, command, setup, environment):
        self._shell = pexpect.spawn(command[0], command[1:], env=environment, encoding="utf-8", timeout=STUCK,
                                    dimensions=(100, 1000))
        self._shell.sendline(f"PS1='$ '{setup}echo rea''dy")
        self._shell.expect("ready\r")

    def _type(self, keys):
        """The line then, and what was on the screen before it was shown."""
        self._shell.send(EMPTY + keys + SHOW)
        self._shell.expect(r"<([^<>]*)>\r")
        return self._shell.match[1], self._shell.before

    def completed(self, line):
        """The words that the last word of the line may become."""
        after, _ = self._type(line + EVERY)
        words = after.removeprefix(line[:line.rindex(" ") + 1]).split()
        return {word.rstrip("=") for word in words} - {line.split(" ")[-1]}

    def explained(self, line):
        """The same as listed for a person (zsh), each with what is said of it."""
        _, screen = self._type(line + LIST)
        listed = re.findall(r"^(\S+)(?: +-\w)? +-- (.*?)\s*$", screen.replace("\r", ""), re.MULTILINE)
        return dict(listed)


class Fish:
    """fish tells itself what it would complete."""

    def __init__(self, environment):
        self._environment = environment

    def explained(self, line):
        script = f'source {COMPLETIONS}/totp-enroll.fish; complete -C "$argv[1]"'
        lines = run("fish", "--no-config", "-c", script, line, env=self._environment).splitlines()
        return {word: text for word, _, text in (each.partition("\t") for each in lines)}

    def completed(self, line):
        return set(self.explained(line))


SHELLS = {
    "bash": lambda environment: OnTerminal(["bash", "--norc", "--noprofile"], BASH, environment),
    "zsh": lambda environment: OnTerminal(["zsh", "-f"], ZSH, environment),
    "fish": Fish,
}


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, machine, tmp_path_factory):
    path = f"{Path(machine.totp_enroll).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path_factory.mktemp("home")), "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    return SHELLS[request.param](environment)


# ---- what the program tells of itself


class Help:
    """totp-enroll --help, or that of a command: what is said of each command and each (long) option."""

    def __init__(self, machine, *command):
        text = run(machine.totp_enroll, *command, "--help")
        entries = re.findall(r"^  (?:-\w,)?(\S+)(.*(?:\n {3,}.*)*)", text, re.MULTILINE)
        entries = {name: " ".join(said.split()) for name, said in entries}
        self.options = {name: said for name, said in entries.items() if name.startswith("--")}
        self.commands = {name: said for name, said in entries.items() if not name.startswith("-")}


@pytest.fixture(scope="module")
def program(machine):
    return Help(machine)


@pytest.fixture(scope="module")
def options(machine, program):
    """By command: its options and the shared ones."""
    shared = {name: said for name, said in program.options.items() if name != "--version"}
    return {command: shared | Help(machine, command).options for command in program.commands}


def closed_set(said):
    """The words of "A, B or C"; none where the value is free."""
    found = re.search(r"(?:[\w-]+, )+[\w-]+ or [\w-]+", said)
    return set(re.split(", | or ", found[0])) if found else set()


# ---- the tests


def test_every_command_is_completed_and_no_other(shell, program):
    assert shell.completed("totp-enroll ") == set(program.commands)


def test_every_option_of_a_command_is_completed_and_no_other(shell, options):
    completed = {command: shell.completed(f"totp-enroll {command} --") for command in options}
    assert completed == {command: set(of_command) for command, of_command in options.items()}


def test_options_of_add_are_completed_without_a_command(shell, program, options):
    assert shell.completed("totp-enroll --") == set(program.options) | set(options["add"])


@pytest.mark.parametrize("before", ["--json", "--user add", "--user=add", "--json --store status"])
def test_command_is_completed_after_shared_options(shell, program, options, before):
    assert shell.completed(f"totp-enroll {before} ") == set(program.commands)
    assert shell.completed(f"totp-enroll {before} remove --y") == {"--yes"}


def test_no_command_is_completed_after_an_option_of_add(shell, program):
    assert not shell.completed("totp-enroll --device status ") & set(program.commands)
    assert shell.completed("totp-enroll --device status --algo") == {"--algorithm"}


def test_values_of_a_closed_set_are_completed(shell, options):
    sets = {(command, option): closed_set(said)
            for command, of_command in options.items() for option, said in of_command.items() if closed_set(said)}
    assert {("add", "--algorithm"), ("add", "--digits"), ("add", "--qr")} <= set(sets)
    assert {(command, option): shell.completed(f"totp-enroll {command} {option} ") for command, option in sets} == sets
    assert shell.completed("totp-enroll --qr utf8-") == {"utf8-light"}


def test_formats_of_import_are_completed(shell):
    assert {"google", "oath", "uri"} <= shell.completed("totp-enroll import ")
    assert shell.completed("totp-enroll import goo") == {"google"}


def test_users_are_completed(shell):
    with_s = {user.pw_name for user in pwd.getpwall() if user.pw_name.startswith("s")}
    assert with_s
    assert shell.completed("totp-enroll status --user s") == with_s


STRANGE = "$(touch${IFS}/run/was-run)"


@pytest.fixture
def strange_names():
    """An account and a service whose names a shell would run."""
    passwd, service = Path("/etc/passwd"), Path("/etc/pam.d") / "$(touch${IFS}was-run)"
    sane = passwd.read_bytes()
    passwd.write_bytes(sane + f"{STRANGE}:x:5001:5001::/:/bin/sh\nDOM\\jo:x:5002:5002::/:/bin/sh\n".encode())
    service.touch()
    yield
    service.unlink()
    passwd.write_bytes(sane)


@pytest.mark.parametrize("shell", ["bash"], indirect=True)
def test_names_that_others_chose_are_quoted_and_not_run(shell, strange_names):
    assert shell.completed("totp-enroll status --user DOM") == {r"DOM\\jo"}
    assert r"\$\(touch\$\{IFS\}/run/was-run\)" in shell.completed("totp-enroll status --user ")
    assert r"\$\(touch\$\{IFS\}was-run\)" in shell.completed("totp-enroll check ")
    assert not Path("/run/was-run").exists() and not Path("/etc/pam.d/was-run").exists()


@pytest.mark.parametrize("option", ["--qr-file", "--secret-from", "--config", "--key"])
def test_files_are_completed(shell, tmp_path, option):
    (tmp_path / "file").touch()
    assert shell.completed(f"totp-enroll add {option} {tmp_path}/f") == {f"{tmp_path}/file"}


def test_directories_and_no_files_are_completed_for_a_store(shell, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    completed = shell.completed(f"totp-enroll add --store {tmp_path}/f")
    assert {path.rstrip("/") for path in completed} == {f"{tmp_path}/folder"}


@pytest.mark.parametrize("shell", ["zsh", "fish"], indirect=True)
def test_commands_and_options_are_explained_as_in_the_help(shell, program, options):
    assert shell.explained("totp-enroll ") == program.commands
    for command, of_command in options.items():
        explained = shell.explained(f"totp-enroll {command} --")
        assert set(explained) == set(of_command)
        assert {option: said for option, said in explained.items()
                if not said or not of_command[option].endswith(said)} == {}, command
