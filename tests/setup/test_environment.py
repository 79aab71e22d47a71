"""From a fresh clone: `make env`, `make lab`, with uv and without, and the lock on every supported Python."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.room import COURSE
from tests.setup.lab_server import answers, make_lab

pytestmark = pytest.mark.slow

NOTHING = ("", "make: Nothing to be done for 'env'.")
PLATFORMS = [
    *((version, "x86_64-unknown-linux-gnu") for version in ("3.11", "3.12", "3.13")),
    ("3.13", "aarch64-unknown-linux-gnu"),
    ("3.13", "aarch64-apple-darwin"),
]


def clone_into(folder: Path) -> Path:
    """A fresh clone of what is committed."""
    subprocess.run(["git", "clone", "--quiet", f"file://{COURSE}", str(folder)], check=True)
    return folder


def make(course: Path, *arguments: str, **environment: str) -> str:
    """Run make there; what it printed."""
    of_outer_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # `make test` may have started us
    inherited = {name: value for name, value in os.environ.items() if name not in of_outer_make}
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=course,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch) -> None:
    """uv leaves its locks in the temporary folder: one that goes with the test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A fresh clone that the tests below share in their order; the first one makes its environment."""
    return clone_into(tmp_path_factory.mktemp("clone") / "course")


def test_make_lab_from_nothing_answers(fresh, record_property):
    """How long that takes is told by `make bench`, on a machine that does nothing else."""
    started = time.monotonic()
    with make_lab(fresh) as lab:
        assert answers(lab.url)
        record_property("seconds", time.monotonic() - started)
        assert lab.printed.count("http") == 1, lab.printed
        assert lab.stop(signal.SIGINT) != signal.SIGKILL
    assert not processes_of(fresh)


def test_make_env_again_does_nothing(fresh):
    assert make(fresh, "env").strip() in NOTHING


def test_the_environment_is_what_the_lock_says(fresh):
    python = str(fresh / ".venv/bin/python")
    locked = subprocess.run(
        ["uv", "pip", "sync", "--dry-run", "--python", python, "requirements.lock"],
        cwd=fresh,
        capture_output=True,
        text=True,
    )
    assert "Would install" not in locked.stderr, locked.stderr
    where = subprocess.run(
        [python, "-I", "-c", "import labkit; print(labkit.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()) == fresh / "labkit/__init__.py"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name)
def test_make_lab_leaves_nothing_running(fresh, how):
    with make_lab(fresh) as lab:
        assert answers(lab.url)
        lab.stop(how)
    assert not answers(lab.url)
    assert not processes_of(fresh)


def test_lab_args_pass_through(fresh):
    with make_lab(fresh, "--ServerApp.base_url=/class/", "--IdentityProvider.token=open-sesame") as lab:
        assert "/class/lab/tree/notebooks/00-start.ipynb" in lab.url
        assert answers(lab.url.partition("?")[0] + "?token=open-sesame")
        lab.stop(signal.SIGTERM)


@pytest.mark.full
def test_without_uv_pip_brings_it(tmp_path):
    """CI's bare machine has none either."""
    course = clone_into(tmp_path / "course with a space")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").symlink_to(another_python())
    path = os.pathsep.join([str(tools), "/usr/bin", "/bin"])
    if shutil.which("uv", path=path):
        pytest.skip("uv is one of the system's own programs here: it cannot be put out of reach")
    make(course, "env", PATH=path)
    assert make(course, "env", PATH=path).strip() in NOTHING
    assert (course / ".venv/bin/uv").exists()
    subprocess.run([course / ".venv/bin/labkit", "--help"], check=True, capture_output=True)


@pytest.mark.parametrize(("python", "platform"), PLATFORMS)
def test_the_lock_resolves_to_wheels(python, platform, tmp_path):
    command = [
        "uv",
        "pip",
        "install",
        "--dry-run",
        "--target",
        str(tmp_path),
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    target = ["--python-version", python, "--python-platform", platform, "-r", "requirements.lock"]
    resolved = subprocess.run([*command, *target], cwd=COURSE, capture_output=True, text=True)
    assert resolved.returncode == 0, resolved.stderr
    assert "Would install" in resolved.stderr


def another_python() -> Path:
    """The newest supported Python that pyenv has here, else the one that runs this test."""
    versions = sorted(Path("~/.pyenv/versions").expanduser().glob("3.13.*/bin/python3"))
    return versions[-1] if versions else Path(os.path.realpath(sys.executable))


def processes_of(course: Path) -> list[str]:
    """What still runs from the course's environment or in its folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [process.info["cwd"] or "", *(process.info["cmdline"] or [])]
        if any(word.startswith(str(course)) for word in words):
            found.append(" ".join(words))
    return found
