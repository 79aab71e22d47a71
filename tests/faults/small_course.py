"""A course with one light lab, as `labkit new-lab` makes it, and an exam in it: a whole run of `labkit grade` takes seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

from labkit import course as real_course
from labkit.course.answer_cells import answer_name
from tests.patience import PATIENCE

SECTION, LAB = "91-databases", "light"
ANSWERS = (  # with the points that each is worth, of the visible and of the hidden check
    ("SELECT id, size FROM things WHERE size > 90", (1.0, 1.0)),
    ("SELECT id, size FROM things WHERE NOT size <= 90 ORDER BY id", (1.0, 1.0)),
    ("SELECT id, size FROM things WHERE size > 90 AND id < 2000", (1.0, 0.0)),
    ("SELECT id, size FROM things", (0.0, 0.0)),
    ("SELECT id, sizes FROM things", (0.0, 0.0)),
    ("-- nothing yet", (0.0, 0.0)),
)
# What an answer may ask the check to do, so that a test can break the machine at a known moment.
FATES = '''

import os
import signal


@pytest.fixture(scope="module", autouse=True)
def fate(answers):
    """Kills what the answer names, while it is judged."""
    if "kill the checker" in answers["first"]:
        os.kill(os.getpid(), signal.SIGKILL)
    if "kill the worker" in answers["first"]:
        os.kill(os.getppid(), signal.SIGKILL)
'''


@cache
def light_course() -> Path:
    """The course, made once a session: `exercises/`, `solutions/`, `graders/`, and an empty `exam/` to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="light-"))
    folder.chmod(0o755)
    for name in ("exercises", "solutions", "graders"):
        (folder / name).mkdir()
    shutil.copy(real_course.root() / "graders" / "nbgrader_config.py", folder / "graders")
    run = partial(subprocess.run, env={**os.environ, "LABKIT_COURSE": str(folder)}, check=True, capture_output=True)
    run([sys.executable, "-m", "labkit", "new-lab", f"{SECTION}/{LAB}"])
    checks = folder / "graders" / SECTION / f"test_{LAB}.py"
    checks.write_text(checks.read_text() + FATES)
    hidden = folder / "graders" / "hidden" / SECTION / LAB / f"test_{LAB}_hidden.py"
    hidden.write_text(hidden.read_text().replace("import expected, rows", "import expected, fate, rows"))
    run([sys.executable, "-m", "labkit", "release"])
    run([sys.executable, "-m", "labkit", "course", str(folder / "exam")])
    return folder


class SmallCourse:
    """An examiner's nbgrader course of its own in `exam`. Commands run as processes of their own."""

    def __init__(self, exam: Path) -> None:
        self.folder, self.exam = light_course(), exam
        shutil.copytree(self.folder / "exam", exam, dirs_exist_ok=True)

    def copy(self, exam: Path) -> SmallCourse:
        """The same submissions, and whatever is graded of them, in another folder."""
        other = SmallCourse(exam)
        shutil.copytree(self.exam, exam, dirs_exist_ok=True)
        return other

    @property
    def environment(self) -> dict[str, str]:
        """For commands that are about this course."""
        paths = {"LABKIT_COURSE": str(self.folder), "PYTHONPATH": str(real_course.root())}
        return {**os.environ, **paths, "COLUMNS": "200"}

    def labkit(self, *arguments: str, status: int = 0) -> str:
        """Runs a command to its end and returns what it said. Its exit status must be `status`."""
        process = self.start("-m", "labkit", *arguments)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == status, said
        return said

    def grade(self, *options: str, status: int = 0) -> str:
        """Runs `labkit grade` to its end."""
        return self.labkit("grade", SECTION, "--jobs", "2", *options, status=status)

    def nbgrader(self, *arguments: str) -> None:
        """Runs nbgrader to its end, which must be a good one."""
        process = self.start("-m", "labkit.quickly", "nbgrader", *arguments)
        said, _ = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == 0, said

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Starts a Python process in the exam's folder; `more` goes into its environment."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.exam,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def notebook(self, answer: str) -> dict[str, Any]:
        """The exercise with this answer in it."""
        made = json.loads((self.folder / "exercises" / SECTION / f"{LAB}.ipynb").read_text(encoding="utf-8"))
        for cell in made["cells"]:
            if answer_name("".join(cell["source"])) == "first":
                cell["source"] = f"%%answer first\n{answer}"
        return made

    def submit(self, student: str, answer: str) -> Path:
        """Hands in a notebook with this answer."""
        path = self.exam / "submitted" / student / SECTION / f"{LAB}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.notebook(answer)), encoding="utf-8")
        return path

    def submit_many(self, number: int) -> dict[str, float]:
        """Hands in many notebooks, no two alike. Returns what each student must get."""
        worth = {}
        for index in range(number):
            answer, points = ANSWERS[index % len(ANSWERS)]
            student = f"student-{index:02}"
            self.submit(student, f"{answer}\n-- {student}")
            worth[student] = sum(points)
        return worth

    def audited(self) -> list[dict[str, Any]]:
        """The audit trail."""
        trail = self.exam / ".labkit" / "audit.jsonl"
        return [json.loads(line) for line in trail.read_text().splitlines()] if trail.exists() else []

    def marks(self) -> dict[str, float]:
        """What nbgrader's gradebook says: student -> points."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.exam}/gradebook.db") as gradebook:
            return {
                submission.student.id: sum(
                    grade.auto_score or 0.0 for notebook in submission.notebooks for grade in notebook.grades
                )
                for submission in gradebook.assignment_submissions(SECTION)
            }

    def results(self) -> dict[str, Any]:
        """All that a student could see or dispute, without times: marks, comments, autograded notebooks and feedback pages."""
        from nbgrader.api import Gradebook

        found: dict[str, Any] = {}
        with Gradebook(f"sqlite:///{self.exam}/gradebook.db") as gradebook:
            for submission in gradebook.assignment_submissions(SECTION):
                for notebook in submission.notebooks:
                    where = f"gradebook: {submission.student.id}/{notebook.name}"
                    found[where] = (
                        sorted((g.name, g.auto_score, g.manual_score, g.extra_credit) for g in notebook.grades),
                        sorted((c.name, c.auto_comment, c.manual_comment) for c in notebook.comments),
                    )
        for folder in ("autograded", "feedback"):
            for path in sorted((self.exam / folder).rglob("*")):
                if path.is_file():
                    text = path.read_text(encoding="utf-8")
                    found[str(path.relative_to(self.exam))] = re.sub(
                        r"\d\d\d\d-\d\d-\d\d.\d\d:\d\d(:[\d.]+)?", "TIME", text
                    )
        return found
