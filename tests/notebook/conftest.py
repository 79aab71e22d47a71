"""A course of one small lab, and a kernel to do it in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit import course as courses
from labkit.course import Lab
from labkit.services.postgres import Database, Postgres, postgres
from labkit.services.postgres.lab_template import lab_template
from tests.backends import why_not
from tests.notebook.kernel import Kernel

collect_ignore = ["tiny"]
TINY = Path(__file__).parent / "tiny"


@pytest.fixture(scope="package", autouse=True)
def embedded() -> Iterator[None]:
    """What the notebook shows is the same on every backend; the tests of the service run on each."""
    if reason := why_not("embedded"):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_BACKEND", "embedded")
        yield


@pytest.fixture(scope="package")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the small course; it is the current one in this process and in those that it starts."""
    folder = tmp_path_factory.mktemp("tiny") / "course"
    shutil.copytree(TINY, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_COURSE", str(folder))
        courses.root.cache_clear()
        yield folder
    courses.root.cache_clear()


@pytest.fixture
def lab(course: Path) -> Lab:
    """The lab, with no progress yet."""
    shutil.rmtree(course / ".labkit", ignore_errors=True)
    return courses.find("tiny")


@pytest.fixture(scope="package")
def server() -> Iterator[Postgres]:
    """The learner's server."""
    with postgres("learner") as server:
        yield server


@pytest.fixture
def database(course: Path, server: Postgres) -> Iterator[Database]:
    """The lab's database."""
    with server.database(lab_template("tiny")) as database:
        yield database


@pytest.fixture
def kernel(lab: Lab, course: Path, server: Postgres) -> Iterator[Kernel]:
    """A kernel in the lab's folder. The server stays up from one test to the next."""
    with Kernel(course / "exercises" / lab.section, os.environ) as kernel:
        yield kernel
