"""Grading one SQL lab: ours against stock nbgrader with equal checks, start-up included."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import stock
from benchmarks.measure import Row, Run, command
from labkit import course, source

LAB = "91-databases/jsonb-search"
FEW, MANY = 2, 20


def rows() -> Iterator[Row]:
    """Every submission differs by a comment, so that none is judged by another's verdict."""
    lab = course.find(LAB)
    answers = source.read(course.root() / "solutions" / f"{LAB}.md").solutions()
    _ours(lab, answers, FEW)  # builds the workers' templates, which are kept from then on
    ours = {count: _ours(lab, answers, count) for count in (FEW, MANY)}
    theirs = {count: _stock(lab, answers, count) for count in (FEW, MANY)}
    ratio = theirs[MANY].seconds / ours[MANY].seconds
    yield Row(
        f"grade {MANY} submissions: `labkit grade` / stock nbgrader",
        f"{ours[MANY].seconds:.1f} s / {theirs[MANY].seconds:.1f} s = {ratio:.1f} x",
        ">= 10 x",
        ratio >= 10,
    )
    more = [(run[MANY].seconds - run[FEW].seconds) / (MANY - FEW) for run in (ours, theirs)]
    yield Row("one more submission", f"{more[0]:.2f} s / {more[1]:.2f} s = {more[1] / more[0]:.1f} x")
    memory = (ours[MANY].megabytes, theirs[MANY].megabytes)
    yield Row("peak memory", f"{memory[0]:.0f} MB / {memory[1]:.0f} MB", "less", memory[0] < memory[1])


def _different(answers: dict[str, str], number: int) -> dict[str, str]:
    return {**answers, "refunds": f"{answers['refunds']}\n-- submission {number}"}


def _ours(lab: course.Lab, answers: dict[str, str], count: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        command([sys.executable, "-m", "labkit", "course", folder], course.root())
        for number in range(count):
            made = json.loads((course.root() / lab.exercise).read_text(encoding="utf-8"))
            for cell in made["cells"]:
                name = source.answer_name("".join(cell["source"])) if cell["cell_type"] == "code" else None
                if name:
                    cell["source"] = f"%%answer {name}\n{_different(answers, number)[name]}"
            _submit(folder, number, lab, made)
        return command([sys.executable, "-m", "labkit", "grade", lab.section, "--course", folder], course.root())


def _stock(lab: course.Lab, answers: dict[str, str], count: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "source", lab.section, f"{lab.name}.ipynb")
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(stock.notebook(lab, answers)), encoding="utf-8")
        Path(folder, "nbgrader_config.py").write_text(
            "c = get_config()\nc.CourseDirectory.course_id = 'stock'\nc.ExecutePreprocessor.timeout = 300\n"
        )
        nbgrader = [sys.executable, "-m", "nbgrader"]
        command([*nbgrader, "generate_assignment", lab.section], Path(folder))
        for number in range(count):
            _submit(folder, number, lab, stock.notebook(lab, _different(answers, number)))
        return command([*nbgrader, "autograde", lab.section], Path(folder))


def _submit(folder: str, number: int, lab: course.Lab, made: dict) -> None:
    path = Path(folder, "submitted", f"student-{number:03}", lab.section, f"{lab.name}.ipynb")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(made), encoding="utf-8")
