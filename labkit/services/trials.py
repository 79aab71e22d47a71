"""What `labkit doctor` tries, as a lab would do it: writes to each folder, starts each service, and runs one lab's checks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from labkit import course
from labkit.course.home import home, run_folder
from labkit.machine.environment import allowed
from labkit.machine.fault import ServiceFault
from labkit.services import services
from labkit.services.service import Finding, Service

COULD_NOT_JUDGE = 3  # exit status of `labkit check`
PATIENCE = 600.0  # seconds for one lab's checks, with the lab's data made for the first time


def trials() -> Iterator[tuple[str, Callable[[], Finding]]]:
    """Each with what it is about, for people who wait."""
    yield "writing to each folder", _folders
    yield "looking for files that would be taken for the course", _modules
    for service in services():
        yield f"starting {service.title}", lambda service=service: starts(service)
    yield "running a lab's checks", _checks


def _folders() -> Finding:
    places = [home(), run_folder(), Path(tempfile.gettempdir()), course.root() / ".labkit"]
    for place in places:
        try:
            place.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=place) as file:
                file.write(b"x")
        except OSError as error:
            to_do = "Make it writable, free some space, or set LABKIT_HOME and TMPDIR to folders of your own"
            return Finding("folders", "missing", f"{place} cannot be written: {error.strerror}", to_do)
    return Finding("folders", "ok", f"can be written: {', '.join(map(str, places))}")


def _modules() -> Finding:
    """A kernel looks beside its notebook first: a learner's own labkit.py would be taken for the course."""
    places = [*(course.root() / "exercises").glob("*"), course.root() / "notebooks"]
    hiding = [file for place in places for file in (place / "labkit.py", place / "labkit") if file.exists()]
    if hiding:
        names = ", ".join(str(file.relative_to(course.root())) for file in hiding)
        return Finding("modules", "missing", f"{names}: notebooks beside it take it for the course", "Rename it")
    return Finding("modules", "ok", "no file is taken for the course")


def starts(service: Service) -> Finding:
    """What it runs on once it was started, which may be another backend than the one that is there."""
    try:
        with service.join() as running:
            return Finding(service.name, "ok", f"starts: {running.where}")
    except (ServiceFault, course.CourseError) as fault:
        return Finding(service.name, "missing", "does not start", str(fault))


def _checks() -> Finding:
    """In a process of its own, as the notebook does it. Whether the answers are right is no matter."""
    lab = next(iter(course.labs()), None)
    if lab is None:
        return Finding(
            "checks", "missing", "this folder has no lab", "Run it in the course's folder, or get the course again"
        )
    command = [sys.executable, "-P", "-m", "labkit", "check", lab.key]
    ran = subprocess.run(
        command, cwd=course.root(), env=allowed() | {"COLUMNS": "300"}, stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", errors="replace", timeout=PATIENCE, check=False,
    )  # fmt: skip
    if ran.returncode in (os.EX_OK, 1) and "Traceback" not in ran.stderr:
        return Finding("checks", "ok", f"those of {lab.key} were run")
    words = [line for line in (ran.stdout + ran.stderr).splitlines() if line.strip()]
    why = next((line.strip() for line in words if "not judge" in line or "why:" in line), words[-1] if words else "")
    return Finding("checks", "missing", f"those of {lab.key} could not be run (exit status {ran.returncode})", why)
