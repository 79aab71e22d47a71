"""Checks of zero-downtime: updates under load. Each happens in a namespace of its own, at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.manifest.deployed import changed, the_deployment
from labkit.kinds.manifest.update import Updated

OLD, NEW, NEVER_READY, DIES = "shop:1.0", "shop:2.0", "shop:2.2", "shop:2.1"
REPLICAS, MOST = 3, 4
PATIENCE = 150  # seconds for an update: a careful one takes its time, and so does a busy machine
TOLD, SLACK = 30, 5  # seconds: the task's, and what a busy machine may take longer
SEEN = 20  # seconds in which an update that goes wrong shows what it does
SETTINGS = {"SHOP_START_SECONDS": "2", "SHOP_STOP": "at-once"}
DIES_AFTER = 5  # seconds after its start, so 3 after it was ready


class Shop(Updated):
    """The answer's Deployment, deployed."""

    def must_be_updated(self, what):
        """Awaits that all pods are new. Raises Wrong."""
        if self.until(self.settled, PATIENCE) is None:
            got = f"after {PATIENCE} s, {len(self.ready())} pods are ready"
            raise Wrong(f"{what} does not come to its end.", expected="all pods are of the new version", got=got)

    def must_have_lost_nothing(self, what):
        """Raises Wrong when a request failed."""
        if failed := self.run.failed:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.run.reasons().items())
            got = (
                f"{len(failed)} of {len(self.run.requests):,} failed ({reasons}), the first after {failed[0].at:.1f} s"
            )
            raise Wrong(f"{what} lost requests.", expected="none", got=got)

    def must_have_kept(self, what):
        """Raises Wrong when there were too few pods for the load, or more than there is room for."""
        if (least := self.least_serving()) < REPLICAS:
            raise Wrong(
                f"{what} took pods away before new ones could take requests.",
                expected=f"{REPLICAS} at any time",
                got=f"{least}",
            )
        if (most := self.most_pods()) > MOST:
            raise Wrong(f"{what} needed more room than there is.", expected=f"at most {MOST} pods", got=f"{most} pods")


def up(shop, documents):
    """As it stands, without an update."""
    shop.must_be_up(REPLICAS)


def update(shop, documents, rate=30, env=SETTINGS):
    """From 1.0 to 2.0, while people buy."""
    shop.must_be_up(REPLICAS)
    with shop.under_load(rate):
        shop.apply(changed(documents, "shop", env=env, image=NEW))
        shop.must_be_updated("The update")
        shop.until(lambda: {one.version for one in shop.run.requests[-rate:]} == {"2.0"}, 20)


def never_ready(shop, documents):
    """A version that never becomes ready, and the way back."""
    shop.must_be_up(REPLICAS)
    with shop.under_load():
        shop.apply(changed(documents, "shop", env=SETTINGS, image=NEVER_READY))
        shop.told = shop.until(shop.stuck, TOLD + SLACK)
        shop.kept = len(shop.of_version(OLD))
        shop.undo()
        shop.must_be_updated("`kubectl rollout undo`")


def dies(shop, documents):
    """A version that dies three seconds after it was ready."""
    shop.must_be_up(REPLICAS)
    settings = {**SETTINGS, "SHOP_CRASH_SECONDS": str(DIES_AFTER)}
    shop.watch()
    shop.apply(changed(documents, "shop", env=settings, image=DIES))
    gone = shop.until(lambda: len(shop.of_version(OLD)) < REPLICAS, SEEN)
    shop.stop()
    if gone is not None:
        raise Wrong(
            "A version that dies three seconds after it was ready took the place of one that works.",
            expected=f"{REPLICAS} pods of version 1.0",
            got=f"{len(shop.of_version(OLD))} after {gone:.0f} s",
        )


@pytest.fixture(scope="module")
def scenes(fresh_namespace, manifest):
    """What happens to the answer, all of it at the same time: name -> what comes of it."""
    yield from played(fresh_namespace, manifest("shop"), SCENES)


