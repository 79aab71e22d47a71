"""Each rule that a task prints has a check that keeps it. The table is printed."""

from __future__ import annotations

import pytest

from labkit import course, source
from labkit.authoring import release, rules
from labkit.course import CourseError
from tests.grading.submissions import lab_source

TASK = """---
title: A lab
covers: 9.1.1
minutes: 1
needs: []
after: []
objectives: []
answers:
  first: sql
---

Cancelled orders do not count. <!-- rule: no-cancelled -->
Each order counts
once. <!-- rule: once -->{more}

```{{code-cell}} ipython3
%%answer first
-- ### BEGIN SOLUTION
SELECT 1
-- ### END SOLUTION
```
"""


def test_each_rule_has_a_check(capsys):
    found = [rules.kept(lab, lab_source(lab)) for lab in course.labs()]
    with capsys.disabled():
        print("\n" + "\n".join(line for lab in found if lab.rules for line in lab.lines()))
    assert [line for lab in found for line in lab.broken] == []
    without = {lab.lab for lab in found if not lab.rules}
    assert without == set(), "mark the rules of their tasks: docs/add-a-lab.md"


def test_a_rule_without_a_check_and_a_check_without_a_rule_are_found(tmp_path, monkeypatch):
    kept = rules.Kept("9/a", {"once": [], "no-cancelled": ["test_a"]}, {"ones": ["test_b"]})
    assert kept.broken == [
        "9/a: no check keeps the rule 'once'",
        "9/a: test_b keeps 'ones', which no sentence of the task is marked with",
    ]
    assert "once" in "\n".join(kept.lines())


def test_the_learner_does_not_see_the_markers(tmp_path):
    path = tmp_path / "lab.md"
    path.write_text(TASK.format(more=""))
    found = source.read(path)
    assert found.rules() == ["no-cancelled", "once"]
    lab = course.find("jsonb-search")
    shown = [cell.source for cell in release._cells(found, lab_with(lab)) if cell.cell_type == "markdown"]
    assert shown == ["Cancelled orders do not count.\nEach order counts\nonce."]


@pytest.mark.parametrize("marker", ["<!-- rule: Two Words -->", "<!-- rule once -->", "<!--rules: a, b-->"])
def test_a_marker_that_would_be_seen_is_an_error(tmp_path, marker):
    path = tmp_path / "lab.md"
    path.write_text(TASK.format(more=f" {marker}"))
    with pytest.raises(CourseError, match="a rule's marker is not like"):
        source.read(path)


def lab_with(lab: course.Lab) -> course.Lab:
    """A lab whose only answer is `first`."""
    return course.Lab(**{**vars(lab), "answers": {"first": "sql"}, "points": {"first": 1.0}, "visible": {"first": 1.0}})
