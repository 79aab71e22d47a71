"""Checks of broken-at-three: what is wrong and which line proves it; and whether customers are served after the repair."""

import json

import pytest

from labkit.checking.checks import Wrong, after, answer, hint, keeps, points
from labkit.kinds.diagnosis.incident import CAUSES, SERVICES, causes_in
from labkit.kinds.diagnosis.steps import SERVED, Shop, listed, noticed
from labkit.kinds.manifest.answers import apply, documents
from labkit.services.cluster.asking import ask

GIVEN = ("ResourceQuota/team", "ConfigMap/terms", "Service/stock", "Deployment/stock", "Service/monitoring")
PRICE = "4.90"
OK = 200
NOTICED = 8.0  # seconds until Services have noticed what probes have


@answer("diagnosis")
@points(1)
@keeps("said")
@hint("The example of `coupons` has the form. Keep the three words, and indent what belongs to a program.")
def test_all_four_are_told_of(findings):
    """The diagnosis has the incident's number, and of each of the four programs a word of the table, an object and one line."""
    assert set(findings.of) == set(SERVICES)


@answer("diagnosis")
@points(4)
@after("test_all_four_are_told_of")
@keeps("cause")
@hint(
    "At which of the four steps does the way to this program end? `%pods` shows a pod that has no place, does not start, or is not ready; and when all is well, look at the Service.",
    "Each step has two causes. Which of them would the cluster report in other words than those that you see?",
)
def test_each_cause_is_named(findings, the_incident, told, note):
    """Of each of the four programs, the cause is named that keeps its customers away."""
    note("before", {name: step for name, (step, _) in told.ends.items()})
    for name in SERVICES:
        said, fault = findings.of[name].cause, the_incident.faults[name]
        if said != fault.cause:
            raise Wrong(
                f"The cause of {name} is another one: {CAUSES[said].without}.",
                expected=f"a cause that fits what the cluster shows of {name}: {told.ends[name][1]}",
                got=said,
            )


@answer("diagnosis")
@points(2)
@after("test_all_four_are_told_of")
@keeps("said")
@hint(
    "Copy the line; do not write it from memory. Which object's events, log or description did it stand in?",
    "`%kubectl get events` names the object of each event. A pod that was never made has no events: the ReplicaSet has.",
)
def test_each_line_is_there(findings, the_incident, told):
    """Each line is one that the cluster says in this incident, of the object that is named."""
    for name in SERVICES:
        finding, sign = findings.of[name], the_incident.faults[name].sign
        said = told.says(finding.object, finding.proof) or told.proves(finding.object, finding.proof, sign)
        if not said:
            other = told.who_says(finding.proof)
            why = f"{name}: the object that you name does not say this line."
            raise Wrong(
                why if other else f"{name}: nothing in the cluster says this line.",
                expected=f"a line that {finding.object} says",
                got=f"{other} says it" if other else finding.proof[:200],
            )


@answer("diagnosis")
@points(4)
@after("test_each_cause_is_named", "test_each_line_is_there")
@keeps("proof")
@hint(
    "Would the cluster say the same line if another thing were wrong? Then it tells what follows, and not why.",
    "Look for the line that names what does not exist, does not fit, or is refused.",
)
def test_each_line_proves_it(findings, the_incident):
    """Each line names what is wrong: it would not be said if something else were wrong."""
    for name in SERVICES:
        finding, fault = findings.of[name], the_incident.faults[name]
        if not fault.sign.search(finding.proof):
            raise Wrong(
                f"{name}: the line is true, and does not say what is wrong.",
                expected=f"a line that says {fault.kind.proof}",
                got=finding.proof[:200],
            )
        if others := [cause for cause in causes_in(finding.proof) if cause != fault.cause]:
            raise Wrong(
                f"{name}: the line names other causes as well, and so it proves none.",
                expected=f"a line that says {fault.kind.proof}",
                got=f"{fault.cause}, {', '.join(others)}",
            )
        if finding.object.kind not in fault.kind.at or finding.object.name != name:
            raise Wrong(
                f"{name}: the line is not said by an object of this program that proves it.",
                expected=" or ".join(f"{kind}/{name}" for kind in fault.kind.at),
                got=str(finding.object),
            )


