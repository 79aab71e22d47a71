"""Checks of configuration: what customers are told when a setting changes, and who can read the key."""

import copy

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, answer, hint, keeps, points
from labkit.kinds.manifest.answers import apply
from labkit.kinds.manifest.configured import Configured, signature
from labkit.kinds.manifest.deployed import the_deployment
from labkit.pages.page import plural
from labkit.services.cluster.access import Action, allowed

IMAGE, REPLICAS = "shop:1.0", 2
PRICE, CHEAPER, OTHER = "4.90", "3.90", "5.20"
STRIKE = "No deliveries after 6 pm today."
NEW_KEY = "pk-live-0c66d2b418"
ORDER = 4711
GIVEN = ("Service/shop", "ConfigMap/notice", "Secret/payment", "RoleBinding/support")
LOOKS = [Action(verb, what) for what in ("pods", "configmaps", "deployments.apps") for verb in ("get", "list")]
LOOKS.append(Action("get", "pods/log"))
SECRETS = [Action(verb, "secrets", name) for verb in ("get", "list") for name in ("", "payment")]
DETOURS = [Action("create", "pods"), Action("create", "pods/exec"), Action("patch", "deployments.apps")]
WAYS = {"pods": "a pod mounts any Secret", "exec": "a program in the shop's pod reads its files"}


def deployed(namespace, documents):
    """An answer's Deployment, which begins to start. Raises Wrong, AnswerError."""
    the_deployment(documents, "shop", IMAGE)
    shop = Configured(namespace, "shop", "shop")
    shop.apply(documents)
    return shop


def with_price(documents, old, new):
    """The same objects with another price in their ConfigMaps. Raises Wrong where none of them has the old one."""
    copies, found = copy.deepcopy(documents), 0
    for document in copies:
        data = document.item.get("data")
        if document.item["kind"] == "ConfigMap" and isinstance(data, dict):
            for key, value in data.items():
                if str(value).strip() == old:
                    data[key], found = new, found + 1
    if not found:
        raise Wrong("No ConfigMap of the answer has the price.", expected=f'a key whose value is "{old}"', got="none")
    return copies


def must_cost(shop, price, why):
    """Raises Wrong when a pod says another price."""
    said = {name: shop.terms(name).get("delivery") for name in shop.names()}
    if others := [value for value in said.values() if value != price]:
        raise Wrong(why, expected=f'"delivery": "{price}" from {plural(len(said), "pod")}', got=told(others))


def told(values):
    """What pods say, in a few words."""
    return ", ".join(f'{plural(values.count(value), "pod")}: "{value or ""}"' for value in sorted(set(values), key=str))


def must_follow(shop, *setting):
    """As `follow`. Raises ServiceFault where this machine is too busy to tell."""
    shop.judge(lambda: follow(shop, *setting))


def follow(shop, kind, name, key, value, setting, has_it):
    """Changes a setting whose file is mounted. Raises Wrong when it does not come to every pod, or not to the same pods."""
    before = shop.lives()
    shop.change(kind, name, key, value)
    arrived = shop.arrives_in_place(has_it)
    late = [pod for pod in shop.names() if not has_it(pod)]
    what = "ConfigMap" if kind == "configmaps" else "Secret"
    if not arrived and late:
        raise Wrong(
            f"The {what} `{name}` was changed, and pods go on with the old value. {shop.read_once(setting)}".strip(),
            expected=f"the new value in {plural(REPLICAS, 'pod')}, with the next look of their node",
            got=f"{plural(len(late), 'pod')} with the old one",
        )
    if shop.lives() != before:
        raise Wrong(f"The {what} `{name}` was changed, and pods were replaced or restarted.", expected="the same pods")


def pays_with(shop, key, order):
    """Whether a pod signs with this key."""
    return lambda pod: shop.receipt(pod, order) == signature(key, order)


@pytest.fixture(scope="module")
def shop(fresh_namespace, manifest, untouched):
    """The first manifest, deployed."""
    shop = deployed(fresh_namespace(), manifest("shop"))
    untouched(shop.namespace, *GIVEN)
    return shop


@pytest.fixture(scope="module")
def cheaper(fresh_namespace, manifest, untouched):
    """The second manifest, on top of the first one, which is up."""
    shop = on_top_of(fresh_namespace(), manifest("shop"))
    shop.before = shop.lives()
    second = manifest("cheaper")
    if any(one.title == "Deployment shop" for one in second):
        the_deployment(second, "shop", IMAGE)
    shop.apply(second)
    untouched(shop.namespace, *GIVEN)
    return shop


