"""Which cell of a notebook is an answer: one rule, for the kernel, which reads the saved file, and for grading."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit import course
from labkit.course import notebook_file, submission
from labkit.notebook import saved
from tests.grading.submissions import answer_cell, lab_source, notebook

LAB = course.find("jsonb-search")
SOLUTIONS = lab_source(LAB).solutions()
Notebook = dict[str, Any]


def below(made: Notebook, **changes: Any) -> None:
    """A copy of the refunds' cell below it, metadata and all."""
    at = made["cells"].index(answer_cell(made, "refunds"))
    made["cells"].insert(at + 1, copy.deepcopy(made["cells"][at]) | changes)


def above(made: Notebook, **changes: Any) -> None:
    at = made["cells"].index(answer_cell(made, "refunds"))
    made["cells"].insert(at, copy.deepcopy(made["cells"][at]) | changes)


def add(made: Notebook, source: str, **metadata: Any) -> None:
    """A cell that the learner wrote, at the end."""
    made["cells"].append({"cell_type": "code", "metadata": metadata, "source": source, "outputs": []})


def without_id(made: Notebook) -> None:
    answer_cell(made, "refunds")["metadata"] = {}


def begin_with(made: Notebook, first: str) -> None:
    cell = answer_cell(made, "refunds")
    cell["source"] = cell["source"].replace("%%answer refunds\n", first, 1)


