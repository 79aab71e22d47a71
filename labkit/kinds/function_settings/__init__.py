"""Answers that are a function's settings; and for a lab's own cells: the ones that were chosen.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.open_lab import current

if TYPE_CHECKING:
    from labkit.kinds.function_settings.answers import Chosen

__all__ = ["chosen"]


def chosen(answer: str) -> Chosen | None:
    """The settings that an answer's cell read the last time; None before."""
    return current().kept.get(answer)
