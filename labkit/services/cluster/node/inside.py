"""What the programs of a container find there, from its start to its end: variables, mounts, and the folder that they begin in.

A variable is read once, when the container starts; so is a file that is mounted by `subPath`. What is run beside the container's own
program finds the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.services.cluster.node.commands import as_program
from labkit.services.cluster.node.volumes import rewritten


@dataclass(frozen=True)
class Inside:
    """`paths`: where each path of the container really is. `python`: the interpreter that the node has."""

    env: Mapping[str, str]
    paths: Mapping[str, str]
    folder: str
    python: str

    def argv(self, words: Sequence[str]) -> list[str]:
        """A program and its arguments, as this machine can run them."""
        return as_program([rewritten(word, self.paths) for word in words], self.python)
