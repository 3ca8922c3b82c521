"""Taken away, the packages leave a machine on which others can be installed."""

import re

import pytest

from builder import TREE
from fresh_debian import run
from test_package import CHECK_ANY, OURS, deb


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