def on_top_of(namespace, documents):
    """The first manifest, up, for the second one. Raises Wrong."""
    try:
        shop = deployed(namespace, documents)
        shop.must_be_up(REPLICAS)
    except (AnswerError, Wrong) as error:
        raise Wrong(f"This is applied on top of your answer `shop`, which is not up. {error}") from error
    return shop


@pytest.fixture(scope="module")
def support(fresh_namespace, manifest, untouched):
    """The namespace in which the third answer was applied."""
    namespace = fresh_namespace()
    apply(namespace, manifest("support"))
    untouched(namespace, *GIVEN)
    return namespace


def can(namespace, account, actions):
    """Those that the account may do."""
    return allowed(namespace.admin, namespace.name, account, actions)


def no_secret(namespace, actions):
    """Raises Wrong where one of the accounts may read a Secret."""
    for account in ("support", "default"):
        if found := can(namespace, account, actions):
            raise Wrong(
                f"The account `{account}` can read Secrets.",
                expected="no",
                got=f"`kubectl auth can-i {found[0]}` as {account}: yes",
            )


def no_detour(namespace, actions):
    """Raises Wrong where one of the accounts may do what ends in a Secret."""
    for account in ("support", "default"):
        if found := can(namespace, account, actions):
            kind = found[0].resource.partition("/")
            why = WAYS.get(kind[2] or kind[0], "what it can change can read a Secret for it")
            raise Wrong(
                f"The account `{account}` can read no Secret itself, and has a detour: {why}.",
                expected="no",
                got=f"`kubectl auth can-i {found[0]}` as {account}: yes",
            )


@answer("shop")
@points(1)
@keeps("two-pods", "given")
@hint(
    "Does the Service find your pods? `%pods` shows who gets requests.",
    "A pod that refers to a ConfigMap, a Secret or a key that does not exist waits for it: `%kubectl describe pod` says for which.",
)
def test_the_shop_is_up(shop):
    """Two pods of shop:1.0 become ready, and the Service sends to both."""
    shop.must_be_up(REPLICAS)


@answer("shop")
@points(1)
@after("test_the_shop_is_up")
@keeps("price")
@hint(
    "Which setting of the program has the price? `%kubectl logs` shows what it was started with.",
    "`valueFrom.configMapKeyRef` names a ConfigMap and one of its keys.",
)
def test_the_price_is_told(shop):
    """Both pods tell customers that a delivery costs 4.90."""
    must_cost(shop, PRICE, "Customers are told another price.")


@answer("shop")
@points(1)
@after("test_the_price_is_told")
@keeps("price-in-config-map")
@hint("If somebody changes the number in your ConfigMap before anything starts, which price do the pods tell?")
def test_the_price_comes_from_a_config_map(fresh_namespace, manifest):
    """With another price in your ConfigMap, the pods tell that one."""
    shop = deployed(fresh_namespace(), with_price(manifest("shop"), PRICE, OTHER))
    shop.must_be_up(REPLICAS)
    must_cost(shop, OTHER, f"With {OTHER} instead of {PRICE} in your ConfigMap, the pods tell another price.")


@answer("shop")
@points(2)
@after("test_the_shop_is_up")
@keeps("notice")
@hint(
    "When does the program read the notice: once, or for each customer? Which of its two settings for it is which?",
    "How did the pods of that day mount the file? `subPath` gives a container a copy of its own.",
    "Mount the whole volume as a folder, without `subPath`. Each key is a file in it.",
)
def test_a_notice_arrives_in_place(shop, note):
    """Both pods tell customers the notice; when its ConfigMap changes they tell the new one, and no pod is replaced or restarted."""
    notice = shop.setting("configmaps", "notice", "text").strip()
    said = {name: shop.terms(name).get("notice", "") for name in shop.names()}
    if others := [value for value in said.values() if value != notice]:
        raise Wrong("Customers are not told the notice.", expected=notice, got=told(others))
    new = f"{STRIKE} ({len(notice)})"  # another one each time
    try:
        must_follow(
            shop, "configmaps", "notice", "text", new, "SHOP_NOTICE", lambda pod: shop.terms(pod).get("notice") == new
        )
    finally:
        note("said", shop.said)


@answer("shop")
@points(1)
@after("test_the_shop_is_up")
@keeps("key")
@hint("The program has two settings for the key: one is the key itself, one names a file.")
def test_receipts_are_signed(shop):
    """Both pods sign a receipt with the key of the Secret."""
    key = shop.setting("secrets", "payment", "key")
    for pod in shop.names():
        if not pays_with(shop, key, ORDER)(pod):
            raise Wrong(
                "The payment provider refuses a receipt.",
                expected=f"the HMAC of `order {ORDER}` with the Secret's key",
                got=shop.receipt(pod, ORDER)[:100],
            )


