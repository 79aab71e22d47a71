"""A function's settings, in the words of AWS: its memory, and how a queue gives it messages."""

from __future__ import annotations

from labkit.kinds.kind import Kind


class FunctionSettings(Kind):
    """A few lines of YAML, which are read and never run."""

    stub = "your settings here"
    seconds = 60.0
    longest = 1_000  # characters: there are four settings


KIND = FunctionSettings
