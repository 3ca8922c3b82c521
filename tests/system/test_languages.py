"""Who has a locale is spoken to in its language; what scripts and logs read stays English."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, SAY_WHO, STUCK, Sshd, as_user, code_at, conversation, enter, run, wrong
from person import PASSWORD_PROMPT, RECOVERY_CODE, Person
from terminal import Terminal
from test_qr import decoded, key_uri, photograph, shown_secret

LOCALES = Path("/usr/share/locale")
STORE = Path("/var/lib/pam-totp")
GERMAN, FRENCH = ({"LC_ALL": "C.UTF-8", "LANGUAGE": language} for language in ("de", "fr"))
PROMPT = "Bestätigungscode: "
CONFIRM_PROMPT = "Code, den die App jetzt anzeigt: "


@pytest.fixture(scope="module", autouse=True)
def catalogues(machine):
    """Ours, and nobody else's: PAM's other modules stay English."""
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(LOCALES))
    for catalogue in (machine.build / "po").glob("*/LC_MESSAGES/pam-totp.mo"):
        directory = LOCALES / catalogue.relative_to(machine.build / "po").parent
        directory.mkdir(parents=True)
        shutil.copy(catalogue, directory)


@pytest.fixture
def person(machine, user):
    return Person(machine, user)


def in_german(command):
    return ["env", "LC_ALL=C.UTF-8", "LANGUAGE=de", *command]


# ---- the command


def test_enrols_and_removes_in_german(machine, person):
    client = person.start(**GERMAN)
    client.expect_exact(PASSWORD_PROMPT)
    client.sendline(PASSWORD)
    client.expect(r"\n    ([A-Z2-7]{4}(?: [A-Z2-7]{1,4})+)\r?\n")
    secret = client.match[1].replace(" ", "")
    client.expect_exact(CONFIRM_PROMPT)
    client.sendline("12")
    client.expect_exact("das ist kein Code mit 6 Ziffern; versuchen Sie den, der jetzt angezeigt wird")
    client.expect_exact(CONFIRM_PROMPT)
    client.sendline(code_at(secret))
    client.expect_exact("Bewahren Sie sie sicher auf")
    client.expect_exact("Drücken Sie eine Taste")
    assert len(RECOVERY_CODE.findall(client.before)) == 10
    client.send("x")
    assert f"Das Gerät phone von {person.name} ist registriert." in person.finish(client)[0]

    removing = person.start("remove", **GERMAN)
    removing.expect_exact(PASSWORD_PROMPT)
    removing.sendline(PASSWORD)
    removing.expect_exact(PROMPT)
    removing.sendline(code_at(secret, 1))
    for answer in ("j", "JA "):
        removing.expect_exact("entfernen? [j/N] " if answer == "JA " else "registriert ist? [j/N] ")
        removing.sendline(answer)
    said, exit_code = person.finish(removing)
    assert exit_code == 0 and "Entfernt." in said


@pytest.mark.parametrize("answer", ["n", "nein", "", "|", "J a", "o"])
def test_no_other_answer_is_yes(machine, person, answer):
    person.enrol()
    client = pexpect.spawn("env", ["LC_ALL=C.UTF-8", "LANGUAGE=de", machine.totp_enroll, "remove", "--user", person.name],
                           encoding="utf-8", timeout=STUCK)
    client.expect_exact("[j/N] ")
    client.sendline(answer)
    said, exit_code = person.finish(client)
    assert exit_code == 1 and "nichts wurde entfernt" in said
    machine.status(person.name)


def test_english_yes_is_understood_in_every_language(machine, person):
    person.enrol("--device", "phone")
    person.enrol("--device", "tablet")
    client = pexpect.spawn("env", ["LC_ALL=C.UTF-8", "LANGUAGE=fr", machine.totp_enroll, "remove", "--user", person.name,
                                   "--device", "tablet"], encoding="utf-8", timeout=STUCK)
    client.expect_exact(f"Retirer l'appareil tablet de {person.name} ? [o/N] ")
    client.sendline("y")
    assert person.finish(client)[1] == 0


def test_status_and_help_are_in_the_language(machine, person):
    def said(*arguments, **environment):
        return run(machine.totp_enroll, *arguments, env={**os.environ, **environment})

    person.enrol()
    status = ("status", "--user", person.name)
    assert "Übrige Wiederherstellungscodes: 10" in said(*status, **GERMAN)
    assert "Codes de secours restants : 10" in said(*status, **FRENCH)
    assert "Recovery codes left: 10" in said(*status, LC_ALL="C", LANGUAGE="de")
    help_text = said("add", "--help", **GERMAN)
    assert "Aufruf: totp-enroll add [OPTIONEN]" in help_text and "Wie das Gerät heißen soll" in help_text
    assert "Usage" not in help_text and "Options" not in help_text and "Print this" not in help_text
    assert "Registrieren, oder ein Gerät hinzufügen" in said("--help", **GERMAN)


def test_scripts_and_logs_read_english(machine, person):
    facts = person.enrol()
    english, german = (run(machine.totp_enroll, "status", "--user", person.name, "--json",
                           env={**os.environ, **environment}) for environment in ({"LC_ALL": "C"}, GERMAN))
    assert json.loads(english) and english == german
    seen = len(machine.log.lines)
    assert run(*in_german([machine.totp_enroll, "remove", "--user", person.name, "--yes"])) == "Entfernt.\n"
    assert "change=enrolment_removed" in machine.log.text(seen)
    refused = subprocess.run(in_german([machine.totp_enroll, "add", "--user", person.name, "--json", "--digits", "9"]),
                             capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stdout == "" and "siehe totp-enroll add --help" in refused.stderr
    assert facts["device"] == "phone"


# ---- what goes wrong


def failing(machine, *arguments, **environment):
    """A totp-enroll that doesn't do it, in German unless the environment says otherwise."""
    failed = subprocess.run([machine.totp_enroll, *map(str, arguments)], capture_output=True, text=True,
                            env={**os.environ, **(environment or GERMAN)})
    assert failed.returncode != 0
    return failed


