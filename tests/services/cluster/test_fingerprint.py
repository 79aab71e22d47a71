"""What a lab gave, and what became of it: only what somebody asked for counts, not what controllers do."""

from __future__ import annotations

import pytest

from labkit.checking.checks import Wrong
from labkit.checking.fixtures import check_untouched
from labkit.services.cluster.namespace import Namespace, first_difference
from labkit.services.cluster.running import Cluster
from tests.services.cluster.pods import container, deployment, until

SHOP = deployment("shop", container())
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mode": "fast"}}


@pytest.fixture
def given(cluster: Cluster):
    with cluster.place("fingerprint", [SHOP, SETTINGS]) as place:
        yield place


def deployed(place: Namespace) -> bool:
    """Whether the Deployment's controller has written into the object."""
    item = place.admin.find(f"/apis/apps/v1/namespaces/{place.name}/deployments/shop")
    return bool(item and item.get("status", {}).get("observedGeneration"))


def test_controllers_change_nothing_of_it(given: Namespace) -> None:
    until(lambda: deployed(given))
    check_untouched(given)
    assert set(given.given()) == {"Deployment/shop", "ConfigMap/settings"}


def test_what_was_changed_is_named(given: Namespace) -> None:
    given.api.patch(f"{given.path}/configmaps/settings", {"data": {"mode": "slow"}})
    check_untouched(given, "Deployment/shop")
    with pytest.raises(Wrong, match=r"`ConfigMap/settings`") as wrong:
        check_untouched(given)
    assert (wrong.value.expected, wrong.value.got) == ('data.mode: "fast"', 'data.mode: "slow"')


def test_what_was_removed_is_named(given: Namespace) -> None:
    given.api.delete(f"{given.path}/configmaps/settings")
    with pytest.raises(Wrong) as wrong:
        check_untouched(given, "ConfigMap/settings")
    assert wrong.value.got == "no ConfigMap/settings"


def test_the_first_difference_is_a_path() -> None:
    was = {"a": [{"b": 1, "c": 2}], "z": 1}
    assert first_difference(was, {"a": [{"b": 1, "c": 3}], "z": 2}) == ("a[0].c: 2", "a[0].c: 3")
    assert first_difference(was, {"a": [], "z": 1}) == ('a: [{"b": 1, "c": 2}]', "a: []")
    assert first_difference(was, {"z": 1}) == ('a: [{"b": 1, "c": 2}]', "a: nothing")
