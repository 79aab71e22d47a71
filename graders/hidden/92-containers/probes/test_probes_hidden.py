"""Hidden checks of probes: a slower start, the other pod, and a fault right after the start."""

import pytest
from test_probes import QUICK, busy, hang, no_database, played, start

from labkit.checking.checks import Wrong, after, points, review

SLOW, WARM = 26, 3  # seconds: nearly what the task allows
BACK_OFF = 10  # seconds: what the kubelet waits before it restarts a container for the second time


def twice(shop):
    """The same pod hangs, is restarted, and hangs again as soon as it is up."""
    hang(shop, which=1)
    hang(shop, which=1, pause=BACK_OFF)


def one_after_the_other(shop):
    """First one is busy, then both have no database: still no restart."""
    busy(shop, which=1)
    no_database(shop)


SCENES = {
    "start": ({"SHOP_START_SECONDS": str(SLOW), "SHOP_WARM_SECONDS": str(WARM)}, lambda shop: start(shop, SLOW, WARM)),
    "twice": (QUICK, twice),
    "calm": (QUICK, one_after_the_other),
}


@pytest.fixture(scope="module")
def scenes(fresh_namespace, manifest):
    """Begins every scene."""
    yield from played(fresh_namespace, manifest("probes"), SCENES)


@points(1)
@after("test_the_shop_is_up")
@review("How long a startup probe gives a program: `failureThreshold` times `periodSeconds`.")
def test_a_start_of_nearly_30_seconds(scenes):
    """A pod that takes 26 seconds to start is not killed meanwhile."""
    scenes["start"].result()


@points(2)
@after("test_the_shop_is_up")
@review("What the liveness probe asks, and how soon it begins: `initialDelaySeconds` holds after each restart.")
def test_it_hangs_again_right_after_its_start(scenes):
    """A pod that hangs again as soon as it is up is restarted again, after the pause of 10 seconds that Kubernetes makes then."""
    shop = scenes["twice"].result()
    if shop.restarts() != 2:
        raise Wrong("It hung twice.", expected="2 restarts", got=f"{shop.restarts()}")


@points(2)
@after("test_the_shop_is_up")
@review("Which of the probes end in a restart, and what they ask for.")
def test_others_faults_restart_nothing(scenes):
    """A pod that is busy, and then a database that is away, restart nothing."""
    scenes["calm"].result()
