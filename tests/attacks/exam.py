"""One graded run over many attacks and some honest submissions, and what came of each of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labkit import course
from labkit.services.postgres import postgres
from tests.attacks import canaries
from tests.attacks.attack import Attack
from tests.attacks.canaries import Canaries
from tests.grading.submissions import SECTION, Course, lab_source, notebook

JOBS = 2
LABS = ("jsonb-search", "alembic-expand-contract")
# By name they are judged before the attacks, among them, and after them; the very first also pay for what is made once.
HONEST = (
    *(f"{name}-honest-jsonb-search" for name in ("aa", "ab", "forged", "zz")),
    *(f"{name}-honest-alembic-expand-contract" for name in ("aa", "zz")),
)


@dataclass(frozen=True)
class Exam:
    """What the run left: marks, the line of the audit trail about each, what was printed, what was touched."""

    folder: Path
    output: str
    marks: dict[str, dict[str, float]]
    trail: dict[str, dict]
    touched: list[str]
    changed: set[str]  # on the servers
    environment: dict[str, str]  # of the examiner's commands
    attacks: list[Attack] = field(default_factory=list)

    def earned(self, student: str) -> float:
        """A student's points."""
        return sum(self.marks.get(student, {}).values())

    def told(self, student: str) -> str:
        """What the examiner reads about a student: the reasons of failed checks, and the run's own lines."""
        verdicts = self.trail.get(student, {}).get("verdicts", [])
        said = [verdict["why"] for verdict in verdicts if verdict["outcome"] != "pass"]
        return "\n".join([*said, *(line for line in self.output.splitlines() if student in line)])

    def returned(self, student: str) -> str:
        """All that may come back to the student: what feedback is made from."""
        files = sorted((self.folder / "autograded" / student).rglob("*"))
        return "\n".join(path.read_text(errors="replace") for path in files if path.is_file())

    def findings(self, attack: Attack) -> list[str]:
        """What the attack got that it must not get, and what is missing from what the examiner is told."""
        found = []
        earned, told, returned = self.earned(attack.name), self.told(attack.name), self.returned(attack.name)
        if earned > attack.honest:
            found.append(f"it got {earned:g} points, and its honest content is worth {attack.honest:g}")
        if earned < attack.honest:
            found.append(f"it got {earned:g} points of the {attack.honest:g} that its honest content is worth")
        found += [f"it read {secret}" for secret in canaries.SECRETS if secret in told + returned]
        if canaries.DATA in returned:
            found.append(f"it gets {canaries.DATA} back")
        if not re.search(attack.says, told):
            found.append(f"the examiner reads nothing like {attack.says!r}, but: {told or 'nothing'}")
        return found


@contextmanager
def sitting(folder: Path, attacks: list[Attack], backend: str, sandbox: str, *options: str) -> Iterator[Exam]:
    """Hands in and grades. `sandbox` is the kind that must be used."""
    made = canaries.planted_course(folder / "course")
    exam = Course(folder / "exam")
    _grade_by(exam.folder, made)
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("LABKIT_BACKEND", backend)
        told_more = {
            "neighbour": str(exam.folder / "submitted" / HONEST[0] / SECTION / f"{LABS[0]}.ipynb"),
            "hidden": str(made / "graders" / "hidden" / SECTION),
            "gradebook": str(exam.folder / "gradebook.db"),
        }
        planted = stack.enter_context(Canaries(told_more))
        servers = [stack.enter_context(postgres(f"grading-{slot}")) for slot in range(JOBS)]
        before = [canaries.server_state(server) for server in servers]
        _hand_in_honest_ones(exam)
        for attack in attacks:
            attack.hand_in(exam.folder / "submitted", planted.told)
        environment = _environment(made, sandbox)
        output = _run(exam.folder, environment, options)
        after = [canaries.server_state(server) for server in servers]
        changed = {line for old, new in zip(before, after, strict=True) for line in old ^ new}
        trail, touched = _trail(exam.folder), planted.touched()
        yield Exam(exam.folder, output, exam.marks(), trail, touched, changed, environment, attacks)


def _grade_by(folder: Path, made: Path) -> None:
    """Lets the course in `folder` grade by the planted copy."""
    configuration = folder / "nbgrader_config.py"
    text = configuration.read_text(encoding="utf-8")
    configuration.write_text(text.replace(str(course.root()), str(made)), encoding="utf-8")


def _hand_in_honest_ones(exam: Course) -> None:
    for student in HONEST:
        lab = course.find(student.split("-honest-")[1])
        answers = lab_source(lab).solutions()
        last = list(answers)[
            -1
        ]  # so that each is judged for itself, and meets what attacks did with the same first answer
        leader = "--" if lab.answers[last] == "sql" else "#"
        answers[last] = f"{leader} {student}: {canaries.NEIGHBOUR}\n{answers[last]}"
        exam.submit(student, lab, notebook(lab, answers))


def _environment(made: Path, sandbox: str) -> dict[str, str]:
    ours = {"LABKIT_COURSE": str(made), "LABKIT_SANDBOX": sandbox, "COLUMNS": "4000"}
    return {**os.environ, **ours, canaries.VARIABLE: canaries.ENVIRONMENT}


def _run(folder: Path, environment: dict[str, str], options: tuple[str, ...]) -> str:
    """`labkit grade`, as an examiner runs it; its lines."""
    command = [sys.executable, "-m", "labkit", "grade", SECTION, "--course", str(folder), f"--jobs={JOBS}", *options]
    ran = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1800
    )
    return ran.stdout + ran.stderr


def _trail(folder: Path) -> dict[str, dict]:
    entries = [json.loads(line) for line in (folder / ".labkit" / "audit.jsonl").read_text().splitlines()]
    return {entry["student"]: entry for entry in entries}
