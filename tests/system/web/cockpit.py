"""Cockpit's own server on the private machine, and its login page in a real browser."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from machine import STUCK, run


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cockpit:
    """cockpit-ws on a loopback port of its own, without systemd and TLS."""

    def __init__(self):
        self.port = free_port()
        self.directory = Path(run("mktemp", "-d", "/run/private/cockpit.XXXXXX").strip())
        self.process = subprocess.Popen(
            ["/usr/lib/cockpit/cockpit-ws", "--no-tls", "--address", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=open(self.directory / "journal", "w"))
        while self.process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("cockpit-ws doesn't start:\n" + self.journal())

    def journal(self):
        """What it and its sessions have said on stderr, which systemd would keep."""
        return (self.directory / "journal").read_text()

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Browser:
    """Chromium without a screen. It runs as root, so without its sandbox, in a name space whose network is loopback."""

    def __init__(self, width=900, height=760):
        self.profile = run("mktemp", "-d", "/run/private/chromium.XXXXXX").strip()
        options = webdriver.ChromeOptions()
        for word in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run",
                     f"window-size={width},{height}", "lang=en", f"user-data-dir={self.profile}"):
            options.add_argument(f"--{word}")
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)


class LoginPage:
    """One visitor at Cockpit's login page."""

    def __init__(self, browser, cockpit):
        self._driver = browser.driver
        self._driver.delete_all_cookies()
        self._driver.get(f"http://127.0.0.1:{cockpit.port}/")
        self._wait_until(lambda: self._sees("login-user-input"), "no login page")

    def _element(self, name):
        return self._driver.find_element(By.ID, name)

    def _sees(self, name):
        return any(element.is_displayed() for element in self._driver.find_elements(By.ID, name))

    def _wait_until(self, is_so, what):
        """The page may be made anew meanwhile: what was looked at is gone then."""
        waiting = WebDriverWait(self._driver, STUCK, 0.1, [StaleElementReferenceException, NoSuchElementException])
        try:
            waiting.until(lambda _: is_so())
        except TimeoutException:
            raise RuntimeError(f"{what}; on the page:\n{self.text()}") from None

    def text(self):
        """What a person can read."""
        return self._driver.find_element(By.TAG_NAME, "body").text

    def gives(self, user, password):
        self._element("login-user-input").send_keys(user)
        self._element("login-password-input").send_keys(password)
        self._element("login-button").click()

    def asks(self, question):
        """All that stands above the field, once it is empty and the question is there."""
        self._wait_until(lambda: self._sees("conversation-input") and
                         self._element("conversation-prompt").text.endswith(question) and
                         not self._element("conversation-input").get_property("value"), f"it doesn't ask {question!r}")
        return " ".join(self._element(name).text for name in ("conversation-message", "conversation-prompt")).strip()

    def answers(self, text):
        self._element("conversation-input").send_keys(text)
        self._element("login-button").click()

    def is_in(self, user):
        """Cockpit's own pages say as whom; the login page says that they aren't."""
        def is_inside():
            return re.search(rf"^{user}@$", self.text(), re.M) is not None
        self._wait_until(lambda: is_inside() or self._sees("login-error-message"), "neither let in nor refused")
        return is_inside()

    def take_picture(self, path):
        self._driver.save_screenshot(str(path))
