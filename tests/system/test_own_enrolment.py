"""What a person does for themselves: enrol, add and remove devices, renew recovery codes, over a terminal."""

import fcntl
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pexpect
import pytest

from machine import PASSWORD, STUCK, SettingsFile, as_user, code_at, codes_at, run, wrong
from person import (CODE_PROMPT, CONFIRM_PROMPT, ENTERS_PAGE, LEAVES_PAGE, PASSWORD_PROMPT, RECOVERY_CODE, WIPES,
                    Person)

STORE = Path("/var/lib/pam-totp")
DONE, REFUSED, USAGE, NOT_PERMITTED, UNUSABLE = range(5)


@pytest.fixture
def person(machine, user):
    return Person(machine, user)


@pytest.fixture
def enrolled_person(person):
    person.enrol()
    return person


# ---- the whole story


def test_person_lives_through_it_all(machine, sshd, person):
    said, exit_code = person.enrol_themselves()
    assert (exit_code, len(person.recovery_codes)) == (DONE, 10)
    assert f"{person.name}'s device phone is enrolled." in said
    assert sshd.login(person.name, PASSWORD, person.code())

    adding = person.begin("add", "--device", "tablet", answer=person.code())
    person.confirm(adding, "tablet")
    assert "device tablet is enrolled" in person.finish(adding)[0]

    removing = person.begin("remove", "--device", "phone", answer=person.code("tablet"))
    removing.expect_exact(f"Remove the device phone of {person.name}? [y/N] ")
    removing.sendline("y")
    assert person.finish(removing)[1] == DONE
    assert [device["name"] for device in machine.status(person.name)["devices"]] == ["tablet"]

    old = person.recovery_codes
    renewing = person.begin("recovery", answer=person.code("tablet"))
    person.take_recovery_codes(renewing)
    assert person.finish(renewing)[1] == DONE
    assert len(person.recovery_codes) == 10 and not set(old) & set(person.recovery_codes)
    assert not sshd.login(person.name, PASSWORD, old[0])
    assert sshd.login(person.name, PASSWORD, person.recovery_code())

    asking = person.begin("status", answer=person.recovery_code())
    said, exit_code = person.finish(asking)
    assert exit_code == DONE
    assert "Recovery codes left: 8" in said and "tablet: totp" in said


def test_without_a_command_it_is_add(machine, person):
    assert person.enrol_themselves()[1] == DONE
    assert machine.status(person.name)["devices"][0]["name"] == "phone"


def test_devices_are_numbered_where_no_name_is_given(machine, enrolled_person):
    adding = enrolled_person.begin("add", answer=enrolled_person.code())
    enrolled_person.confirm(adding, "phone-2")
    assert "device phone-2 is enrolled" in enrolled_person.finish(adding)[0]


def test_code_that_confirmed_a_device_is_spent(person, sshd):
    client = person.begin()
    secret = person.see_key(client)
    code = code_at(secret)
    client.sendline(code)
    person.take_recovery_codes(client)
    person.finish(client)
    assert not sshd.login(person.name, PASSWORD, code)
    assert sshd.login(person.name, PASSWORD, code_at(secret, 1))


def test_code_that_proved_who_is_asking_is_spent(enrolled_person, sshd):
    code = enrolled_person.code()
    assert enrolled_person.finish(enrolled_person.begin("status", answer=code))[1] == DONE
    assert not sshd.login(enrolled_person.name, PASSWORD, code)


def test_change_is_told_at_the_next_login_once(enrolled_person, sshd):
    def login():
        command = sshd.command(enrolled_person.name, "-tt") + []
        client = pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=STUCK)
        client.expect_exact("Password: ")
        client.sendline(PASSWORD)
        client.expect_exact(CODE_PROMPT)
        client.sendline(enrolled_person.code())
        client.expect_exact("$ ")
        seen = client.before
        client.sendline("exit")
        client.close()
        return seen

    assert re.search(r"Since your last login, until \S+ \S+ UTC: a device was added, recovery codes were made\.|"
                     r"Since your last login, until \S+ \S+ UTC: a device was added\.", login())
    assert "Since your last login" not in login()


