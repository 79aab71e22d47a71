"""Two embedded clusters on one machine: grading workers side by side, or the people of a hub. Neither is in the other's way."""

from __future__ import annotations

import pytest

from labkit.services.cluster.node.addresses import Loopback
from labkit.services.cluster.running import Cluster
from tests.services.cluster.conftest import cannot
from tests.services.cluster.pods import Pods, container, deployment, http, service, until


def test_no_two_nodes_have_the_same_part_of_loopback() -> None:
    """And one that has ended leaves its own to the next."""
    one, other, third = Loopback(), Loopback(), Loopback()
    one.claim()
    other.claim()
    assert one.second != other.second
    one.release()
    third.claim()
    assert third.second == one.second
    other.release()
    third.release()


@pytest.mark.slow
def test_each_is_called_by_its_own(home: object) -> None:
    """The same namespace, Service, pod addresses and ports in both; each answers its own requests."""
    if reason := cannot("embedded"):
        pytest.skip(reason)
    answered: list[set[str]] = []
    here: list[set[str]] = []
    with Cluster("grading-1", "embedded") as one, Cluster("grading-2", "embedded") as other:
        both = [Pods(cluster.api, cluster.place("92-containers/probes")) for cluster in (one, other)]
        for pods in both:
            pods.apply(deployment("shop", container(readinessProbe=http("/readyz")), replicas=2), service("shop"))
        for pods in both:
            until(lambda pods=pods: len(pods.serving("shop")) == 2)
            until(lambda pods=pods: len(pods.answering("shop")) == 2)
            answered.append(pods.answering("shop"))
            here.append({pod["metadata"]["name"] for pod in pods.of("shop")})
    assert answered == here
