"""What a pod uses, may use, and how it was killed."""

from __future__ import annotations

import pytest

from labkit.services.cluster.running import Cluster
from labkit.services.cluster.usage import killed, quantity, use
from tests.services.cluster.pods import Pods, container, deployment, http, pod, service, until

OOM = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
LATE = {"terminated": {"reason": "Error", "exitCode": 137}}
ENDED = {"terminated": {"reason": "Completed", "exitCode": 0}}
RUNS = {"running": {}}


@pytest.mark.parametrize(
    ("state", "last", "found"),
    [
        (RUNS, {}, ""),
        (RUNS, OOM, "OOMKilled (137)"),
        (OOM, {}, "OOMKilled (137)"),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, OOM, "OOMKilled (137)"),
        (RUNS, LATE, "OOMKilled (137)"),
        (RUNS, ENDED, ""),
    ],
)
def test_how_it_was_killed(state: dict, last: dict, found: str) -> None:
    status = {"containerStatuses": [{"state": state, "lastState": last}]}
    assert killed({"spec": {"containers": [{}]}, "status": status}) == found


def test_what_a_probe_killed_is_not_taken_for_memory() -> None:
    status = {"containerStatuses": [{"state": RUNS, "lastState": LATE}]}
    assert killed({"spec": {"containers": [{"livenessProbe": {}}]}, "status": status}) == "Error (137)"
    assert killed({"spec": {"containers": [{}]}, "status": {}}) == ""


def test_what_it_may_use() -> None:
    resources = {"requests": {"cpu": "0.05", "memory": "83886080"}, "limits": {"memory": "176Mi"}}
    one = {"spec": {"containers": [{"image": "other:1"}, {"image": "till:1.0", "resources": resources}]}}
    assert [quantity(one, which, "cpu") for which in ("requests", "limits")] == [50, None]
    assert [quantity(one, which, "memory") for which in ("requests", "limits")] == [80, 176]


def test_orders_take_memory_and_time_and_a_report_takes_them_twice(pods: Pods, cluster: Cluster) -> None:
    env = [{"name": "SHOP_KEEP_ORDERS", "value": "3"}, {"name": "SHOP_ORDER_KB", "value": "4096"}]
    env.append({"name": "SHOP_CPU_MS", "value": "20"})
    pods.apply(pod("shop", container(env=env, readinessProbe=http("/readyz"))), service("shop"))
    until(lambda: pods.is_ready("shop"))
    at = pods.namespace
    idle = use(at, "shop")
    for _ in range(5):
        pods.call("shop", "/")
    full = use(at, "shop")
    assert idle is not None
    assert full is not None
    assert (full.orders, full.kept) == (5, 3)
    assert 10 < full.memory - idle.memory < 16
    assert full.cpu - idle.cpu >= 5 * 0.02
    assert "12582912 bytes" in pods.call("shop", "/report?seconds=0.1")
    after = use(at, "shop")
    assert after is not None
    assert after.memory - full.memory < 4, "a report gives back what it took"
    assert use(at, "nobody") is None


def test_what_is_not_written_comes_from_the_limit_range(pods: Pods) -> None:
    """And a request that is not written is the limit. The class is the API server's to say."""
    resources = {
        "nothing": {},
        "limit": {"limits": {"memory": "64Mi"}},
        "both": {"limits": {"memory": "64Mi", "cpu": "30m"}},
    }
    for name, one in resources.items():
        pods.apply(deployment(name, container(resources=one)))
    until(lambda: all(pods.of(name) for name in resources))
    found = {name: pods.of(name)[0] for name in resources}
    memory = {
        name: (quantity(one, "requests", "memory"), quantity(one, "limits", "memory")) for name, one in found.items()
    }
    assert memory == {"nothing": (32, 128), "limit": (64, 64), "both": (64, 64)}
    assert {name: one["status"]["qosClass"] for name, one in found.items()} == {
        "nothing": "Burstable",
        "limit": "Burstable",
        "both": "Guaranteed",
    }