def test_changes_are_logged(machine, enrolled_person):
    name = enrolled_person.name
    enrolled_person.finish(enrolled_person.begin("remove", "--yes", answer=enrolled_person.code()))
    lines = [line.partition("user=")[2] for line in machine.log.lines if f"user={name} service=totp-enroll by=" in line]
    assert [line.rstrip("\0") for line in lines] == [
        f"{name} service=totp-enroll by=root change=device_added device=phone",
        f"{name} service=totp-enroll by={name} change=enrolment_removed"]


# ---- the code that confirms


def test_three_wrong_codes_enrol_nothing(machine, person):
    client = person.begin()
    for _ in range(3):
        client.sendline(wrong(code_at(person.see_key(client))))
    said, exit_code = person.finish(client)
    assert exit_code == REFUSED
    assert "that code isn't right" in said and "nothing was enrolled" in said
    assert not machine.status(person.name, enrolled=False)["enrolled"]


def test_wrong_code_may_be_followed_by_the_right_one(machine, person):
    client = person.begin()
    client.sendline(wrong(code_at(person.see_key(client))))
    client.expect_exact("that code isn't right; try the one shown now")
    person.confirm(client)
    person.take_recovery_codes(client)
    assert person.finish(client)[1] == DONE


@pytest.mark.parametrize("steps, said", [(5, "150 s ahead of"), (-5, "150 s behind")])
def test_clock_that_is_off_is_told_and_by_how_much(person, steps, said):
    client = person.begin()
    client.sendline(code_at(person.see_key(client), steps))
    client.expect_exact(said)


def test_enter_alone_is_no_try(person):
    client = person.begin()
    for _ in range(5):
        person.see_key(client)
        client.sendline("")
    person.confirm(client)
    person.take_recovery_codes(client)
    assert person.finish(client)[1] == DONE


def test_counter_based_token_is_enrolled_and_logs_in(machine, person, sshd):
    def shown(counter):
        return run("oathtool", "--hotp", "--base32", f"--counter={counter}", person.secrets["token"]).strip()

    client = person.begin("add", "--device", "token", "--hotp")
    person.secrets["token"] = person.see_key(client)
    client.sendline(shown(0))
    person.take_recovery_codes(client)
    assert person.finish(client)[1] == DONE
    assert not sshd.login(person.name, PASSWORD, shown(0))
    assert sshd.login(person.name, PASSWORD, shown(3))
    far = [shown(500), shown(501)]
    resynced = person.begin("resync", answer=shown(4))
    for prompt, code in zip(("A code of the device: ", "The code after it: "), far):
        resynced.expect_exact(prompt)
        resynced.sendline(code)
    assert "token is in step again" in person.finish(resynced)[0]
    assert sshd.login(person.name, PASSWORD, shown(502))


def resynced_by_root(person, *codes):
    return person.script(command=[person.machine.totp_enroll, "resync", "--user", person.name], typed=codes)


def test_resync_begins_a_device_anew_whose_login_state_is_lost(machine, enrolled_person, sshd):
    """The codes that show where it stands, and whatever came before them, let nobody in."""
    person = enrolled_person
    (STORE / "state" / person.name).unlink()
    before, now, after = codes_at(person.secrets["phone"], -1, 0, 1)
    done = resynced_by_root(person, before, now)
    assert (done.returncode, done.stderr) == (DONE, "")
    assert done.stdout.startswith("The device phone is in step again.\n") and "don't count" not in done.stdout
    assert done.stdout.endswith(f"so none counts: make new ones with totp-enroll recovery --user {person.name}\n")
    again = resynced_by_root(person, before, now)
    assert (again.returncode, again.stdout) == (REFUSED, "")
    assert "these codes of the device phone don't count any more" in again.stderr
    assert not sshd.login(person.name, PASSWORD, now)
    assert not sshd.login(person.name, PASSWORD, person.recovery_code())
    assert sshd.login(person.name, PASSWORD, after)


def test_resync_of_a_lost_device_that_is_behind_tells_which_codes_count(machine, enrolled_person, sshd):
    person = enrolled_person
    (STORE / "state" / person.name).unlink()
    shown = codes_at(person.secrets["phone"], -4, -3, -2)
    done = resynced_by_root(person, *shown[:2])
    assert "in step again; its clock is 90 s behind this machine's.\nThe 3 codes after these two don't count" in done.stdout
    assert not sshd.login(person.name, PASSWORD, shown[2])