RIGHT: dict[str, tuple[Callable[[Notebook], object], str]] = {
    "copied as %%sql": (lambda made: below(made, source="%%sql\nSELECT 1"), "was copied or split"),
    "copied as text": (lambda made: below(made, source="what I tried", cell_type="markdown"), "was copied or split"),
    "split at its end": (lambda made: below(made, source=""), "was copied or split"),
    "split at its top": (lambda made: above(made, source="-- first"), "was copied or split"),
    "an older try above": (lambda made: above(made, source="%%answer refunds\nSELECT 1"), "the last one counts"),
    "copied and renamed": (lambda made: below(made, source="%%answer index\nSELECT 1"), "begins %%answer index"),
    "another lab's answer": (lambda made: add(made, "%%answer booking\nSELECT 1"), "which this lab does not ask for"),
    "typed once more": (lambda made: add(made, "%%answer refunds\nSELECT 1"), "it does not count"),
    "its id is lost": (without_id, "had lost its metadata"),
    "its id is lost and copied to a note": (lambda made: (below(made, source="a note"), without_id(made)), "lost its metadata"),
    "another name": (lambda made: begin_with(made, "%%answer refund\n"), "found by its metadata"),
    "empty lines above": (lambda made: begin_with(made, "\n  \n%%answer refunds\n"), ""),
    "line ends of Windows": (lambda made: begin_with(made, "%%answer refunds\r\n"), ""),
    "a byte order mark": (lambda made: None, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT)
def test_a_right_answer_is_found_whatever_stands_beside_it(kind: str, tmp_path: Path):
    change, told = RIGHT[kind]
    made = notebook(LAB, SOLUTIONS)
    change(made)
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(("\ufeff" if kind == "a byte order mark" else "") + json.dumps(made), encoding="utf-8")
    found = submission.read(path, LAB)
    assert found.answers == SOLUTIONS
    assert saved.answers(path, LAB.answers) == SOLUTIONS
    assert any(told in remark for remark in found.remarks) if told else not found.remarks, found.remarks
    again = tmp_path / "again" / path.name
    again.parent.mkdir()
    again.write_text(json.dumps(found.notebook))
    assert submission.read(again, LAB).answers == SOLUTIONS  # plain nbgrader reads what it wrote


def test_one_cell_is_one_answer(tmp_path: Path):
    """Two answers under one name earn one answer's points."""
    made = notebook(LAB, SOLUTIONS)
    index = answer_cell(made, "index")["source"]
    answer_cell(made, "index")["source"] = f"%%answer refunds\n{SOLUTIONS['refunds']}"
    answer_cell(made, "refunds")["source"] = index
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(json.dumps(made))
    assert submission.read(path, LAB).answers == SOLUTIONS
    assert saved.answers(path, LAB.answers) == SOLUTIONS


WRECKS: dict[str, Any] = {
    "id": [None, "", "my note (2)", "x" * 100, 7, ["a"]],
    "metadata": [
        None,
        [],
        "x",
        {"tags": None},
        {"collapsed": "yes"},
        {"nbgrader": 7},
        {"nbgrader": {"grade_id": None}},
    ],
    "source": [None, 7, {}, "done \ud83d", ["a", 1, None], "\x00\x1b"],
    "cell_type": [None, "heading", 7, "raw", "markdown"],
    "outputs": [None, {}, [None], [{"output_type": "magic"}]],
    "attachments": [None, [], {"a.png": None}],
    "execution_count": ["x", -1, 1.5],
}


@pytest.mark.parametrize(
    ("field", "number"), [(field, number) for field in WRECKS for number in range(len(WRECKS[field]))]
)
def test_a_cell_that_nobody_reads_costs_nothing(field: str, number: int, tmp_path: Path):
    """What nbgrader is given is valid, and the answers are as they were."""
    import nbformat

    made = notebook(LAB, SOLUTIONS)
    made["cells"].append(
        {"cell_type": "code", "metadata": {}, "source": "1 + 1", "outputs": []} | {field: WRECKS[field][number]}
    )
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(json.dumps(made))
    found = submission.read(path, LAB)
    assert found.answers == SOLUTIONS
    nbformat.validate(nbformat.from_dict(found.notebook), relax_add_props=False)
    json.dumps(found.notebook, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "metadata",
    [None, {"title": 7}, {"language_info": {}}, {"kernelspec": {"name": "x"}}, {"kernelspec": []}, {"widgets": {"application/vnd.jupyter.widget-state+json": {"a": 1}}}],
)  # fmt: skip
def test_the_notebooks_own_metadata_is_the_releases(metadata: Any, tmp_path: Path):
    made = notebook(LAB, SOLUTIONS) | {"metadata": metadata, "nbformat_minor": "x", "more": 1}
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(json.dumps(made))
    found = submission.read(path, LAB)
    assert found.answers == SOLUTIONS
    assert {**found.notebook, "cells": []} == {**submission.exercise(LAB), "cells": []}


@pytest.mark.parametrize(
    "values",
    ["[{}]".format(",".join(["0"] * 1_000_001)), "[" + "[],{}," * 500_000 + "0]", "{" + ",".join(f'"{n}":"["' for n in range(1_000_001)) + "}"],
    ids=["numbers", "empty ones", "texts"],
)  # fmt: skip
def test_very_many_values_are_not_parsed(values: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(f'{{"nbformat": 4, "cells": [], "metadata": {{"x": {values}}}}}')
    with monkeypatch.context() as patched:
        patched.setattr(notebook_file.json, "loads", lambda _: pytest.fail("it was parsed"))
        with pytest.raises(submission.BadSubmission, match="has over 1,000,000 values"):
            submission.load(path)


def test_a_long_text_of_brackets_is_one_value(tmp_path: Path):
    made = notebook(LAB, SOLUTIONS)
    add(made, "1 + 1")
    made["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": '[{,"\\"\\\\' * 500_000}]
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(json.dumps(made))
    assert submission.read(path, LAB).answers == SOLUTIONS


def test_cells_and_prose_without_end_are_left_out_and_told(tmp_path: Path):
    made = notebook(LAB, SOLUTIONS)
    made["cells"] = [{"cell_type": "markdown", "metadata": {}, "source": ""}] * 20_000 + made["cells"]
    made["cells"] += [{"cell_type": "markdown", "metadata": {}, "source": "x" * 900_000}] * 3
    path = tmp_path / f"{LAB.name}.ipynb"
    path.write_text(json.dumps(made))
    found = submission.read(path, LAB)
    assert found.answers == SOLUTIONS
    assert len(found.cells) < 1_100
    assert sum(len(cell["source"]) for cell in found.cells) < 1_100_000
    assert any("cells are left out" in remark for remark in found.remarks)
