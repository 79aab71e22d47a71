"""A platform on each backend, and functions on it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

import pytest

from labkit.course.home import run_folder
from labkit.services.functions.client import FunctionHandle, Space
from labkit.services.functions.isolation import isolation
from labkit.services.functions.server import Platform
from labkit.services.functions.settings import Settings
from tests.backends import BACKENDS, why_not

Deploy = Callable[..., FunctionHandle]


@pytest.fixture(params=BACKENDS, scope="module")
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn; skipped, with the reason, where it cannot be had."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="module")
def platform(backend: str) -> Iterator[Platform]:
    """One platform a module."""
    with Platform(isolation(backend, graded=False), run_folder() / "functions-tests") as platform:
        yield platform


@pytest.fixture
def space(platform: Platform) -> Iterator[Space]:
    """A space of its own."""
    with Space(platform.socket) as space:
        yield space


@pytest.fixture
def deploy(space: Space) -> Deploy:
    """Deploys a handler's text, with settings."""

    def deploy(text: str, **settings) -> FunctionHandle:
        settings = {"timeout": 60.0, **settings}  # this machine may be busy
        return space.deploy("tried", {"handler.py": textwrap.dedent(text)}, Settings(**settings))

    return deploy
