"""Taken away, the packages leave a machine that people get into, and on which others can be installed."""

import re
import subprocess

import pytest

from builder import TREE
from fresh_debian import QUIET, run
from test_package import CHECK_ANY, OURS, deb

COMMON_AUTH = "/etc/pam.d/common-auth"
MANAGED = "# and here are more per-package modules"
OUR_LINE = "auth required pam_totp.so\n"


@pytest.fixture(scope="module")
def other_package(work):
    """Some package of others."""
    control = work / "other/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: other\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\n"
                       "Description: a package of others\n")
    run("dpkg-deb", "--build", "--root-owner-group", work / "other", work / "other.deb")
    return work / "other.deb"


@pytest.fixture
def installed(packages, debian):
    debian.install("libpam-runtime", *(deb(packages, name) for name in OURS))
    return debian


@pytest.fixture
def guarded(installed):
    """With a profile."""
    installed.say("pam-auth-update", "--enable", "totp")
    return installed


# ---- what dpkg remembers

def takes_others(debian, other_package):
    """A missing group that dpkg-statoverride names would end this."""
    debian.install("--reinstall", other_package)


def groups(debian):
    return set(re.findall(r"^(_totp\w*):", (debian.root / "etc/group").read_text(), re.MULTILINE))


def test_purge_forgets_what_an_administrator_has_overridden(installed, other_package):
    [override] = re.findall(rf"--add (.*) {CHECK_ANY}$", (TREE / "debian/libpam-totp.README.Debian").read_text(), re.M)
    installed.say("dpkg-statoverride", "--force-statoverride-add", "--update", "--add", *override.split(), CHECK_ANY)
    installed.say("apt-get", "purge", "--yes", *OURS)
    takes_others(installed, other_package)
    assert "totp" not in installed.overrides() and not groups(installed)


def test_group_stays_until_the_last_package_is_purged(packages, installed, other_package):
    installed.say("apt-get", "remove", "--yes", *OURS)
    installed.say("apt-get", "purge", "--yes", "totp-enroll")
    takes_others(installed, other_package)
    assert groups(installed) == {"_totp"}, "libpam-totp-postgresql is removed, and not purged"
    installed.say("apt-get", "purge", "--yes", "libpam-totp-postgresql")
    assert not groups(installed) and "totp" not in installed.overrides()
    takes_others(installed, other_package)

    installed.install(*(deb(packages, name) for name in OURS))
    for program in ("/usr/bin/totp-enroll", "/usr/libexec/pam-totp/totp_check"):
        installed.say("dpkg-statoverride", "--remove", program)
    installed.say("apt-get", "purge", "--yes", "libpam-totp-postgresql")
    assert groups(installed) == {"_totp", "_totp_verifier"}, "the store is the group's"
    installed.say("apt-get", "remove", "--yes", "totp-enroll")
    assert groups(installed) == {"_totp", "_totp_verifier"}
    installed.say("apt-get", "purge", "--yes", "totp-enroll")
    assert not groups(installed) and "totp" not in installed.overrides()
    takes_others(installed, other_package)


# ---- what PAM reads

def is_there(debian):
    return any(debian.root.glob("usr/lib/*/security/pam_totp.so"))


def removal_stops(debian):
    """What it says then; nothing is half removed."""
    done = subprocess.run(debian.command("apt-get", "remove", "--yes", "libpam-totp"), env=QUIET, capture_output=True,
                          text=True)
    assert done.returncode != 0 and is_there(debian), "a service is left without its module"
    assert debian.say("dpkg-query", "--show", "--showformat=${db:Status-Status}", "libpam-totp") == "installed"
    return done.stdout + done.stderr


def removal_goes_on(debian):
    debian.say("apt-get", "remove", "--yes", "libpam-totp")
    assert not is_there(debian)


def where_it_stands(file, path):
    """FILE:NUMBER: of the line that has the module."""
    [number] = [n for n, line in enumerate(file.read_text().splitlines(), 1) if re.match("[^#]*pam_totp.so", line)]
    return f"{path}:{number}:"


def test_removal_stops_where_the_common_stack_was_changed_by_hand(guarded):
    stack = guarded.root / COMMON_AUTH[1:]
    text = re.sub(rf"^({MANAGED}.*\n)", r"\1auth optional pam_permit.so\n", stack.read_text(), flags=re.MULTILINE)
    stack.write_text(text)
    stack.with_suffix(".pam-old").write_text(text)
    said = removal_stops(guarded)
    assert where_it_stands(stack, COMMON_AUTH) in said and "pam-old" not in said
    stack.write_text("".join(line for line in text.splitlines(True) if "pam_totp" not in line))
    removal_goes_on(guarded)


def test_removal_stops_where_a_service_has_a_line_of_its_own(guarded):
    door = guarded.root / "etc/pam.d/door"
    door.write_text(f"#{OUR_LINE}@include common-auth\n{OUR_LINE}")
    stack = (guarded.root / COMMON_AUTH[1:]).read_text()
    assert "/etc/pam.d/door:3:" in removal_stops(guarded)
    assert (guarded.root / COMMON_AUTH[1:]).read_text() == stack, "and nothing was changed before"
    door.rename(door.with_suffix(".bak"))
    removal_goes_on(guarded)


def test_removal_takes_the_profile_out_after_an_emergency(installed):
    """The page's steps, there and back."""
    stack = installed.root / COMMON_AUTH[1:]
    before = stack.read_text()
    installed.say("pam-auth-update", "--enable", "totp")
    with_profile = stack.read_text()
    page = (TREE / "conf/pam-totp-emergency.7.scd").read_text().split("# NOBODY CAN BECOME ROOT")[1]
    block, back = re.search(r"^\t(cp .*?)\n\n.*^\t(cp .*?)\n", page, re.MULTILINE | re.DOTALL).groups()
    installed.say("sh", "-ec", re.sub(r"\\(.)", r"\1", block.replace("++\n", "\n")))
    assert not re.search("^[^#]*pam_totp", stack.read_text(), re.MULTILINE)
    installed.say("sh", "-ec", back)
    assert stack.read_text() == with_profile
    removal_goes_on(installed)
    assert stack.read_text() == before
