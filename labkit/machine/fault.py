"""The course's own fault, told apart from a wrong answer."""

from __future__ import annotations


class ServiceFault(Exception):
    """A service broke or cannot start. The message says what happened, why, and the next step."""


def told_of(error: OSError) -> str:
    """What the machine refused, where on it, and the next step."""
    where = f" ({error.filename})" if error.filename else ""
    return f"This machine refused something that the course needs: {error.strerror or error}{where}. Run `labkit doctor`, which tries each part."
