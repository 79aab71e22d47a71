"""A module of a function that comes in parts: a core, or the adapter of a platform."""

from __future__ import annotations

from labkit.kinds.function.kind import Function


class FunctionPart(Function):
    """Python that is deployed with the other parts, and run as a service over HTTP. Each instance is sandboxed by the platform."""

    stub = "your module here"


KIND = FunctionPart
