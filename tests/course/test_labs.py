"""Every lab of the course, as released and as verified: stub, solution, wrong and other right answers, on each backend."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from labkit import course
from labkit.authoring import release, verify
from labkit.grading import submission
from labkit.grading.engine import Pool
from labkit.grading.verdict_store import STORE, VerdictStore
from tests.grading.submissions import Course, lab_source, nbgrader, notebook

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
@pytest.mark.nbgrader
@pytest.mark.parametrize("key", LABS)
def test_every_answer_is_judged_and_marked_as_it_must_be(key, backend, tmp_path):
    """What `labkit verify` asks: stub, solution, wrong and other right ones. And nbgrader's gradebook has their marks.

    Answers that a wrong one shares with the solution have the solution's verdicts. One worker, as each has the lab's data made for
    itself, and other tests run beside this one.
    """
    lab = course.find(key)
    found = list(verify.candidates(lab, lab_source(lab)))
    assert not list(verify.too_few(found))
    made = Course(tmp_path)
    store, expected, verdicts = VerdictStore(tmp_path / STORE), {}, {}
    with Pool(1, backend) as pool:
        for candidate, judged, complaint in verify.judge(pool, lab, found):
            assert not complaint, f"{candidate.name}: {complaint}"
            verdicts[candidate.name] = judged.verdicts
    for candidate in found:
        same = [v for v in verdicts["solution"] if candidate.only and v.answer not in candidate.only]
        all_of_it = verdicts[candidate.name] + same
        student = candidate.name.replace("/", "-")
        expected[student] = {n: sum(v.earned for v in all_of_it if v.answer == n) for n in lab.answers}
        handed_in = made.submit(student, lab, notebook(lab, candidate.answers))
        store.put(lab, submission.read(handed_in, lab).answers, all_of_it)
    nbgrader(made.folder, "autograde", lab.section, "--log-level=ERROR")
    marks = made.marks()
    assert {s: {n: marks[s][f"check-{n}"] for n in lab.answers} for s in expected} == expected


@pytest.mark.slow
def test_verify_says_what_it_found(backend):
    """The command's last line has the counts, and its exit status says the same."""
    result = CliRunner().invoke(verify.command, ["91-databases/jsonb-search", "--backend", backend])
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"\d+ judged, 0 wrong, \d+ s", result.output.splitlines()[-1])
