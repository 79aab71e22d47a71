"""What Binder does with the published course: build, start, one lab to a pass, in 2 GB and without Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.patience import PATIENCE
from tests.room import COURSE
from tests.setup import learner_copy
from tests.setup.lab_server import until_it_answers
from tests.setup.remote_kernel import RemoteKernel
from tests.setup.small_machine import GIGABYTE, MemoryWatch, SmallMachine, small_machine

pytestmark = pytest.mark.slow

LAB = "91-databases/jsonb-search"
TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def binder(tmp_path_factory):
    """The learner's copy on a machine like Binder's, built as repo2docker builds it."""
    folder = tmp_path_factory.mktemp("binder")
    course = learner_copy.publish(folder / "course")
    with small_machine(folder, course, conda_stand_in(folder / "conda"), 2 * GIGABYTE) as machine:
        machine.run("binder/postBuild")
        yield machine


def conda_stand_in(prefix: Path) -> Path:
    """What conda would make of environment.yml: a Python that every user can run, and uv."""
    for python in (sys.executable, "/usr/bin/python3"):
        if os.geteuid() == 0 and Path(python).resolve().is_relative_to(Path.home()):
            continue
        subprocess.run(["uv", "venv", "--quiet", "--python", Path(python).resolve(), prefix], check=True)
        shutil.copy(Path(sys.executable).parent / "uv", prefix / "bin")
        return prefix
    pytest.skip("no Python here that another user could run")


@contextmanager
def jupyterlab(machine: SmallMachine) -> Iterator[str]:
    """JupyterLab as repo2docker starts it; its address. Ended as Binder ends it."""
    server = machine.start(
        "binder/start", "jupyter-lab", "--port=0", "--no-browser", f"--IdentityProvider.token={TOKEN}"
    )
    assert server.stdout
    printed = ""
    for line in server.stdout:
        printed += line
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/notebooks/00-start.ipynb", line):
            break
    else:
        raise AssertionError(f"JupyterLab did not start:\n{printed}")
    try:
        until_it_answers(f"{found[1]}/api")
        yield found[1]
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=PATIENCE)


def test_binder_reads_the_same_environment_file():
    assert (COURSE / "binder/environment.yml").resolve() == COURSE / "environment.yml"
    wanted = yaml.safe_load((COURSE / "environment.yml").read_text())["dependencies"]
    assert len(wanted) <= 8, "a long conda solve is killed on Binder: leave it to the lock"


def test_docker_is_out_of_reach(binder):
    assert "DOCKER_HOST" in binder.environment()
    for reach in ("docker.from_env()", "docker.DockerClient('unix:///var/run/docker.sock')"):
        ping = f"import docker\ntry: {reach}.ping()\nexcept docker.errors.DockerException: print('out of reach')"
        assert binder.run(binder.bin / "python", "-c", ping) == "out of reach\n"


def test_a_lab_passes_in_two_gigabytes(binder):
    solved = learner_copy.fill_in(binder.work, LAB)
    cells = nbformat.read(binder.work / solved, as_version=4).cells
    with (
        MemoryWatch(binder) as memory,
        jupyterlab(binder) as url,
        RemoteKernel(url, TOKEN, str(solved)) as kernel,
    ):
        for cell in cells:
            if cell.cell_type == "code":
                kernel.execute(cell.source)
    progress = json.loads((binder.work / ".labkit/progress.json").read_text())[LAB]
    assert all(answer["earned"] == answer["of"] > 0 for answer in progress.values()), progress
    megabytes = {name: used >> 20 for name, used in memory.peaks.items()}
    print(f"2 GB enforced by {binder.enforced_by}; peaks in MB: {megabytes}")
    assert binder.times_out_of_memory() == 0
    assert memory.peaks["kernel, server and checker"] <= 600 << 20
    assert memory.peaks["all"] <= 2 * GIGABYTE


def test_the_terminal_agrees(binder):
    printed = binder.run(binder.bin / "labkit", "check", LAB)
    assert "pass" in printed.lower()


def test_nothing_keeps_running(binder):
    assert not [process.cmdline() for process in binder.processes()]
