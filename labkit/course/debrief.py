"""The debrief of an answer, after its pass: other right ways, and the mistakes that its checks have met. From `right/` and `wrong/`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labkit.course import hidden, sealed
from labkit.course.answer_cells import parse_answers
from labkit.course.lab import Lab

FIRST_LINE = re.compile(r"\S+\s*(?:fails:\s*(?P<fails>test_\w+)|(?P<right>right))\b[:\s—–-]*(?P<why>[^\n]*)")
RECORDED = ".said"  # the suffix of what checks say of a wrong answer, which lies beside it


@dataclass(frozen=True)
class Debrief:
    """`ways`: how another right answer differs, and its text. `mistakes`: by check, why people write what it refuses."""

    ways: tuple[tuple[str, str], ...]
    mistakes: dict[str, tuple[str, ...]]

    def __bool__(self) -> bool:
        return bool(self.ways or self.mistakes)


def debrief_of(lab: Lab, answer: str, checks: Iterable[str]) -> Debrief:
    """What there is to tell of an answer that these checks judge. Nothing is here in a copy for an assessment. Raises CourseError."""
    texts = files(lab)
    ways, mistakes = [], {}
    for text in texts.values():
        match = FIRST_LINE.match(text)
        if not match:
            continue
        answers = parse_answers(text)
        if match["right"] and answer in answers:
            ways.append((match["why"], answers[answer].strip("\n")))
        elif match["fails"] in checks:
            mistakes.setdefault(match["fails"], []).append(match["why"])
    return Debrief(tuple(ways), {check: tuple(whys) for check, whys in mistakes.items()})


def files(lab: Lab) -> dict[str, str]:
    """The right answers whole, and of the wrong ones the first line, by `right/NAME` and `wrong/NAME`."""
    folder = hidden.folder(lab)
    if not hidden.is_open(lab):
        return sealed.read_debrief(lab)
    return {
        f"{kind}/{path.name}": _told(kind, path) for kind in ("right", "wrong") for path in answers_in(folder / kind)
    }


def answers_in(folder: Path) -> list[Path]:
    """The answers that lie in `right/` or `wrong/`, without what was recorded of them."""
    return sorted(path for path in folder.glob("*.*") if path.suffix != RECORDED)


def _told(kind: str, path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    return text if kind == "right" else text.partition("\n")[0]
