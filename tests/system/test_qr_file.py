"""--qr-file: the QR code as a picture to keep or print, read back by zbar; the SVG as rsvg renders it."""

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from machine import run
from person import Person
from test_qr import key_uri

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ISSUER = "example.org"


def read(picture):
    """What zbarimg reads in a picture file."""
    if picture.suffix == ".svg":
        rendered = picture.with_suffix(".rendered.png")
        run("rsvg-convert", "--zoom", "3", "--background-color", "white", "-o", str(rendered), str(picture))
        picture = rendered
    return run("zbarimg", "--raw", "--quiet", "-Sdisable", "-Sqrcode.enable", str(picture)).rstrip("\n")


@pytest.fixture
def add(machine, user, tmp_path):
    """Root's `add --qr-file`, in one run without questions."""
    (tmp_path / "secret").write_text(SECRET)

    def add(file, *options):
        return subprocess.run(
            [machine.totp_enroll, "add", "--user", user, "--json", "--no-confirm", "--secret-from",
             str(tmp_path / "secret"), "--qr-file", str(file), *options], capture_output=True, text=True)
    return add


@pytest.mark.parametrize("kind", ["png", "svg"])
@pytest.mark.parametrize("length", [60, 90, 107, 135, 230, 300])
def test_picture_is_read_for_key_uris_of_any_length(add, tmp_path, kind, length):
    issuer = ISSUER if length > 80 else ""
    label = "x" * (length - len(key_uri(issuer, "", SECRET)))
    picture = tmp_path / f"qr.{kind}"
    assert add(picture, "--issuer", issuer, "--label", label).returncode == 0
    assert read(picture) == key_uri(issuer, label, SECRET)
    assert picture.stat().st_mode & 0o777 == 0o600


def test_svg_has_a_title_and_the_key_as_text(add, tmp_path, user):
    assert add(tmp_path / "qr.svg", "--issuer", ISSUER).returncode == 0
    tree = ElementTree.parse(tmp_path / "qr.svg")
    text = " ".join(tree.getroot().itertext())
    assert ISSUER in tree.getroot().find("{http://www.w3.org/2000/svg}title").text
    assert user in text and "JBSW Y3DP EHPK 3PXP" in " ".join(text.split())


@pytest.mark.parametrize("there", ["file", "link", "directory"])
def test_nothing_is_written_over(machine, user, add, tmp_path, there):
    file = tmp_path / "qr.png"
    {"file": lambda: file.write_text("mine"), "link": lambda: file.symlink_to(tmp_path / "nowhere"),
     "directory": file.mkdir}[there]()
    done = add(file)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--qr-file {file}" in done.stderr and "exists" in done.stderr
    assert not (tmp_path / "nowhere").exists() and (there != "file" or file.read_text() == "mine")
    assert not machine.status(user, enrolled=False)["enrolled"]


@pytest.mark.parametrize("leave", ["\x03", "\x04"], ids=["ctrl-c", "end"])
def test_picture_goes_with_an_enrolment_that_was_left(machine, user, leave):
    person = Person(machine, user)
    picture = Path(f"/home/{user}/qr.png")
    client = person.begin("add", "--qr-file", str(picture))
    person.see_key(client)
    assert picture.exists() and picture.owner() == user
    client.send(leave)
    person.finish(client)
    assert not picture.exists()
