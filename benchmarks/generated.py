"""Submissions of a lab, as many as are wanted: its right and wrong answers in turn, each set in a spelling of its own."""

from __future__ import annotations

import json
from itertools import cycle, islice
from pathlib import Path

from labkit import course, source
from labkit.authoring.verify import candidates
from labkit.course import answer_cells

Answers = dict[str, str]


def generated(lab: course.Lab, count: int, spelled: str) -> list[Answers]:
    """`count` sets of answers. The answer `spelled` has a comment that no other one has, so none is judged by another's verdict.

    The other answers are repeated as often as they are in a class: a lab has ten to fifteen right and wrong ones.
    """
    known = [candidate.answers for candidate in candidates(lab, _source(lab)) if candidate.name != "stub"]
    comment = "--" if lab.answers[spelled] == "sql" else "#"
    return [
        {**answers, spelled: f"{answers[spelled]}\n{comment} submission {number}"}
        for number, answers in enumerate(islice(cycle(known), count))
    ]


def hand_in(folder: Path, lab: course.Lab, submissions: list[Answers]) -> None:
    """Writes them into an nbgrader course's `submitted`."""
    released = json.loads((course.root() / lab.exercise).read_text(encoding="utf-8"))
    for number, answers in enumerate(submissions):
        for cell in released["cells"]:
            name = answer_cells.answer_name("".join(cell["source"])) if cell["cell_type"] == "code" else None
            if name:
                cell["source"] = f"%%answer {name}\n{answers[name]}"
        path = submitted(folder, lab, number)
        path.write_text(json.dumps(released), encoding="utf-8")


def submitted(folder: Path, lab: course.Lab, number: int) -> Path:
    """Where a submission lies; its folder is there afterwards."""
    path = folder / "submitted" / f"student-{number:05}" / lab.section / f"{lab.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _source(lab: course.Lab) -> source.Source:
    return source.read(course.root() / "solutions" / lab.section / f"{lab.name}.md")
