"""The QR code as a camera sees it: shown in a real terminal (tmux), photographed and decoded by zbar."""

import os
import re
import subprocess
from urllib.parse import quote

import pyotp
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from terminal import Terminal

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ISSUER = "example.org"
ASKING = "Code that the app shows now:"
STYLES = ["utf8", "utf8-light", "ascii"]

CELL = (8, 16)
HALF_BLOCKS = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}
FONT = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf", 13)


@pytest.fixture
def show(machine, user, tmp_path):
    """Starts `add` in a terminal, up to where it asks for the first code."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    terminals = []

    def start(style, *options, size=(80, 24), secret_from=secret, locale="C.UTF-8"):
        source = ["--secret-from", str(secret_from)] if secret_from else []
        command = [machine.totp_enroll, "add", "--user", user, "--qr", style, *source, *options]
        terminals.append(Terminal(f"qr{len(terminals)}", *size, ["env", f"LC_ALL={locale}", *command]))
        terminals[-1].wait_for(ASKING)
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


def photograph(rows, background_is_dark, hash_is_solid=True):
    """What the terminal would show: half blocks exactly, other characters by the glyphs of a real font."""
    ink, background = (255, 0) if background_is_dark else (0, 255)
    width, height = CELL
    image = Image.new("L", (max(map(len, rows)) * width, len(rows) * height), background)
    draw = ImageDraw.Draw(image)

    def fill(x, y, fill_height):
        draw.rectangle((x, y, x + width - 1, y + fill_height - 1), fill=ink)

    for y, row in enumerate(rows):
        for x, character in enumerate(row):
            left, top = x * width, y * height
            upper, lower = HALF_BLOCKS.get(character, (False, False))
            if upper:
                fill(left, top, height // 2)
            if lower:
                fill(left, top + height // 2, height // 2)
            if character == "#" and hash_is_solid:
                fill(left, top, height)
            elif character not in HALF_BLOCKS:
                draw.text((left, top), character, font=FONT, fill=ink)
    return image


def decoded(image, file):
    """What zbarimg reads in it, None if nothing."""
    image.save(file)
    read = subprocess.run(["zbarimg", "--raw", "--quiet", "-Sdisable", "-Sqrcode.enable", str(file)],
                          capture_output=True, text=True)
    return read.stdout.removesuffix("\n") if read.returncode == 0 else None


@pytest.fixture
def scan(tmp_path):
    """What an app makes of these rows on the terminal a style is for."""
    def scan(rows, style):
        image = photograph(rows, background_is_dark=style != "utf8-light")
        return decoded(image, tmp_path / "photograph.png")
    return scan


def key_uri(issuer, label, secret):
    """As the Key Uri Format has it, made without our code; its defaults go without saying."""
    account = f"{quote(issuer, safe='')}:{quote(label, safe='')}" if issuer else quote(label, safe="")
    parameter = f"&issuer={quote(issuer, safe='')}" if issuer else ""
    return f"otpauth://totp/{account}?secret={secret}{parameter}"


def shown_secret(rows):
    """The key that is shown as text for who can't scan."""
    lines = (re.fullmatch(r"    ([A-Z2-7]{4}(?: [A-Z2-7]{1,4})+)", row.rstrip()) for row in rows)
    return next(line[1].replace(" ", "") for line in lines if line)


def drawing(rows):
    """The rows of the QR code alone."""
    return [row.rstrip() for row in rows if re.match(r"##|██|▀▀|  +[▄▀█]", row)]


@pytest.mark.parametrize("style, size", [("utf8", (80, 24)), ("utf8-light", (80, 24)), ("ascii", (100, 60))])
def test_app_reads_the_key_of_a_new_device(show, scan, user, style, size):
    rows = show(style, "--issuer", ISSUER, size=size, secret_from=None).scrolled_through()
    assert scan(rows, style) == key_uri(ISSUER, user, shown_secret(rows))


def test_app_that_scanned_it_confirms_the_device(show, scan, machine, user):
    terminal = show("utf8", secret_from=None)
    terminal.type(pyotp.parse_uri(scan(terminal.scrolled_through(), "utf8")).now())
    terminal.wait_for("Recovery codes")
    assert machine.status(user)["devices"][0]["last_used"]


