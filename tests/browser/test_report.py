"""The examiner's report in a browser: whatever an answer or a name holds stays text, nothing is fetched, and tables sort."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.examiner import report_command
from tests.grading.graded_course import GradedCourse, check
from tests.grading.submissions import SECTION

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning"),  # nbgrader's own, as it autoflushes
]

HOSTILE = """<script>document.title = "owned"</script><img src=x onerror="document.title='owned'">\"'></td></svg>
<svg onload="document.title='owned'">{{ 7 * 7 }}<a href="javascript:document.title='owned'">&amp;</a>"""


@pytest.fixture
def made(tmp_path, monkeypatch) -> Iterator[GradedCourse]:
    """Three submissions with different marks."""
    with GradedCourse(tmp_path, monkeypatch) as made:
        for number in range(3):
            made.hand_in(f"s{number}", f"SELECT {number}", [check(f"test_{n}") for n in range((5 - number) % 3)])
        yield made


def test_hostile_text_stays_text_and_tables_sort(made, browser):
    """No script of a submission runs, nothing is fetched; a click on a head sorts, a second one turns it round."""
    hostile = check("test_<b>", "fail", sentence=HOSTILE, why=HOSTILE, expected=HOSTILE, got=HOSTILE)
    made.hand_in("mallory", HOSTILE, [hostile], first_name=HOSTILE[:120], last_name="</title><script>0</script>")
    made.fault("mallory", HOSTILE)
    result = CliRunner().invoke(report_command.command, [SECTION])
    assert result.exit_code == 0, result.output
    window = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    window.on("dialog", lambda dialog: said.append(dialog.message))
    file = Path(f"report-{SECTION}.html").resolve().as_uri()
    window.goto(file)
    assert asked == [file]
    assert said == []
    assert window.title() == f"{SECTION}: grading report"
    assert window.locator("script").count() == 1
    assert window.locator("img, a[href^=javascript], [onload], [onerror]").count() == 0
    assert window.locator("pre", has_text="{{ 7 * 7 }}").count() == 1
    marks = window.locator("#student-table tbody tr td:nth-child(1)")
    before = marks.all_inner_texts()
    head = window.locator("#student-table th", has_text="Mark")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    keys = "cells => cells.map(cell => Number(cell.dataset.key))"
    column = f"#student-table tbody td:nth-child({window.locator('#student-table th').count() - 2})"
    rising = window.eval_on_selector_all(column, keys)
    assert rising == sorted(rising)
    head.locator("button").click()
    assert window.eval_on_selector_all(column, keys) == rising[::-1]
    assert sorted(marks.all_inner_texts()) == sorted(before)
    window.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    assert window.title() == f"{SECTION}: grading report"  # the policy holds even where an escape would be forgotten
    window.close()
