"""A diagnosis: a few lines of YAML about an incident in a cluster, which are read and never run."""

from __future__ import annotations

from labkit.kinds.kind import Kind


class Diagnosis(Kind):
    """A few lines of YAML about an incident in a cluster, which are read and never run."""

    stub = "your diagnosis here"
    service = "cluster"
    fixtures = "labkit.kinds.diagnosis.fixtures"
    seconds = 300.0  # the cluster needs some until it has said everything
    longest = 8_000  # characters of an answer
    line = 700  # characters of a line that is quoted


KIND = Diagnosis
