"""The pages of a new device and of recovery codes, in a real terminal (tmux) of several sizes and locales."""

import re

import pytest

from machine import PASSWORD, as_user, code_at
from person import RECOVERY_CODE
from terminal import Terminal
from test_qr import decoded, key_uri, photograph, shown_secret

ISSUER = "host"
UTF8, NO_LOCALE = "C.UTF-8", "C"
LAST_LINE = "Press any"  # of a page of recovery codes
WIDE, NARROW, LARGE = (80, 24), (60, 20), (100, 50)


@pytest.fixture
def terminal(machine, user):
    """Starts `add` of an ordinary user in a terminal, up to where it asks for the first code."""
    started = []

    def start(size, locale, *options, wait_for="Code that the app shows now:", term="screen-256color"):
        program = ["env", f"LC_ALL={locale}", f"TERM={term}", machine.totp_enroll]
        terminal = Terminal(f"page{len(started)}", *size, ["env", f"LC_ALL={locale}", *as_user(
            user, *program, "--issuer", ISSUER, "--label", "alice", *options)])
        started.append(terminal)
        terminal.wait_for("Password:")
        terminal.type(PASSWORD)
        terminal.wait_for(wait_for)
        return terminal

    yield start
    for each in started:
        each.close()


def scanned(terminal, tmp_path):
    """What a camera reads of coloured half blocks: their ink is light and the cells are black, whatever is around."""
    return decoded(photograph(terminal.screen(), background_is_dark=True), tmp_path / "page.png")


def background_cells(terminal, width):
    """The rows of a picture drawn by background colours alone, as '#' for light cells; tmux leaves out the last ones."""
    rows, light = [], False
    for line in terminal.tmux("capture-pane", "-p", "-e").splitlines()[2:-1]:
        row = ""
        for colour, blank in re.findall(r"\x1b\[([0-9;]*)m|( )", line):
            light = light if blank else colour == "47"
            row += ("#" if light else " ") * len(blank)
        rows.append(row.ljust(width, "#" if light else " "))
    return rows


@pytest.mark.parametrize("options", [[], ["--qr", "ansi"]], ids=["auto", "ansi"])
def test_coloured_half_blocks_are_read_on_a_page_of_80_by_24(terminal, tmp_path, options):
    shown = terminal(WIDE, UTF8, *options)
    assert scanned(shown, tmp_path) == key_uri(ISSUER, "alice", shown_secret(shown.screen()))


def test_coloured_cells_are_read_without_utf_8(terminal, tmp_path):
    shown = terminal(LARGE, NO_LOCALE)
    picture = photograph(background_cells(shown, 70), background_is_dark=True)
    assert decoded(picture, tmp_path / "cells.png") == key_uri(ISSUER, "alice", shown_secret(shown.screen()))


def test_page_of_60_by_20_has_two_sides(terminal, tmp_path):
    shown = terminal(NARROW, UTF8)
    secret = shown_secret(shown.screen())
    assert "Enter alone shows the QR code" in "\n".join(shown.screen())
    assert all(len(row.rstrip()) < 60 for row in shown.screen())
    shown.type("")
    shown.wait_for("██")
    assert scanned(shown, tmp_path) == key_uri(ISSUER, "alice", secret)
    shown.type("")
    shown.wait_for("Enter alone shows the QR code")


@pytest.mark.parametrize("size, locale, needed", [(WIDE, NO_LOCALE, "70x36"), (NARROW, NO_LOCALE, "70x36"),
                                                  ((36, 40), UTF8, "37x20")], ids=str)
def test_terminal_that_is_too_small_is_told_its_size_and_the_way_out(terminal, size, locale, needed):
    text = "".join("".join(terminal(size, locale).screen()).split())
    assert f"needsaterminalof{needed},thisonehas{size[0]}x{size[1]}." in text
    assert re.search("typein:[A-Z2-7]{32}The", text) and "--qr-fileFILE.png" in text


def test_terminal_made_larger_shows_the_picture_after_enter(terminal, tmp_path):
    shown = terminal((36, 40), UTF8)
    shown.tmux("resize-window", "-x", "80", "-y", "40")
    shown._columns = 80
    shown.type("")
    shown.wait_for("██")
    assert scanned(shown, tmp_path) == key_uri(ISSUER, "alice", shown_secret(shown.screen()))


def codes_of_the_next_page(shown, seen):
    """The codes on the page after those that were seen, once all of it is there."""
    codes = []

    def is_whole(rows):
        codes[:] = RECOVERY_CODE.findall(rows)
        return LAST_LINE in rows and codes and not seen & set(codes)

    shown.wait_until(is_whole)
    return set(codes)


@pytest.mark.parametrize("term", ["screen-256color", "linux", "vt100"])
@pytest.mark.parametrize("size", [WIDE, NARROW, (30, 12)], ids=str)
def test_all_recovery_codes_are_seen_and_neither_they_nor_the_key_stay(machine, terminal, user, size, term):
    shown = terminal(size, UTF8, "--qr", "none", "--recovery-codes", "32", wait_for="Code that", term=term)
    secret = re.search("typein:([A-Z2-7]{32})", "".join("".join(shown.screen()).split()))[1]
    shown.type(code_at(secret))
    seen = set()
    while len(seen) < 32:
        seen |= codes_of_the_next_page(shown, seen)
        shown.tmux("send-keys", "x")
    assert len(seen) == 32
    shown.wait_until(lambda rows: LAST_LINE not in rows and "'s device phone" in rows, among=shown.scrolled_through)
    left = "\n".join(shown.scrolled_through())
    assert "$<" not in left
    assert not RECOVERY_CODE.search(left) and secret[:4] not in left
    assert machine.status(user)["recovery_codes_left"] == 32


def next_page(shown, last):
    """The text above the question, of another page than the last one; long lines in one again."""
    page = []

    def is_whole(rows):
        above, question, _ = rows.partition(LAST_LINE)
        page[:] = ["".join(above.split())]
        return question and page[0] and page[0] != last

    shown.wait_until(is_whole)
    return page[0]


@pytest.mark.parametrize("size", [(80, 5), (30, 6)], ids=str)
def test_all_that_is_exported_is_seen_and_nothing_of_it_stays(machine, user, size):
    secrets = [machine.enrol(user, "--device", name)["secret"] for name in ("phone", "tablet", "watch", "fob")]
    shown = Terminal("export", *size, ["env", f"LC_ALL={UTF8}", "TERM=screen-256color", machine.totp_enroll, "export",
                                       "--user", user])
    try:
        pages = []
        while not all(secret in "".join(pages) for secret in secrets):
            pages.append(next_page(shown, pages[-1] if pages else None))
            shown.tmux("send-keys", "x")
        shown.wait_until(lambda rows: LAST_LINE not in rows, among=shown.scrolled_through)
        left = "".join("".join(shown.scrolled_through()).split())
    finally:
        shown.close()
    assert len(pages) > 1 and not any(secret[:8] in left for secret in secrets)