@pytest.mark.parametrize("arguments,sentence", [
    (["--otp"], "das Argument --otp ist unbekannt"),
    (["status", "alice", "bob"], "die Argumente alice, bob sind unbekannt"),
    (["bulk", "list"], "--out fehlt"),
    (["import"], "format fehlt"),
    (["add", "--device"], "--device hat keinen Wert"),
    (["add", "--device", "a", "--device", "b"], "--device steht mehr als einmal da"),
    (["rekey", "--key-from"], "--key-from hat keinen Wert"),
    (["status", "--json=perhaps"], "--json nimmt keinen Wert"),
    (["add", "--digits", "9"], "--digits: 9 ist keine Zahl von 6 bis 8"),
    (["add", "--digits", "six"], "--digits: six ist keine Zahl von 6 bis 8"),
    (["import", "yubico"], "format: yubico ist keines von google, oath, uri"),
])
def test_wrong_arguments_are_told_in_the_language(machine, arguments, sentence):
    failed = failing(machine, *arguments)
    command = "" if arguments[0].startswith("-") else f"{arguments[0]} "
    assert failed.returncode == 2 and failed.stderr == f"totp-enroll: {sentence}: siehe totp-enroll {command}--help\n"


def test_broken_record_is_told_in_the_language_and_logged_in_english(machine, enrolled):
    user, secret = enrolled
    record = STORE / "enrolled" / user
    record.write_bytes(record.read_bytes()[:30])
    told = (f"{record} ist abgeschnitten: holen Sie es aus einer Sicherung zurück, oder führen Sie totp-enroll remove "
            f"--user {user} aus und registrieren Sie neu\n")
    english = (f"{record} is cut short: bring it back from a backup, or run totp-enroll remove --user {user} and enrol "
               "again")
    assert failing(machine, "status", "--user", user).stderr == f"totp-enroll: {told}"
    assert f"{user}: {told}" in failing(machine, "status", "--all").stdout
    assert {"user": user, "error": english} in map(
        json.loads, failing(machine, "status", "--all", "--json").stdout.splitlines())
    seen = len(machine.log.lines)
    answer_su_in_german(machine.add_user(), user, code_at(secret)).expect_exact("Der Code kann nicht geprüft werden.")
    assert english in machine.log.text(seen)
    run(machine.totp_enroll, "remove", "--user", user, "--yes")


