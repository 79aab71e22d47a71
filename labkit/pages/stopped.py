"""The end of a cell that has said already what is wrong."""

from __future__ import annotations


class Stopped(Exception):
    """Ends a cell whose output has said already what is wrong, so that "Run all" stops there."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