def test_resync_refused_for_a_lost_device_claims_nothing_untrue(machine, enrolled_person):
    person = enrolled_person
    (STORE / "state" / person.name).unlink()
    done = resynced_by_root(person, "123456", "123456")
    assert done.returncode == REFUSED
    assert "no device shows these two codes" in done.stderr and "nothing was changed" not in done.stderr


# ---- a login state that is gone, where settings let devices start anew


@pytest.fixture
def anew():
    settings = SettingsFile("anew")
    settings.say("missing_state = new")
    yield
    settings.remove()


@pytest.mark.parametrize("command, exit_code", [
    (("status",), DONE), (("verify",), REFUSED), (("unlock",), DONE), (("forget",), DONE), (("export",), DONE),
    (("add", "--device", "tablet", "--no-confirm"), DONE), (("remove", "--device", "phone", "--yes"), DONE)],
    ids=lambda value: value[0] if isinstance(value, tuple) else "")
def test_lost_state_is_begun_anew_by_every_command_of_roots(machine, anew, enrolled_person, command, exit_code):
    (STORE / "state" / enrolled_person.name).unlink()
    done = subprocess.run([machine.totp_enroll, *command, "--user", enrolled_person.name], input="x\n", text=True,
                          capture_output=True)
    assert (done.returncode, done.stderr) == (exit_code, "")


def test_lost_state_keeps_nobody_from_what_is_theirs(anew, enrolled_person):
    (STORE / "state" / enrolled_person.name).unlink()
    asking = enrolled_person.begin("status", answer=code_at(enrolled_person.secrets["phone"], 1))
    said, exit_code = enrolled_person.finish(asking)
    assert exit_code == DONE and "Recovery codes left: 0" in said


def test_device_added_to_a_lost_state_brings_no_spent_code_back(machine, sshd, anew, enrolled_person):
    spent = enrolled_person.recovery_code()
    assert sshd.login(enrolled_person.name, PASSWORD, spent)
    (STORE / "state" / enrolled_person.name).unlink()
    enrolled_person.enrol("--device", "tablet")
    assert not sshd.login(enrolled_person.name, PASSWORD, spent)
    assert sshd.login(enrolled_person.name, PASSWORD, enrolled_person.code("tablet"))


# ---- leaving


def unchanged(machine, name):
    return not machine.status(name, enrolled=False)["enrolled"]


def press_ctrl_c(client):
    client.send("\x03")


def end_of_input(client):
    client.send("\x04")


def hang_up(client):
    client.ptyproc.fileobj.close()
    client.wait()
    client.close()


def kill(signal):
    def send(client):
        client.kill(signal)
    send.__name__ = f"signal_{signal}"
    return send


WAYS_TO_LEAVE = [press_ctrl_c, end_of_input, hang_up, kill(15), kill(9), kill(3)]


def at_the_password(person):
    client = person.start()
    client.expect_exact(PASSWORD_PROMPT)
    return client


def at_the_password_of(command, person):
    client = person.start(command)
    client.expect_exact(PASSWORD_PROMPT)
    return client


def at_the_key(person):
    client = person.begin()
    person.see_key(client)
    return client


@pytest.mark.parametrize("place", [at_the_password, at_the_key], ids=lambda place: place.__name__)
@pytest.mark.parametrize("leave", WAYS_TO_LEAVE, ids=lambda leave: leave.__name__)
def test_leaving_before_the_code_changes_nothing_and_the_next_run_works(machine, person, place, leave):
    client = place(person)
    leave(client)
    if not client.closed:
        client.expect(pexpect.EOF)
        client.close()
    assert unchanged(machine, person.name)
    assert person.enrol_themselves()[1] == DONE


@pytest.mark.parametrize("leave", [press_ctrl_c, end_of_input, kill(15), kill(3)], ids=lambda leave: leave.__name__)
def test_leaving_the_key_wipes_the_page_and_gives_the_terminal_back(person, leave):
    client = at_the_key(person)
    leave(client)
    client.expect_exact(WIPES + LEAVES_PAGE)
    client.expect(pexpect.EOF)
    assert not re.search(r"[A-Z2-7]{4} [A-Z2-7]{4}", client.before)


