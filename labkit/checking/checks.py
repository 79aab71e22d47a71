"""What a check is written with: an ordinary pytest test, whose docstring is the sentence that the learner reads.

    @answer("refunds")
    @points(2)
    @hint("Which operator asks: does this document contain that one?", "`@>` can use a GIN index; `->>` cannot.")
    def test_reads_through_the_index(plan):
        \"\"\"The query reads the events through an index.\"\"\"
        assert plan.uses_index("events"), plan.tree

`@keeps("any-depth")` names the rules of the task that it keeps. `@after("test_has_a_gin_index")` names checks without which this one
would only tell the same mistake again: when one of them did not pass, this one is not run.

A check fails by a plain `assert` (in `assert got == expected, why` both sides reach the learner) or by raising `Wrong`.
`pytest.skip(reason)` says that this backend cannot verify it. Any other exception is the course's own fault.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from labkit.kinds.answer import AnswerError, Wrong

__all__ = [
    "AnswerError",
    "Check",
    "Wrong",
    "after",
    "answer",
    "describe",
    "hint",
    "keeps",
    "points",
    "review",
    "sentence",
]

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass
class Check:
    """What the decorators say about a test; kept on the function as `check`."""

    answer: str = ""
    points: float = 1.0
    hints: tuple[str, ...] = ()
    review: str = ""
    keeps: tuple[str, ...] = ()  # rules of the task
    after: tuple[str, ...] = ()  # checks of the same answer, above this one


def describe(test: Callable[..., Any]) -> Check:
    """The description of a test, made on first use."""
    if not hasattr(test, "check"):
        test.check = Check()  # type: ignore[attr-defined]
    return test.check  # type: ignore[attr-defined]


def sentence(test: Callable[..., Any]) -> str:
    """The sentence that the learner reads: the docstring's first paragraph, on one line."""
    paragraph = (inspect.getdoc(test) or test.__name__).split("\n\n")[0]
    return " ".join(paragraph.split())


def answer(name: str) -> Callable[[Test], Test]:
    """Which answer earns the check's points; may be left out in a lab with one answer."""
    return _set(answer=name)


def points(worth: float) -> Callable[[Test], Test]:
    """What the check is worth."""
    return _set(points=float(worth))


def hint(*hints: str) -> Callable[[Test], Test]:
    """Hints, shown one at a time; they lead, they never tell."""
    return _set(hints=hints)


def review(what: str) -> Callable[[Test], Test]:
    """For a hidden check: what the learner should review when it fails. It is all that they are told."""
    return _set(review=what)


def keeps(*rules: str) -> Callable[[Test], Test]:
    """The rules of the task that the check keeps, as their markers in the source name them."""
    return _set(keeps=rules)


def after(*tests: str) -> Callable[[Test], Test]:
    """Checks of the same answer, above this one: it is run only when all of them passed. A hidden check may name visible ones."""
    return _set(after=tests)


def _set(**values: Any) -> Callable[[Test], Test]:
    def decorate(test: Test) -> Test:
        vars(describe(test)).update(values)
        return test

    return decorate
