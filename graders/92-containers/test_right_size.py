"""Checks of right-size: what fits the quota, what is killed for its memory, what is promised, and whether an update gets through."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.manifest.deployed import changed, the_deployment
from labkit.kinds.manifest.sized import Sized, quota_is_counted
from labkit.services.cluster.usage import quantity

IMAGES = {"shop": "shop:3.0", "till": "till:1.0"}
REPLICAS = {"shop": 3, "till": 1}
GIVEN = ("Service/shop", "Service/till", "ResourceQuota/team")
KEPT = 16  # orders that a pod of the shop keeps
CPU_MS = 10  # of a processor's time for an order
USUAL, RUSH = 4, 12  # orders a second and pod
SLACK = 0.9  # of the memory that was measured: one reading differs a little from the next
PROGRAMS = {  # as the images have it; what an answer sets does not count
    "shop": {
        "SHOP_MEMORY_MB": "16",
        "SHOP_KEEP_ORDERS": str(KEPT),
        "SHOP_ORDER_KB": "2048",
        "SHOP_CPU_MS": str(CPU_MS),
    },
    "till": {"SHOP_MEMORY_MB": "8", "SHOP_KEEP_ORDERS": "0", "SHOP_ORDER_KB": "0", "SHOP_CPU_MS": str(CPU_MS)},
}


class Team:
    """The two Deployments of an answer, deployed; `settings` are other ones of the shop."""

    def __init__(self, namespace, documents, **settings):
        for name, image in IMAGES.items():
            the_deployment(documents, name, image)
        self.namespace, self.documents, self.settings = namespace, documents, settings
        self.shop, self.till = self.both = [Sized(namespace, name, name) for name in IMAGES]
        quota_is_counted(namespace, "team", self.shop.until)
        self.apply()
        self.till.find()

    def apply(self, **versions):
        """Gives the objects to the namespace, some of them in a new version."""
        new = self.documents
        for name, program in PROGRAMS.items():
            more = self.settings if name == "shop" else {}
            new = changed(new, name, env={**program, **more, "SHOP_VERSION": versions.get(name, "1.0")})
        self.shop.apply(new)

    def must_be_up(self):
        """Awaits all pods. Raises Wrong."""
        for one in self.both:
            one.judge(lambda one=one: one.must_be_up(REPLICAS[one.name]))

    def take_orders(self, orders=KEPT):
        """Until each pod has taken so many, and the shop's keep as many as they ever do. Raises Wrong."""
        with ThreadPoolExecutor(2) as threads:
            till = threads.submit(self.till.judge, lambda: self.till.take_orders(0, orders))
            self.shop.judge(lambda: self.shop.take_orders(KEPT, orders))
            till.result()

    def update(self, **versions):
        """New versions. Raises Wrong when they do not get through."""
        self.apply(**versions)
        for one in self.both:
            if one.name in versions:
                one.judge(one.must_be_replaced)


@pytest.fixture(scope="module")
def updated(fresh_namespace, manifest):
    """In a namespace of its own, while the other checks are at work: the shop is updated."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(update_of_the_shop, fresh_namespace(), manifest("sized"))


def update_of_the_shop(namespace, documents):
    """The shop's Deployment, after an update that was watched. Raises Wrong."""
    team = Team(namespace, documents)
    team.must_be_up()
    team.shop.watch()
    try:
        team.update(shop="1.1")
    finally:
        team.shop.stop()
    return team.shop


@pytest.fixture(scope="module")
def team(fresh_namespace, manifest, untouched, updated):
    """The answer, deployed."""
    team = Team(fresh_namespace(), manifest("sized"))
    untouched(team.namespace, *GIVEN)
    return team


@points(2)
@keeps("pods", "fits")
@hint(
    "Who says why a pod is not there? `%kubectl describe replicaset`, and `%kubectl describe quota team`.",
    "A request that is missing is the limit, where there is one; else it is what the LimitRange says. A missing memory limit is 128Mi.",
    "Add it up: three times the shop, once the till, for each line of the quota.",
)
def test_all_pods_fit(team):
    """Three pods of the shop and one of the till start within the quota, and their Services send to them."""
    team.must_be_up()


@points(2)
@after("test_all_pods_fit")
@keeps("rush")
@hint(
    "How much memory does a pod use when it keeps 16 orders? `measure` shows it.",
    "A limit has to be above the most that a pod ever uses.",
)
def test_a_rush_kills_nobody(team, note):
    """All pods take orders, until each of the shop's keeps 16 of them: no pod is killed."""
    idle = team.shop.memory()
    team.take_orders()
    full = team.shop.memory()
    pod = team.shop.objects()[0]
    note("memory", [idle, full, quantity(pod, "requests", "memory"), quantity(pod, "limits", "memory")])