@pytest.mark.parametrize("leave", [press_ctrl_c, kill(15)], ids=lambda leave: leave.__name__)
def test_leaving_at_the_password_gives_the_terminal_its_echo_back(person, leave):
    shell = person.start(command=as_user(person.name, "sh"))
    shell.sendline(f"stty -a | grep -wo -- '-*echo'; {person.machine.totp_enroll}; stty -a | grep -wo -- '-*echo'")
    shell.expect(r"\r\necho\r\n")
    shell.expect_exact(PASSWORD_PROMPT)
    if leave is press_ctrl_c:
        leave(shell)
    else:
        run("pkill", "-TERM", "-u", person.name, "totp-enroll")
    shell.sendline("stty -a | grep -wo -- '-*echo'")
    shell.expect(r"\r\necho\r\n")
    shell.close()


@pytest.mark.parametrize("leave", [press_ctrl_c, kill(15)], ids=lambda leave: leave.__name__)
def test_leaving_the_recovery_codes_wipes_them_and_keeps_the_device(machine, person, leave):
    client = person.begin()
    person.confirm(client)
    client.expect_exact("Press any key")
    leave(client)
    client.expect_exact(WIPES + LEAVES_PAGE)
    client.expect(pexpect.EOF)
    assert not RECOVERY_CODE.search(client.before)
    assert machine.status(person.name)["recovery_codes_left"] == 10


def test_secrets_are_on_a_page_of_their_own_that_is_wiped(person):
    client = person.begin()
    client.expect_exact(ENTERS_PAGE)
    person.confirm(client)
    client.expect_exact(WIPES + LEAVES_PAGE)
    client.expect_exact(ENTERS_PAGE)
    person.take_recovery_codes(client)
    client.expect_exact(WIPES + LEAVES_PAGE)
    rest, _ = person.finish(client)
    assert rest.strip().endswith(f"{person.name}'s device phone is enrolled.")
    assert person.secrets["phone"][:4] not in rest and not RECOVERY_CODE.search(rest)


# ---- who is asked what


def test_password_that_is_wrong_is_not_permitted(machine, person):
    client = person.start()
    client.expect_exact(PASSWORD_PROMPT)
    client.sendline("wrong")
    said, exit_code = person.finish(client)
    assert exit_code == NOT_PERMITTED and f"not recognised as {person.name}" in said


@pytest.mark.parametrize("command", ["add", "status", "verify", "remove", "recovery", "forget", "resync", "unlock"])
def test_enrolled_person_is_asked_for_the_code_before_anything(machine, enrolled_person, command):
    before = machine.status(enrolled_person.name)
    client = enrolled_person.begin(command, answer=wrong(code_at(enrolled_person.secrets["phone"])))
    said, exit_code = enrolled_person.finish(client)
    assert exit_code == NOT_PERMITTED and "Authentication failure" in said
    after = machine.status(enrolled_person.name)
    assert (after["devices"], after["recovery_codes_left"]) == (before["devices"], before["recovery_codes_left"])


def test_recovery_code_will_do(enrolled_person):
    assert enrolled_person.finish(enrolled_person.begin("status", answer=enrolled_person.recovery_code()))[1] == DONE


def test_wrong_codes_at_the_question_who_is_asking_are_throttled(enrolled_person):
    guess = wrong(code_at(enrolled_person.secrets["phone"]))
    for _ in range(5):
        enrolled_person.finish(enrolled_person.begin("status", answer=guess))
    said, exit_code = enrolled_person.finish(enrolled_person.begin("status", answer=enrolled_person.code()))
    assert exit_code == NOT_PERMITTED and "Too many wrong codes. Try again in" in said


def test_code_is_asked_once_where_the_common_stack_asks_too(machine, enrolled_person):
    common = Path("/etc/pam.d/common-auth")
    kept = common.read_text()
    common.write_text(kept + "auth required pam_totp.so unenrolled=ignore\n")
    try:
        client = enrolled_person.begin("status", answer=enrolled_person.code())
        said, exit_code = enrolled_person.finish(client)
    finally:
        common.write_text(kept)
    assert exit_code == DONE and CODE_PROMPT not in said


