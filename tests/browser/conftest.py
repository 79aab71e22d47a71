"""A browser, and JupyterLab on a learner's copy of the course."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, sync_playwright

from tests.backends import BACKENDS, why_not
from tests.browser.lab_page import LabPage
from tests.setup import learner_copy
from tests.setup.lab_server import lab_server

QUIET = [
    "--no-sandbox",  # Chromium refuses to run as root otherwise
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
]


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Iterator[Browser]:
    """The system's Chromium, which calls nobody by itself, and leaves nothing in a home where it never ran."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    environment: dict[str, str | float | bool] = {**os.environ, "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET, env=environment)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request) -> Iterator[str]:
    """Each backend for a whole module, so that one JupyterLab serves it."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_BACKEND", request.param)
        yield request.param


@pytest.fixture(scope="module")
def copy(backend, tmp_path_factory) -> Path:
    """The learner's copy of the course."""
    return learner_copy.publish(tmp_path_factory.mktemp("published") / "course")


@pytest.fixture(scope="module")
def lab_url(copy) -> Iterator[str]:
    """JupyterLab on it, started by the command that `make lab` runs."""
    options = ["--no-browser", "--port=0", "--LabApp.expose_app_in_browser=True"]
    with lab_server(copy, [sys.executable, "-m", "labkit.jupyterlab", *options]) as lab:
        yield lab.url


@pytest.fixture
def lab(browser, lab_url, copy, tmp_path_factory) -> Iterator[LabPage]:
    """A browser window. The test fails when the page asks any other machine for anything."""
    outside: list[str] = []

    def only_here(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.route("**/*", only_here)
    yield LabPage(context.new_page(), lab_url, tmp_path_factory.getbasetemp())
    context.close()
    assert not outside, "the page asked other machines"
