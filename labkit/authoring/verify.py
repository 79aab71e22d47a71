"""`labkit verify`: every stub fails, every solution passes, every wrong answer fails where it should, every other right one passes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import click
from rich.console import Console
from rich.table import Table

from labkit import course, services, source
from labkit.authoring import said
from labkit.authoring.release import source_files
from labkit.course import answer_cells, completion
from labkit.course.debrief import FIRST_LINE, answers_in
from labkit.course.verdict import Verdict
from labkit.grading.engine import Judged, Pool
from labkit.grading.work_order import Work
from labkit.kinds.wrecks import wrecks
from labkit.machine.backend import BACKENDS, Backend, docker_answers

NOT_RUN = "not run:"  # the lab opens on this backend, and what it needs is not here
Recorder = Callable[[Path, list[Verdict]], object]  # writes down what the checks say of a wrong answer
Choice = Callable[[course.Lab, source.Source], Iterator["Candidate"]]
LEAST = {"wrong": 4, "right": 2}


@dataclass(frozen=True)
class Candidate:
    """One set of answers and what must come of it: `fails` is a check, or "all", or "any", or "" for full marks; "whatever" for a verdict.

    Of a wrong one `only` those answers are judged that its file gives: the others are the solution's.
    """

    name: str
    answers: dict[str, str]
    fails: str
    only: tuple[str, ...] = ()
    path: Path | None = None  # of a wrong one, beside which it is recorded what its checks say

    def complaint(self, verdicts: list[Verdict]) -> str:
        """What is wrong with the verdicts, or nothing."""
        broken = [f"{v.check}: {v.why}" for v in verdicts if v.outcome in ("fault", "unverified")]
        failed = {v.check for v in verdicts if v.outcome == "fail"}
        if broken:
            return f"not judged: {broken[0]}"
        if self.fails == "whatever":
            return ""
        if self.fails == "any":
            return "" if failed else "gets full marks, though it ruins everything"
        if self.fails == "all":
            passed = [v.check for v in verdicts if v.outcome == "pass"]
            return f"passes without an answer: {', '.join(passed)}" if passed else ""
        if self.fails:
            known = {v.check for v in verdicts}
            if self.fails not in known:
                return f"names {self.fails}, which is no check of {' or '.join(self.only)}"
            if any(v.check == self.fails and v.outcome == "unchecked" for v in verdicts):
                return f"names {self.fails}, which is not checked there: it fails {', '.join(sorted(failed))}"
            others = f" (it failed: {', '.join(sorted(failed))})" if failed else ""
            if self.fails not in failed:
                return f"should fail {self.fails}, and does not{others}"
            return said.difference(self.path, verdicts) if self.path else ""
        wrong = [f"{v.check}: {v.why} {v.got}" for v in verdicts if v.outcome != "pass"]
        return f"should get full marks, but {wrong[0]}" if wrong else ""


def candidates(lab: course.Lab, lab_source: source.Source) -> Iterator[Candidate]:
    """The stub, the solution, and each file under wrong/ and right/. Raises CourseError for one without its first line."""
    solutions = lab_source.solutions()
    yield Candidate("stub", lab_source.stubs(), "all")
    yield Candidate("solution", solutions, "")
    folder = course.root() / "graders" / "hidden" / lab.section / lab.name
    for kind in LEAST:
        for path in answers_in(folder / kind):
            yield _candidate(kind, path, solutions)


def solved(lab: course.Lab, lab_source: source.Source) -> Iterator[Candidate]:
    """The solution alone."""
    yield Candidate("solution", lab_source.solutions(), "")


def wrecked(lab: course.Lab, lab_source: source.Source) -> Iterator[Candidate]:
    """Each answer in its turn as what ruins everything in the ways of its kind: some check fails, and none breaks. Of what is harmless, none
    breaks."""
    solutions = lab_source.solutions()
    for answer, kind in lab.answers.items():
        for name, text in wrecks(kind, solutions[answer]).items():
            fails = "whatever" if name.startswith("harmless") else "any"
            yield Candidate(f"wreck/{answer}/{name}", {**solutions, answer: text}, fails, (answer,))


def _candidate(kind: str, path: Path, solutions: dict[str, str]) -> Candidate:
    text = path.read_text(encoding="utf-8")
    match = FIRST_LINE.match(text)
    answers = answer_cells.parse_answers(text)
    if not match or bool(match["right"]) != (kind == "right") or not answers or set(answers) - set(solutions):
        raise course.CourseError(
            f"{path}: its first line must be a comment `fails: test_NAME — why` or `right: why`, and `%%answer NAME` lines follow. "
            f"The lab's answers are {', '.join(solutions)}."
        )
    only = tuple(answers) if kind == "wrong" else ()
    return Candidate(
        f"{kind}/{path.stem}", {**solutions, **answers}, match["fails"] or "", only, path if kind == "wrong" else None
    )


@click.command("verify")
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(["docker", "embedded"]),
    help="Default: all that are here.",
)
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Checkers that work side by side.")
@click.option(
    "--record",
    is_flag=True,
    help="Write down what the checks say of each wrong answer, beside it. Read it before you commit it.",
)
@click.option(
    "--record-also",
    is_flag=True,
    help="Write it down beside what is recorded, where a run may notice this or that first.",
)
@click.option(
    "--wrecks", "ruined", is_flag=True, help="Judge answers that ruin everything instead: no check may break on one."
)
@click.option("--solutions", is_flag=True, help="Judge the solutions alone: do the labs still work?")
@click.argument("name", required=False, default="", shell_complete=completion.sections_and_labs)
def command(
    name: str,
    jobs: int,
    backends: tuple[str, ...],
    record: bool,
    record_also: bool,
    ruined: bool,
    solutions: bool,
) -> None:
    """See that labs pass and fail as they must: all, one SECTION's, or one SECTION/LAB's."""
    console = Console(width=150)
    choose = wrecked if ruined else solved if solutions else candidates
    recorder = partial(said.record, add=record_also) if record or record_also else None
    started, complaints, judged = time.monotonic(), 0, 0
    for backend in backends or (BACKENDS if docker_answers() else ("embedded",)):
        table = Table("lab", "answers", "verdict", "seconds", title=f"labkit verify, {backend}", title_justify="left")
        with Pool(jobs, backend, stay=True) as pool, console.status("") as status:
            for path in source_files(name):
                for row in _verify(pool, path, cast(Backend, backend), status.update, recorder, choose):
                    table.add_row(*row)
                    judged += not row[2].startswith(NOT_RUN)
                    complaints += not row[2].startswith(("ok", NOT_RUN))
        console.print(table)
    console.print(f"{judged} judged, {complaints} wrong, {time.monotonic() - started:.0f} s")
    if complaints:
        raise SystemExit(1)


def judge(
    pool: Pool, lab: course.Lab, found: list[Candidate], record: Recorder | None = None
) -> Iterator[tuple[Candidate, Judged, str]]:
    """Each candidate as soon as it is judged, with what is wrong with its verdicts, or nothing. May write down what they say."""
    by_name = {candidate.name: candidate for candidate in found}
    for judged in pool.judge(Work(candidate.name, lab, candidate.answers, candidate.only) for candidate in found):
        candidate = by_name[judged.work.student]
        if record and candidate.path and not judged.fault:
            record(candidate.path, judged.verdicts)
        yield candidate, judged, f"not judged: {judged.fault}" if judged.fault else candidate.complaint(judged.verdicts)


def not_here(lab: course.Lab, backend: Backend) -> str:
    """Why the lab cannot be verified on this backend here; empty where it can."""
    return next((why for name in lab.needs if (why := services.named(name).not_here(backend))), "")


def too_few(found: list[Candidate]) -> Iterator[tuple[str, str]]:
    """What the lab lacks: (kind of answer, complaint)."""
    for kind, least in LEAST.items():
        count = sum(candidate.name.startswith(f"{kind}/") for candidate in found)
        if count < least:
            yield f"{kind}/", f"has {count} answers, at least {least} are asked for"


def _verify(
    pool: Pool, path: Path, backend: Backend, say: Callable[[str], None], record: Recorder | None, choose: Choice
) -> Iterator[tuple[str, str, str, str]]:
    lab_source = source.read(path)
    lab = course.find(f"{lab_source.section}/{lab_source.name}")
    if why := not_here(lab, backend):
        yield lab.name, "all", f"{NOT_RUN} {why}", ""
        return
    found = list(choose(lab, lab_source))
    rows = {}
    for candidate, judged, complaint in judge(pool, lab, found, record):
        say(f"{lab.key}: {len(rows) + 1} of {len(found)}")
        rows[candidate.name] = (lab.name, candidate.name, complaint or "ok", f"{judged.seconds:.2f}")
    yield from (rows[candidate.name] for candidate in found)
    for kind, complaint in too_few(found) if choose is candidates else []:
        yield lab.name, kind, complaint, ""
