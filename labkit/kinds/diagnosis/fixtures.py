"""The fixtures of checks on a diagnosis: the incident that it is about, and what a cluster tells when it happens once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labkit.kinds.answer import Answers
from labkit.kinds.diagnosis.answers import Findings, incident_of, read
from labkit.kinds.diagnosis.incident import Incident, incident
from labkit.kinds.diagnosis.steps import Shop
from labkit.kinds.diagnosis.told import Told, all_of
from labkit.kinds.manifest.answers import apply, documents
from labkit.services.cluster.namespace import Namespace

STEADY = 60.0  # seconds until each program has come as far as it can
KEPT = 32  # incidents of which a checker remembers what was said


@pytest.fixture(scope="module")
def findings(answers: Answers) -> Findings:
    """What the diagnosis says."""
    return read(answers["diagnosis"])


@pytest.fixture(scope="module")
def the_incident(answers: Answers) -> Incident:
    """The incident whose number the diagnosis has."""
    return incident(incident_of(answers["diagnosis"]))


@pytest.fixture(scope="module")
def told(bench: Any, the_incident: Incident, fresh_namespace: Callable[[], Namespace]) -> Told:
    """What a cluster tells in this incident, in a namespace of its own. No answer is in there, so one time is enough for all."""

    def happen() -> Told:
        with fresh_namespace() as namespace:
            apply(namespace, documents(the_incident.manifest()))
            shop = Shop(namespace)
            shop.until(
                lambda: all(end.step >= the_incident.faults[name].step for name, end in shop.ends().items()), STEADY
            )
            found = all_of(namespace, the_incident)
            found.ends = {name: (end.step, end.words) for name, end in shop.seen_ends().items()}
            return found

    heard: dict[int, Told] = bench.kept("incidents", dict, dict.clear)
    if the_incident.number not in heard:
        heard[the_incident.number] = happen()
    for oldest in list(heard)[:-KEPT]:
        del heard[oldest]
    return heard[the_incident.number]
