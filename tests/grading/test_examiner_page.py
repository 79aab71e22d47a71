"""docs/examiner.md: every command on the page works, in its order, with one learner's submission."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit import course
from tests.grading.submissions import SECTION, lab_source, notebook

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]

ELSEWHERE = ("make env",)  # tests/setup runs it, from a fresh clone


def commands() -> list[str]:
    """The lines of the page's code blocks."""
    page = (course.root() / "docs" / "examiner.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def hand_in(folder: Path, lab: course.Lab, environment: dict[str, str]) -> None:
    """What a learner does between release and collect: fetch, solve, submit."""
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text(environment["CONFIGURATION"], encoding="utf-8")
    for step in ("fetch_assignment", "submit"):
        argv = ["nbgrader", step, SECTION, "--course=exam"]
        ran = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        for other in (folder / SECTION).glob("*.ipynb"):
            other.unlink()  # one notebook is enough to see the page's commands work
        handed_in = folder / SECTION / f"{lab.name}.ipynb"
        handed_in.write_text(json.dumps(notebook(lab, lab_source(lab).solutions())), encoding="utf-8")


def export_from_an_lms(folder: Path, lab: course.Lab) -> None:
    """What an LMS gives for one student."""
    folder.mkdir()
    (folder / f"ada_{lab.name}.ipynb").write_text(
        json.dumps(notebook(lab, lab_source(lab).solutions())), encoding="utf-8"
    )


def hand_in_again(path: Path) -> None:
    """Another answer, so that there is something to judge."""
    path.write_text(path.read_text(encoding="utf-8").replace("%%answer refunds\\n", "%%answer refunds\\n-- again\\n"))


@contextlib.contextmanager
def in_background(line: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A command that runs until the block ends."""
    with subprocess.Popen(
        shlex.split(line), cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
            assert process.poll() is None, line
        finally:
            process.terminate()


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_every_command_on_the_page_works(tmp_path):
    """Those of `dask` run on until the end, as on an examiner's machines."""
    with contextlib.ExitStack() as running:
        run_page(tmp_path, running)


def run_page(tmp_path: Path, running: contextlib.ExitStack) -> None:
    """All commands in their order, and what must have come of them."""
    port = free_port()
    lab = course.find("jsonb-search")
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    environment = {
        **os.environ,
        "LABKIT_COURSE": str(course.root()),
        "LABKIT_BACKEND": "embedded",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment["CONFIGURATION"] = f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\n"
    folder, ran = tmp_path, []
    for line in commands():
        if line in ELSEWHERE:
            continue
        if line.startswith("cd "):
            folder = folder / line.removeprefix("cd ")
            with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as configuration:
                configuration.write(environment["CONFIGURATION"].removeprefix("c = get_config()\n"))
            continue
        if line.startswith("nbgrader collect"):
            hand_in(tmp_path / "learner", lab, environment)
        line = line.replace(":8786", f":{port}").replace("--port 8786", f"--port {port}")
        if line.startswith("dask "):
            running.enter_context(in_background(line, folder, environment))
            continue
        if "--from ../export" in line:
            export_from_an_lms(tmp_path / "export", lab)
        if "release_feedback" in line:
            line += " --CourseDirectory.student_id_exclude=ada"
        if "--scheduler" in line:
            hand_in_again(folder / "submitted" / "ada" / SECTION / f"{lab.name}.ipynb")
        line = line.replace("--student ada", f"--student {getpass.getuser()}")
        done = subprocess.run(shlex.split(line), cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        ran.append(line.split()[1])
    assert {"course", "publish", "grade", "report", "export", "generate_feedback", "release_feedback", "audit"} <= set(
        ran
    )
    assert "Dask worker" in (folder / ".labkit" / "audit.jsonl").read_text(encoding="utf-8")
    assert list(folder.glob("report-*.html"))
    assert getpass.getuser() in (folder / "marks.csv").read_text(encoding="utf-8")
    assert (folder / "feedback" / getpass.getuser() / SECTION / f"{lab.name}.html").exists()
