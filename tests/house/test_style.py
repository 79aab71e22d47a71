"""The phrases of docs/style.md that can be listed do not come back."""

from __future__ import annotations

import re

import pytest

from labkit.course import root
from labkit.course.debrief import answers_in

PHRASES = {  # what is not written, and what is instead
    r"\bbelongs? into\b": "belongs in",
    r"\bdear to (?:write|build|make)\b": "expensive to",
    r"\b(?:made|written|built|make|makes|write|build) anew\b": "again, rebuilt, rewritten, replaced",
    r"\bits turn is over\b": "will not run any more",
    r"\b(?:has|have) not all\b": "does not have all",
    r"\bhas not (?:exactly )?(?:one|the)\b": "does not have",
    r"\bbig sister\b": "say what it is",
    r"\bmiddling\b": "moderate",
}
# Sections whose texts were read with the page in hand; the next one joins when it was.
READ = ("91-databases",)


def texts():
    """The sources that learners read: labs, lessons, quizzes, and the checks with their sentences and messages."""
    for section in READ:
        yield from sorted((root() / "solutions" / section).glob("*.md"))
        yield from sorted((root() / "graders" / section).glob("test_*.py"))
        yield from sorted((root() / "graders" / "hidden" / section).glob("*/test_*.py"))
        yield from (root() / "notebooks" / f"{section}{end}" for end in (".md", ".quiz.yaml"))


def reasons():
    """The first lines of right and wrong answers, which the debrief shows after a pass."""
    for section in READ:
        for kind in ("right", "wrong"):
            for folder in sorted((root() / "graders" / "hidden" / section).glob(f"*/{kind}")):
                for path in answers_in(folder):
                    yield path, path.read_text(encoding="utf-8").partition("\n")[0]


def test_no_listed_phrase_in_a_debrief():
    assert [
        f"{path}: {match[0]!r}; write: {instead}"
        for path, line in reasons()
        for phrase, instead in PHRASES.items()
        for match in re.finditer(phrase, line, re.IGNORECASE)
    ] == []


@pytest.mark.parametrize("path", list(texts()), ids=lambda path: path.name)
def test_no_listed_phrase(path):
    if not path.exists():
        pytest.skip("a copy without the sources")
    found = [
        f"{path.name}:{number}: {match[0]!r}; write: {instead}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for phrase, instead in PHRASES.items()
        for match in re.finditer(phrase, line, re.IGNORECASE)
    ]
    assert found == []
