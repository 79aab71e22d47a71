"""MLflow's own pages in a browser: at the address itself, and below a JupyterHub's prefix through its proxy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Browser, Page

from labkit.kinds.model import ui
from labkit.services.mlflow.place import Place
from labkit.services.mlflow.running import mlflow
from tests.setup.lab_server import lab_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PREFIX = "/user/ann/"
SLOW = 300_000  # milliseconds: a large page on a busy machine


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A place with one run in an experiment."""
    with mlflow("learner", "embedded") as server, server.place("93-mlops/pages") as place:
        client = MlflowClient(place.uri)
        run = client.create_run(client.create_experiment("the-loans"), run_name="the-run-of-ann")
        client.log_metric(run.info.run_id, "accuracy", 0.677)
        client.set_terminated(run.info.run_id)
        yield place


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab as a hub starts it: below a prefix of one person's own. Its address, with the token."""
    folder: Path = tmp_path_factory.mktemp("hub")
    options = ["--no-browser", "--port=0", f"--ServerApp.base_url={PREFIX}", "--allow-root"]
    with lab_server(folder, [sys.executable, "-m", "jupyterlab", *options]) as lab:
        yield lab.url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(SLOW)
        yield page


def must_show_the_run(page: Page, address: str) -> None:
    """The list of experiments comes from the server, and the run's own page does, too."""
    page.goto(f"{address}#/experiments/1/runs", wait_until="domcontentloaded")
    page.get_by_text("the-run-of-ann").first.wait_for()


def test_the_pages_are_at_the_address(page: Page, place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(ui.HUB, raising=False)
    must_show_the_run(page, ui.address(place))


def test_the_pages_are_below_a_hubs_prefix(page: Page, place: Place, hub: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ui.HUB, PREFIX)
    page.goto(hub, wait_until="domcontentloaded")  # the token becomes a cookie
    at = urlsplit(hub)
    must_show_the_run(page, f"{at.scheme}://{at.netloc}{ui.address(place)}")
