"""Stock nbgrader and otter, grading the same answers with equal checks as they do it: each notebook executed in a kernel of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import stock
from benchmarks.generated import Answers, submitted
from benchmarks.measure import Run, command
from labkit import course

OTTER = "otter-grader==7.0.0"
TEST = """\
OK_FORMAT = True
test = {{"name": {name!r}, "points": 1, "suites": [{{"type": "doctest", "scored": True, "setup": "", "teardown": "", "cases": [
    {{"code": {code!r}, "hidden": False, "locked": False}}]}}]}}
"""


def nbgrader(lab: course.Lab, submissions: list[Answers]) -> Run:
    """`nbgrader autograde` of a course with nothing of ours in its configuration."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "source", lab.section, f"{lab.name}.ipynb")
        target.parent.mkdir(parents=True)
        target.write_text(json.dumps(stock.notebook(lab, submissions[0])), encoding="utf-8")
        Path(folder, "nbgrader_config.py").write_text(
            "c = get_config()\nc.CourseDirectory.course_id = 'stock'\nc.ExecutePreprocessor.timeout = 300\n"
        )
        run = [sys.executable, "-m", "nbgrader"]
        command([*run, "generate_assignment", lab.section], Path(folder))
        for number, answers in enumerate(submissions):
            submitted(Path(folder), lab, number).write_text(json.dumps(stock.notebook(lab, answers)), encoding="utf-8")
        return command([*run, "autograde", lab.section], Path(folder))


@contextmanager
def otter() -> Iterator[Path]:
    """otter's command, in an environment of its own that also sees the course's packages."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "bin", "python")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), OTTER], check=True)
        own = next(Path(folder).glob("lib/python*/site-packages"))
        Path(own, "course.pth").write_text(f"{sysconfig.get_path('purelib')}\n{course.root()}\n", encoding="utf-8")
        yield python.with_name("otter")


def otter_run(otter: Path, lab: course.Lab, submissions: list[Answers]) -> Run:
    """`otter run` of one notebook after the other; seconds of all, the highest peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        tests = Path(folder, "tests")
        tests.mkdir()
        for name, check in stock.checks(lab).items():
            lines = check.splitlines()
            shell = "\n".join(f"{'... ' if line[0] in ' )' else '>>> '}{line}" for line in _flat(lines))
            (tests / f"{name}.py").write_text(TEST.format(name=name, code=shell), encoding="utf-8")
        zipped = Path(folder, "autograder.zip")
        quiet = ["--no-requirements", "--no-environment", "--no-config"]
        command([str(otter), "generate", "-t", str(tests), "-o", str(zipped), *quiet], Path(folder))
        seconds, megabytes = 0.0, 0.0
        for number, answers in enumerate(submissions):
            notebook = Path(folder, f"{number}.ipynb")
            notebook.write_text(json.dumps(stock.notebook(lab, answers, graded=False)), encoding="utf-8")
            out = Path(folder, f"out-{number}")
            out.mkdir()
            run = command(
                [str(otter), "run", str(notebook), "-a", str(zipped), "-o", str(out), "--no-logo"], Path(folder)
            )
            results = json.loads((out / "results.json").read_text(encoding="utf-8"))
            assert len(results["tests"]) >= len(stock.checks(lab)), results
            seconds, megabytes = seconds + run.seconds, max(megabytes, run.megabytes)
        return Run(seconds, megabytes)


def _flat(lines: list[str]) -> list[str]:
    """A doctest's compound statements end with an empty line."""
    flat: list[str] = []
    for line in lines:
        if flat and flat[-1].startswith(" ") and not line.startswith(" "):
            flat.append(" ")
        flat.append(line)
    return [*flat, " "] if flat and flat[-1].startswith(" ") else flat