def repaired_in(namespace, the_incident, manifest):
    """The incident happens in a namespace, and then the repair is applied."""
    apply(namespace, documents(the_incident.manifest()))
    apply(namespace, manifest("repaired"))
    return Shop(namespace)


@pytest.fixture(scope="module")
def shop(fresh_namespace, the_incident, manifest):
    """The repaired programs."""
    return repaired_in(fresh_namespace(), the_incident, manifest)


@answer("repaired")
@points(4)
@keeps("served", "image")
@hint(
    "Read the four findings again: which one has no correction yet?",
    "After a correction, the way may end at a later step. Look again.",
)
def test_customers_are_served(shop, told, note):
    """From inside of the cluster, all customers of the four Services are served, each by pods of its own Deployment with the image shop:1.0."""
    shop.clock.judge(lambda: shop.must_serve())
    note("after", dict.fromkeys(SERVICES, SERVED))
    if other := shop.other_images():
        raise Wrong(
            "A program does not run the image as it is.",
            expected="shop:1.0, without `command` and `args`",
            got=other[0],
        )


@answer("repaired")
@points(1)
@after("test_customers_are_served")
@keeps("given", "monitoring")
@hint("Which Services find their pods by which labels? `%kubectl get services -o wide`.")
def test_others_find_what_they_had(shop, untouched):
    """What is not yours stays as it is: quota, ConfigMap, stock and monitoring, which finds pods of all four programs."""
    untouched(shop.namespace, *GIVEN)
    shop.until(lambda: len(monitored(shop)) == len(SERVICES), NOTICED)
    found = monitored(shop)
    if lost := [name for name in SERVICES if name not in found]:
        raise Wrong(
            f"Monitoring has lost {listed(lost)}.",
            expected="a pod of each program behind the Service monitoring, which looks for release=march",
            got=", ".join(sorted(found)) or "none",
        )
    for name, pod in found.items():
        if ask(shop.namespace, pod, "/readyz")[0] != OK:
            raise Wrong(
                f"Monitoring asks each program on port 8000, and {name} does not answer there.",
                expected="an answer on port 8000",
                got="none",
            )


def monitored(shop):
    """Of each program, a pod that monitoring finds."""
    names = [pod["metadata"]["name"] for pod in shop.pods_of("monitoring")]
    return {name.partition("-")[0]: name for name in names if name.partition("-")[0] in SERVICES}


@answer("repaired")
@points(2)
@after("test_customers_are_served")
@keeps("ready")
@hint(
    "An order needs the stock. Who asks the program whether it can take one, and what does the program ask?",
    "The readiness probe asks `/readyz`, and the program then asks what SHOP_DATABASE names.",
)
def test_no_orders_without_stock(shop):
    """When stock is away, the four Services send to nobody; when it is back, all customers are served again."""
    namespace = shop.namespace
    deployment = f"/apis/apps/v1/namespaces/{namespace.name}/deployments/stock"
    namespace.admin.patch(deployment, {"spec": {"replicas": 0}})
    try:
        patience = NOTICED + max(noticed(pod) for name in SERVICES for pod in shop.pods_of(name))
        away = shop.until(lambda: not any(shop.pods_of(name) for name in SERVICES), patience)
        still = [name for name in SERVICES if shop.pods_of(name)]
    finally:
        namespace.admin.patch(deployment, {"spec": {"replicas": 1}})
    if not away and still:
        raise Wrong(
            f"{still[0]} gets orders that it cannot take, while stock is away.",
            expected="no pod is ready that cannot take an order",
            got=f"{', '.join(still)} still ready after {patience:g} s",
        )
    shop.clock.judge(lambda: shop.must_serve())


def must_cost(shop, price):
    """Each pod tells customers this price. Raises Wrong."""
    for name in SERVICES:
        for pod in shop.pods_of(name):
            status, text = ask(shop.namespace, pod["metadata"]["name"], "/terms")
            told = json.loads(text).get("delivery") if status == OK else text
            if told != price:
                raise Wrong(f"{name} tells customers another price.", expected=price, got=told or "none")


@answer("repaired")
@points(1)
@after("test_others_find_what_they_had")
@keeps("price")
@hint("Where did the price come from before that night? `%kubectl get configmap terms -o yaml`.")
def test_the_price_is_told(shop):
    """All four tell customers that a delivery costs what the ConfigMap says."""
    must_cost(shop, PRICE)
