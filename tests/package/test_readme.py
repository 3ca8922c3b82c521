"""The README followed to the letter on a fresh Debian, both ways: the packages, and `cmake --install`.

What is typed is taken from the README itself, in its order, and each thing there in code must be something that is
played here or something that isn't to be typed.
"""

import re
from itertools import dropwhile

import pytest

from builder import TREE
from fresh_debian import run
from reader import SSHD_SETTINGS, SSHD_STACK, Reader
from readme import answers, line_with, said

NOT_TO_BE_TYPED = {
    "pam_totp.so", "_totp_verifier", "--user alice", "--check", "unenrolled=ignore", "totp", "remember", "import oath",
    "import uri", "export", "/etc/security/pam_totp.conf", "pam_totp(8)", "pam_totp.conf(5)", "totp-enroll(1)",
    "pam-totp-emergency(7)"}
PLAYED_BY_CI = {"sudo ./test.sh", "sudo ./quickstart.sh"}
PLAYED_BY_BUILDER = {line_with("debhelper"), line_with("dpkg-buildpackage")}
BY_PACKAGES = ["sudo apt install ../totp-enroll_*.deb ../libpam-totp_*.deb"]
BY_CMAKE = ["sudo groupadd --system _totp", "sudo groupadd --system _totp_verifier",
            "cmake --preset release -DBUILD_TESTING=OFF", "cmake --build --preset release",
            "sudo cmake --install build/release --strip", "sudo totp-enroll prepare"]
PLAYS = {}


def plays(*texts):
    """What is done where the README says one of these."""
    def keep(play):
        PLAYS.update(dict.fromkeys(texts, play))
        return play
    return keep


# ---- one way, or the other

@plays(*BY_PACKAGES, *BY_CMAKE)
def command_is_typed(reader, command):
    reader.types(command)


# ---- enrolling

@plays("totp-enroll")
def alice_enrols_herself(reader, command):
    shown = reader.alice.types(command)
    reader.alice.takes_new_device("phone", shown)
    assert len(reader.alice.recovery_codes) == 10


@plays("sudo totp-enroll add --user alice")
def root_does_it_for_her(reader, command):
    """She has a device by now: this is one more, which goes again."""
    reader.types(command)
    reader.types("sudo totp-enroll remove --user alice --device phone-2")


# ---- ssh

@plays(SSHD_STACK, SSHD_SETTINGS)
def file_is_opened(reader, path):
    reader.file = reader.path(path)


@plays("@include common-auth")
def line_is_found(reader, line):
    assert re.search(rf"^{line}$", reader.file.read_text(), re.M)


@plays("auth required pam_totp.so unenrolled=ignore")
def line_is_put_after_it(reader, line):
    reader.file.write_text(reader.file.read_text().replace("@include common-auth\n", f"@include common-auth\n{line}\n"))


@plays("UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no")
def setting_is_seen_to(reader, setting):
    name = setting.split()[0]
    others = re.sub(rf"^#?{name} .*\n", "", reader.file.read_text(), flags=re.M)
    reader.file.write_text(f"{setting}\n{others}")


@plays("sudo systemctl restart ssh")
def server_is_restarted_and_asks(reader, command):
    reader.types(command)
    reader.sshd.restart()
    assert reader.sshd.lets_in("bob"), "an account that isn't enrolled passes"
    assert not reader.sshd.lets_in("alice", "000000")
    code = reader.alice.code(step=1)
    assert reader.sshd.lets_in("alice", code)
    assert not reader.sshd.lets_in("alice", code)


@plays("sudo journalctl --since -1h | grep pam_totp")
def log_says_what_happened(reader, command):
    accepted = r"user=alice service=sshd .*verdict=accepted device=phone"
    reader.sshd.wait_for_log(accepted)
    shown = reader.types(command)
    assert re.search(accepted, shown), shown


@plays("pam-auth-update --enable totp")
def every_service_asks(reader, command):
    reader.path(SSHD_STACK).write_text(reader.kept[SSHD_STACK])
    reader.types(f"sudo {command}")
    assert reader.sshd.lets_in("bob")
    assert reader.sshd.lets_in("alice", reader.alice.recovery_codes.pop())


@plays("totp-required")
def newcomer_enrols_at_ssh(reader, profile):
    reader.types(f"sudo pam-auth-update --disable totp --enable {profile}")
    shown = reader.carol.answers(reader.sshd.client("carol"))
    reader.carol.takes_new_device("phone", shown)
    assert "I am in" in shown
    assert reader.sshd.lets_in("carol", reader.carol.code(step=1))
    reader.types(f"sudo pam-auth-update --disable {profile} --enable totp")


# ---- the table

@plays("totp-enroll status")
def status_is_shown(reader, command):
    assert "phone" in reader.alice.types(command)


@plays("totp-enroll add --device tablet")
def tablet_is_added(reader, command):
    reader.alice.takes_new_device("tablet", reader.alice.types(command))


@plays("totp-enroll add --qr-file tablet.png")
def picture_is_written(reader, command):
    reader.alice.takes_new_device("phone-2", reader.alice.types(command))
    assert reader.path("/home/alice/tablet.png").read_bytes().startswith(b"\x89PNG")


@plays("totp-enroll remove --device phone")
def phone_is_taken_away(reader, command):
    reader.alice.types(command)
    lost = reader.alice.code_of(reader.alice.devices.pop("phone"), step=1)
    assert not reader.sshd.lets_in("alice", lost)


