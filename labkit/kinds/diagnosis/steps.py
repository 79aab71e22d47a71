"""Where the way of a request ends: at which of four steps, in the cluster's own words, or nowhere, as it is answered."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labkit.kinds.answer import Wrong
from labkit.kinds.diagnosis.incident import IMAGE, SERVICES
from labkit.kinds.manifest.deployed import Deployed
from labkit.services.cluster.api import Object
from labkit.services.cluster.load import Run, load
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.pods import PodState, serving

STEPS = ("a pod has its place", "its program runs", "it is ready", "its Service finds it")
SERVED = len(STEPS)
PATIENCE = 120.0  # seconds until a repaired shop serves
STUCK = (24, 16, 80, 16)  # looks after which a step stays as it is; the third has a probe, which may have a delay
RATE, SECONDS = 40, 0.5  # of customers
REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True)
class End:
    """`step`: the number of the step that fails, SERVED where none does; `words`: what is there instead."""

    step: int
    words: str = ""
    definite: bool = True  # nothing is about to change it


def end_of(namespace: Namespace, name: str) -> End:
    """Where the way to one program ends now, as far as the API tells: nobody has sent a request yet."""
    deployment = namespace.admin.find(f"/apis/apps/v1/namespaces/{namespace.name}/deployments/{name}")
    if deployment is None:
        return End(0, f"there is no Deployment {name}")
    if deployment.get("status", {}).get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return End(0, "its Deployment was not seen yet", definite=False)
    newest = _newest(namespace, deployment)
    if newest is None:
        return End(0, "it has no ReplicaSet yet", definite=False)
    found = [pod for pod in _owned(namespace, newest) if "deletionTimestamp" not in pod["metadata"]]
    if not found:
        return End(0, _refused(newest) or "no pod", definite=bool(_refused(newest)) or not deployment["spec"]["replicas"])
    best = max((_end_of_pod(pod) for pod in found), key=lambda end: end.step)
    if best.step < len(STEPS) - 1:
        return best
    names = {pod["metadata"]["name"] for pod in found}
    reached = serving(namespace.admin, namespace.name, name).get(name, set())
    if strangers := sorted(one for one in reached if not one.startswith(f"{name}-")):
        return End(3, f"its Service sends to {strangers[0]}")
    return End(SERVED) if reached & names else End(3, "its pod is ready, and its Service sends to none")


def _newest(namespace: Namespace, deployment: Object) -> Object | None:
    """The ReplicaSet of the Deployment as it is now."""
    path = f"/apis/apps/v1/namespaces/{namespace.name}/replicasets"
    wanted = deployment["metadata"].get("annotations", {}).get(REVISION)
    mine = [one for one in namespace.admin.list(path) if _is_owned(one, deployment)]
    return next((one for one in mine if one["metadata"].get("annotations", {}).get(REVISION) == wanted), None)


def _owned(namespace: Namespace, owner: Object) -> list[Object]:
    return [one for one in namespace.admin.list(f"{namespace.path}/pods") if _is_owned(one, owner)]


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
        return End(0, f"its pod is Pending: {state.reason or 'not placed yet'}", definite=bool(state.reason))
    containers = pod["status"].get("containerStatuses") or []
    if any("running" in one.get("state", {}) for one in containers) and state.phase == "Running":
        return End(2, f"its pod is Running, and not ready{_after(state)}")
    return End(1, f"its container waits: {state.reason or 'it is being made'}", definite=bool(state.reason))


def _after(state: PodState) -> str:
    return f" after {state.restarts} restarts" if state.restarts else ""


class Shop:
    """The four programs in a namespace, as customers and operators see them."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.clock = Deployed(namespace, SERVICES[0], SERVICES[0])

    def ends(self) -> dict[str, End]:
        """Where the way to each program ends now."""
        with ThreadPoolExecutor(len(SERVICES)) as threads:
            return dict(zip(SERVICES, threads.map(lambda name: end_of(self.namespace, name), SERVICES), strict=True))

    def customers(self) -> dict[str, Run]:
        """What came of requests to each Service, from inside of the cluster."""
        with ThreadPoolExecutor(len(SERVICES)) as threads:
            return dict(zip(SERVICES, threads.map(self._call, SERVICES), strict=True))

    def _call(self, name: str) -> Run:
        url = f"http://{name}.{self.namespace.name}/"
        return load(self.namespace.admin, url, SECONDS, rate=RATE, clients=4)

    def must_serve(self) -> dict[str, End]:
        """Awaits that customers of all four are served, by their own pods. Raises Wrong, as soon as nothing will change it."""
        looks: dict[str, tuple[End, int]] = {}
        ends: dict[str, End] = {}

        def is_over() -> bool:
            nonlocal ends
            ends = self.ends()
            for name, end in ends.items():
                before, count = looks.get(name, (end, 0))
                looks[name] = (end, count + 1 if before == end else 0)
            return self._all_served(ends) or any(self._is_stuck(*look) for look in looks.values())

        self.clock.until(is_over, PATIENCE)
        self._raise_where_it_ends(ends)
        self._reached()
        return ends

    def _all_served(self, ends: dict[str, End]) -> bool:
        return all(end.step == SERVED for end in ends.values())

    def _is_stuck(self, end: End, looks: int) -> bool:
        return end.step != SERVED and end.definite and looks > STUCK[end.step]

    def _raise_where_it_ends(self, ends: dict[str, End]) -> None:
        lost = {name: end for name, end in ends.items() if end.step != SERVED}
        if lost:
            got = "; ".join(f"{name}: {end.words}" for name, end in lost.items())
            why = f"Customers of {' and '.join(lost)} are not served."
            raise Wrong(why, expected="all four serve their customers", got=got)

    def _reached(self) -> None:
        """What forwards a Service's requests hears of its pods a moment later than the API: so customers may try for a while."""
        runs: dict[str, Run] = {}

        def all_well() -> bool:
            nonlocal runs
            runs = self.customers()
            return not any(run.failed or not run.requests for run in runs.values())

        if self.clock.until(all_well, float(STUCK[3])) is None:
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
        return [pod for pod in self.namespace.admin.list(f"{self.namespace.path}/pods") if pod["metadata"]["name"] in behind]

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
