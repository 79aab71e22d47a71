"""Hidden checks of right-size: Saturday's catalog, and an update of both Deployments."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from test_right_size import KEPT, Team

from labkit.checking.checks import after, keeps, points, review

SATURDAY = "64"  # MB of catalog
REPORTS = 2


@pytest.fixture(scope="module")
def updated(fresh_namespace, manifest):
    """In a namespace of its own, while the other check is at work: both are updated, the till first, then the shop."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(update_of_both, fresh_namespace(), manifest("sized"))


def update_of_both(namespace, documents):
    """Two updates, one after the other. Raises Wrong."""
    team = Team(namespace, documents)
    team.must_be_up()
    team.update(till="1.1")
    team.update(till="1.1", shop="1.1")


@points(3)
@after("test_a_rush_kills_nobody", "test_the_report_kills_nobody")
@keeps("saturday", "report")
@review("How much more a pod uses at most on a Saturday, and which of request and limit has to follow.")
def test_saturday_kills_nobody(fresh_namespace, manifest, updated):
    """On a Saturday, pods take more orders than they keep, and write the report twice: no pod is killed."""
    team = Team(fresh_namespace(), manifest("sized"), SHOP_MEMORY_MB=SATURDAY)
    team.must_be_up()
    team.take_orders(KEPT + KEPT // 2)
    for _ in range(REPORTS):
        team.shop.judge(team.shop.report)


@points(2)
@after("test_the_shops_update_gets_through")
@keeps("update")
@review("What the quota has to hold while a pod of the till is replaced.")
def test_both_updates_get_through(updated):
    """The till is updated, and then the shop: all new pods start within the quota."""
    updated.result()
