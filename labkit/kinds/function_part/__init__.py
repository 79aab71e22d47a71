"""Answers that are parts of one function: a core, and adapters of platforms; and for a lab's own cells: what each of them knows.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.open_lab import current

if TYPE_CHECKING:
    from labkit.kinds.function_part.provider_words import Line

__all__ = ["TIME_LIMIT", "lines", "part"]

TIME_LIMIT = "TIME_LIMIT"  # the variable in which we tell a service its time limit: Knative tells it nothing


def lines(text: str) -> list[Line]:
    """The lines of a module that are code, each with the words of a provider in it."""
    from labkit.kinds.function_part.provider_words import lines

    return lines(text)


def part(name: str) -> str:
    """An answer's text as it was last run, "" where it is still to be written."""
    from labkit.kinds.function_part.kind import FunctionPart
    from labkit.kinds.function_part.provider_words import lines

    text = current().known_answers().get(name, "")
    return "" if FunctionPart.stub in text or not lines(text) else text
