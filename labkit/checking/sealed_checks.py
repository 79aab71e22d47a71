"""Hidden checks from a sealed text: collected as a file of tests is, without ever lying on the disk."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from labkit.course import Lab, hidden


class SealedChecks(pytest.Module):
    """A module of tests whose text is given."""

    def __init__(self, texts: dict[str, str], **made: Any) -> None:
        super().__init__(**made)
        self.texts = texts

    def _getobj(self) -> ModuleType:
        """pytest's own way to import the file, in its place. Modules beside the checks come first, as the checks may import them."""
        beside = [Path(name) for name in self.texts if name.endswith(".py") and name != self.path.name]
        for path in beside:
            _module(self.path.parent / path, self.texts[path.as_posix()])
        return _module(self.path, self.texts[self.path.name])


def collected(session: pytest.Session, lab: Lab) -> list[pytest.Item]:
    """The hidden checks of a lab."""
    path = hidden.folder(lab) / hidden.checks_name(lab)
    module = SealedChecks.from_parent(session, path=path, texts=hidden.files(lab))
    return list(session.genitems(module))


def _module(path: Path, text: str) -> ModuleType:
    """A module as if it had been imported from there."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    return module
