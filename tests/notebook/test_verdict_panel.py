"""Every outcome is told in words and a symbol, nothing is markup that came from an answer, nothing is passed that is not."""

from __future__ import annotations

import pytest
from nbconvert import HTMLExporter
from nbformat import v4

from labkit.course.verdict import Verdict
from labkit.notebook.offers import Offers
from labkit.notebook.session import Session
from labkit.notebook.verdict_panel import passed, verdict_panel
from tests.notebook.kernel import OPEN

EVIL = "<script>alert(1)</script>"


def verdict(outcome, **more):
    return Verdict(f"test_{outcome}", "dear", f"The `query` is {outcome}.", 1.0, outcome, **more)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("pass", "✓ passed"),
        ("fail", "✗ not yet"),
        ("fault", "⚠ course fault"),
        ("unverified", "○ not verified"),
        ("unchecked", "– not checked"),
    ],
)
def test_each_outcome_is_told(lab, outcome, told):
    page = verdict_panel(lab, "dear", [verdict(outcome, why="Because.")])
    symbol, word = told.split(" ", 1)
    assert f"  {told}: The `query` is {outcome}. ({1 if outcome == 'pass' else 0}/1)" in page.text
    assert f'aria-hidden="true">{symbol}</span> {word}' in page.html
    assert "The <code>query</code> is" in page.html
    assert passed([verdict(outcome)]) == (outcome == "pass")
    assert ("Every check passes" in page.text or "The check passes" in page.text) == (outcome == "pass")


def test_what_was_not_verified_is_not_passed(lab):
    page = verdict_panel(lab, "dear", [verdict("pass"), verdict("unverified", why="needs Docker")])
    assert "1 of 2 checks passed (1 of 3 points" in page.text
    assert "not verified here: needs Docker" in page.text


def test_everything_is_escaped(lab):
    page = verdict_panel(lab, "dear", [verdict("fail", why=EVIL, expected=EVIL, got=f"a `{EVIL}` b")])
    assert "<script" not in page.html
    assert page.html.count("&lt;script&gt;") == 3


def test_one_reason_for_all_is_told_once(lab):
    page = verdict_panel(lab, "dear", [verdict("fail", why="Postgres says: no.")] * 3)
    assert page.text.count("Postgres says: no.") == 1
    assert page.text.count("For the same reason.") == 2


def test_the_solution_opens_after_the_last_hint_of_every_failed_check(lab):
    session = Session(lab)
    one, two = verdict("fail", hints=("a", "b")), Verdict("test_two", "dear", "Two.", 1.0, "fail", hints=("c",))
    session.verdicts["dear"] = [one, two]
    offers = Offers(session, "dear")
    for hinted in (one, one, two):
        assert not offers.earned()
        offers.next_hint(hinted)
    assert offers.earned()
    assert Offers(session, "dear").earned()  # what was seen is kept
    session.verdicts["dear"] = [verdict("fault")]
    assert not Offers(session, "dear").earned()


def test_without_widgets_hints_open_one_in_the_other(lab):
    session = Session(lab)
    session.verdicts["dear"] = [verdict("fail", hints=("first", "second", "third"))]
    html = Offers(session, "dear").page().html
    assert html.index("first") < html.index("Next hint") < html.index("second") < html.index("third")
    assert html.count("<details>") == html.count("</details>") == 3


def test_nbconvert_shows_it_all(kernel):
    cells = [OPEN, "%%answer dear\nSELECT id FROM item WHERE price > 1995"]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell, outputs=outputs_of(kernel, cell)) for cell in cells])
    html, _ = HTMLExporter().from_notebook_node(notebook)
    for told in ("You will be able to", "The query finds all that costs", "not yet", "9 items", "a high &lt;price&gt;"):
        assert told in html, told
    assert "application/vnd.jupyter.widget-view+json" not in html


def outputs_of(kernel, cell):
    return [v4.new_output("display_data", data=bundle) for bundle in kernel.run(cell).bundles]
