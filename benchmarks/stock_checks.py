"""A lab's own checks, run where stock nbgrader and otter run them: in the kernel that executes the notebook, without a sandbox."""

from __future__ import annotations

import io
import json

from labkit import sandbox
from labkit.checking.checker import serve


def earned(lab: str, answers: dict[str, str]) -> dict[str, float]:
    """The points of each answer, by all checks."""
    sandbox.require = sandbox.Unsafe  # as they have none
    request = {"id": 1, "do": "check", "lab": lab, "answers": answers, "hidden": True}
    replies = io.StringIO()
    serve(io.StringIO(json.dumps(request) + "\n"), replies, "grading")
    verdicts = json.loads(replies.getvalue().splitlines()[-1])["verdicts"]
    points = dict.fromkeys(answers, 0.0)
    for verdict in verdicts:
        points[verdict["answer"]] += verdict["earned"]
    return points
