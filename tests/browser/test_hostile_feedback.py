"""What a submission brings of HTML and script, in a browser: on the learner's feedback, in formgrader's view and in the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from nbconvert.exporters import HTMLExporter
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config, PyFileConfigLoader

from labkit import course
from labkit.examiner import report_command
from tests.attacks.attack import Attack, Told, attacks
from tests.grading.submissions import SECTION, Course, nbgrader

pytestmark = [pytest.mark.browser, pytest.mark.attack]

NOBODY = Told(*[""] * 9)
STARTS = "[onload], [onerror], iframe, object, embed, form, a[href^='javascript' i], [*|href^='javascript' i]"


def hostile() -> list[Attack]:
    """The attacks on who reads; those on SQL labs, which need no sandbox."""
    return [
        attack
        for attack in attacks()
        if (attack.path.parent.name == "feedback" and attack.path.suffix == ".sql") or "prose" in attack.name
    ]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Both graded, with feedback."""
    made = Course(tmp_path_factory.mktemp("hostile"))
    for attack in hostile():
        attack.hand_in(made.folder / "submitted", NOBODY)
    assert made.grade("--jobs", "1").exit_code == 0
    nbgrader(made.folder, "generate_feedback", SECTION, "--log-level=WARN")
    return made


def formgrader_view(made: Course, attack: Attack) -> str:
    """The page that formgrader's handler makes of an autograded notebook, with the course's configuration."""
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(course.root() / "graders")).load_config())
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {
        "assignment_id": SECTION,
        "notebook_id": attack.lab_name,
        "submission_id": "1",
        "index": 0,
        "total": 1,
        "base_url": "",
        "student": attack.name,
        "last_name": None,
        "first_name": None,
        "notebook_path": "x",
    }
    path = made.folder / "autograded" / attack.name / SECTION / f"{attack.lab_name}.ipynb"
    return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


def pages(made: Course, folder: Path, attack: Attack) -> Iterator[Path]:
    """Everything in which somebody reads the submission."""
    yield made.folder / "feedback" / attack.name / SECTION / f"{attack.lab_name}.html"
    view = folder / "formgrader.html"
    view.write_text(formgrader_view(made, attack), encoding="utf-8")
    yield view


@pytest.mark.parametrize("attack", hostile(), ids=lambda attack: attack.name)
def test_no_script_of_a_submission_runs(attack: Attack, graded: Course, browser, tmp_path: Path):
    for page in pages(graded, tmp_path, attack):
        assert "owned" in page.read_text(encoding="utf-8")  # it is there, as text
        said, window = [], browser.new_page()
        window.route(
            "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
        )
        window.on("dialog", lambda dialog, said=said: (said.append(dialog.message), dialog.dismiss()))
        window.goto(page.resolve().as_uri(), wait_until="load")
        assert window.title() != "owned", page
        assert window.locator("#notebook, body").first.locator(STARTS).count() == 0, page
        assert window.evaluate("getComputedStyle(document.body).display") != "none", page  # no style of its own either
        assert said == []
        window.close()


def test_the_report_on_them_runs_no_script(graded: Course, browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(graded.folder)
    result = CliRunner().invoke(report_command.command, [SECTION])
    assert result.exit_code == 0, result.output
    window = browser.new_page()
    window.goto(Path(f"report-{SECTION}.html").resolve().as_uri())
    assert window.title() == f"{SECTION}: grading report"
    assert window.locator(STARTS).count() == 0
    assert "document.title='owned'" in window.content()
    window.close()


def test_the_detector_sees_a_script_that_runs(browser, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("<title>x</title><img src=x onerror=\"document.title='owned'\">")
    window = browser.new_page()
    window.goto(page.as_uri())
    window.wait_for_function("document.title === 'owned'")
    assert window.locator(STARTS).count() == 1
    window.close()
