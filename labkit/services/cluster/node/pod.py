"""One pod of this node, from its first container to its last: what a kubelet's pod worker does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.services.cluster.node.addresses import MINE, on_loopback
from labkit.services.cluster.node.api import ApiError, Object
from labkit.services.cluster.node.container import Container
from labkit.services.cluster.node.environment import environment
from labkit.services.cluster.node.events import now
from labkit.services.cluster.node.inside import Inside
from labkit.services.cluster.node.process import MARK
from labkit.services.cluster.node.sources import NotThere
from labkit.services.cluster.node.status import pod_status
from labkit.services.cluster.node.volumes import Volumes, rewritten

if TYPE_CHECKING:
    from labkit.services.cluster.node.agent import Node
    from labkit.services.cluster.node.config import Image

VOLUMES_AGAIN = 60.0  # seconds between two looks at ConfigMaps and Secrets, as a kubelet takes its time; a changed pod is looked at now
MISSING_AGAIN = 2.0
LINK = re.compile(r"_(PORT|SERVICE)(_|$)|^HOSTNAME$")  # variables that tell of Services
SAFE = ("PATH", "HOME", "LANG")


class Pod:
    """Runs a pod's containers, and tells the API server how they are."""

    def __init__(self, node: Node, told: Object) -> None:
        self.node, self.object = node, told
        self.name, self.namespace, self.uid = (told["metadata"][key] for key in ("name", "namespace", "uid"))
        self.folder = node.config.folder / "pods" / self.uid
        self.has_init = bool(told["spec"].get("initContainers"))
        self.address = node.addresses.take()
        self.volumes = Volumes(told, self.folder / "volumes", node.sources)
        self.init = [Container(self, spec, init=True) for spec in told["spec"].get("initContainers", [])]
        self.containers = [Container(self, spec) for spec in told["spec"]["containers"]]
        self.started_at = now()
        self.initialized = not self.init
        self.over: tuple[str, str, str] | None = None  # phase, reason, message of one that ended as a whole
        self._dirty, self._touched = asyncio.Event(), asyncio.Event()
        self._sent: Object = {}
        self._deleting = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._times: dict[str, tuple[str, str]] = {}
        self._begin(self._live())
        self._begin(self._report())
        self._begin(self._refresh())

    def _begin(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ---- what others tell it

    def update(self, told: Object) -> None:
        """The API server has another version of it."""
        before, self.object = self.object, told
        self.volumes.pod = told
        if told["metadata"].get("annotations") != before["metadata"].get("annotations"):
            self._touched.set()
        if told["metadata"].get("deletionTimestamp") and not self._deleting:
            self._deleting = True
            self._begin(self._delete())
        self.changed()

    def changed(self) -> None:
        """Something of it is to be told."""
        self._dirty.set()

    def log(self, container: str, run: int) -> Path:
        """Where the output of a container's run is."""
        old = self.folder / "logs" / container / f"{run - 2}.log"
        old.unlink(missing_ok=True)
        return self.folder / "logs" / container / f"{run}.log"

    def find(self, name: str) -> Container | None:
        """The container of this name."""
        return next((one for one in [*self.containers, *self.init] if one.name == name), None)

    # ---- how a container's process begins

    async def inside(self, spec: Object, image: Image) -> Inside:
        """What a container that starts now finds. Raises NotThere."""
        services = list(self.node.services.objects.values())
        base = {"PATH": f"{self.node.bin}:/usr/local/bin:/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8", **image.env}
        env = await environment(self.object, spec, base, self.node.sources, self.address, services)
        if self.node.config.only_known_commands:
            env = self._known(env, base, image)
        paths = {**self.volumes.mounts(spec), **image.files}
        pod = {"address": self.address, "namespace": self.namespace, "names": str(self.node.names.path), "paths": paths}
        pod["loopback"] = MINE.second
        env |= {"LABKIT_POD": json.dumps(pod), MARK: str(self.node.config.folder), "PYTHONUNBUFFERED": "1"}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(self.node.shim), env.get("PYTHONPATH", "")]))
        folder = rewritten(spec.get("workingDir") or image.workdir, paths)
        return Inside(env, paths, folder, self.node.config.python)

    def _known(self, env: dict[str, str], base: Mapping[str, str], image: Image) -> dict[str, str]:
        """Of a graded pod's variables, those that the image's program has; of the others it is told."""
        kept = {name: value for name, value in env.items() if name in base or name.startswith(image.variables)}
        if left := sorted(name for name in env.keys() - kept.keys() if not LINK.search(name)):
            self.node.events.tell(self.object, "Warning", "VariablesLeftOut", f"Not passed on: {', '.join(left)[:200]}")
        return {**kept, **{name: base[name] for name in SAFE}, "HOSTNAME": env["HOSTNAME"]}

    # ---- its life

    async def _live(self) -> None:
        while not await self._volumes_are_there():
            await asyncio.sleep(MISSING_AGAIN)
        if not await self._initialize():
            return
        runs = [self._begin(container.run()) for container in self.containers]
        codes = await asyncio.gather(*runs)
        if self._deleting:
            return
        for sidecar in reversed([one for one in self.init if one.sidecar]):
            await sidecar.stop(float(self.object["spec"].get("terminationGracePeriodSeconds", 30)))
        self.over = self.over or ("Failed" if any(codes) else "Succeeded", "", "")
        self.changed()

    async def _volumes_are_there(self) -> bool:
        try:
            await self.volumes.prepare(self.address)
            return True
        except NotThere as missing:
            self.node.events.tell(self.object, "Warning", "FailedMount", f"MountVolume.SetUp failed: {missing}")
        except (ApiError, OSError) as error:
            self.node.events.tell(self.object, "Warning", "FailedMount", f"MountVolume.SetUp failed: {error}")
        return False

    async def _initialize(self) -> bool:
        """Runs the init containers, one after the other; whether the others may start."""
        for container in self.init:
            run = self._begin(container.run())
            if container.sidecar:
                await container.has_started.wait()
            elif await run:
                self.over = ("Failed", "", "")
                self.changed()
                return False
            if self._deleting:
                return False
        self.initialized = True
        self.changed()
        return True

    async def _refresh(self) -> None:
        """Keeps the files of ConfigMaps and Secrets up to date."""
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._touched.wait(), VOLUMES_AGAIN)
            self._touched.clear()
            with contextlib.suppress(NotThere, ApiError, OSError):
                await self.volumes.prepare(self.address)

    async def _report(self) -> None:
        """Sends its status whenever it changed, and again when somebody else has changed it."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            status = pod_status(self)
            if status == self._sent and not self._overwritten(status):
                continue
            try:
                await self.node.api.patch(f"{self.path}/status", {"metadata": {"uid": self.uid}, "status": status})
                self._sent = status
            except ApiError as error:
                if error.status in (404, 409):  # it is gone: the watch will say so
                    continue
                await asyncio.sleep(0.2)
                self._dirty.set()
            except Exception as error:
                print(f"status of {self.namespace}/{self.name}: {error!r}", flush=True)
                await asyncio.sleep(0.5)
                self._dirty.set()

    def _overwritten(self, status: Object) -> bool:
        """Whether the server has other conditions than we told it: the node controller sets them when it misses us."""
        theirs = {one["type"]: one["status"] for one in self.object.get("status", {}).get("conditions", [])}
        return any(theirs.get(one["type"]) not in (None, one["status"]) for one in status["conditions"])

    @property
    def path(self) -> str:
        """Of the pod, in the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    def since(self, condition: str, status: str) -> str:
        """When this condition got this status."""
        was, time = self._times.get(condition, ("", ""))
        if was != status:
            time = now()
            self._times[condition] = (status, time)
        return time

    # ---- its end

    async def _delete(self) -> None:
        """Ends its containers within their grace, and then lets the API server forget it."""
        grace = self.object["metadata"].get("deletionGracePeriodSeconds")
        await self._end_all(float(30 if grace is None else grace))
        self.changed()
        for _ in range(20):
            body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
            try:
                await self.node.api.patch(
                    f"{self.path}/status", {"metadata": {"uid": self.uid}, "status": pod_status(self)}
                )
                await self.node.api.delete(self.path, body)
                return
            except ApiError as error:
                if error.status in (404, 409):
                    return
            except Exception as error:
                print(f"delete {self.namespace}/{self.name}: {error!r}", flush=True)
            await asyncio.sleep(0.5)

    async def _end_all(self, grace: float) -> None:
        sidecars = [one for one in self.init if one.sidecar]
        others = [one for one in [*self.containers, *self.init] if one not in sidecars]
        begun = time.monotonic()
        await asyncio.gather(*(one.stop(grace) for one in others))
        for sidecar in reversed(sidecars):
            await sidecar.stop(max(0.0, grace - (time.monotonic() - begun)))

    def forget(self) -> None:
        """The API server does not know it any more: nothing of it is left."""
        for container in [*self.containers, *self.init]:
            container.kill_at_once()
        for task in list(self._tasks):
            task.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.node.addresses.give_back(self.address)

    def lives_at(self) -> str:
        """Its loopback address."""
        return on_loopback(self.address)
