"""The Debian packages: built, looked at by lintian and piuparts, tried by their own test, and lived with."""

import json
import re
import subprocess
import threading
from pathlib import Path

import pexpect
import pytest

from builder import STUCK
from fresh_debian import release, run

USER, PASSWORD = "alice", "correct horse"
OURS = ("totp-enroll", "libpam-totp", "libpam-totp-postgresql")
CHECK_ANY = "/usr/libexec/pam-totp/totp_check_any"


def deb(directory, name):
    [file] = directory.glob(f"{name}_*.deb")
    return file


def test_lintian_finds_nothing(packages):
    source, binaries = packages.glob("*.changes")
    assert run("lintian", "--pedantic", "--allow-root", source, binaries) == ""


def test_installed_package_passes_its_own_test(packages, builder, debian):
    done = subprocess.run(["autopkgtest", "--setup-commands=apt-get update", "--no-built-binaries",
                           *(deb(packages, name) for name in OURS), f"{builder.tree}/", "--", "chroot", debian.root],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr


def test_piuparts_finds_nothing(packages, archive):
    run("piuparts", "--basetgz", archive, "--skip-logrotatefiles-test", "--no-eatmydata",
        "--distribution", release(), *(deb(packages, name) for name in OURS))


# ---- a life

def next_version(packages, directory):
    """The same packages once more, as a later version."""
    directory.mkdir()
    for name in OURS:
        run("dpkg-deb", "-R", deb(packages, name), directory / name)
        control = directory / name / "DEBIAN/control"
        text = control.read_text()
        [version] = re.findall(r"^Version: (.*)$", text, re.MULTILINE)
        control.write_text(text.replace(version, f"{version}+later"))
        run("dpkg-deb", "--build", "--root-owner-group", directory / name, directory / f"{name}_later_test.deb")
    return directory


class Token:
    """A device that counts, so that a login needn't wait for the next code."""

    def __init__(self, secret):
        self.secret, self.counter = secret, -1

    def next(self):
        self.counter += 1
        return run("oathtool", "--hotp", "--base32", "--counter", self.counter, self.secret).strip()


def logs_in(debian, code, asker="root", prompt="Verification code: "):
    """Whether sshd's stack lets alice in with her password and this code. It asks for both."""
    client = pexpect.spawn("chroot", [f"--userspec={asker}", str(debian.root), "pamtester", "sshd", USER, "authenticate"],
                           encoding="utf-8", timeout=STUCK)
    client.expect_exact("Password: ")
    client.sendline(PASSWORD)
    client.expect_exact(prompt)
    client.sendline(code)
    client.expect(pexpect.EOF)
    client.close()
    return client.exitstatus == 0


class Door:
    """Somebody at the door all the while: in with each code, and never without one. As root, who reads the store, and
    as the user, who asks the helper."""

    def __init__(self, debian, token, asker):
        self.tries, self.wrong, self.stopped = 0, [], False
        self.thread = threading.Thread(target=self.stand_at, args=(debian, token, asker))

    def stand_at(self, debian, token, asker):
        while not self.stopped:
            self.tries += 1
            try:
                if logs_in(debian, "", asker):
                    self.wrong.append("in without a code")
                if not logs_in(debian, token.next(), asker):
                    self.wrong.append("not in with a code")
            except pexpect.ExceptionPexpect as surprise:
                self.wrong.append(str(surprise))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()


def enrol_a_token(debian, device):
    facts = json.loads(debian.say("totp-enroll", "add", "--user", USER, "--device", device, "--hotp", "--no-confirm",
                                  "--json"))
    return Token(facts["secret"])


def test_life_from_installation_to_purge(packages, work, debian):
    debian.install("pamtester", "openssh-server", "libpam-runtime", "libqrencode4", "libeconf0", "libpng16-16", "libpq5",
                   "libtinfo6")
    debian.say("useradd", "--create-home", USER)
    debian.say("chpasswd", input=f"{USER}:{PASSWORD}\n")
    before, overrides_before = debian.files(), debian.overrides()
    stack = (debian.root / "etc/pam.d/common-auth").read_text()

    debian.install(*(deb(packages, name) for name in OURS))
    assert (debian.root / "etc/pam.d/common-auth").read_text() == stack, "an installation changes no login"
    debian.say("pam-auth-update", "--enable", "totp")
    tokens = {asker: enrol_a_token(debian, f"of-{asker}") for asker in ("root", USER)}
    for asker, token in tokens.items():
        assert logs_in(debian, token.next(), asker) and not logs_in(debian, "", asker)
    debian.say("dpkg-statoverride", "--force-statoverride-add", "--update", "--add", "root", "_totp_verifier", "0710",
               CHECK_ANY)

    later = next_version(packages, work / "later")
    with Door(debian, tokens["root"], "root") as one, Door(debian, tokens[USER], USER) as another:
        for version in (later, packages, later, packages, later):
            debian.install("--allow-downgrades", *(deb(version, name) for name in OURS))
    assert min(one.tries, another.tries) > 2 and one.wrong + another.wrong == []
    assert "+later" in debian.say("dpkg-query", "--show", "libpam-totp")
    assert (debian.root / CHECK_ANY[1:]).stat().st_mode & 0o7777 == 0o710, "what was overridden stays so"
    debian.say("dpkg-statoverride", "--remove", CHECK_ANY)

    debian.say("apt-get", "remove", "--yes", *OURS)
    assert (debian.root / "etc/pam.d/common-auth").read_text() == stack, "a removal takes the profile out"
    debian.install(*(deb(later, name) for name in OURS))
    debian.say("pam-auth-update", "--enable", "totp")
    assert logs_in(debian, tokens["root"].next()), "a removal keeps the enrolment"

    debian.say("apt-get", "purge", "--yes", *OURS)
    debian.say("apt-get", "autoremove", "--purge", "--yes")
    assert debian.files() == before and debian.overrides() == overrides_before
    for file in ("group", "gshadow"):
        assert "_totp" not in (debian.root / "etc" / file).read_text()