@answer("shop")
@points(2)
@after("test_receipts_are_signed")
@keeps("key-nowhere")
@hint(
    "What does the program write into its log when it starts? `%kubectl logs deployment/shop` shows it.",
    "A program that has the key in a variable passes it on with all its settings. One that has the name of a file does not.",
)
def test_the_key_is_seen_nowhere(shop):
    """The key is in the Secret `payment`, and in no other object and no log."""
    if places := list(shop.shown(shop.setting("secrets", "payment", "key"))):
        raise Wrong("The key can be read without the Secret.", expected="nowhere", got=places[0])


@answer("shop")
@points(2)
@after("test_the_key_is_seen_nowhere")
@keeps("new-key")
@hint("Is the key's file mounted as a folder, or with `subPath`?")
def test_a_new_key_arrives_in_place(shop):
    """When the Secret changes, receipts are signed with the new key, and no pod is replaced or restarted."""
    new = NEW_KEY if shop.setting("secrets", "payment", "key") != NEW_KEY else f"{NEW_KEY}0"
    must_follow(shop, "secrets", "payment", "key", new, "SHOP_PAYMENT_KEY", pays_with(shop, new, ORDER))


@answer("cheaper")
@points(3)
@keeps("new-price", "given")
@hint(
    "Were any pods replaced? Compare the ages in `%kubectl get pods`.",
    "A Deployment replaces its pods when its `template` changes, and a ConfigMap is not in there.",
    "Put something into the template that is another one when the ConfigMap is: an annotation, or the ConfigMap's own name.",
)
def test_the_new_price_arrives(cheaper, note):
    """When the second manifest has been applied on top of the first, both pods tell 3.90, and nobody has restarted anything."""

    def is_new(pod):
        return cheaper.terms(pod).get("delivery") == CHEAPER

    arrived = cheaper.arrives_with_new_pods(is_new)
    note("said", cheaper.said)
    if not arrived:
        same = set(cheaper.lives()) == set(cheaper.before)
        why = (
            "No pod was replaced, as the template is what it was."
            if same
            else "Pods were replaced, and tell another price."
        )
        must_cost(cheaper, CHEAPER, f"Applied, and customers pay the old price. {why}")
    cheaper.must_be_up(REPLICAS)


@answer("cheaper")
@points(1)
@after("test_the_new_price_arrives")
@keeps("still")
@hint(
    "If somebody changes the number in the ConfigMap of this manifest before anything starts, which price do the pods tell?"
)
def test_the_new_price_comes_from_a_config_map(fresh_namespace, manifest):
    """With another price in the ConfigMap of the second manifest, the pods tell that one."""
    shop = deployed(fresh_namespace(), with_price(manifest("cheaper"), CHEAPER, OTHER))
    shop.must_be_up(REPLICAS)
    must_cost(shop, OTHER, f"With {OTHER} instead of {CHEAPER} in your ConfigMap, the pods tell another price.")


@answer("support")
@points(1)
@keeps("looks", "given")
@hint(
    'A rule has `apiGroups`, `resources` and `verbs`. Pods are in group "", Deployments in "apps", and a log is `pods/log`.'
)
def test_support_can_look(support):
    """The account `support` can get and list pods, ConfigMaps and Deployments, and read logs."""
    allowed = can(support, "support", LOOKS)
    if missing := [one for one in LOOKS if one not in allowed]:
        raise Wrong(
            "The account `support` cannot do its work.",
            expected="yes",
            got=f"`kubectl auth can-i {missing[0]}` as support: no",
        )


@answer("support")
@points(2)
@after("test_support_can_look")
@keeps("no-secret")
@hint(
    "Which Role does the account have now? RBAC only adds up: a second Role takes nothing away from the first.",
    "`list` gives the Secrets' content, as `get` does.",
)
def test_support_reads_no_secret(support):
    """Neither the account `support` nor the shop's own can get or list Secrets."""
    no_secret(support, SECRETS)


@answer("support")
@points(2)
@after("test_support_reads_no_secret")
@keeps("no-detour")
@hint("The shop's pods have the key as a file. Which rights lead into a pod?")
def test_support_takes_no_detour(support):
    """Neither account can start a pod, run a program in one, or change a Deployment."""
    no_detour(support, DETOURS)
