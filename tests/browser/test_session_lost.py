"""A session dies, as on Binder: a new one on a new copy of the course, in the same browser, gets everything back. And before it ends, it counts down."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.backends import why_not
from tests.browser.lab_page import LabPage
from tests.setup import learner_copy
from tests.setup.lab_server import LabServer, lab_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAB = "91-databases/jsonb-search"
EXERCISE = f"exercises/{LAB}.ipynb"
NOTE = "-- mine, and not lost"
KEPT = "JSON.parse(localStorage.getItem('labkit:work') || 'null')"


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    """What Binder has."""
    if reason := why_not("embedded"):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_BACKEND", "embedded")
        yield "embedded"


@pytest.fixture(scope="module")
def port() -> int:
    """One address for all sessions: a browser's storage goes by it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def context(browser) -> Iterator[BrowserContext]:
    """One browser, with one storage."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context
    context.close()


@pytest.fixture
def new_session(copy, port, tmp_path):
    """Starts JupyterLab on a copy of the course in which nothing was done yet."""

    def start(name: str):
        folder = shutil.copytree(copy, tmp_path / name, symlinks=True)
        options = [
            "--no-browser",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--LabApp.expose_app_in_browser=True",
        ]
        return lab_server(folder, [sys.executable, "-m", "labkit.jupyterlab", *options])

    return start


def page_of(context: BrowserContext, session: LabServer, pictures: Path) -> LabPage:
    return LabPage(context.new_page(), session.url, pictures)


def test_everything_comes_back_in_a_new_session(context, new_session, tmp_path):
    answer = f"{learner_copy.solutions(LAB)['index']}\n{NOTE}"
    with new_session("first") as session:
        lab = page_of(context, session, tmp_path)
        lab.open(EXERCISE)
        expect(lab.run("%load_ext labkit.notebook")).to_contain_text("You will be able to")
        lab.type("%%answer index", f"%%answer index\n{answer}")
        expect(lab.run("%%answer index")).to_contain_text("Every check passes")
        lab.page.wait_for_function(f"({KEPT}?.work.answers[{LAB!r}]?.index || '').includes({NOTE!r})")
        lab.page.wait_for_function(f"{KEPT}.work.progress[{LAB!r}]?.index?.earned > 0")
        assert session.stop(signal.SIGKILL) != 0
        lost = lab.page.locator("#labkit-lost")
        lab.page.evaluate("window.jupyterapp.shell.currentWidget.context.save().catch(() => null)")
        expect(lost).to_contain_text("is kept in this browser")
        lab.page.close()

    with new_session("second") as session:
        lab = page_of(context, session, tmp_path)
        lab.open(EXERCISE)
        offer = lab.page.locator("#labkit-offer")
        expect(offer).to_contain_text("This browser has 1 answer of ")
        with lab.page.expect_download() as downloaded:
            offer.get_by_role("button", name="Download them").click()
        assert json.loads(Path(downloaded.value.path()).read_text())["answers"][LAB]["index"] == answer
        offer.get_by_role("button", name="Bring them back").click()
        expect(offer).to_contain_text("1 answer brought back.")
        written = lab.page.locator(".jp-Notebook-cell .cm-content", has_text="%%answer index")
        expect(written).to_contain_text(NOTE)
        reached = json.loads((tmp_path / "second/.labkit/progress.json").read_text())[LAB]["index"]
        assert reached["earned"] > 0

        offer.get_by_role("button", name="Undo the restore").click()
        expect(offer).to_contain_text("as before")
        expect(written).not_to_contain_text(NOTE)
        lab.page.reload()  # it was not lost by the undo, and is offered again
        expect(offer).to_contain_text("This browser has 1 answer of ")
        offer.get_by_role("button", name="Bring them back").click()
        expect(offer).to_contain_text("1 answer brought back.")
        lab.picture("brought-back")
        lab.page.close()


def test_an_idle_session_counts_down(context, new_session, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_IDLE_SECONDS", "60")
    with new_session("idle") as session:
        lab = page_of(context, session, tmp_path)
        lab.open("notebooks/00-start.ipynb")
        warning = lab.page.locator("#labkit-idle")
        expect(warning).to_contain_text("This session ends in 0:")
        expect(warning).to_contain_text("is kept in this browser")
        lab.picture("counting-down")
        warning.get_by_role("button", name="I am here").click()
        expect(warning).to_have_count(0)
        lab.page.close()


def test_where_no_session_ends_nothing_is_counted(context, new_session, tmp_path, monkeypatch):
    monkeypatch.delenv("LABKIT_IDLE_SECONDS", raising=False)
    with new_session("endless") as session:
        lab = page_of(context, session, tmp_path)
        lab.open("notebooks/00-start.ipynb")
        lab.page.wait_for_function(f"{KEPT} !== null")
        expect(lab.page.locator("#labkit-strips")).to_have_count(0)
        lab.page.close()
        with pytest.raises(urllib.error.HTTPError, match="403"):  # nobody else gets the work
            urllib.request.urlopen(f"{session.url.partition('/lab')[0]}/labkit/work")
