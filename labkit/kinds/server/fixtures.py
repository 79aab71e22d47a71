"""pytest fixtures for checks of a learner's server, after `labkit.checking.fixtures`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labkit.kinds.answer import Answers
from labkit.kinds.websocket.stage import Stage


@pytest.fixture(scope="module")
def text(answers: Answers) -> str:
    """The answer."""
    return answers["server"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Where the clients live."""
    with Stage() as stage:
        yield stage
