"""Checks of probes: pods that start slowly, hang, are busy, or have no database. Each happens in a namespace of its own, at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.manifest.deployed import Deployed, changed, the_deployment

IMAGE = "shop:1.0"
REPLICAS = 2
PATIENCE = 100  # seconds for a pod that was restarted, or was busy, to get requests again: probes with defaults take their time
SLACK = 4  # seconds that a busy machine may take longer than the rule says
RESTARTED, LEFT = 15, 10  # seconds: the task's
FAULT = 21  # seconds: longer than any liveness probe takes that keeps the rule on hanging programs
NEXT_PROBE = 12  # seconds to wait for a probe, after which a fault begins


class Shop(Deployed):
    """The answer's Deployment, deployed."""

    def must_be_ready(self):
        """Awaits that all pods are ready, and get requests. Raises Wrong."""
        self.must_be_up(REPLICAS)

    def must_not_restart(self, when, seconds):
        """Watches for so long. Raises Wrong when a pod is restarted."""
        took = self.until(self.restarts, seconds)
        if took is not None:
            again = next((pod.name for pod in self.pods() if pod.restarts), "a pod")
            raise Wrong(
                f"{when}, and was restarted.", expected="no restart", got=f"{again} restarted after {took:.0f} s"
            )


def start(shop, seconds, warm):
    """Pods that take their time: nobody is killed meanwhile, and nobody gets a request who cannot take it."""
    early = []

    def is_over():
        for pod in shop.serving() - set(early):
            if shop.answers(pod, "/readyz") != 200 and shop.answers(pod, "/readyz") != 200:
                early.append(pod)
        return shop.restarts() or early or len(shop.serving()) >= REPLICAS

    begun = shop.now()
    shop.until(is_over, seconds + warm + PATIENCE)
    after_seconds = shop.now() - begun
    if shop.restarts():
        raise Wrong(
            f"A pod that takes {seconds} s to start was killed before it had started.",
            expected="no restart",
            got=f"a restart after {after_seconds:.0f} s",
        )
    if early:
        raise Wrong(
            f"A pod got the Service's requests before it could take them: it starts for {seconds} s, and reads its catalog for {warm} s more.",
            expected="requests when /readyz says 200",
            got=f"requests after {after_seconds:.0f} s",
        )
    shop.must_be_ready()


def hang(shop, which=0, pause=0):
    """A pod that hangs is restarted soon; the other one is not. Before a second restart Kubernetes itself makes a pause, in seconds."""
    shop.must_be_ready()
    pods = sorted(pod.name for pod in shop.pods())
    victim = pods[which % len(pods)]
    begins_with_a_probe(shop, victim, "deadlock", "/healthz")

    def restarts(name):
        return next((pod.restarts for pod in shop.pods() if pod.name == name), 0)

    before, within = restarts(victim), RESTARTED + pause
    took = shop.until(lambda: restarts(victim) > before, within + SLACK)
    if took is None:
        raise Wrong(
            "A pod hangs, and is left hanging.",
            expected=f"a restart within {within} s",
            got=f"none after {within + SLACK} s",
        )
    if shop.restarts() > restarts(victim):
        raise Wrong(
            "One pod hung, and another one was restarted, too.", expected="1 restart", got=f"{shop.restarts()} restarts"
        )
    shop.must_be_ready()


def busy(shop, which=0):
    """A pod that is busy gets no requests for as long, and is not restarted."""
    shop.must_be_ready()
    pods = sorted(pod.name for pod in shop.pods())
    victim = pods[which % len(pods)]
    begins_with_a_probe(shop, victim, "busy", "/readyz")
    took = shop.until(lambda: victim not in shop.serving() or shop.restarts(), LEFT + SLACK - 1)
    if not shop.restarts() and took is None:
        raise Wrong(
            "A pod says that it is busy, and gets requests all the same.",
            expected=f"none after {LEFT} s",
            got=f"still behind the Service after {LEFT + SLACK - 1} s",
        )
    shop.must_not_restart("A pod was busy, which is no fault of its own", FAULT - (took or 0.0))
    shop.cause(victim, "busy", seconds=0)
    if shop.until(lambda: victim in shop.serving(), PATIENCE) is None:
        raise Wrong("A pod that was busy, and is so no more, gets no requests.", expected="requests again", got="none")


