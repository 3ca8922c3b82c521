"""A PostgreSQL server's process: begun until it takes connections, ended until it is gone."""

import signal
import subprocess
import time
from pathlib import Path

STUCK = 300  # seconds, in which any machine ends it that ends it at all
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


def begin(command, directory, host, port):
    """The process, once it answers at `host`: a directory or an address. What it says is in directory/log."""
    with open(directory / "log", "a") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, cwd=directory)
    while process.poll() is None:
        if subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", host, "-p", str(port)]).returncode == 0:
            return process
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL doesn't start:\n" + (directory / "log").read_text())


def end(process, by=signal.SIGTERM):
    process.send_signal(by)
    try:
        process.wait(timeout=STUCK)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
