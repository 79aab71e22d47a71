"""An attack: one file, whose first line says what it wants, made into a submission of a real lab.

A line `# name: value` (in SQL `-- name: value`) at its top declares:

    lab     the lab that it is handed in to
    answer  the answer that its text stands in for; the others are left as released. SQL may hold `%%answer NAME` blocks instead
    honest  the points that its honest content is worth, and that it must get: neither more nor, for want of a trial, less
    says    what the examiner must read about it (a regular expression)
    series  "full" where it is too long for every run
    kind    which of the kinds of docs/threat-model.md it is of, a number

An attack must do no harm where it succeeds: it touches canaries, and is bounded in count and time.

A line with SOLUTION stands for the answer's solution, `@FILE@` and so on for what `Told` holds. A Python file with the
function `hand_in(folder, notebook, told)` is no answer: it is run here, and hands in what it likes.
"""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labkit import course
from labkit.course import answer_cells
from tests.grading.submissions import SECTION, lab_source, notebook

HERE = Path(__file__).parent
FIRST_LINE = re.compile(r'(?:# |-- |""")(?P<intent>.+?)(?:""")?$')
FIELD = re.compile(r"^(?:#|--) (?P<name>\w+): (?P<value>.*)$")
SOLUTION = re.compile(r"^(?:#|--) SOLUTION$", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """What an attacker may know of the machine: where the canaries are, and a word that its own traces must bear."""

    file: str
    folder: str
    port: str
    abstract: str
    socket: str
    mark: str
    neighbour: str  # another one's submission
    hidden: str  # the folder of the hidden checks
    gradebook: str


@dataclass(frozen=True)
class Attack:
    """One file under tests/attacks/<class>/."""

    path: Path
    intent: str
    lab_name: str
    answer: str
    honest: float
    says: str
    full: bool
    kind: int = 0

    @property
    def name(self) -> str:
        """Also the name of the student who hands it in."""
        return f"{self.path.parent.name}-{self.path.stem}"

    @property
    def lab(self) -> course.Lab:
        """The lab that it attacks."""
        return course.find(self.lab_name)

    def answers(self, told: Told) -> dict[str, str]:
        """All answers of the lab: its own, and stubs."""
        text = self.path.read_text(encoding="utf-8")
        for name, value in asdict(told).items():
            text = text.replace(f"@{name.upper()}@", value)
        source = lab_source(self.lab)
        solutions, given = source.solutions(), answer_cells.parse_answers(text)
        made = given or {self.answer or next(iter(self.lab.answers)): text}
        return source.stubs() | {
            name: SOLUTION.sub(lambda _, name=name: solutions[name], answer, count=1) for name, answer in made.items()
        }

    def hand_in(self, submitted: Path, told: Told) -> None:
        """Puts the submission where nbgrader looks for it."""
        folder = submitted / self.name / SECTION
        folder.mkdir(parents=True)
        text = self.path.read_text(encoding="utf-8")
        if "\ndef hand_in(" in text:
            _module(self.path).hand_in(folder, notebook(self.lab, lab_source(self.lab).solutions()), told)
            return
        for name, value in asdict(told).items():
            text = text.replace(f"@{name.upper()}@", value)
        solutions = lab_source(self.lab).solutions()
        answers = answer_cells.parse_answers(text) or {self.answer or next(iter(self.lab.answers)): text}
        made = {
            name: SOLUTION.sub(lambda _, name=name: solutions[name], answer, count=1)
            for name, answer in answers.items()
        }
        write(folder, self.lab_name, notebook(self.lab, made))


def write(folder: Path, lab_name: str, content: dict[str, Any]) -> Path:
    """Writes a notebook into a submission."""
    path = folder / f"{lab_name}.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def attacks(folder: Path = HERE) -> list[Attack]:
    """All of them, or those of another folder. Raises ValueError for a file that does not declare what it must."""
    paths = sorted([*folder.glob("*/*.*"), *(folder.glob("*.*") if folder != HERE else ())])
    return [_read(path) for path in paths if path.suffix in (".py", ".sql") and path.name != "__init__.py"]


def attacks_on(section: str) -> list[Attack]:
    """Those on another section's labs: answers in files of text."""
    return [_read(path) for path in sorted(HERE.glob(f"{section}/*.txt"))]


def _read(path: Path) -> Attack:
    lines = path.read_text(encoding="utf-8").splitlines()
    first = FIRST_LINE.match(lines[0])
    fields = dict(match.group("name", "value") for line in lines[1:12] if (match := FIELD.match(line)))
    missing = {"lab", "honest", "says"} - fields.keys()
    unknown = fields.keys() - {"lab", "honest", "says", "answer", "series", "kind"}
    if first is None or missing or unknown:
        raise ValueError(f"{path}: it must begin with its intent, then declare its fields: {missing or unknown}.")
    return Attack(
        path,
        first["intent"],
        fields["lab"],
        fields.get("answer", ""),
        float(fields["honest"]),
        fields["says"],
        fields.get("series") == "full",
        int(fields.get("kind", 0)),
    )


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"attack_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
