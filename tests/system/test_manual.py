"""totp-enroll(1) has every command and every option that --help tells of, each where a reader looks, and no other."""

import re
from pathlib import Path

import pytest

from machine import run

PAGE = (Path(__file__).parents[2] / "enroll/totp-enroll.1.scd").read_text()
HELP = {"--help"}


def part(title):
    return re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


def options_in(text):
    return set(re.findall(r"\*(--[a-z][a-z-]*)\*", text))


@pytest.fixture(scope="module")
def told(machine):
    """By command, and of all commands under "": the options that --help has."""
    def options(*command):
        return set(re.findall(r"^  (?:-\w,)?(--[a-z][a-z-]*)", run(machine.totp_enroll, *command, "--help"), re.MULTILINE))

    commands = re.findall(r"^  ([a-z]+) ", run(machine.totp_enroll, "--help").split("Subcommands:")[1], re.MULTILINE)
    return {"": options()} | {command: options(command) for command in commands}


@pytest.fixture(scope="module")
def entries():
    """By command: what COMMANDS says of it."""
    found = re.split(r"^\*([a-z]+)[ *].*\n", part("COMMANDS"), flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2]))


def test_every_command_has_an_entry_and_no_other(told, entries):
    assert set(entries) == set(told) - {""}


def test_options_of_all_commands_stand_under_options(told):
    assert options_in(part("OPTIONS")) >= told[""] - HELP - {"--version"}


def test_options_of_a_command_stand_in_its_entry(told, entries):
    headings = {command: re.search(rf"^\*{command}[ *].*$", PAGE, re.MULTILINE)[0] for command in entries}
    missing = {command: options - HELP - told[""] - options_in(headings[command] + entries[command])
               for command, options in told.items() if command}
    assert not any(missing.values()), missing


def test_no_option_stands_there_that_the_program_has_not(told):
    assert options_in(PAGE) <= set.union(*told.values())
