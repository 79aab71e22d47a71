"""Where the way of a request ends: at which of four steps, in the cluster's own words, or nowhere, as it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labkit.kinds.answer import Wrong
from labkit.kinds.diagnosis.incident import IMAGE, SERVICES
from labkit.kinds.manifest.deployed import PERIOD as LOOK
from labkit.kinds.manifest.deployed import Deployed
from labkit.services.cluster.api import Object
from labkit.services.cluster.load import Run, load
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.pods import PodState, serving

STEPS = ("a pod has its place", "its program runs", "it is ready", "its Service finds it")
SERVED = len(STEPS)
PATIENCE = 120.0  # seconds until a repaired shop serves
STAYS = (6.0, 4.0, 10.0, 8.0)  # seconds after which a step stays as it is; the third has a probe besides
HEALS = {"CreateContainerConfigError": 40.0}  # what a kubelet tries again by itself, and how long that may take
RATE, SECONDS = 40, 0.5  # of customers
REACHED = 8.0  # seconds until what forwards requests has heard of all pods
REVISION = "deployment.kubernetes.io/revision"
PERIOD, THRESHOLD, TIMEOUT = 10, 3, 1  # of a probe that does not say


@dataclass(frozen=True)
class End:
    """`step`: the number of the step that fails, SERVED where none does; `words`: what is there instead; `stays`: seconds after which
    nothing will change it any more, 0 where something is about to."""

    step: int
    words: str = ""
    stays: float = 0.0


@dataclass(frozen=True)
class Sight:
    """What a namespace has at one moment."""

    deployments: dict[str, Object]
    replica_sets: list[Object]
    pods: list[Object]
    behind: dict[str, set[str]]

    @classmethod
    def of(cls, namespace: Namespace) -> Sight:
        """Now."""
        apps = f"/apis/apps/v1/namespaces/{namespace.name}"
        deployments = {one["metadata"]["name"]: one for one in namespace.admin.list(f"{apps}/deployments")}
        sets = namespace.admin.list(f"{apps}/replicasets")
        found = namespace.admin.list(f"{namespace.path}/pods")
        return cls(deployments, sets, found, serving(namespace.admin, namespace.name))

    def end_of(self, name: str) -> End:
        """Where the way to one program ends, as far as the API tells: nobody has sent a request yet."""
        deployment = self.deployments.get(name)
        if deployment is None:
            return End(0, f"there is no Deployment {name}", STAYS[0])
        seen = deployment.get("status", {}).get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        newest = self._newest(deployment)
        if not seen or newest is None:
            return End(0, "its Deployment was not seen yet")
        found = [pod for pod in self._owned(newest) if "deletionTimestamp" not in pod["metadata"]]
        if not found:
            refused = _refused(newest)
            return End(0, refused or "no pod", STAYS[0] if refused or not deployment["spec"]["replicas"] else 0.0)
        best = max((_end_of_pod(pod) for pod in found), key=lambda end: end.step)
        return (
            best
            if best.step < len(STEPS) - 1
            else self._end_of_service(name, {one["metadata"]["name"] for one in found})
        )

    def _end_of_service(self, name: str, pods: set[str]) -> End:
        reached = self.behind.get(name, set())
        if strangers := sorted(one for one in reached if not one.startswith(f"{name}-")):
            owner = strangers[0].rsplit("-", 2)[0]
            return End(3, f"its Service sends to a pod of {owner}", STAYS[3])
        return End(SERVED) if reached & pods else End(3, "its pod is ready, and its Service sends to none", STAYS[3])

    def _newest(self, deployment: Object) -> Object | None:
        """The ReplicaSet of the Deployment as it is now."""
        wanted = deployment["metadata"].get("annotations", {}).get(REVISION)
        mine = (one for one in self.replica_sets if _is_owned(one, deployment))
        return next((one for one in mine if one["metadata"].get("annotations", {}).get(REVISION) == wanted), None)

    def _owned(self, owner: Object) -> list[Object]:
        return [one for one in self.pods if _is_owned(one, owner)]


def _is_owned(one: Object, owner: Object) -> bool:
    return any(ref["uid"] == owner["metadata"]["uid"] for ref in one["metadata"].get("ownerReferences") or [])


def _refused(replica_set: Object) -> str:
    """Why a ReplicaSet's pod was not made."""
    for one in replica_set.get("status", {}).get("conditions") or []:
        if one["type"] == "ReplicaFailure" and one["status"] == "True":
            return f"no pod: {one.get('reason', '')}"
    return ""


def _end_of_pod(pod: Object) -> End:
    state = PodState.of(pod)
    if state.ready:
        return End(3)
    if state.phase == "Pending" and not pod["spec"].get("nodeName"):
        return End(0, f"its pod is Pending: {state.reason or 'not placed yet'}", STAYS[0] if state.reason else 0.0)
    containers = pod["status"].get("containerStatuses") or []
    if any("running" in one.get("state", {}) for one in containers) and state.phase == "Running":
        return End(2, "its pod is Running, and not ready", STAYS[2] + noticed(pod, starts=True))
    stays = HEALS.get(state.reason, STAYS[1]) if state.reason else 0.0
    return End(1, f"its container waits: {state.reason or 'it is being made'}", stays)


