"""The fixtures of checks that need functions. `bench` is the checker's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from labkit.services.functions.client import Space
from labkit.services.functions.running import Functions


@pytest.fixture(scope="module")
def platform(bench: Any) -> Functions:
    """The platform, joined or started."""
    return bench.service("functions").running()


@pytest.fixture(scope="module")
def space(platform: Functions) -> Iterator[Space]:
    """A space that no learner touched, shared by the checks of one module."""
    with platform.space() as space:
        yield space


@pytest.fixture
def fresh_space(platform: Functions) -> Iterator[Callable[[], Space]]:
    """Makes more spaces, for a check that must not see what others did."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(platform.space())
