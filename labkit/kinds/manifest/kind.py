"""A manifest: YAML that an account applies which can do nothing outside of one namespace."""

from __future__ import annotations

from labkit.kinds.kind import Kind


class Manifest(Kind):
    """YAML that an account applies which can do nothing outside of one namespace."""

    stub = "your manifest here"
    service = "cluster"
    fixtures = "labkit.kinds.manifest.fixtures"
    seconds = 300.0
    documents = 30


KIND = Manifest