def no_database(shop):
    """When the database is away, no pod is restarted."""
    shop.must_be_ready()
    for pod in shop.ready():
        begins_with_a_probe(shop, pod, "database", "/readyz")
    shop.must_not_restart("The database did not answer, which a restart does not mend. A pod said so", FAULT)
    for pod in shop.pods():
        shop.cause(pod.name, "database", seconds=0)
    shop.must_be_ready()


def begins_with_a_probe(shop, pod, fault, path):
    """Causes a fault just after a probe, so that it takes equally long until it is seen, whenever the check comes."""
    shop.cause(pod, fault, after=path, patience=NEXT_PROBE)
    shop.until(lambda: shop.has(pod, fault), NEXT_PROBE + SLACK)


@pytest.fixture(scope="module")
def scenes(fresh_namespace, manifest):
    """What happens to the answer, all of it at the same time: name -> what comes of it."""
    yield from played(fresh_namespace, manifest("probes"), SCENES)


def played(fresh_namespace, documents, scenes):
    """Begins every scene; each check waits for its own."""
    the_deployment(documents, "shop", IMAGE)
    shops = {name: Shop(fresh_namespace(), "shop", "shop") for name in scenes}
    with ThreadPoolExecutor(len(scenes)) as threads:

        def play(name):
            env, scene = scenes[name]
            shop = shops[name]
            shop.apply(changed(documents, "shop", env=env))
            shop.watch()
            try:
                shop.judge(lambda: scene(shop))
            finally:
                shop.stop()
            return shop

        yield {name: threads.submit(play, name) for name in scenes}


QUICK = {"SHOP_START_SECONDS": "0", "SHOP_WARM_SECONDS": "0"}
SCENES = {
    "up": (QUICK, lambda shop: shop.must_be_ready()),
    "start": ({"SHOP_START_SECONDS": "14", "SHOP_WARM_SECONDS": "4"}, lambda shop: start(shop, 14, 4)),
    "hang": (QUICK, hang),
    "busy": (QUICK, busy),
    "database": (QUICK, no_database),
}


def timeline(shop):
    """What was seen, for the picture: seconds, restarts in all, pods behind the Service."""
    return [[round(look.at, 2), sum(look.restarts.values()), len(look.serving)] for look in shop.looks]


@points(1)
@keeps("two-pods", "labels")
@hint(
    "Does the Service find your pods? `%pods` shows who gets requests.",
    "Compare the pod template's labels with the Service's selector.",
)
def test_the_shop_is_up(scenes):
    """Two pods of shop:1.0 become ready, and the Service sends to both."""
    scenes["up"].result()


@points(2)
@after("test_the_shop_is_up")
@keeps("slow-start", "no-early-requests")
@hint(
    "Which probe is asked first, and keeps the others waiting until it has passed?",
    "A startupProbe may fail as often as a slow start needs: `failureThreshold` times `periodSeconds`.",
    "A program can be alive and not ready. Which address says that it can take an order?",
)
def test_a_slow_start_is_waited_for(scenes, note):
    """A pod that takes long to start is not killed meanwhile, and gets no request before it can take one."""
    note("timeline", timeline(scenes["start"].result()))


@points(2)
@after("test_the_shop_is_up")
@keeps("hang")
@hint(
    "Which probe ends in a restart? Which address still answers when the database is away?",
    "How long until a fault is seen: `periodSeconds` times `failureThreshold`, and the `timeoutSeconds` of a probe that hangs.",
)
def test_a_hanging_pod_is_restarted(scenes, note):
    """A pod that hangs is restarted within 15 seconds, and no other pod is."""
    note("timeline", timeline(scenes["hang"].result()))


@points(2)
@after("test_the_shop_is_up")
@keeps("busy")
@hint(
    "Which probe only decides who gets requests?",
    "A probe that asks /readyz must not be the one that restarts.",
    "With the default period of 10 s and three failures, it takes half a minute until a busy pod is left alone.",
)
def test_a_busy_pod_is_left_alone(scenes, note):
    """A pod that is busy gets no more requests within 10 seconds, gets them again afterwards, and is not restarted."""
    note("timeline", timeline(scenes["busy"].result()))


@points(2)
@after("test_the_shop_is_up")
@keeps("database")
@hint(
    "What does a restart mend, and what does it not?",
    "A liveness probe should ask only for what the pod itself can mend by starting anew.",
)
def test_without_the_database_nothing_is_restarted(scenes, note):
    """While the database is away no pod is restarted, and afterwards all of them are ready again."""
    note("timeline", timeline(scenes["database"].result()))
