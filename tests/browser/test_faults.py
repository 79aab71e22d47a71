"""What a learner sees when the kernel, the server or the checker is killed, and how one click helps."""

from __future__ import annotations

import os

import psutil
import pytest
from playwright.sync_api import expect

from tests.patience import PATIENCE
from tests.setup import learner_copy

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.parametrize("backend", ["embedded"], indirect=True, scope="module"),
]

LAB = "91-databases/jsonb-search"


@pytest.fixture
def opened(lab):
    """The lab, opened in a kernel of its own, with its first answer passed."""
    lab.open(f"exercises/{LAB}.ipynb")
    lab.restart_kernel()
    expect(lab.run("%load_ext labkit.notebook")).to_contain_text("You will be able to")
    lab.type("%%answer index", f"%%answer index\n{learner_copy.solutions(LAB)['index']}")
    expect(lab.run("%%answer index")).to_contain_text("Every check passes")
    return lab


def ours(what: str) -> list[psutil.Process]:
    """This session's processes whose command line has `what` in it, and whose parent's has not."""
    found = []
    for process in psutil.process_iter():
        try:
            here = process.environ().get("LABKIT_HOME") == os.environ["LABKIT_HOME"]
            if here and what in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.ppid() not in {other.pid for other in found}]


def kill(what: str) -> None:
    """SIGKILL to the one process of ours that this names; returns when it is gone."""
    (process,) = ours(what)
    process.kill()
    process.wait(timeout=PATIENCE)


def test_the_server_is_killed(opened):
    kill("postgres")
    answer = opened.run("%%answer index")
    expect(answer).to_contain_text("Course fault")
    expect(answer).to_contain_text("not about your answer")
    opened.picture("server-killed")
    answer.get_by_role("button", name="Restart the service").click()
    expect(answer).to_contain_text("The service runs again")
    opened.picture("server-restarted")
    expect(opened.run("%%answer index")).to_contain_text("Every check passes")


def test_the_checker_is_killed(opened):
    kill("labkit.checking.checker")
    answer = opened.run("%%answer index")
    expect(answer).to_contain_text("Every check passes")
    opened.picture("checker-killed")


def test_the_kernel_is_killed(opened):
    kill("ipykernel_launcher")
    expect(opened.page.get_by_role("dialog")).to_contain_text("appears to have died")
    opened.picture("kernel-killed")
    opened.page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    psutil.wait_procs([*ours("postgres"), *ours("labkit.checking.checker")], timeout=PATIENCE)
    assert not ours("postgres"), "the server outlived the kernel"
    assert not ours("labkit.checking.checker"), "the checker outlived the kernel"
    expect(opened.run("%load_ext labkit.notebook")).to_contain_text("You will be able to")
    expect(opened.run("%%answer index")).to_contain_text("Every check passes")
