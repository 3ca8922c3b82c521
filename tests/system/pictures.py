"""pictures.py BUILD DIRECTORY: the README's pictures, made of real runs in a real terminal on a private machine.

Run by docs/draw. Each is what tmux had on its screen, cell by cell, as SVG; Cockpit's is what Chromium showed.
"""

import html
import re
import socket
import sys
from pathlib import Path

from PIL import Image

from machine import OUR_LINE, PASSWORD, PROMPT, Machine, Sshd, as_user, code_at, run
from person import CONFIRM_PROMPT
from terminal import Terminal
from web.cockpit import Browser, Cockpit, LoginPage

USER, HOST = "alice", "server"
COLUMNS, WIDTH, HEIGHT, MARGIN = 80, 8, 17, 12
INK, PAPER = "#e8e8e8", "#1c2128"
HALF_BLOCKS = {"▀": (0, 1), "▄": (1, 1), "█": (0, 2)}  # where in the cell it begins and how high it is, in halves
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def shapes_of(row, top):
    """A row's half blocks as rectangles, so that they meet in whatever font, and its words as text."""
    for run_of_blocks in re.finditer(r"▀+|▄+|█+", row):
        begin, height = HALF_BLOCKS[run_of_blocks[0][0]]
        yield (f'<rect x="{run_of_blocks.start() * WIDTH}" y="{top + begin * HEIGHT / 2}" '
               f'width="{len(run_of_blocks[0]) * WIDTH}" height="{height * HEIGHT / 2}"/>')
    for words in re.finditer(r"[^ ▀▄█]+(?: [^ ▀▄█]+)*", row):
        yield (f'<text x="{words.start() * WIDTH}" y="{top + HEIGHT * 0.76:.1f}" '
               f'textLength="{len(words[0]) * WIDTH}">{html.escape(words[0])}</text>')


def picture(title, screens):
    """Screens one below the other, each as high as what is on it."""
    screens = ["\n".join(rows).rstrip().splitlines() for rows in screens]
    width, shapes, top = COLUMNS * WIDTH + 2 * MARGIN, [], 0
    for rows in screens:
        height = len(rows) * HEIGHT + 2 * MARGIN
        shapes.append(f'<rect y="{top}" width="{width}" height="{height}" rx="6" fill="{PAPER}"/>')
        shapes.append(f'<g transform="translate({MARGIN} {top + MARGIN})" fill="{INK}">')
        for number, row in enumerate(rows):
            shapes += shapes_of(row, number * HEIGHT)
        shapes.append("</g>")
        top += height + MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top - MARGIN}" '
        f'viewBox="0 0 {width} {top - MARGIN}" font-family="{FONT}" font-size="13" shape-rendering="crispEdges">',
        f"<title>{html.escape(title)}</title>", *shapes, "</svg>", ""])


def shell(name, rows, prompt):
    """A shell of the user's on a terminal of its own."""
    terminal = Terminal(name, COLUMNS, rows, as_user(
        USER, "env", f"PS1={prompt} ", f"HOME=/home/{USER}", "PATH=/run/private/bin:/usr/bin:/bin", "TERM=xterm",
        "LC_ALL=C.UTF-8", "bash", "--norc", "-i"))
    terminal.wait_for(prompt)
    return terminal


def enrol():
    """The screens of an enrolment, and the key."""
    terminal = shell("enrolment", 30, f"{USER}@{HOST}:~$")
    terminal.type("totp-enroll")
    terminal.wait_for("Password:")
    terminal.type(PASSWORD)
    terminal.wait_for(CONFIRM_PROMPT.strip())
    key_page = terminal.screen()
    [key] = re.findall(r"^ +([A-Z2-7]{4}(?: [A-Z2-7]{1,4})+) *$", "\n".join(key_page), re.M)
    key = key.replace(" ", "")
    terminal.type(code_at(key))
    terminal.wait_for("Press any key")
    screens = [key_page, terminal.screen()]
    terminal.close()
    return screens, key


def log_in(port, key):
    """The screen of a login, and of the same code once more."""
    with open("/etc/hosts", "a") as hosts:
        hosts.write(f"127.0.0.1 {HOST}\n")
    Path(f"/home/{USER}/.ssh").mkdir()
    Path(f"/home/{USER}/.ssh/config").write_text(
        f"Host {HOST}\n  Port {port}\n  LogLevel ERROR\n"
        "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  NumberOfPasswordPrompts 1\n"
        "  PreferredAuthentications keyboard-interactive\n")
    run("chown", "-R", f"{USER}:", f"/home/{USER}/.ssh")
    terminal = shell("login", 24, f"{USER}@laptop:~$")
    code = code_at(key, steps_from_now=1)
    for expected in ("hello from the server", "Permission denied"):
        terminal.type(f"ssh {HOST} echo hello from the server")
        terminal.wait_until(lambda rows: rows.rstrip().endswith("Password:"))
        terminal.type(PASSWORD)
        terminal.wait_until(lambda rows: rows.rstrip().endswith("Verification code:"))
        terminal.type(code)
        terminal.wait_until(lambda rows: f"\n{expected}" in rows or f": {expected}" in rows)
        terminal.wait_until(lambda rows: rows.rstrip().endswith("$"))
    screen = terminal.screen()
    terminal.close()
    return screen


def log_in_at_cockpit(picture_file):
    """Cockpit's login page as it asks for the code."""
    socket.sethostname(HOST)
    with open("/etc/pam.d/common-auth", "a") as stack:
        stack.write(f"{OUR_LINE}\n")
    cockpit, browser = Cockpit(), Browser(width=640, height=487)
    try:
        page = LoginPage(browser, cockpit)
        page.gives(USER, PASSWORD)
        page.asks(PROMPT.strip())
        page.take_picture(picture_file)
    finally:
        browser.close()
        cockpit.stop()
    Image.open(picture_file).convert("RGB").quantize(32).save(picture_file, optimize=True)


def main(build, directory):
    machine = Machine(build)
    machine.add_line_after_password("sshd", OUR_LINE)
    machine.add_user(USER)
    sshd = Sshd()
    try:
        screens, key = enrol()
        directory.joinpath("enrolment.svg").write_text(picture("alice enrols", screens))
        directory.joinpath("login.svg").write_text(picture(
            "alice logs in with password and code; the same code once more is refused", [log_in(sshd.port, key)]))
    finally:
        sshd.stop()
    log_in_at_cockpit(directory / "cockpit.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
