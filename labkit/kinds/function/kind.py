"""A handler in Python, deployed with the lab's package and given events by the function platform."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.sandbox.limits import Limits, MiB


class Function(Kind):
    """A handler in Python. Each instance is sandboxed by the platform; memory and time are the function's own settings."""

    stub = "your handler here"
    service = "functions"
    fixtures = "labkit.kinds.function.fixtures"
    seconds = 60.0
    sandbox = Limits(seconds=seconds, memory=256 * MiB, processes=64)


KIND = Function
