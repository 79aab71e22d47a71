"""The fixtures of checks of functions. `lab` is the checker's, `space` the platform's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labkit.course import Lab
from labkit.kinds.function.calls import Handler, deploy
from labkit.kinds.function.package import SEED, package
from labkit.services.functions.client import Space

HIDDEN_SEED = 20_260_327


@pytest.fixture(scope="module")
def files(lab: Lab, hidden: bool) -> dict[str, str]:
    """The lab's package: the learner's own, or another one in hidden checks."""
    return package(lab.key, HIDDEN_SEED if hidden else SEED)


@pytest.fixture(scope="module")
def deployed(space: Space, files: dict[str, str]) -> Callable[..., Handler]:
    """`deployed(text)`: an answer with the lab's package, in a space that no learner touched."""

    def deployed(text: str, **more: Any) -> Handler:
        return Handler(deploy(space, text, files, **more))

    return deployed
