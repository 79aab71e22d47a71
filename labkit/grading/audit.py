"""The audit trail: one JSON line for each notebook that was judged, and `labkit audit`, which judges it again and compares."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from labkit import course
from labkit.course import completion, submission
from labkit.course.submission import SUBMITTED
from labkit.course.verdict import any_unsafe
from labkit.grading.engine import Judged, Pool
from labkit.grading.verdict_store import checks_key
from labkit.grading.work_order import Work
from labkit.machine import told

TRAIL = Path(".labkit", "audit.jsonl")  # in the nbgrader course's folder
NAMED = 6  # students, and checks, in a line about equal answers

FIELDS = {"student", "lab", "answers", "checks", "server", "seconds", "fault", "verdicts"}  # that every line has

Entry = dict[str, Any]


def fingerprint(answers: dict[str, str]) -> str:
    """A hash of a notebook's answers."""
    return hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()


def record(judged: Judged) -> None:
    """Appends a line about what was judged, or about the fault that prevented it."""
    entry = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "student": judged.work.student,
        "lab": judged.work.lab.key,
        "answers": fingerprint(judged.work.answers),
        "checks": checks_key(judged.work.lab),
        "server": judged.server,
        "python": platform.python_version(),
        "seconds": round(judged.seconds, 3),
        "fault": judged.fault,
        "unsafe": any_unsafe(judged.verdicts),
        "verdicts": [
            {
                "check": v.check,
                "answer": v.answer,
                "outcome": v.outcome,
                "earned": v.earned,
                "of": v.points,
                "why": v.why,
            }
            for v in judged.verdicts
        ],
    }
    _append(json.dumps(entry).encode() + b"\n")


def _append(line: bytes) -> None:
    """Adds a whole line, or raises OSError and adds nothing. What a killed run may have left of a line is ended first."""
    TRAIL.parent.mkdir(exist_ok=True)
    descriptor = os.open(TRAIL, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):  # only a full disk takes less
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(TRAIL))
    finally:
        os.close(descriptor)


def entries() -> Iterator[Entry]:
    """All lines, oldest first. What a killed run, a full disk or an editor left of one is left out."""
    if not TRAIL.exists():
        return
    with TRAIL.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and entry.keys() >= FIELDS and isinstance(entry["verdicts"], list):
                yield entry


def latest() -> dict[tuple[str, str], Entry]:
    """The last verdict on each notebook: (student, lab's key) -> entry."""
    return {(entry["student"], entry["lab"]): entry for entry in entries() if not entry["fault"]}


def earned(entry: Entry) -> float:
    """The points of an entry."""
    return sum(verdict["earned"] for verdict in entry["verdicts"])


def luck(section: str) -> Iterator[str]:
    """Equal answers that the same checks judged differently, last time: a line for each such set. Each keeps the mark of its own verdict."""
    alike: dict[tuple[str, str, str], list[Entry]] = {}
    for (_, lab), entry in sorted(latest().items()):
        if lab.startswith(f"{section}/"):
            alike.setdefault((lab, entry["answers"], entry["checks"]), []).append(entry)
    for (lab, *_), found in alike.items():
        outcomes = [{(v["check"], v["answer"]): v["outcome"] for v in entry["verdicts"]} for entry in found]
        if any(one != outcomes[0] for one in outcomes):
            names = ", ".join(f"{entry['student']} ({earned(entry):g})" for entry in found[:NAMED])
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            checks = sorted({check for one in outcomes for (check, _), out in one.items() if out != "pass"})
            yield (
                f"{lab.partition('/')[2]}: equal answers were judged differently: {names}{more}. They are right by chance, or a "
                f"check is: {', '.join(checks[:NAMED])}. Look at them by hand"
            )


@click.command("audit")
@click.argument("section", shell_complete=completion.sections)
@click.option("--student", default="*", show_default=True, help="Only this student's notebooks.")
@click.option(
    "--course",
    "folder",
    default=".",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The nbgrader course.",
)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Checkers that work side by side.")
def command(section: str, student: str, folder: Path, jobs: int) -> None:
    """Judge what was judged in SECTION again, and say whether it still gives the same. Writes nothing."""
    section = course.section(section)
    os.chdir(folder)
    console = Console()
    known = {
        key: entry
        for key, entry in latest().items()
        if entry["lab"].startswith(f"{section}/") and student in ("*", key[0])
    }
    if not known:
        raise click.ClickException(
            f"No verdict on {section} is kept in {folder.resolve()}. Run `labkit grade {section}` first."
        )
    work, different = [], 0
    for (who, key), entry in sorted(known.items()):
        lab = course.find(key)
        try:
            answers = submission.read(Path(SUBMITTED, who, section, f"{lab.name}.ipynb"), lab).answers
        except submission.BadSubmission as error:
            different += 1
            told.say(console, f"{who}, {lab.name}: {error}", "red")
            continue
        if fingerprint(answers) != entry["answers"]:
            different += 1
            told.say(console, f"{who}, {lab.name}: the submission has changed since {entry['when']}", "red")
            continue
        work.append(Work(who, lab, answers))
    with Pool(jobs) as pool:
        for judged in pool.judge(work):
            lines = list(_differences(known[judged.work.student, judged.work.lab.key], judged))
            different += bool(lines)
            for line in lines:
                told.say(console, f"{judged.work.student}, {judged.work.lab.name}: {line}", "red")
    console.print(f"{len(known)} audited, {different} different")
    raise SystemExit(1 if different else 0)


def _differences(entry: Entry, judged: Judged) -> Iterable[str]:
    if judged.fault:
        yield f"not judged: {judged.fault}"
        return
    if entry["checks"] != checks_key(judged.work.lab):
        yield f"the checks or the engine have changed since {entry['when']}"
    before = {verdict["check"]: verdict["outcome"] for verdict in entry["verdicts"]}
    for verdict in judged.verdicts:
        if before.get(verdict.check) != verdict.outcome:
            yield f"{verdict.check} was {before.get(verdict.check, 'not there')}, is {verdict.outcome} {verdict.why}"
