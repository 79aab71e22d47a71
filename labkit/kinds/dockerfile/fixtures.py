"""The fixtures of checks on Dockerfiles."""

from __future__ import annotations

import pytest

from labkit.course import Lab
from labkit.kinds.answer import Answers
from labkit.kinds.dockerfile import project


@pytest.fixture(scope="module")
def project_files(lab: Lab) -> dict[str, str | bytes]:
    """The files of the lab's project, by path."""
    return project.project(lab)


@pytest.fixture(scope="module")
def build_context(lab: Lab, answers: Answers) -> dict[str, str | bytes]:
    """The same, with those answers that are files beside the Dockerfile."""
    return project.context(lab, {name: answers[name] for name in project.beside(lab)})
