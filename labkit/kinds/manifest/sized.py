"""A Deployment that has to fit: into a quota, into its own memory limit, and through an update."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from labkit.kinds.answer import Wrong
from labkit.kinds.manifest.deployed import Deployed
from labkit.machine.fault import ServiceFault
from labkit.pages.page import plural
from labkit.services.cluster.api import Object
from labkit.services.cluster.asking import ask
from labkit.services.cluster.load import while_loaded
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.usage import Use, killed, quantity, use

PATIENCE = 120.0  # seconds for pods to be ready, to take orders, or to be replaced
REFUSED = 12  # looks in a row at which the quota refuses a pod, after which it will not let it in
RATE = 60  # requests a second: more than two cores can serve, so no pod is idle
REPORT = 2  # seconds that a report takes: long enough for a busy node to notice
SEEN = 30.0  # seconds until a pod says how it was ended


class Certain(Wrong):
    """What holds however busy the machine is: a pod was killed for its memory, or the quota has no room."""


class Sized(Deployed):
    """A Deployment of the answer; `highest` is the most memory, in MiB, that one of its pods was seen with."""

    highest = 0.0

    def judge(self, scene: Callable[[], object]) -> None:
        """Plays a scene. Raises Wrong; or ServiceFault, where this machine was too busy to tell."""
        certain: list[Certain] = []

        def play() -> None:
            try:
                scene()
            except Certain as wrong:
                certain.append(wrong)

        super().judge(play)
        if certain:
            raise certain[0]

    # ---- up

    def must_be_up(self, replicas: int) -> None:
        """Awaits its pods. Raises Wrong, in the controller's words where the quota refuses one; ServiceFault where the node is full."""
        refused = 0

        def is_over() -> bool:
            nonlocal refused
            refused = refused + 1 if self.refusal() else 0
            return self._is_up(replicas) or refused > REFUSED or bool(self.kill()) or self._too_few(replicas)

        self.until(is_over, PATIENCE)
        if self._is_up(replicas):
            return
        self.must_not_be_killed("before it took any order")
        if full := self._no_room():
            raise ServiceFault(f"The node is full ({full}). Run it again when less is going on.")
        if refusal := self.refusal():
            why = f"A pod of {self.name} was refused, so there is none to be seen."
            raise Certain(why, expected=plural(replicas, "pod"), got=f"{len(self.pods())}; the next one {refusal}")
        raise Wrong(
            f"Pods of {self.name} are missing.",
            expected=f"{plural(replicas, 'pod')}, ready and behind the Service {self.service}",
            got=f"{plural(len(self.pods()), 'pod')}, {len(self.ready())} ready, {len(self.serving())} behind the Service",
        )

    def _too_few(self, replicas: int) -> bool:
        """Whether all that the Deployment asks for is there, and is not what it should ask for."""
        return self.settled() and len(self.pods()) != replicas

    def refusal(self) -> str:
        """Why a pod of it was not made, in the words of whoever refused it; empty where none was refused."""
        told = self.object().get("status", {}).get("conditions") or []
        words = next(
            (one["message"] for one in told if one["type"] == "ReplicaFailure" and one["status"] == "True"), ""
        )
        return "" if "status unknown" in words else words.partition(" is forbidden: ")[2] or words

    def object(self) -> Object:
        """The Deployment as it is now."""
        return self.namespace.admin.get(f"/apis/apps/v1/namespaces/{self.namespace.name}/deployments/{self.name}")

    def objects(self) -> list[Object]:
        """Its pods as the API has them, without those that are about to end."""
        found = self.namespace.admin.list(f"{self.namespace.path}/pods", labelSelector=self.selector)
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def _no_room(self) -> str:
        """Why the scheduler finds no place for one of its pods; empty where it does."""
        for pod in self.objects():
            for one in pod["status"].get("conditions") or []:
                if one["type"] == "PodScheduled" and "Insufficient" in one.get("message", ""):
                    return one["message"]
        return ""

    # ---- memory

    def kill(self) -> str:
        """How one of its pods was killed; empty where none was."""
        return next(filter(None, map(killed, self.objects())), "")

    def must_not_be_killed(self, when: str) -> None:
        """Raises Wrong when one was."""
        found = self.objects()
        if reasons := list(filter(None, map(killed, found))):
            limit = next((value for pod in found if (value := quantity(pod, "limits", "memory"))), 0)
            seen = f", after {self.highest:.0f} MiB were seen" if self.highest else ""
            raise Certain(
                f"A pod of {self.name} was killed {when}.",
                expected="no pod killed",
                got=f"{len(reasons)} of {plural(len(found), 'pod')} {reasons[0]} at a limit of {limit:.0f} MiB{seen}",
            )

    def uses(self) -> list[Use]:
        """What each of its pods uses that answers."""
        found = [one for pod in self.pods() if (one := use(self.namespace, pod.name))]
        self.highest = max([self.highest, *(one.memory for one in found)])
        return found

    def memory(self) -> float:
        """The most that one of its pods uses now, in MiB, when all of them answer. Raises Wrong when they do not."""
        found: list[Use] = []

        def all_answer() -> bool:
            found[:] = self.uses()
            return len(found) == len(self.pods()) > 0

        if self.until(all_answer, SEEN) is None:
            raise Wrong(f"A pod of {self.name} does not answer.", expected="an answer of each pod")
        return max(one.memory for one in found)

    def take_orders(self, kept: int, orders: int = 1) -> None:
        """Customers order until each pod has taken so many orders, and keeps so many. Raises Wrong when one is killed."""
        at, pods = self.namespace, len(self.pods())

        def is_over() -> bool:
            found = self.uses()
            full = [one for one in found if one.kept >= kept and one.orders >= orders]
            return bool(self.kill()) or len(full) == pods

        with while_loaded(at.admin, f"http://{self.service}.{at.name}/", rate=RATE):
            took = self.until(is_over, PATIENCE)
        self.must_not_be_killed("while it took orders")
        if took is None:
            raise Wrong(
                f"The pods of {self.name} hardly take orders.",
                expected=f"{orders} orders each within {PATIENCE:g} s",
                got=", ".join(str(one.orders) for one in self.uses()) or "no answer",
            )

    def report(self) -> None:
        """Each pod writes its report, all at the same time. Raises Wrong when one is killed for it."""
        names = [pod.name for pod in self.pods()]
        with ThreadPoolExecutor(len(names)) as threads:
            asked = [threads.submit(ask, self.namespace, name, "/report", seconds=REPORT) for name in names]
            while not all(one.done() for one in asked):
                self.uses()
                time.sleep(0.1)
        said = [one.result()[0] for one in asked]
        if any(status != 200 for status in said):
            self.until(self.kill, SEEN)
        self.must_not_be_killed("while it wrote the report")
        if any(status != 200 for status in said):
            raise Wrong(f"A pod of {self.name} gave no report.", expected="200", got=", ".join(map(str, said)))

    # ---- an update

    def must_be_replaced(self) -> None:
        """Awaits that an update gets through. Raises Wrong, at once where it waits for room that nobody will make."""
        refused = 0

        def is_over() -> bool:
            nonlocal refused
            refused = refused + 1 if self.refusal() else 0
            return self.settled() or (refused > REFUSED and not self.may_be_missing())

        self.until(is_over, PATIENCE)
        if self.settled():
            return
        if full := self._no_room():
            raise ServiceFault(f"The node is full ({full}). Run it again when less is going on.")
        refusal, status = self.refusal(), self.object().get("status", {})
        raise (Certain if refusal and not self.may_be_missing() else Wrong)(
            f"The update of {self.name} does not get through.",
            expected=plural(self.object()["spec"]["replicas"], "new pod"),
            got=f"{status.get('updatedReplicas', 0)} new: {refusal or 'it does not go on'}",
        )

    def may_be_missing(self) -> int:
        """How many pods may be missing during an update; where none may, no old pod makes room for a new one."""
        spec = self.object()["spec"]
        if spec["strategy"]["type"] == "Recreate":
            return spec["replicas"]
        rolling = spec["strategy"]["rollingUpdate"]
        missing, surge = (share(rolling[name], spec["replicas"]) for name in ("maxUnavailable", "maxSurge"))
        return math.floor(missing) or int(surge == 0)  # both nothing: Kubernetes takes one

    def fewest_ready(self) -> int:
        """The fewest pods that were ready, of all looks."""
        return min((len(look.ready) for look in self.looks), default=0)


def share(value: int | str, replicas: int) -> float:
    """A number of pods, or a percentage of them, as a number."""
    return replicas * int(value.rstrip("%")) / 100 if isinstance(value, str) else float(value)


def quota_is_counted(
    namespace: Namespace, name: str, until: Callable[[Callable[[], object], float], float | None]
) -> None:
    """Awaits that a quota's controller has seen it: until then it refuses everything. Raises ServiceFault."""
    path = f"{namespace.path}/resourcequotas/{name}"
    if until(lambda: namespace.admin.get(path).get("status", {}).get("hard"), PATIENCE) is None:
        raise ServiceFault(f"The quota {name} is not counted. Run it again when less is going on.")
