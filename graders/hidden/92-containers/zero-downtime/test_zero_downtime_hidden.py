"""Hidden checks of zero-downtime: more people, a slower start, and a version that crashes at once."""

import pytest
from test_zero_downtime import DIES, OLD, REPLICAS, SEEN, SETTINGS, changed, played, update

from labkit.checking.checks import Wrong, after, points, review

SLOWER = {**SETTINGS, "SHOP_START_SECONDS": "4"}


def busy_update(shop, documents):
    """More requests, and a start that takes longer."""
    update(shop, documents, rate=45, env=SLOWER)


def crash(shop, documents):
    """A version that crashes a second after its start."""
    shop.must_be_up(REPLICAS)
    with shop.under_load():
        shop.apply(changed(documents, "shop", env=SETTINGS, image=DIES))
        shop.until(lambda: len(shop.of_version(OLD)) < REPLICAS, SEEN)
        shop.kept = len(shop.of_version(OLD))
        shop.undo()
        shop.must_be_updated("`kubectl rollout undo`")


@pytest.fixture(scope="module")
def scenes(fresh_namespace, manifest):
    """Begins every scene."""
    yield from played(fresh_namespace, manifest("shop"), {"busy": busy_update, "crash": crash})


@points(2)
@after("test_the_shop_is_up")
@review("What a pod does between the moment it is told to end and the moment its Service knows.")
def test_no_request_is_lost_under_more_load(scenes):
    """With more people, and pods that take longer to start, an update loses no request."""
    shop = scenes["busy"].result()
    shop.judge(lambda: shop.must_have_lost_nothing("The update"))
    shop.judge(lambda: shop.must_have_kept("The update"))


@points(2)
@after("test_the_shop_is_up")
@review("What a Deployment waits for before it takes an old pod away, and `kubectl rollout undo`.")
def test_a_version_that_crashes_is_taken_back(scenes):
    """A version that crashes at its start replaces no pod, and neither that update nor its undo loses a request."""
    shop = scenes["crash"].result()
    if shop.kept < REPLICAS:
        raise Wrong(
            "A version that crashes took the place of one that works.", expected=f"{REPLICAS}", got=f"{shop.kept}"
        )
    shop.judge(lambda: shop.must_have_lost_nothing("The update"))
