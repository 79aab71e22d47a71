"""A Dockerfile, which BuildKit builds in the lab's project: without a network, within limits."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.services.images.limits import DEFAULT


class Dockerfile(Kind):
    """A Dockerfile, which BuildKit builds in the lab's project."""

    stub = "your Dockerfile here"
    service = "images"
    fixtures = "labkit.kinds.dockerfile.fixtures"
    limits = DEFAULT
    seconds = DEFAULT.seconds


KIND = Dockerfile
