"""The fixtures of checks on manifests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labkit.kinds.answer import Answers
from labkit.kinds.manifest.answers import documents
from labkit.kinds.manifest.reader import Document


@pytest.fixture(scope="module")
def manifest(answers: Answers) -> Callable[[str], list[Document]]:
    """`manifest(name)`: the objects of an answer. What cannot be read fails the check in the learner's words."""
    read: dict[str, Any] = {}

    def objects(name: str) -> list[Document]:
        if name not in read:
            read[name] = documents(answers[name])
        return read[name]

    return objects