def played(fresh_namespace, documents, scenes):
    """Begins every scene; each check waits for its own."""
    the_deployment(documents, "shop", OLD)
    shops = {name: Shop(fresh_namespace(), "shop", "shop") for name in scenes}
    with ThreadPoolExecutor(len(scenes)) as threads:

        def play(name):
            shop = shops[name]
            shop.apply(changed(documents, "shop", env=SETTINGS))
            shop.judge(lambda: scenes[name](shop, documents))
            return shop

        yield {name: threads.submit(play, name) for name in scenes}


SCENES = {"up": up, "update": update, "never": never_ready, "dies": dies}


@points(1)
@keeps("three-pods")
@hint(
    "Does the Service find your pods? `%pods` shows who gets requests.",
    "Compare the pod template's labels with the Service's selector.",
)
def test_the_shop_is_up(scenes):
    """Three pods of shop:1.0 become ready, and the Service sends to all of them."""
    scenes["up"].result()


@points(3)
@after("test_the_shop_is_up")
@keeps("no-lost-request")
@hint(
    "When does a new pod get its first request, and when could it take one? When does an old one get its last?",
    "A Service hears a moment too late that a pod is about to end. What can a pod do in that moment?",
    "`lifecycle.preStop` runs before SIGTERM. A pod that just sleeps there goes on serving.",
)
def test_no_request_is_lost(scenes, note):
    """An update from 1.0 to 2.0 loses no request."""
    shop = scenes["update"].result()
    note("requests", [[one.at, one.status, one.version] for one in shop.run.requests])
    shop.judge(lambda: shop.must_have_lost_nothing("The update"))


@points(2)
@after("test_the_shop_is_up")
@keeps("capacity", "room")
@hint(
    "`strategy.rollingUpdate` has two numbers: how many pods may be missing, and how many there may be besides.",
    "With maxUnavailable 25 % of three pods, none may be missing; with 1, one may.",
)
def test_enough_pods_and_not_too_many(scenes):
    """During the update, at least three pods get requests at any time, and there are at most four."""
    shop = scenes["update"].result()
    shop.judge(lambda: shop.must_have_kept("The update"))


@points(2)
@after("test_the_shop_is_up")
@keeps("stops")
@hint(
    "What tells Kubernetes that a pod of the new version cannot take requests?",
    "Without a readiness probe, a container that runs is ready.",
)
def test_a_version_that_is_never_ready_stops(scenes):
    """A version that never becomes ready replaces no pod, and loses no request."""
    shop = scenes["never"].result()
    shop.judge(lambda: shop.must_have_lost_nothing("An update to a version that is never ready, and the way back,"))
    if shop.kept < REPLICAS:
        raise Wrong(
            "A version that is never ready took the place of one that works.",
            expected=f"{REPLICAS} pods of 1.0",
            got=f"{shop.kept}",
        )


@points(1)
@after("test_the_shop_is_up")
@keeps("tells")
@hint("After how many seconds does a Deployment say that it does not progress? By default it takes ten minutes.")
def test_it_says_that_it_does_not_progress(scenes):
    """Within 30 seconds, the Deployment says that the update to a version that is never ready does not progress."""
    shop = scenes["never"].result()
    if shop.told is None:
        seconds = shop.object()["spec"].get("progressDeadlineSeconds")
        raise Wrong(
            "Nobody is told that the update does not progress.",
            expected=f"within {TOLD} s",
            got=f"after {seconds} s at the earliest",
        )


@points(2)
@after("test_the_shop_is_up")
@keeps("dies-early")
@hint(
    "When does a pod count as available? Right after its readiness probe has passed.",
    "`minReadySeconds` lets a pod stay ready for a while before the next one is replaced.",
)
def test_a_version_that_dies_early_stops(scenes):
    """A version that dies three seconds after it was ready replaces no pod."""
    scenes["dies"].result()
