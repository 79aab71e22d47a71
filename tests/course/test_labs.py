"""Every lab of the course, as released and as verified: stub, solution, wrong and other right answers, on each backend."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from labkit import course
from labkit.authoring import release, verify

LABS = [lab.key for lab in course.labs()]


def test_exercises_are_what_their_sources_make():
    result = CliRunner().invoke(release.command, ["--check"])
    assert result.exit_code == 0, result.output


def test_every_source_has_an_exercise():
    sources = {f"{path.parent.name}/{path.stem}" for path in release.source_files()}
    assert sources == set(LABS)


@pytest.mark.parametrize("key", LABS)
def test_exercise_has_no_solution_and_no_output(key):
    """Learners open a notebook with stubs, locked grade cells, and nothing that was run."""
    cells = json.loads((course.root() / course.find(key).exercise).read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    assert "SOLUTION" not in text
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
    graded = [cell["metadata"]["nbgrader"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]
    assert {metadata["grade_id"].removeprefix("check-") for metadata in graded} == set(course.find(key).answers)
    assert all(metadata["locked"] and metadata["points"] > 0 for metadata in graded)


@pytest.mark.slow
@pytest.mark.parametrize("key", LABS)
def test_verify(key, backend):
    """`labkit verify`: green, with at least four wrong answers and two other right ones."""
    result = CliRunner().invoke(verify.command, [key, "--backend", backend])
    assert result.exit_code == 0, result.output
    assert " 0 wrong" in result.output.splitlines()[-1]
