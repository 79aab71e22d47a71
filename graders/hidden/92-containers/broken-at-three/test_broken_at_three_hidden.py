"""Hidden checks of broken-at-three: another price from the start, the same repair twice, and pods that are lost."""

import pytest
from test_broken_at_three import must_cost, repaired_in

from labkit.checking.checks import Wrong, after, answer, keeps, points, review
from labkit.kinds.diagnosis.incident import SERVICES
from labkit.kinds.manifest.answers import apply

OTHER = "5.20"


@pytest.fixture(scope="module")
def other(fresh_namespace, the_incident, manifest):
    """The repaired programs where the price was another one before."""
    namespace = fresh_namespace()
    namespace.admin.patch(f"{namespace.path}/configmaps/terms", {"data": {"fee": OTHER}})
    return repaired_in(namespace, the_incident, manifest)


@answer("repaired")
@points(2)
@after("test_customers_are_served", "test_the_price_is_told")
@keeps("price", "served")
@review("Where each value comes from: what a ConfigMap or a Service's name gives is written nowhere else.")
def test_another_place(other):
    """In another namespace with another price, customers are served and told that one."""
    other.clock.judge(lambda: other.must_serve())
    must_cost(other, OTHER)


@answer("repaired")
@points(1)
@after("test_customers_are_served", "test_the_price_is_told")
@keeps("lasts")
@review("Who makes a pod anew, and from what? And what does a second `kubectl apply` of the same file change?")
def test_it_lasts(other, manifest):
    """The repair is applied a second time and all pods are lost: customers are served again, by new pods."""
    apply(other.namespace, manifest("repaired"))
    lost = {pod["metadata"]["uid"] for name in SERVICES for pod in other.pods_of(name)}
    for pod in other.namespace.admin.list(f"{other.namespace.path}/pods"):
        if pod["metadata"]["uid"] in lost:
            other.namespace.admin.delete(f"{other.namespace.path}/pods/{pod['metadata']['name']}", grace=0)
    other.clock.judge(lambda: other.must_serve())
    if lost & {pod["metadata"]["uid"] for name in SERVICES for pod in other.pods_of(name)}:
        raise Wrong("A pod that was deleted still gets requests.")