@plays("totp-enroll recovery")
def recovery_codes_are_new(reader, command):
    before = set(reader.alice.recovery_codes)
    reader.alice.types(command)
    assert len(reader.alice.recovery_codes) == 10 and not before & set(reader.alice.recovery_codes)


@plays("totp-enroll forget", "totp-enroll unlock")
def command_ends_well(reader, command):
    reader.alice.types(command)


@plays("totp-enroll resync")
def token_is_in_step_again(reader, command):
    reader.alice.steps_off = 7
    reader.alice.types(command)


@plays("sudo totp-enroll recovery --user alice --one --expires 24h")
def code_helps_out(reader, command):
    kept = reader.alice.recovery_codes
    reader.types(command)
    [one] = reader.alice.recovery_codes
    assert one not in kept and reader.sshd.lets_in("alice", one) and not reader.sshd.lets_in("alice", one)
    reader.alice.recovery_codes = kept


@plays("sudo totp-enroll verify --user alice")
def code_is_tried(reader, command):
    assert "Right" in reader.types(command)


@plays("sudo totp-enroll rekey")
def all_is_sealed_anew(reader, command):
    key = reader.path("/etc/pam-totp/key")
    before = key.read_bytes()
    reader.types(command)
    assert key.read_bytes() != before
    assert reader.sshd.lets_in("alice", reader.alice.recovery_codes.pop())


@plays("sudo totp-enroll bulk staff.csv --out /root/staff")
def many_are_enrolled(reader, command):
    (reader.builder.tree / "staff.csv").write_text("bob\n")
    reader.types(command)
    names = {path.name for path in reader.path("/root/staff").iterdir()}
    assert any(name.startswith("bob") for name in names), names
    reader.types("sudo totp-enroll remove --user bob --yes")
    reader.types("sudo rm -r staff.csv /root/staff")


@plays("sudo totp-enroll status --all")
def everybody_is_shown(reader, command):
    shown = reader.types(command)
    assert "alice" in shown and "carol" in shown


@plays("sudo totp-enroll check")
def nothing_is_wrong(reader, command):
    reader.types(command)


@plays("sudo totp-enroll add --user alice --no-confirm --json")
def script_enrols(reader, command):
    assert '"secret"' in reader.types(command)


# ---- from google-authenticator

def has_used_google_authenticator(reader):
    """The machine as it was instead, and bob on it."""
    reader.builder.say("pam-auth-update", "--disable", "totp")
    reader.path(SSHD_STACK).write_text(reader.kept[SSHD_STACK].replace(
        "@include common-auth\n", "@include common-auth\nauth required pam_google_authenticator.so\n"))
    reader.bob.types("google-authenticator -t -d -f -r 3 -R 30 -w 3 -C -Q NONE >/dev/null")
    reader.bob.devices["phone"] = reader.path("/home/bob/.google_authenticator").read_text().split("\n")[0]
    reader.spent = reader.bob.code()
    assert reader.sshd.lets_in("bob", reader.spent)


@plays("sudo totp-enroll import google --all-homes")
def google_is_taken_over(reader, command):
    if not reader.bob.devices:
        has_used_google_authenticator(reader)
    assert "bob" in reader.types(command)


@plays(r"sudo sed -i 's/pam_google_authenticator\.so/pam_totp.so/' /etc/pam.d/sshd")
def line_is_changed(reader, command):
    reader.types(command)
    assert not reader.sshd.lets_in("bob", reader.spent), "what was spent stays spent"
    assert reader.sshd.lets_in("bob", reader.bob.code(step=1))


# ---- the whole

def test_each_thing_in_code_is_played_or_is_not_to_be_typed():
    assert {each.text for each in said()} == {*PLAYS, *NOT_TO_BE_TYPED, *PLAYED_BY_CI, *PLAYED_BY_BUILDER}


def test_ci_plays_what_is_not_played_here():
    ci = (TREE / ".ci/run").read_text()
    assert all(command.removeprefix("sudo ") in ci for command in PLAYED_BY_CI)


def test_quickstart_says_what_is_shown(packages, builder):
    """All but its first two steps, which install and build."""
    [built] = builder.tree.glob("obj-*")
    told = run("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private", "/usr/bin/python3",
               "-B", TREE / "tests/system/story.py", built, "--check")
    [shown] = answers()
    assert without_drift(shown) in without_drift(told)


def without_drift(text):
    """A code may be a step older by the time it is looked at."""
    return re.sub(r"drift=-?\d", "drift=", text)


@pytest.fixture(scope="module")
def equipped(packages, builder):
    """The machine that the packages were built on, with what people log in by and have used before."""
    builder.install("openssh-server", "systemd", "libpam-google-authenticator")
    return builder


def follow(builder, way_not_taken):
    """All that the README says, in its order."""
    reader = Reader(builder)
    try:
        for _, text in dropwhile(lambda each: each.section != "Use it", said()):
            if text in PLAYS and text not in way_not_taken:
                PLAYS[text](reader, text)
    finally:
        reader.leave()


def test_followed_with_packages(equipped):
    follow(equipped, BY_CMAKE)
    equipped.say("apt-get", "purge", "--yes", "libpam-totp", "totp-enroll")


def test_followed_with_cmake(equipped):
    equipped.bring_what_is_built()
    follow(equipped, BY_PACKAGES)