def test_findings_are_in_the_language_and_the_same_for_scripts(machine, enrolled):
    user, _ = enrolled
    record = STORE / "enrolled" / user
    record.chmod(0o644)
    found = failing(machine, "check").stdout
    assert (f"\nFehler  {record.parent}: der Eintrag von {user} steht anderen offen, also lehnt eine Anmeldung ihn ab.\n"
            f"  Änderung: chmod go= {record}\n") in found
    german, english = (failing(machine, "check", "--json", **environment).stdout
                       for environment in (GERMAN, {"LC_ALL": "C"}))
    assert german == english and f"the record of {user} is open to others, so a login refuses it" in english


def test_file_of_another_program_is_refused_in_the_language(machine, user, tmp_path):
    file = tmp_path / "file"
    file.write_text("not base 32!\n")
    file.chmod(0o600)
    assert failing(machine, "import", "google", "--user", user, file).stderr == (
        f"totp-enroll: {file} ist in Zeile 1 falsch: das ist kein Geheimnis von 1 bis 128 Bytes in Base 32\n")
    home = Path("/home", user)
    home.mkdir(exist_ok=True)
    (home / ".google_authenticator").symlink_to(file)
    failed = failing(machine, "import", "google", "--user", user, "--json")  # read by a process of its own
    assert failed.stderr == f"totp-enroll: {home}/.google_authenticator ist ein Link, und Links wird nicht gefolgt\n"
    assert json.loads(failed.stdout)["error"] == (
        f"{home}/.google_authenticator is a link, and links aren't followed")


def test_list_of_accounts_is_refused_in_the_language(machine, tmp_path):
    accounts = tmp_path / "accounts"
    accounts.write_text("user,phone\nalice,1\n")
    assert failing(machine, "bulk", accounts, "--out", tmp_path / "out").stderr == (
        f"totp-enroll: {accounts}:1 überschreibt eine Spalte mit 'phone': es gibt user, device, issuer und label\n")


# ---- catalogues


@pytest.mark.parametrize("of_root", [True, False], ids=["root", "user"])
@pytest.mark.parametrize("language", ["{}", "../../..{}", "de/../../../..{}", "xx:{}"])
def test_catalogue_of_the_callers_is_not_read(machine, person, of_root, language):
    evil = Path("/home/catalogue")
    (evil / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
    (evil / "evil.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
                                  'msgid "One-time codes for logins: enrol, and look after what is enrolled."\n'
                                  'msgstr "EVIL"\n')
    run("msgfmt", "-o", str(evil / "LC_MESSAGES/pam-totp.mo"), str(evil / "evil.po"))
    environment = [f"LANGUAGE={language.format(evil)}", "LC_ALL=C.UTF-8", f"TEXTDOMAINDIR={evil}", f"LOCPATH={evil}",
                   f"NLSPATH={evil}/%N"]
    command = ["env", *environment, machine.totp_enroll, "--help"]
    said = run(*(command if of_root else as_user(person.name, *command)))
    assert "One-time codes for logins" in said


def test_broken_catalogue_says_it_in_english(machine, person):
    """One that msgfmt would refuse: with a value too many, one too few, and one a printf would die of."""
    broken = LOCALES / "xx/LC_MESSAGES"
    broken.mkdir(parents=True)
    (broken / "x.po").write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
                                 'msgid "%1 is enrolled."\nmsgstr "%1 %s %n %2"\n'
                                 'msgid "Recovery codes left: %1"\nmsgstr "none"\n'
                                 'msgid "Devices"\nmsgstr "%s%n"\n')
    run("msgfmt", "-o", str(broken / "pam-totp.mo"), str(broken / "x.po"))
    person.enrol()
    said = run("env", "LC_ALL=C.UTF-8", "LANGUAGE=xx", machine.totp_enroll, "status", "--user", person.name)
    assert f"{person.name} is enrolled.\n" in said and "Recovery codes left: 10\n" in said and "\n%s%n\n" in said
    shutil.rmtree(broken.parent)