@pytest.mark.parametrize("style", ["utf8", "utf8-light", "auto"])
def test_whole_code_is_on_a_screen_of_80_by_24_while_it_asks(show, scan, style):
    rows = show(style, "--issuer", ISSUER, "--label", "alice").screen()
    assert scan(rows, style) == key_uri(ISSUER, "alice", SECRET)


def test_whole_ascii_code_is_on_a_screen_of_100_by_60_while_it_asks(show, scan):
    rows = show("ascii", "--issuer", ISSUER, "--label", "alice", size=(100, 60)).screen()
    assert scan(rows, "ascii") == key_uri(ISSUER, "alice", SECRET)


def label_for(length):
    return "x" * (length - len(key_uri(ISSUER, "", SECRET)))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("length", [90, 106, 107, 135, 230, 300])
def test_app_reads_key_uris_of_any_length(show, scan, style, length):
    label = label_for(length)
    size = (140, 90) if style == "ascii" else (80, 50)
    rows = show(style, "--issuer", ISSUER, "--label", label, size=size).screen()
    expected = key_uri(ISSUER, label, SECRET)
    assert len(expected) == length
    assert scan(rows, style) == expected


def test_app_reads_what_is_not_the_default(show, scan):
    rows = show("utf8", "--issuer", ISSUER, "--label", "alice", "--digits", "8", "--algorithm", "SHA512",
                "--period", "60", size=(80, 50)).screen()
    device = pyotp.parse_uri(scan(rows, "utf8"))
    assert (device.digits, device.digest().name, device.interval, device.secret) == (8, "sha512", 60, SECRET)


@pytest.mark.parametrize("issuer, label", [
    ("", "b"), ("Zürich & Söhne", "alice@example.org"), ("100% ?=#/", "a b+c"), ("日本", "ユーザー")])
def test_app_reads_any_issuer_and_label(show, scan, issuer, label):
    rows = show("utf8", "--issuer", issuer, "--label", label, size=(80, 50)).screen()
    assert scan(rows, "utf8") == key_uri(issuer, label, SECRET)


def test_ascii_code_of_real_glyphs_is_read_from_a_distance(show, tmp_path):
    rows = show("ascii", "--issuer", ISSUER, "--label", "alice", size=(100, 60)).screen()
    image = photograph(rows, background_is_dark=True, hash_is_solid=False)
    pixels_of_a_module = 4
    far = image.resize([side * pixels_of_a_module // CELL[1] for side in image.size], Image.Resampling.BOX)
    assert decoded(ImageOps.autocontrast(far), tmp_path / "far.png") == key_uri(ISSUER, "alice", SECRET)


@pytest.mark.parametrize("style, widest", [("utf8", 80), ("utf8-light", 80), ("ascii", 100)])
def test_rows_of_an_ordinary_code_fit_an_ordinary_terminal(show, style, widest):
    rows = drawing(show(style, "--issuer", ISSUER, "--label", "alice", size=(200, 100)).screen())
    assert 15 < len(rows) < 60
    assert max(map(len, rows)) <= widest


@pytest.fixture
def shown(machine, user):
    """What `add` shows in a locale, without a terminal; nobody confirms and nothing is enrolled."""
    def shown(style, locale):
        done = subprocess.run(
            [machine.totp_enroll, "add", "--user", user, "--qr", style, "--secret-from", "-"], text=True,
            input=f"{SECRET}\n", capture_output=True, env={**os.environ, "LC_ALL": locale})
        return done.stdout.splitlines()
    return shown


@pytest.mark.parametrize("locale, style, ways_out", [
    ("C.UTF-8", "utf8", ["--qr utf8-light", "--qr ascii"]), ("C", "ascii", ["--qr utf8"])])
def test_automatic_form_suits_the_locale_and_says_how_to_change_it(shown, locale, style, ways_out):
    automatic, chosen = shown("auto", locale), shown(style, locale)
    assert len(drawing(automatic)) > 15
    advice = [line for line in automatic if line not in chosen]
    assert [line for line in automatic if line not in advice] == chosen
    assert len(advice) == 1
    assert all(way_out in advice[0] for way_out in ways_out)


def test_without_a_form_the_key_is_still_shown_as_text(shown):
    rows = shown("none", "C.UTF-8")
    assert drawing(rows) == []
    assert shown_secret(rows) == SECRET