def test_account_without_a_password_passes_by_a_code_alone(enrolled_person):
    run("usermod", "--password", "*", enrolled_person.name)
    client = enrolled_person.start("status")
    client.expect_exact(CODE_PROMPT)
    assert PASSWORD_PROMPT not in client.before
    client.sendline(enrolled_person.code())
    assert enrolled_person.finish(client)[1] == DONE


def test_account_without_a_password_is_not_enrolled_by_whoever_sits_there(machine, person):
    run("usermod", "--password", "*", person.name)
    said, exit_code = person.finish(person.start())
    assert exit_code == NOT_PERMITTED and "totp-enroll add --user" in said
    assert unchanged(machine, person.name)


def test_account_that_is_expired_is_not_permitted(person):
    run("chage", "--expiredate", "2020-01-01", person.name)
    client = person.begin("status")
    assert person.finish(client)[1] == NOT_PERMITTED


@pytest.fixture
def stack(machine):
    """Puts PAM files in place of those there are, until the test is over."""
    kept = {}

    def put(name, text):
        file = Path("/etc/pam.d") / name
        kept.setdefault(file, file.read_text())
        file.unlink() if text is None else file.write_text(text)

    yield put
    for file, text in kept.items():
        file.write_text(text)


SUFFICIENT = "auth sufficient pam_unix.so nodelay\nauth required pam_deny.so\n"


@pytest.mark.parametrize("name, text", [
    ("totp-enroll", None), ("totp-enroll", "@include common-auth\n@include common-account\n"),
    ("totp-enroll", SUFFICIENT + "auth required pam_totp.so once unenrolled=ignore\n@include common-account\n")],
    ids=["no-service", "no-line-of-ours", "sufficient-before-ours"])
def test_stack_that_asks_for_no_code_is_refused_where_one_is_enrolled(machine, enrolled_person, stack, name, text):
    stack(name, text)
    said, exit_code = enrolled_person.finish(enrolled_person.begin("remove", "--yes"))
    assert exit_code == UNUSABLE and "auth required pam_totp.so once unenrolled=ignore" in said
    assert machine.status(enrolled_person.name)["enrolled"]


def test_common_stack_that_ends_early_does_not_end_ours(enrolled_person, stack):
    stack("common-auth", SUFFICIENT)
    assert enrolled_person.finish(enrolled_person.begin("status", answer=enrolled_person.code()))[1] == DONE


def test_enrolment_that_goes_while_one_is_asked_leaves_nothing_to_who_knows_the_password(machine, enrolled_person):
    attacker = at_the_password_of("add", enrolled_person)
    run(machine.totp_enroll, "remove", "--user", enrolled_person.name, "--yes")
    attacker.sendline(PASSWORD)
    said, exit_code = enrolled_person.finish(attacker)
    assert exit_code == UNUSABLE and not re.search("[A-Z2-7]{4} [A-Z2-7]{4}", said)


# ---- without a terminal


def test_script_of_a_person_works_by_lines_on_stdin(machine, enrolled_person):
    done = enrolled_person.script("status", "--json", typed=[PASSWORD, enrolled_person.code()])
    assert (done.returncode, done.stderr) == (DONE, "")
    assert json.loads(done.stdout)["devices"][0]["name"] == "phone"


def test_secret_may_come_on_stdin_after_the_proof(machine, person):
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    done = person.script("add", "--json", "--qr", "none", "--secret-from", "-", typed=[PASSWORD, secret, code_at(secret)])
    assert done.returncode == DONE, done.stderr
    assert json.loads(done.stdout)["secret"] == secret


def test_end_of_input_before_the_proof_is_not_permitted(person):
    done = person.script("status")
    assert (done.returncode, done.stdout) == (NOT_PERMITTED, "")
    assert "nobody answered" in done.stderr


# ---- looking after it


def test_last_device_is_asked_about_twice(machine, enrolled_person):
    client = enrolled_person.begin("remove", "--device", "phone", answer=enrolled_person.code())
    client.expect_exact("? [y/N] ")
    client.sendline("y")
    client.expect_exact("Nothing is left then, recovery codes included")
    client.expect_exact("elsewhere nobody does")
    client.expect_exact("[y/N] ")
    client.sendline("n")
    assert enrolled_person.finish(client)[1] == REFUSED
    assert machine.status(enrolled_person.name)["enrolled"]


