"""After the pass, and only then: other right ways and the mistakes that the checks have met. Nothing of it in a copy for an assessment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.course import Lab, debrief, hidden, sealed
from labkit.course.verdict import Verdict
from labkit.notebook.offers import DEBRIEF, Offers
from labkit.notebook.session import Session

RIGHT = "-- right: two columns, <b>sorted</b>\n%%answer index\nCREATE INDEX ON item (word, price)\n"
WRONG = "-- fails: test_has_an_index — an index on `price`, which nobody asks for\n%%answer index\nCREATE INDEX ON item (price)\n"
OTHER = "-- fails: test_finds_what_is_dear — cheap is taken for dear\n%%answer dear\nSELECT 1\n"


@pytest.fixture
def answers(lab: Lab) -> Iterator[Path]:
    """The answers that an author keeps beside the hidden checks."""
    folder = hidden.folder(lab)
    for name, text in {
        "right/two.sql": RIGHT,
        "wrong/price.sql": WRONG,
        "wrong/cheap.sql": OTHER,
        "wrong/price.said": "secret",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / hidden.checks_name(lab)).write_text("")
    yield folder
    shutil.rmtree(hidden.folder(lab).parents[1], ignore_errors=True)
    shutil.rmtree(sealed.path(folder.parents[3], lab.section, lab.name).parents[1], ignore_errors=True)


@pytest.fixture(params=["open", "sealed"])
def told(request: pytest.FixtureRequest, lab: Lab, answers: Path) -> Lab:
    """The lab with its debrief, as an author has it and as a learner alone has it."""
    if request.param == "sealed":
        copy = answers.parents[3]
        sealed.write(copy, lab.section, lab.name, {}, {}, debrief.files(lab))
        assert "word" not in sealed.debrief_path(copy, lab.section, lab.name).read_text()
        shutil.rmtree(answers)
    return lab


def offers(lab: Lab, outcome: str) -> Offers:
    session = Session(lab)
    session.verdicts["index"] = [Verdict("test_has_an_index", "index", "There is an index on `word`.", 1.0, outcome)]
    return Offers(session, "index")


def test_other_ways_and_mistakes_are_told(told):
    passed = offers(told, "pass")
    assert f"{DEBRIEF}: run %debrief index" in passed.page().text
    page = passed.debrief()
    assert "Two columns, &lt;b&gt;sorted&lt;/b&gt;</summary><pre>CREATE INDEX ON item (word, price)" in page.html
    assert "<li>An index on <code>price</code>, which nobody asks for</li>" in page.html
    assert "There is an index on `word`.\n  - An index on `price`, which nobody asks for" in page.text
    for elsewhere in (
        "cheap",
        "secret",
        "ON item (price)",
    ):  # of another answer, of the author, and no wrong text at all
        assert elsewhere not in page.html + page.text


@pytest.mark.parametrize("outcome", ["fail", "fault", "unverified", "unchecked"])
def test_nothing_before_the_pass(outcome, told):
    before = offers(told, outcome)
    assert not before.has_debrief()
    assert "debrief" not in before.page().text + before.page().html


def test_nothing_in_an_assessment(lab):
    assert not offers(lab, "pass").has_debrief()
    assert "debrief" not in offers(lab, "pass").page().text


def test_a_damaged_copy_says_so(told, answers):
    shutil.rmtree(answers, ignore_errors=True)
    file = sealed.debrief_path(answers.parents[3], told.section, told.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("<<<<<<<")
    passed = offers(told, "pass")
    assert passed.has_debrief()
    passed.widget()
    passed._show_debrief()
    assert "is damaged" in passed.body.value