# ---- pages


@pytest.fixture
def terminal(machine, user):
    started = []

    def start(columns, rows):
        command = ["LC_ALL=C.UTF-8", "LANGUAGE=de", "TERM=screen-256color", machine.totp_enroll, "--issuer", "host",
                   "--label", "alice"]
        terminal = Terminal(f"german{columns}", columns, rows, ["env", "LC_ALL=C.UTF-8",
                                                               *as_user(user, "env", *command)])
        started.append(terminal)
        terminal.wait_for("Password:")
        terminal.type(PASSWORD)
        terminal.wait_for("Code, den die App jetzt")
        return terminal

    yield start
    for each in started:
        each.close()


def test_page_with_the_picture_fits_80_by_24(terminal, tmp_path):
    shown = terminal(80, 24)
    secret = shown_secret(shown.screen())
    assert decoded(photograph(shown.screen(), background_is_dark=True), tmp_path / "page.png") == key_uri(
        "host", "alice", secret)
    assert shown.screen()[0].startswith("Scannen Sie dies, oder tippen Sie den Schlüssel ein.")
    shown.type(code_at(secret))
    shown.wait_for("Drücken Sie eine Taste")
    assert len(RECOVERY_CODE.findall("\n".join(shown.screen()))) == 10


@pytest.mark.parametrize("columns,rows", [(60, 14), (44, 12)])
def test_no_recovery_code_leaves_a_small_page(terminal, columns, rows):
    """Umlauts take one cell each: else a page would be counted as higher than it is, or lower."""
    shown = terminal(columns, rows)
    shown.type(code_at(shown_secret(shown.screen())))
    codes = set()
    while len(codes) < 10:
        shown.wait_for("Drücken Sie")
        page = "\n".join(shown.screen())
        assert set(RECOVERY_CODE.findall("\n".join(shown.scrolled_through()))) <= set(RECOVERY_CODE.findall(page))
        new = set(RECOVERY_CODE.findall(page)) - codes
        assert new, page
        codes |= new
        shown.tmux("send-keys", "x")
        if len(codes) < 10:
            shown.wait_until(lambda rows, new=new: not new & set(RECOVERY_CODE.findall(rows)))


# ---- the doors


def answer_su_in_german(caller, user, code):
    """What has answered the password and, at the German prompt, the code."""
    command = as_user(caller, *in_german(["su", user, "-c", SAY_WHO]))
    client = pexpect.spawn(command[0], command[1:], timeout=STUCK, encoding="utf-8")
    client.expect_exact("Password: ")
    client.sendline(PASSWORD)
    client.expect_exact(PROMPT)
    client.sendline(code)
    return client


def test_su_speaks_the_language_of_its_caller(machine, enrolled):
    user, secret = enrolled
    client = answer_su_in_german(machine.add_user(), user, code_at(secret))
    client.expect_exact(f"in as {user}\r")
    assert machine.log.decisions(user)[-1].endswith("verdict=accepted device=phone drift=0 failures=0")


def test_lock_out_is_told_in_the_language(machine, enrolled):
    user, secret = enrolled
    caller = machine.add_user()
    for _ in range(5):
        assert not enter(as_user(caller, "su", user, "-c", SAY_WHO), user, PASSWORD, wrong(code_at(secret)))
    client = answer_su_in_german(caller, user, code_at(secret))
    client.expect(r"Zu viele falsche Codes\. Versuchen Sie es in \d+ Sekunden noch einmal\.")
    assert "verdict=throttled failures=5" in machine.log.decisions(user)[-1]


def test_sshd_has_no_locale_and_stays_english(machine, enrolled, monkeypatch):
    user, secret = enrolled
    for name, value in GERMAN.items():
        monkeypatch.setenv(name, value)
    server = Sshd(["AcceptEnv LANG LANGUAGE LC_*"])
    try:
        client = pexpect.spawn(*(lambda command: (command[0], command[1:]))(
            server.command(user, "-o", "SendEnv=LANGUAGE LC_*") + [SAY_WHO]), timeout=STUCK, encoding="utf-8")
        assert conversation(client, user, PASSWORD, code_at(secret))
    finally:
        server.stop()
