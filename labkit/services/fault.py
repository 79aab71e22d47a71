"""The course's own fault, told apart from a wrong answer."""

from __future__ import annotations


class ServiceFault(Exception):
    """A service broke or cannot start. The message says what happened, why, and the next step."""
