"""The map says what there is, what has been reached, and what comes next; and 00-start reads well without being run."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

from labkit.notebook import progress
from labkit.notebook.course_map import course_map, next_lab

START = Path(__file__).parents[2] / "notebooks" / "00-start.ipynb"


class Links(HTMLParser):
    """The targets of all links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.targets.append(dict(attrs)["href"])


def test_links_open_the_notebooks_from_where_the_map_is(lab, course):
    targets = Links(course_map(course / "notebooks").html).targets
    assert set(targets) == {"../exercises/91-databases/tiny.ipynb"}
    assert (course / "notebooks" / ".." / "exercises/91-databases/tiny.ipynb").resolve().exists()


def test_it_tells_how_far_one_is(lab):
    assert "[not begun] A tiny lab, 5 min, 4 points, and 2 judged later: exercises" in course_map().text
    progress.record(lab, "dear", progress.earned(3, 3))
    assert "[      75%] A tiny lab, 5 min" in course_map().text
    assert "Next: A tiny lab" in course_map().text
    progress.record(lab, "index", progress.earned(1, 1))
    assert "[   ✓ done] A tiny lab, 5 min" in course_map().text
    assert "1 of 1 lab done. All done: hand it in." in course_map().text
    assert "Find what is &lt;dear&gt;" in course_map().html


def test_what_comes_next(lab):
    first, second = lab, dataclasses.replace(lab, name="second", after=("tiny",))
    third = dataclasses.replace(lab, name="third")
    known = [first, second, third]
    shares = {first.key: 0.0, second.key: 0.0, third.key: 0.0}
    assert next_lab(known, shares) == first
    assert next_lab(known, {**shares, third.key: 0.5}) == third  # one that was begun
    assert next_lab(known, {**shares, second.key: 0.5}) == first  # what it builds on comes before it
    assert next_lab(known, {**shares, first.key: 1.0}) == second
    assert next_lab(known, dict.fromkeys(shares, 1.0)) is None


def test_start_is_committed_without_outputs():
    cells = json.loads(START.read_text(encoding="utf-8"))["cells"]
    assert any("%course_map" in "".join(cell["source"]) for cell in cells)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
