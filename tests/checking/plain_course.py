"""A course of one lab whose checks look only at the answer's text: no service is needed to try what the checker does with them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from labkit.course import Lab

LAB = Lab(
    section="91-databases",
    name="plain",
    title="A plain lab",
    covers="9.1.1",
    minutes=5,
    needs=(),
    after=(),
    objectives=("Try a checker",),
    answers={"first": "sql"},
    points={"first": 5.0},
    visible={"first": 3.0},
)
SOLUTION = "one two three"
SOURCE = """---
title: A plain lab
covers: 9.1.1
minutes: 5
needs: []
after: []
objectives: [Try a checker]
answers:
  first: sql
---

```{{code-cell}} ipython3
%%answer first
-- ### BEGIN SOLUTION
{solution}
-- ### END SOLUTION
```
"""
HEAD = '"""Checks."""\n\nimport pytest\n\nfrom labkit.checking.checks import Wrong, after, points, review\n\n'


def make(folder: Path, visible: str, hidden: str = "", lab: Lab = LAB, solution: str = SOLUTION) -> Lab:
    """Writes the course's files: these checks after the usual imports."""
    graders, name = folder / "graders", lab.name.replace("-", "_")
    files = {
        folder / lab.exercise: json.dumps({"cells": [], "metadata": {"lab": lab.metadata()}, "nbformat": 4}),
        folder / "solutions" / lab.section / f"{lab.name}.md": SOURCE.format(solution=solution),
        graders / lab.section / f"test_{name}.py": HEAD + visible,
    }
    if hidden:
        files[graders / "hidden" / lab.section / lab.name / f"test_{name}_hidden.py"] = HEAD + hidden
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return dataclasses.replace(lab)
