"""The fixtures that every check may use, and the bench behind them: the services, the answers, what a check noted.

Those of a service or a kind of answer are registered when the first lab needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import pytest

from labkit import services
from labkit.checking.in_turn import InTurn
from labkit.course import Lab
from labkit.kinds.answer import Answers, Wrong
from labkit.services.service import LEARNER, Bench, Place

T = TypeVar("T")
LAB = pytest.StashKey[tuple[Lab, bool]]()
BENCH = pytest.StashKey["CheckerBench"]()


class CheckerBench:
    """What the checker works with, from one request to the next."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.answers: dict[str, str] = {}
        self.hidden_too = False  # whether the hidden checks' turn comes after the visible ones'
        self.notes: dict[str, Any] = {}
        self.compared: tuple[str, object, object] | None = None
        self.in_turn = InTurn()
        self._services: dict[str, Bench] = {}
        self._kept: dict[str, tuple[Any, Callable[[], object]]] = {}

    def service(self, name: str) -> Any:
        """The bench of one service (`Bench`), which starts or joins it on first use."""
        if name not in self._services:
            self._services[name] = services.named(name).bench(self.purpose)
        return self._services[name]

    def used(self) -> list[Bench]:
        """The benches of the services that were used so far."""
        return list(self._services.values())

    def kept(self, name: str, make: Callable[[], T], close: Callable[[T], object]) -> T:
        """What `make` gave the first time; `close` is called with it when the checker ends, before any service does."""
        if name not in self._kept:
            made = make()
            self._kept[name] = (made, lambda: close(made))
        return self._kept[name][0]

    def where(self) -> str:
        """Which services the checks worked on, with their versions."""
        return ", ".join(where for bench in self.used() if (where := bench.where()))

    def warm(self, lab: Lab) -> None:
        """Brings up what the lab's visible checks need, so that the first verdict is as quick as the others."""
        for name in lab.needs:
            self.service(name).warm(lab)

    def between(self) -> None:
        """Makes ready what the next request will need."""
        for bench in self.used():
            bench.between()

    def close(self) -> None:
        """Gives everything back."""
        for _, close in self._kept.values():
            close()
        for bench in self.used():
            bench.close()


def check_untouched(place: Place, *parts: str, but: tuple[str, ...] = ()) -> None:
    """As the fixture `untouched`. Raises ValueError where the lab gave no part of that name."""
    given = place.given()
    if unknown := [name for name in (*parts, *but) if not _within(given, (name,))]:
        raise ValueError(f"the lab gave no {unknown[0]!r}; it gave {', '.join(given)}")
    now = place.fingerprint()
    asked = [name for name in _within(given, parts or tuple(given)) if name not in _within(given, but)]
    if changed := next((name for name in asked if now.get(name) != given[name]), None):
        expected, got = place.difference(changed)
        why = f"Your answer changed `{changed}`, which the task leaves as it is."
        raise Wrong(why, expected=expected, got=got)


def _within(given: Iterable[str], parts: tuple[str, ...]) -> list[str]:
    """The parts of these names, and what is in them."""
    return [name for name in given if any(name == part or name.startswith(f"{part}.") for part in parts)]


def bench_of(request: pytest.FixtureRequest) -> CheckerBench:
    """The bench of the running checker."""
    return request.config.stash[BENCH]


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> Answers:
    """The texts of all answers by name; asking for a missing one fails the check in the learner's words."""
    return Answers(bench_of(request).answers)


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest) -> CheckerBench:
    """The checker's bench, for fixtures of services and kinds."""
    return bench_of(request)


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Lab:
    """The lab under check."""
    return request.node.stash[LAB][0]


@pytest.fixture(scope="module")
def hidden(request: pytest.FixtureRequest) -> bool:
    """Whether these are the lab's hidden checks."""
    return request.node.stash[LAB][1]


@pytest.fixture(scope="module")
def in_turn(bench: CheckerBench, hidden: bool) -> Callable[..., AbstractContextManager[Any]]:
    """`in_turn(make)`: a context manager of what `make(before)` gives. For what takes long to start: `before` is None in the visible
    checks, and in hidden ones that follow them what the visible ones worked with.
    """
    return lambda make: bench.in_turn.entered(make, others_follow=bench.hidden_too and not hidden)


@pytest.fixture(scope="module")
def untouched() -> Callable[..., None]:
    """`untouched(place, "orders", but=("orders.note",))` raises Wrong where the answer changed what it was not asked to: any of these parts of
    what the lab gave, as its service's `fingerprint` names them; all of it where none is named. A table's name stands for its columns too.
    """
    return check_untouched


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Attaches JSON data to the verdict's `extra`, for the picture at the lab's end."""
    return bench_of(request).notes.__setitem__


@pytest.fixture(scope="module")
def sandbox(bench: CheckerBench) -> Any:
    """Where untrusted Python runs. On a learner's own machine it may be no sandbox at all."""
    from labkit.sandbox import Unsafe, choose, require

    return choose() or Unsafe() if bench.purpose == LEARNER else require()
