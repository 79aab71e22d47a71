"""Every lab of the course, as released and as verified: stub, solution, wrong and other right answers, on each backend.

`selection` says which of them a run judges.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit import course
from labkit.authoring import release, verify
from labkit.authoring.said import RECORD_IT
from labkit.authoring.verify import Candidate
from labkit.course import submission
from labkit.course.verdict import Verdict
from labkit.grading.engine import Pool
from labkit.grading.verdict_store import STORE, VerdictStore
from tests.backends import why_no_lab
from tests.course import selection
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


@pytest.fixture(scope="session")
def judges() -> Iterator[Callable[[str], Pool]]:
    """One worker for each backend, which goes from lab to lab. One for each process of tests, as others run beside it."""
    with ExitStack() as stack:
        yield cache(lambda backend: stack.enter_context(Pool(1, backend, stay=True)))


@pytest.fixture
def judged_here(key: str, backend: str, pytestconfig: pytest.Config) -> list[Candidate]:
    """Those of the lab's answers that this run judges on this backend."""
    lab = course.find(key)
    if why := verify.not_here(lab, backend):
        pytest.skip(f"{key} is not verified on {backend}: {why}")
    found = list(verify.candidates(lab, lab_source(lab)))
    assert not list(verify.too_few(found))
    if reason := why_no_lab(lab, backend):
        pytest.skip(reason)
    if pytestconfig.option.full or selection.has_changed(lab):
        return found
    return selection.chosen(lab, found, backend, selection.commit())


@pytest.mark.slow
@pytest.mark.nbgrader
@pytest.mark.parametrize("key", LABS)
def test_every_answer_is_judged_and_marked_as_it_must_be(key, backend, judges, judged_here, tmp_path, pytestconfig):
    """What `labkit verify` asks: stub, solution, wrong and other right ones. And nbgrader's gradebook has their marks.

    Answers that a wrong one shares with the solution have the solution's verdicts. A text that is not as recorded is a warning here, as
    several sessions may meet in another order on a busy machine; `make test-all` fails for it.
    """
    lab, verdicts, complaints = course.find(key), {}, {}
    for candidate, judged, complaint in verify.judge(
        judges(backend), lab, judged_here
    ):  # to its end: the pool is used again
        verdicts[candidate.name] = judged.verdicts
        if RECORD_IT in complaint and not pytestconfig.option.full:
            warnings.warn(f"{key}, {candidate.name}: {complaint}", stacklevel=1)
        elif complaint:
            complaints[candidate.name] = complaint
    assert complaints == {}
    if backend == selection.its_backend(lab, selection.commit()):
        assert_marked(lab, judged_here, verdicts, tmp_path)


def assert_marked(
    lab: course.Lab, candidates: list[Candidate], verdicts: dict[str, list[Verdict]], folder: Path
) -> None:
    """nbgrader's own autograde writes the marks of these verdicts into its gradebook: the same whatever backend they are from."""
    made, store, expected = Course(folder), VerdictStore(folder / STORE), {}
    for candidate in candidates:
        same = [v for v in verdicts["solution"] if candidate.only and v.answer not in candidate.only]
        all_of_it = verdicts[candidate.name] + same
        student = candidate.name.replace("/", "-")
        expected[student] = {n: sum(v.earned for v in all_of_it if v.answer == n) for n in lab.answers}
        handed_in = made.submit(student, lab, notebook(lab, candidate.answers))
        store.put(lab, submission.read(handed_in, lab).answers, all_of_it)
    nbgrader(made.folder, "autograde", lab.section, "--log-level=ERROR")
    marks = made.marks(lab.section, lab.name)
    assert {s: {n: marks[s][f"check-{n}"] for n in lab.answers} for s in expected} == expected


@pytest.mark.slow
def test_verify_says_what_it_found(backend):
    """The command's last line has the counts, and its exit status says the same."""
    result = CliRunner().invoke(verify.command, ["91-databases/jsonb-search", "--backend", backend])
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"\d+ judged, 0 wrong, \d+ s", result.output.splitlines()[-1])
