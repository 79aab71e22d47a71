"""Hidden checks of configuration: other settings from the start, the way back, and other ways to a Secret."""

import pytest
from test_configuration import (
    ORDER,
    PRICE,
    REPLICAS,
    Action,
    apply,
    deployed,
    must_cost,
    must_follow,
    no_detour,
    no_secret,
    on_top_of,
    pays_with,
    with_price,
)

from labkit.checking.checks import Wrong, after, answer, keeps, points, review

FREE = "0.00"
KEY, NEXT = "pk-test/9+Zz==", "pk-test/öß 17"
NOTICE, LATER = "Today: pizza «Norma» – 20 % off.\nOnly until 3 pm.", "Sold out."
SECRETS = [Action(verb, "secrets", name) for verb in ("watch", "get", "list") for name in ("", "payment", "other")]
STARTERS = (
    "jobs.batch",
    "cronjobs.batch",
    "deployments.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "replicasets.apps",
    "replicationcontrollers",
)
DETOURS = [
    *(Action("create", what) for what in ("pods", *STARTERS, "serviceaccounts/token", "pods/exec", "pods/attach")),
    *(Action(verb, what) for verb in ("patch", "update") for what in ("pods", *STARTERS, "pods/ephemeralcontainers")),
    *(Action("get", f"pods/{way}") for way in ("exec", "attach")),  # as kubectl does it today
    *(
        Action(verb, f"{what}.rbac.authorization.k8s.io")
        for verb in ("create", "patch", "update")
        for what in ("roles", "rolebindings")
    ),
    Action("impersonate", "serviceaccounts"),
]


def set_up(namespace):
    """Other settings than the lab's, before anything is deployed."""
    namespace.admin.patch(f"{namespace.path}/configmaps/notice", {"data": {"text": NOTICE}})
    namespace.admin.patch(f"{namespace.path}/secrets/payment", {"stringData": {"key": KEY}})
    return namespace


@pytest.fixture(scope="module")
def other(fresh_namespace, manifest):
    """The first manifest where all settings are other ones."""
    shop = deployed(set_up(fresh_namespace()), with_price(manifest("shop"), PRICE, FREE))
    shop.must_be_up(REPLICAS)
    return shop


@pytest.fixture(scope="module")
def cheaper(fresh_namespace, manifest):
    """The second manifest on top of the first one."""
    shop = on_top_of(set_up(fresh_namespace()), manifest("shop"))
    shop.apply(manifest("cheaper"))
    shop.arrives_with_new_pods(lambda pod: shop.terms(pod).get("delivery") != PRICE)
    shop.must_be_up(REPLICAS)
    return shop


@answer("shop")
@points(1)
@after("test_the_price_comes_from_a_config_map", "test_a_notice_arrives_in_place", "test_a_new_key_arrives_in_place")
@keeps("price-in-config-map", "notice", "key", "key-nowhere")
@review("Where each setting comes from: price, notice and key each from one place.")
def test_other_settings(other):
    """With another price, notice and key from the start, the pods tell and sign with these, and the key is seen nowhere."""
    must_cost(other, FREE, "The pods tell another price.")
    for pod in other.names():
        if other.terms(pod).get("notice") != NOTICE:
            raise Wrong("The pods tell another notice.")
        if not pays_with(other, KEY, ORDER + 1)(pod):
            raise Wrong("The pods sign with another key.")
    if list(other.shown(KEY)):
        raise Wrong("The key can be read without the Secret.")


@answer("shop")
@points(1)
@after("test_the_price_comes_from_a_config_map", "test_a_notice_arrives_in_place", "test_a_new_key_arrives_in_place")
@keeps("notice", "new-key")
@review("How a mounted folder follows its ConfigMap or Secret, again and again.")
def test_settings_change_again(other):
    """When notice and key change again and again, the same pods follow each time."""
    for notice in (LATER, NOTICE):
        must_follow(
            other,
            "configmaps",
            "notice",
            "text",
            notice,
            "",
            lambda pod, now=notice: other.terms(pod).get("notice") == now,
        )
    must_follow(other, "secrets", "payment", "key", NEXT, "", pays_with(other, NEXT, 1))


@answer("cheaper")
@points(1)
@after("test_the_new_price_arrives")
@keeps("still")
@review("What the second manifest must not lose of the first: notice and key are files that change in place.")
def test_the_notice_still_arrives(cheaper):
    """After the second manifest a new notice and a new key arrive in the same pods, and the key is seen nowhere."""
    must_follow(
        cheaper, "configmaps", "notice", "text", LATER, "", lambda pod: cheaper.terms(pod).get("notice") == LATER
    )
    must_follow(cheaper, "secrets", "payment", "key", NEXT, "", pays_with(cheaper, NEXT, 2))
    if list(cheaper.shown(NEXT)):
        raise Wrong("The key can be read without the Secret.")


@answer("cheaper")
@points(2)
@after("test_the_new_price_arrives")
@keeps("way-back")
@review("What in the template differs between the two manifests. The way back is a change, too.")
def test_the_way_back(cheaper, manifest):
    """When the first manifest is applied again, both pods tell 4.90 again, and nobody has restarted anything."""
    cheaper.apply(manifest("shop"))
    cheaper.arrives_with_new_pods(lambda pod: cheaper.terms(pod).get("delivery") == PRICE)
    must_cost(cheaper, PRICE, "Customers pay the new price.")


@pytest.fixture(scope="module")
def support(fresh_namespace, manifest):
    """The namespace in which the third answer was applied."""
    namespace = fresh_namespace()
    apply(namespace, manifest("support"))
    return namespace


@answer("support")
@points(1)
@after("test_support_reads_no_secret")
@keeps("no-secret")
@review("The verbs that read: get, list and watch; of one Secret by its name, and of all.")
def test_no_other_secret(support):
    """Neither account can get, list or watch any Secret, with a name or without."""
    no_secret(support, SECRETS)


@answer("support")
@points(2)
@after("test_support_takes_no_detour")
@keeps("no-detour")
@review(
    "What leads to a Secret: who can start a pod, run a program in one, have another account's token, or give away roles."
)
def test_no_other_detour(support):
    """Neither account can start a pod in any way, get into one, change what starts pods, be another account, or change roles."""
    no_detour(support, DETOURS)
