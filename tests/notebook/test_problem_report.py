"""The text about a lab that seems to be broken: what a maintainer needs is in it, and nothing that is the learner's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from labkit import cli
from labkit.course import home
from labkit.course.verdict import Verdict
from labkit.notebook.problem_report import LEFT_OUT, MOST, Problem, without_answers
from labkit.services.lease import log_path
from tests.notebook.kernel import OPEN
from tests.room import COURSE

MINE = "SELECT id\n  FROM item WHERE price > 1990"


def verdict(outcome, why, check="test_dear"):
    return Verdict(check, "dear", "Finds what is dear.", 1.0, outcome, why=why, got=MINE)


def problem(lab, **more):
    return Problem(lab, "embedded", answers={"index": "CREATE INDEX ON item (word)", "dear": MINE}, **more)


@pytest.fixture
def log():
    """The log of the learner's server, with what it was given quoted in it."""
    path = log_path("postgres-learner", "embedded")
    before = path.read_bytes() if path.exists() else b""
    path.write_bytes(
        before
        + b"ERROR: there is no column price\n"
        + f"STATEMENT: {MINE}\nFATAL: see {home.home()}/x and {Path.home()}/y, postgresql://me:hunter2@h/db, password=hunter2\n".encode()
    )
    yield path
    path.write_bytes(before)


def test_lab_versions_backend_verdicts_and_logs_end(lab, log):
    found = problem(
        lab, verdicts=[verdict("pass", ""), verdict("fault", "The server is gone.")], services=["PostgreSQL 18"]
    )
    text = found.text()
    for told in (
        "91-databases/tiny: A tiny lab\nexercise ",
        "- Python 3.",
        "- nbgrader ",
        "- backend embedded\n- PostgreSQL 18\n",
        "- dear, test_dear: pass\n- dear, test_dear: fault\n  The server is gone.",
        "### The end of postgres-learner-embedded.log",
        "ERROR: there is no column price",
    ):
        assert told in text


def test_no_answer_and_no_name_is_in_it(lab, log):
    """Neither from the answers themselves, nor quoted by a verdict or a log."""
    text = problem(lab, verdicts=[verdict("fail", f"near {MINE}"), verdict("fault", f"It broke on\n{MINE}")]).text()
    for own in ("price > 1990", "SELECT id", "CREATE INDEX", str(Path.home()) + "/", str(home.home()), "hunter2"):
        assert own not in text
    assert LEFT_OUT in text
    assert "STATEMENT" not in text


def test_an_answer_that_was_chosen_is_in_it(lab, log):
    text = problem(lab, verdicts=[verdict("fail", f"near {MINE}")], shown=["dear"]).text()
    assert f"### Answer dear\n\n```\n{MINE}\n```" in text
    assert "near SELECT id" in text
    assert "CREATE INDEX" not in text


def test_what_stands_between_fences_cannot_end_them(lab):
    found = Problem(lab, "embedded", answers={"dear": "```\n# all mine"}, shown=["dear"])
    assert "````\n```\n# all mine\n````" in found.text()


def test_it_fits_into_an_issue(lab):
    assert len(Problem(lab, "embedded", answers={"dear": "x" * 200_000}, shown=["dear"]).text()) < MOST + 100


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("ERROR at FROM   item WHERE price > 1990 here", False),  # spaces do not matter
        ("item WHERE price", False),  # a piece of a line
        ("ERROR: relation item", True),
        ("id", True),  # too short to be anybody's
        ("", True),
    ],
)
def test_a_line_of_an_answer_is_known_again(line, kept):
    assert (without_answers(line, [MINE]) == line) == kept


def test_in_a_terminal(lab, server):
    """With verdicts; and without, where the lab cannot even be checked."""
    run = CliRunner()
    done = run.invoke(cli.main, ["report-problem", "tiny"])
    assert done.exit_code == 0, done.output
    assert "- dear, test_" in done.stdout
    assert "- PostgreSQL" in done.stdout
    assert "CREATE INDEX" not in done.stdout
    shown = run.invoke(cli.main, ["report-problem", "tiny", "--no-check", "--answer", "index"]).stdout
    assert "None: nothing was checked yet." in shown
    assert "CREATE INDEX ON item (word)" in shown
    assert run.invoke(cli.main, ["report-problem", "tiny", "--answer", "nothing"]).exit_code == 2


def test_the_headers_button_writes_it(kernel):
    """The box of an answer puts it in, and takes it out again."""
    kernel.run(OPEN)
    kernel.run("%%answer dear\nSELECT id FROM item WHERE price > 7777")
    kernel.click("Something is wrong with this lab")

    def text():
        return next(state["value"] for state in kernel.widgets.values() if "### Verdicts" in str(state.get("value")))

    assert "- dear, test_" in text()
    assert "7777" not in text()
    box = next(key for key, state in kernel.widgets.items() if state.get("description") == "with my answer dear")
    kernel.set(box, value=True)
    assert "7777" in text()
    kernel.set(box, value=False)
    assert "7777" not in text()


def test_the_form_asks_for_it():
    """The repository's issue form names the button and the command as they are called."""
    path = COURSE / ".github" / "ISSUE_TEMPLATE" / "lab.yml"
    if not path.exists():
        pytest.skip("a copy without the forms")
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(form)
    report = next(part for part in form["body"] if part.get("id") == "report")["attributes"]["description"]
    assert "Something is wrong with this lab" in report
    assert "labkit report-problem" in report
