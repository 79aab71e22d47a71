"""A module of a function that comes in parts: a core, or the adapter of a platform."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.sandbox.limits import Limits, MiB


class FunctionPart(Kind):
    """Python that is deployed with the other parts, and run as a service over HTTP. Each instance is sandboxed by the platform."""

    stub = "your module here"
    service = "functions"
    fixtures = "labkit.kinds.function.fixtures"
    seconds = 60.0
    sandbox = Limits(seconds=seconds, memory=256 * MiB, processes=64)


KIND = FunctionPart
