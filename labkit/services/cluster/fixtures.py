"""The fixtures of checks that need a cluster. `bench`, `lab` and `hidden` are the checker's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from labkit.course import Lab
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.running import Cluster
from labkit.services.cluster.template import template


@pytest.fixture(scope="module")
def cluster(bench: Any) -> Cluster:
    """The cluster of this checker, joined or started."""
    return bench.service("cluster").running()


@pytest.fixture(scope="module")
def fresh_namespace(cluster: Cluster, lab: Lab) -> Iterator[Callable[[], Namespace]]:
    """Makes namespaces as the lab starts, with the limits of graded runs; all are dropped after the module's checks."""
    with ExitStack() as made:
        yield lambda: made.enter_context(cluster.place(lab.key, template(lab.section, lab.name), graded=True))
