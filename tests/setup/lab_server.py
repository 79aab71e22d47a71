"""`make lab` as a learner runs it: in a process group of its own like a terminal's, and read by lines."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE


@dataclass
class LabServer:
    """A running `make lab`: its process, the URL that it printed, and every line until then."""

    process: subprocess.Popen[str]
    url: str
    printed: str

    def stop(self, how: signal.Signals) -> int:
        """Send the signal to the whole group, as Ctrl-C in a terminal does, and wait; the exit status."""
        os.killpg(self.process.pid, how)
        self.printed += self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode


@contextmanager
def lab_server(course: Path, command: list[str]) -> Iterator[LabServer]:
    """Runs the command in the course's folder until it printed its URL; killed at the end when it still runs."""
    process = subprocess.Popen(
        command,
        cwd=course,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    printed = ""
    try:
        for line in process.stdout:
            printed += line
            if found := re.search(r"http://\S+", line):
                yield LabServer(process, found[0], printed)
                break
        else:
            raise AssertionError(f"{' '.join(command)} ended without a URL:\n{printed}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def make_lab(course: Path, *arguments: str) -> AbstractContextManager[LabServer]:
    """`make lab` in the course's folder."""
    options = " ".join(["--no-browser", "--port=0", *arguments])
    return lab_server(course, ["make", "--no-print-directory", "lab", f"LAB_ARGS={options}"])


def until_it_answers(url: str, seconds: float = PATIENCE) -> None:
    """Wait until the address answers at all. Raises URLError when it still does not after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE):
                return
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a page is there, as a browser would get it (cookies kept over redirects)."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        with opener.open(url, timeout=PATIENCE) as response:
            return response.status == 200 and b"jupyter-config-data" in response.read()
    except urllib.error.URLError:
        return False