def test_own_unlock_opens_elsewhere_but_keeps_the_long_run_budget(machine, enrolled_person, sshd):
    name = enrolled_person.name
    for _ in range(5):
        assert not sshd.login(name, PASSWORD, wrong(code_at(enrolled_person.secrets["phone"])))
    before = machine.status(name)
    assert before["elsewhere"]["locked_until"]
    assert enrolled_person.finish(enrolled_person.begin("unlock", answer=enrolled_person.code()))[1] == DONE
    after = machine.status(name)
    assert after["elsewhere"] == {"failures": 0, "level": 5, "locked_until": None}
    assert after["known"] == before["known"]
    assert sshd.login(name, PASSWORD, enrolled_person.code())


def test_unlock_by_root_opens_both_sides(machine, enrolled_person, sshd):
    name, guess = enrolled_person.name, wrong(code_at(enrolled_person.secrets["phone"]))
    for _ in range(5):
        assert not sshd.login(name, PASSWORD, guess)
        enrolled_person.finish(enrolled_person.begin("status", answer=guess))
    assert machine.status(name)["known"]["locked_until"] and machine.status(name)["elsewhere"]["locked_until"]
    run(machine.totp_enroll, "unlock", "--user", name)
    clear = {"failures": 0, "level": 0, "locked_until": None}
    assert (machine.status(name)["known"], machine.status(name)["elsewhere"]) == (clear, clear)


def test_strangers_guesses_shut_nobody_out_of_their_own_totp_enroll(enrolled_person, sshd):
    for _ in range(5):
        assert not sshd.login(enrolled_person.name, PASSWORD, wrong(code_at(enrolled_person.secrets["phone"])))
    assert enrolled_person.finish(enrolled_person.begin("status", answer=enrolled_person.code()))[1] == DONE


def test_own_verify_spends_and_counts_like_a_login(machine, enrolled_person):
    code = enrolled_person.code()
    spare = enrolled_person.recovery_codes[0:2]
    done = enrolled_person.script("verify", "--json", typed=[PASSWORD, spare[0], code])
    assert (done.returncode, json.loads(done.stdout)["accepted"]) == (DONE, True)
    done = enrolled_person.script("verify", "--json", typed=[PASSWORD, spare[1], code])
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (REFUSED, "replayed")
    assert machine.status(enrolled_person.name)["known"]["failures"] == 1


@pytest.mark.parametrize("step, off", [(-1, "30 s behind"), (1, "30 s ahead of")])
def test_status_tells_on_which_side_a_clock_is_off(enrolled_person, step, off):
    code = code_at(enrolled_person.secrets["phone"], step)
    said, exit_code = enrolled_person.finish(enrolled_person.begin("status", answer=code))
    assert exit_code == DONE and f"; its clock is {off} this machine's\r\n" in said


def test_place_of_a_proof_does_not_become_known(machine, enrolled_person):
    assert enrolled_person.finish(enrolled_person.begin("status", answer=enrolled_person.code()))[1] == DONE
    assert machine.status(enrolled_person.name)["places"] == []


# ---- at once