@points(2)
@after("test_a_rush_kills_nobody")
@keeps("promise-memory", "promise-cpu")
@hint(
    "What does a pod use on a usual day? The request is what it can count on.",
    "Four orders a second, 10 ms of a processor each: how many thousandths of a processor (`m`) is that?",
)
def test_requests_are_what_a_usual_day_takes(team):
    """What each pod asks for covers a usual day: its memory with all orders that it keeps, and processor time for 4 orders a second."""
    for one in team.both:
        used = one.memory()
        for pod in one.objects():
            asked = quantity(pod, "requests", "memory") or 0
            if asked < SLACK * used:
                raise Wrong(
                    f"A pod of {one.name} uses more memory on a usual day than it asks for.",
                    expected=f"a request of {used:.0f}Mi or more",
                    got=f"{asked:.0f}Mi",
                )
            asked = quantity(pod, "requests", "cpu") or 0
            if asked < USUAL * CPU_MS:
                raise Wrong(
                    f"A pod of {one.name} needs more of a processor on a usual day than it asks for.",
                    expected=f"a request of {USUAL * CPU_MS}m or more",
                    got=f"{asked:.0f}m",
                )


@points(1)
@after("test_all_pods_fit")
@keeps("cpu-limit")
@hint(
    "What happens to a program that reaches its CPU limit, and what to one that reaches its memory limit?",
    "12 orders a second, 10 ms each. Does the shop need a CPU limit at all?",
)
def test_no_cpu_limit_slows_down_a_rush(team):
    """The shop has no CPU limit, or one that is enough for 12 orders a second and pod. (Judged by its number: a cluster without Docker does not enforce CPU limits, so what it would slow down cannot be seen there.)"""
    for pod in team.shop.objects():
        limit = quantity(pod, "limits", "cpu")
        if limit is not None and limit < RUSH * CPU_MS:
            raise Wrong(
                "In a rush the shop's pods reach their CPU limit, and each order waits until they may go on.",
                expected=f"no CPU limit, or {RUSH * CPU_MS}m and more",
                got=f"{limit:.0f}m",
            )


@points(2)
@after("test_a_rush_kills_nobody")
@keeps("report")
@hint(
    "What does a pod need while it writes the report? `measure(…, report_at=…)` shows it.",
    "The report has all kept orders twice: the most that a pod uses is not what it uses in a rush.",
)
def test_the_report_kills_nobody(team, note):
    """Each pod of the shop keeps 16 orders and writes the report: no pod is killed."""
    team.shop.judge(team.shop.report)
    note("highest", team.shop.highest)


@points(2)
@after("test_all_pods_fit")
@keeps("guaranteed")
@hint(
    "`%kubectl get pods -o custom-columns=POD:.metadata.name,QOS:.status.qosClass`",
    "Guaranteed is a pod of which every container has a limit for cpu and for memory, and asks for exactly these.",
)
def test_the_till_is_guaranteed(team):
    """Kubernetes counts the till's pod as Guaranteed."""
    for pod in team.till.objects():
        if (found := pod["status"].get("qosClass")) != "Guaranteed":
            raise Wrong(
                "The till is not safe: when the node runs out of memory, it may have to go.",
                expected="QoS class Guaranteed",
                got=f"{found}: {unequal(pod)}",
            )


def unequal(pod):
    """The first thing for which a pod is not Guaranteed."""
    for container in pod["spec"]["containers"]:
        for resource in ("cpu", "memory"):
            asked, limit = (
                container.get("resources", {}).get(which, {}).get(resource) for which in ("requests", "limits")
            )
            if asked is None or asked != limit:
                return f"container {container['name']} asks for {resource} {asked or 'nothing'}, and its limit is {limit or 'not set'}"
    return "no container says otherwise"


@points(2)
@after("test_all_pods_fit")
@keeps("update")
@hint(
    "How many pods are there during an update, with the defaults? Do they fit the quota?",
    "`maxSurge` says how many pods there may be besides, `maxUnavailable` how many may be missing.",
)
def test_the_shops_update_gets_through(updated):
    """The shop is updated: three new pods take over within the quota, and at any time two are ready."""
    shop = updated.result()
    if (fewest := shop.fewest_ready()) < REPLICAS["shop"] - 1:
        raise Wrong(
            "During the update too few pods were ready.",
            expected=f"{REPLICAS['shop'] - 1} of {REPLICAS['shop']} at any time",
            got=f"{fewest}",
        )
