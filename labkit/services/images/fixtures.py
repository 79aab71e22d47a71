"""The fixtures of checks that need images. `bench` and `lab` are the checker's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from labkit.course import Lab
from labkit.services.images.place import Place


@pytest.fixture(scope="module")
def new_image_place(bench: Any, lab: Lab) -> Iterator[Callable[[], Place]]:
    """Makes places, each with a build cache of its own. Where no image can be built, checks that ask for one are not verified."""
    running = bench.service("images").running()
    with ExitStack() as made:

        def make() -> Place:
            if running.missing:
                pytest.skip(running.missing)
            return made.enter_context(running.place(lab.key))

        yield make


@pytest.fixture(scope="module")
def image_place(new_image_place: Callable[[], Place]) -> Place:
    """A place that nobody built in, shared by the checks of one module."""
    return new_image_place()
