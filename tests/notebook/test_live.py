"""A piece of output that is kept up to date."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from markupsafe import Markup

from labkit.pages import live
from labkit.pages.live import Live
from labkit.pages.page import Page
from tests.patience import PATIENCE, until


class Shown(list[str]):
    """The texts that were shown, in place of a display handle."""

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        """As IPython's handle."""
        self.append(data["text/plain"])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """What a front end would have."""
    handle = Shown()

    def display(data: dict[str, str], **_: object) -> Shown:
        handle.update(data, raw=True)
        return handle

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(live, "PERIOD", 0.01)
    yield handle
    for one in Live._running.values():
        one.end()


def page(text: str) -> Page:
    """One word."""
    return Page(Markup(text), text)


def test_it_shows_what_is_new_and_then_when_that_was(shown: Shown) -> None:
    states = itertools.chain(["old", "old", "old"], itertools.repeat("new"))
    watched = Live(lambda: page(next(states)), PATIENCE, "pods")
    assert until(lambda: len(shown) == 2)
    watched.end()
    assert [text.split("\n")[0] for text in shown] == ["old", "new", "new"]
    assert [text.split("\n")[1][: len("Live until")].strip() for text in shown] == [
        "Live until",
        "Live until",
        "As it was",
    ]


def test_it_ends_by_itself_or_with_the_next_of_its_name(shown: Shown) -> None:
    first = Live(lambda: page("pods"), 0.02, "pods")
    assert until(lambda: not first._thread.is_alive())
    second = Live(lambda: page("pods"), PATIENCE, "pods")
    Live(lambda: page("pods"), PATIENCE, "pods")
    assert not second._thread.is_alive()


def test_it_says_why_it_ends(shown: Shown) -> None:
    found = iter([page("pods")])

    def look() -> Page:
        if (one := next(found, None)) is None:
            raise ConnectionError("The cluster is gone.")
        return one

    watched = Live(look, PATIENCE, "pods")
    assert until(lambda: not watched._thread.is_alive())
    assert shown[-1].startswith("pods\nAs it was at ")
    assert shown[-1].endswith("The cluster is gone.")