def noticed(pod: Object, *, starts: bool = False) -> float:
    """Seconds until a pod's probes have noticed at the latest that it is not ready any more; or, when it starts, that it is."""
    most = 0.0
    for container in pod["spec"]["containers"]:
        probe = container.get("readinessProbe") or {}
        one = probe.get("periodSeconds", PERIOD) * (
            1 + probe.get("successThreshold", 1) if starts else probe.get("failureThreshold", THRESHOLD)
        )
        if starts:
            first = container.get("startupProbe") or {}
            one += probe.get("initialDelaySeconds", 0) + first.get("initialDelaySeconds", 0)
            one += first.get("periodSeconds", PERIOD) if first else 0
        most = max(most, one + probe.get("timeoutSeconds", TIMEOUT) if probe else 0.0)
    return min(most, PATIENCE)


def listed(names: Iterable[str]) -> str:
    """E.g. "shop, till and menu"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


class Shop:
    """The four programs in a namespace, as customers and operators see them."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.clock = Deployed(namespace, SERVICES[0], SERVICES[0])

    def ends(self) -> dict[str, End]:
        """Where the way to each program ends now."""
        sight = Sight.of(self.namespace)
        return {name: sight.end_of(name) for name in SERVICES}

    def seen_ends(self) -> dict[str, End]:
        """The same, as customers find it: where all seems well, requests are sent."""
        ends = self.ends()
        for name in [name for name, end in ends.items() if end.step == SERVED]:
            if self._call(name).failed:
                ends[name] = End(3, "its pod is ready, its Service sends to it, and no request is served")
        return ends

    def customers(self) -> dict[str, Run]:
        """What came of requests to each Service, from inside of the cluster."""
        with ThreadPoolExecutor(len(SERVICES)) as threads:
            return dict(zip(SERVICES, threads.map(self._call, SERVICES), strict=True))

    def _call(self, name: str) -> Run:
        url = f"http://{name}.{self.namespace.name}/"
        return load(self.namespace.admin, url, SECONDS, rate=RATE, clients=4)

    def must_serve(self) -> None:
        """Awaits that customers of all four are served, by their own pods. Raises Wrong, as soon as nothing will change it."""
        looks: dict[str, tuple[End, int]] = {}
        ends: dict[str, End] = {}

        def is_over() -> bool:
            nonlocal ends
            ends = self.ends()
            for name, end in ends.items():
                before, count = looks.get(name, (end, 0))
                looks[name] = (end, count + 1 if before == end else 0)
            served = all(end.step == SERVED for end in ends.values())
            return served or any(end.stays and count * LOOK > end.stays for end, count in looks.values())

        self.clock.until(is_over, PATIENCE)
        self._raise_where_it_ends(ends)
        self._reached()

    def _raise_where_it_ends(self, ends: dict[str, End]) -> None:
        lost = {name: end for name, end in ends.items() if end.step != SERVED}
        if lost:
            got = "; ".join(f"{name}: {end.words}" for name, end in lost.items())
            why = f"Customers of {listed(lost)} are not served."
            raise Wrong(why, expected="all four serve their customers", got=got)

    def _reached(self) -> None:
        """What forwards a Service's requests hears of its pods a moment later than the API: so customers may try for a while."""
        runs: dict[str, Run] = {}

        def all_well() -> bool:
            nonlocal runs
            runs = self.customers()
            return not any(run.failed or not run.requests for run in runs.values())

        if self.clock.until(all_well, REACHED) is None:
            name, run = next((name, run) for name, run in runs.items() if run.failed or not run.requests)
            seen = ", ".join(f"{count} {reason}" for reason, count in run.reasons().items()) or "no answer"
            why = f"{name} has a pod that is ready, its Service sends to it, and customers are not served."
            raise Wrong(why, expected="each request is served", got=f"of {len(run.requests)} requests {seen}")
        for name, run in runs.items():
            if strangers := [one.pod for one in run.requests if not one.pod.startswith(f"{name}-")]:
                why = f"Customers of {name} are answered by another program."
                raise Wrong(why, expected=f"a pod of {name}", got=strangers[0] or "nobody who says a name")

    # ---- what operators see

    def pods_of(self, name: str) -> list[Object]:
        """The pods behind a Service that are not about to end."""
        behind = serving(self.namespace.admin, self.namespace.name, name).get(name, set())
        return [
            pod for pod in self.namespace.admin.list(f"{self.namespace.path}/pods") if pod["metadata"]["name"] in behind
        ]

    def other_images(self) -> list[str]:
        """Of pods behind the four Services, what they run that is not the image as it is."""
        found: list[str] = []
        for name in SERVICES:
            for pod in self.pods_of(name):
                for container in pod["spec"]["containers"]:
                    if container["image"] != IMAGE or container.get("command") or container.get("args"):
                        words = container.get("command") or container.get("args") or []
                        found.append(f"{name}: {container['image']} {' '.join(words)}".strip()[:100])
        return found

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether it holds in time; only the time counts in which this machine keeps pace."""
        return self.clock.until(condition, seconds) is not None
