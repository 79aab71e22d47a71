"""docs/examiner.md: every command on the page works, in its order, with one learner's submission."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import course
from tests.grading.submissions import SECTION, lab_source, notebook

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]

ELSEWHERE = ("make env",)  # tests/setup runs it, from a fresh clone


def commands() -> list[str]:
    """The lines of the page's code blocks."""
    page = (course.root() / "docs" / "examiner.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_on_the_page_works(tmp_path):
    lab = course.find("jsonb-search")
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    environment = {
        **os.environ,
        "LABKIT_COURSE": str(course.root()),
        "LABKIT_BACKEND": "embedded",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    folder, ran = tmp_path, []
    for line in commands():
        if line in ELSEWHERE:
            continue
        if line.startswith("cd "):
            folder = folder / line.removeprefix("cd ")
            with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as configuration:
                configuration.write(f"c.Exchange.root = {str(exchange)!r}\n")
            handed_in = folder / "submitted" / "ada" / SECTION / f"{lab.name}.ipynb"
            handed_in.parent.mkdir(parents=True)
            handed_in.write_text(json.dumps(notebook(lab, lab_source(lab).solutions())), encoding="utf-8")
            (handed_in.parent / "timestamp.txt").write_text("2026-11-01 10:00:00 UTC\n")
            continue
        done = subprocess.run(shlex.split(line), cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        ran.append(line.split()[1])
    assert {"course", "publish", "grade", "report", "export", "generate_feedback", "release_feedback", "audit"} <= set(
        ran
    )
    assert list(folder.glob("report-*.html"))
    assert "ada" in (folder / "marks.csv").read_text(encoding="utf-8")
    assert (folder / "feedback" / "ada" / SECTION / f"{lab.name}.html").exists()