def test_four_terminals_adding_a_device_at_once_all_succeed(machine, enrolled_person):
    clients = [enrolled_person.begin("add", answer=enrolled_person.recovery_code()) for _ in range(4)]
    secrets = [enrolled_person.see_key(client) for client in clients]
    threads = [threading.Thread(target=client.sendline, args=(code_at(secret),))
               for client, secret in zip(clients, secrets)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = "".join(enrolled_person.finish(client)[0] for client in clients)
    names = {device["name"] for device in machine.status(enrolled_person.name)["devices"]}
    assert names == {"phone", "phone-2", "phone-3", "phone-4", "phone-5"}
    assert all(f"device {name} is enrolled" in said for name in names - {"phone"})
    for secret in secrets:
        assert subprocess.run([machine.totp_enroll, "verify", "--user", enrolled_person.name], text=True,
                              input=code_at(secret, 1) + "\n", capture_output=True).returncode == DONE


def test_of_four_first_devices_at_once_one_is_enrolled_and_the_others_are_told(machine, person):
    clients = [person.begin() for _ in range(4)]
    secrets = [person.see_key(client) for client in clients]
    outcomes = []
    for client, secret in zip(clients, secrets):
        client.sendline(code_at(secret))
    for client in clients:
        seen = client.expect_exact(["Press any key", f"meanwhile {person.name} was enrolled"])
        if seen == 0:
            client.send("x")
        outcomes.append((seen, person.finish(client)[1]))
    assert sorted(outcomes) == [(0, DONE), (1, NOT_PERMITTED), (1, NOT_PERMITTED), (1, NOT_PERMITTED)]
    assert len(machine.status(person.name)["devices"]) == 1


def test_who_passed_by_the_password_alone_can_do_nothing_once_a_device_is_there(machine, person):
    waiting = [person.begin("verify"), person.begin("resync"), person.begin("add", "--device", "evil")]
    waiting[0].expect_exact("Code or recovery code: ")
    waiting[1].expect_exact("A code of the device: ")
    secret = person.see_key(waiting[2])
    person.enrol()
    waiting[0].sendline(person.code())
    waiting[1].sendline("123456")
    waiting[1].expect_exact("The code after it: ")
    waiting[1].sendline("654321")
    waiting[2].sendline(code_at(secret))
    for client in waiting:
        said, exit_code = person.finish(client)
        assert (exit_code, "meanwhile" in said) == (NOT_PERMITTED, True), said
    assert [device["name"] for device in machine.status(person.name)["devices"]] == ["phone"]


# ---- what is taken away while they are asked something

# What root does against a phone in somebody's hands, once they have shown its code.
TAKEN_AWAY = {"everything": [("remove", "--yes")], "the device": [("remove", "--device", "phone", "--yes")],
              "the codes": [("recovery",)], "enrolled anew": [("remove", "--yes"), ("add", "--no-confirm", "--device", "new")]}


@pytest.mark.parametrize("commands", TAKEN_AWAY.values(), ids=TAKEN_AWAY)
def test_who_passed_by_what_was_taken_away_changes_nothing(machine, enrolled_person, commands):
    person = enrolled_person
    person.enrol("--device", "other")
    adding, removing = (person.begin(*command, answer=person.code())
                        for command in (("add", "--device", "evil"), ("remove", "--device", "other")))
    secret = person.see_key(adding)
    removing.expect_exact("[y/N] ")
    for command in commands:
        run(machine.totp_enroll, *command, "--user", person.name)
    is_enrolled = commands != [("remove", "--yes")]
    before = machine.status(person.name, is_enrolled)
    adding.sendline(code_at(secret))
    removing.sendline("y")
    for client in (adding, removing):
        said, exit_code = person.finish(client)
        assert exit_code == NOT_PERMITTED, said
        assert f"meanwhile a device or recovery codes of {person.name} were taken away" in said
    assert machine.status(person.name, is_enrolled) == before


def test_what_is_added_meanwhile_takes_no_proof_away(machine, enrolled_person):
    adding = enrolled_person.begin("add", "--device", "tablet", answer=enrolled_person.code())
    secret = enrolled_person.see_key(adding)
    enrolled_person.enrol("--device", "other")
    run(machine.totp_enroll, "recovery", "--one", "--user", enrolled_person.name)
    adding.sendline(code_at(secret))
    assert enrolled_person.finish(adding)[1] == DONE
    assert [device["name"] for device in machine.status(enrolled_person.name)["devices"]] == ["phone", "other", "tablet"]


def has_open(process, path):
    assert process.poll() is None, "it has ended already"
    return str(path) in (os.path.realpath(file) for file in Path(f"/proc/{process.pid}/fd").iterdir())


def test_enrolment_that_is_made_while_remove_waits_stays(machine, enrolled_person):
    """Nobody was asked about it: there was none when it began."""
    enrolled, state = (STORE / kind / enrolled_person.name for kind in ("enrolled", "state"))
    made = enrolled.rename(enrolled.with_name(".made"))
    with state.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        removing = subprocess.Popen([machine.totp_enroll, "remove", "--user", enrolled_person.name], stderr=subprocess.PIPE,
                                    text=True)
        while not has_open(removing, state):
            time.sleep(0.01)
        made.rename(enrolled)
    said = removing.communicate(timeout=STUCK)[1]
    assert removing.returncode == REFUSED and f"meanwhile {enrolled_person.name} was enrolled" in said
    assert machine.status(enrolled_person.name)["enrolled"]
