"""`labkit verify`: every stub fails, every solution passes, every wrong answer fails where it should, every other right one passes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from labkit import course, source
from labkit.authoring.release import source_files
from labkit.grading.engine import Judged, Pool
from labkit.grading.work_order import Work
from labkit.services.backend import BACKENDS, docker_answers
from labkit.verdict import Verdict

FIRST_LINE = re.compile(r"\S+\s*(?:fails:\s*(?P<fails>test_\w+)|(?P<right>right))\b")
LEAST = {"wrong": 4, "right": 2}


@dataclass(frozen=True)
class Candidate:
    """One set of answers and what must come of it: `fails` is a check, or "all", or "" for full marks.

    Of a wrong one `only` those answers are judged that its file gives: the others are the solution's.
    """

    name: str
    answers: dict[str, str]
    fails: str
    only: tuple[str, ...] = ()

    def complaint(self, verdicts: list[Verdict]) -> str:
        """What is wrong with the verdicts, or nothing."""
        broken = [f"{v.check}: {v.why}" for v in verdicts if v.outcome in ("fault", "unverified")]
        failed = {v.check for v in verdicts if v.outcome == "fail"}
        if broken:
            return f"not judged: {broken[0]}"
        if self.fails == "all":
            passed = [v.check for v in verdicts if v.outcome == "pass"]
            return f"passes without an answer: {', '.join(passed)}" if passed else ""
        if self.fails:
            known = {v.check for v in verdicts}
            if self.fails not in known:
                return f"names {self.fails}, which is no check of {' or '.join(self.only)}"
            others = f" (it failed: {', '.join(sorted(failed))})" if failed else ""
            return "" if self.fails in failed else f"should fail {self.fails}, and does not{others}"
        wrong = [f"{v.check}: {v.why} {v.got}" for v in verdicts if v.outcome != "pass"]
        return f"should get full marks, but {wrong[0]}" if wrong else ""


def candidates(lab: course.Lab, lab_source: source.Source) -> Iterator[Candidate]:
    """The stub, the solution, and each file under wrong/ and right/. Raises CourseError for one without its first line."""
    solutions = lab_source.solutions()
    yield Candidate("stub", lab_source.stubs(), "all")
    yield Candidate("solution", solutions, "")
    folder = course.root() / "graders" / "hidden" / lab.section / lab.name
    for kind in LEAST:
        for path in sorted((folder / kind).glob("*.*")):
            yield _candidate(kind, path, solutions)


def _candidate(kind: str, path: Path, solutions: dict[str, str]) -> Candidate:
    text = path.read_text(encoding="utf-8")
    match = FIRST_LINE.match(text)
    answers = source.parse_answers(text)
    if not match or bool(match["right"]) != (kind == "right") or not answers or set(answers) - set(solutions):
        raise course.CourseError(
            f"{path}: its first line must be a comment `fails: test_NAME — why` or `right: why`, and `%%answer NAME` lines follow. "
            f"The lab's answers are {', '.join(solutions)}."
        )
    only = tuple(answers) if kind == "wrong" else ()
    return Candidate(f"{kind}/{path.stem}", {**solutions, **answers}, match["fails"] or "", only)


@click.command("verify")
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(["docker", "embedded"]),
    help="Default: all that are here.",
)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Checkers that work side by side.")
@click.argument("name", required=False, default="")
def command(name: str, jobs: int, backends: tuple[str, ...]) -> None:
    """See that labs pass and fail as they must: all, one SECTION's, or one SECTION/LAB's."""
    console = Console(width=150)
    started, complaints, judged = time.monotonic(), 0, 0
    for backend in backends or (BACKENDS if docker_answers() else ("embedded",)):
        table = Table("lab", "answers", "verdict", "seconds", title=f"labkit verify, {backend}", title_justify="left")
        with Pool(jobs, backend) as pool, console.status("") as status:
            for path in source_files(name):
                for row in _verify(pool, path, status.update):
                    table.add_row(*row)
                    judged += 1
                    complaints += not row[2].startswith("ok")
        console.print(table)
    console.print(f"{judged} judged, {complaints} wrong, {time.monotonic() - started:.0f} s")
    if complaints:
        raise SystemExit(1)


def judge(pool: Pool, lab: course.Lab, found: list[Candidate]) -> Iterator[tuple[Candidate, Judged, str]]:
    """Each candidate as soon as it is judged, with what is wrong with its verdicts, or nothing."""
    by_name = {candidate.name: candidate for candidate in found}
    for judged in pool.judge(Work(candidate.name, lab, candidate.answers, candidate.only) for candidate in found):
        candidate = by_name[judged.work.student]
        yield candidate, judged, f"not judged: {judged.fault}" if judged.fault else candidate.complaint(judged.verdicts)


def too_few(found: list[Candidate]) -> Iterator[tuple[str, str]]:
    """What the lab lacks: (kind of answer, complaint)."""
    for kind, least in LEAST.items():
        count = sum(candidate.name.startswith(f"{kind}/") for candidate in found)
        if count < least:
            yield f"{kind}/", f"has {count} answers, at least {least} are asked for"


def _verify(pool: Pool, path: Path, say: Callable[[str], None]) -> Iterator[tuple[str, str, str, str]]:
    lab_source = source.read(path)
    lab = course.find(f"{lab_source.section}/{lab_source.name}")
    found = list(candidates(lab, lab_source))
    rows = {}
    for candidate, judged, complaint in judge(pool, lab, found):
        say(f"{lab.key}: {len(rows) + 1} of {len(found)}")
        rows[candidate.name] = (lab.name, candidate.name, complaint or "ok", f"{judged.seconds:.2f}")
    yield from (rows[candidate.name] for candidate in found)
    for kind, complaint in too_few(found):
        yield lab.name, kind, complaint, ""
