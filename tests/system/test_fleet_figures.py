"""The figures of a fleet, by a run that is too short for them to mean anything: each is there, and nothing is left behind."""

import os
import re
import subprocess
from pathlib import Path

COMMAND = Path(__file__).parents[1] / "bench/fleet"
PLACE = Path("/var/tmp")
CLUSTERS = "cluster.*"
HOW_MANY_FIGURES = {
    "right code, by the module": 3, "wrong code, by the module": 3, "a session: TCP, TLS, two certificates": 3,
    "the first question in it": 3, "the second": 3, "both in a session that is kept": 3,
    "1": 5, "8": 5, "32": 5, "right code, with the standby": 3,
    "right code": 3, "right code, and one attempt is old": 3, "wrong code": 3, "verify": 3, "1,000": 6, "2,000": 6,
    "with a backup that began 200 logins ago": 6, "enrolment": 3, "login_state": 3, "attempt": 3}


def test_each_figure_is_there_and_nothing_is_left_behind():
    before = set(PLACE.glob(CLUSTERS))
    done = subprocess.run([COMMAND, os.environ["PAM_TOTP_BUILD"], "--quick"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines()]
    figures = {name: [cell for cell in cells if cell[0].isdigit()] for name, *cells in rows}
    assert {name: len(figures.get(name, [])) for name in HOW_MANY_FIGURES} == HOW_MANY_FIGURES, done.stdout
    assert set(PLACE.glob(CLUSTERS)) == before
