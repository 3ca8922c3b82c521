"""Password, then code, at Cockpit's login page in a real Chromium; enrolment there too. The profiles put our lines in.

Chromium is a large package: `test.sh --all` runs this, and `tests/system/run BUILD tests/system/web/test_cockpit.py`.
"""

import re
from pathlib import Path

import pytest

from machine import OUR_LINE, PASSWORD, PROMPT, App, code_at, wrong
from stacks import pam_auth_update, profiles, services_as_installed  # noqa: F401, fixtures
from web.cockpit import Browser, Cockpit, LoginPage

QUESTION = PROMPT.strip()
CONFIRM = "Code that the app shows now:"
LAST = "Press Enter once you have written them down:"
KEY = re.compile(r"[A-Z2-7]{4}(?: [A-Z2-7]{4}){7}")
RECOVERY_CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}")


@pytest.fixture(scope="module")
def cockpit(machine):
    server = Cockpit()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser(machine):
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def visit(browser, cockpit):
    return lambda: LoginPage(browser, cockpit)


@pytest.fixture
def asking(pam_auth_update):  # noqa: F811
    pam_auth_update("--force", "--enable", "totp")


@pytest.fixture
def enrolling(pam_auth_update):  # noqa: F811
    pam_auth_update("--force", "--enable", "totp-required")


def logs_in(page, user, answer, password=PASSWORD):
    page.gives(user, password)
    assert page.asks(QUESTION) == QUESTION
    page.answers(answer)
    return page.is_in(user)


# ---- a code

def test_right_password_and_code_are_let_in(machine, asking, visit, enrolled):
    user, secret = enrolled
    assert logs_in(visit(), user, code_at(secret))
    assert machine.log.decisions(user) == [
        f"user={user} service=cockpit rhost=127.0.0.1 verdict=accepted device=phone drift=0 failures=0"]


def test_wrong_code_is_not_let_in(machine, asking, visit, enrolled):
    user, secret = enrolled
    assert not logs_in(visit(), user, wrong(code_at(secret)))
    assert "verdict=refused reason=wrong failures=1" in machine.log.decisions(user)[-1]


def test_spent_code_is_not_let_in(machine, asking, visit, enrolled):
    user, secret = enrolled
    code = code_at(secret)
    assert logs_in(visit(), user, code)
    assert not logs_in(visit(), user, code)
    assert "verdict=refused reason=replayed failures=1" in machine.log.decisions(user)[-1]


def test_wrong_password_is_asked_for_no_code(machine, asking, visit, enrolled):
    user, _ = enrolled
    page = visit()
    page.gives(user, "wrong")
    assert not page.is_in(user)
    assert machine.log.decisions(user) == []


def test_unenrolled_account_passes_by_the_password(machine, asking, visit, user):
    page = visit()
    page.gives(user, PASSWORD)
    assert page.is_in(user)
    assert "verdict=ignored reason=unenrolled" in machine.log.decisions(user)[-1]


def test_line_behind_the_substack_is_asked_after_a_wrong_password_too_and_lets_nobody_in(machine, visit, enrolled):
    """A substack that fails doesn't end the stack it stands in, as an include does."""
    user, secret = enrolled
    service = Path("/etc/pam.d/cockpit")
    text, count = re.subn(r"^auth +substack +common-auth\n", rf"\g<0>{OUR_LINE}\n", service.read_text(), flags=re.M)
    assert count == 1
    service.write_text(text)
    assert not logs_in(visit(), user, code_at(secret), "wrong")


# ---- enrolment at login

def test_newcomer_reads_the_key_is_in_and_is_asked_next_time(machine, enrolling, visit, cockpit, user):
    page = visit()
    page.gives(user, PASSWORD)
    shown = page.asks(CONFIRM)
    assert "Type this key" in shown and "Scan" not in shown
    assert shown.isascii() and "?" not in shown and "#" not in shown, shown
    [key] = KEY.findall(shown)
    secret = key.replace(" ", "")
    app = App(secret)
    confirming = app.code()
    page.answers(confirming)
    codes = RECOVERY_CODE.findall(page.asks(LAST))
    assert len(codes) == 10
    page.answers("")
    assert page.is_in(user)
    assert not logs_in(visit(), user, confirming), "the confirming code is spent"
    assert logs_in(visit(), user, app.code())
    assert logs_in(visit(), user, codes[0])
    kept = cockpit.journal() + machine.log.text()
    assert not any(each in kept for each in (key, secret, *codes)), "what Cockpit shows as a message it also logs"


def test_three_wrong_codes_enrol_nobody(machine, enrolling, visit, user):
    page = visit()
    page.gives(user, PASSWORD)
    [key] = KEY.findall(page.asks(CONFIRM))
    for question in (CONFIRM, CONFIRM, "Press Enter:"):
        page.answers(wrong(code_at(key.replace(" ", ""))))
        assert "No: that code isn't right" in page.asks(question)
    page.answers("")
    assert not page.is_in(user)
    assert machine.status(user, enrolled=False)["enrolled"] is False
    assert "enrolment=unfinished reason=wrong" in machine.log.decisions(user)[-1]


def test_wrong_password_never_sees_the_key(machine, enrolling, visit, user):
    page = visit()
    page.gives(user, "wrong")
    assert not page.is_in(user)
    assert machine.log.decisions(user) == []
