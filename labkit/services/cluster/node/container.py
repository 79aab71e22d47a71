"""One container of a pod: started, probed, limited, restarted with growing pauses, and ended with its hooks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labkit.services.cluster.node.commands import NotAllowed, sleeping
from labkit.services.cluster.node.environment import command, expanded
from labkit.services.cluster.node.events import now
from labkit.services.cluster.node.inside import Inside
from labkit.services.cluster.node.probes import Probe, Prober, Result
from labkit.services.cluster.node.process import Process, as_child
from labkit.services.cluster.node.quantity import number
from labkit.services.cluster.node.sources import NotThere

if TYPE_CHECKING:
    from labkit.services.cluster.node.api import Object
    from labkit.services.cluster.node.pod import Pod

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0  # seconds between restarts, doubled each time
LONG_RUN = 600.0  # seconds after which a run counts as a good one, and the pauses begin anew
PULL_PAUSE = 10.0
AT_LEAST = 2.0  # seconds that a program has between SIGTERM and SIGKILL, whatever its hook took
PROBES = ("startup", "liveness", "readiness")


class Container:
    """Runs one container until its pod does not want it any more."""

    def __init__(self, pod: Pod, spec: Object, *, init: bool = False) -> None:
        self.pod, self.spec, self.init = pod, spec, init
        self.name: str = spec["name"]
        self.sidecar = init and spec.get("restartPolicy") == "Always"
        self.state: Object = {"waiting": {"reason": "PodInitializing" if pod.has_init else "ContainerCreating"}}
        self.last: Object = {}
        self.ready = self.started = False
        self.restarts = 0
        self.identity = ""
        self.process: Process | None = None
        self.inside: Inside | None = None
        self.stopping = False
        self.has_started = asyncio.Event()
        self._pause, self._killed_at = 0.0, 0.0
        self._tasks: list[asyncio.Task[Any]] = []
        self._stopped = asyncio.Event()

    # ---- what the API is told

    def status(self) -> Object:
        """The containerStatus."""
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": f"labkit://{self.spec['image']}" if self.identity else "",
            "containerID": f"labkit://{self.identity}" if self.identity else "",
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last,
        }

    @property
    def exit_code(self) -> int | None:
        """How the last run ended, if it is over."""
        return self.state.get("terminated", {}).get("exitCode")

    def _set(self, state: Object, *, ready: bool = False, started: bool = False) -> None:
        self.state, self.ready, self.started = state, ready, started
        self.pod.changed()

    def _event(self, kind: str, reason: str, message: str) -> None:
        self.pod.node.events.tell(self.pod.object, kind, reason, message, self.name)

    # ---- its life

    async def run(self) -> int:
        """Runs it as often as its pod's restart policy says. Returns the last exit code."""
        while True:
            process = await self._begin()
            if process is None:
                return self.exit_code or 0
            code = await self._live(process)
            if self.stopping or not self._again(code):
                return code
            await self._back_off()
            if self.stopping:
                return code

    def _again(self, code: int) -> bool:
        policy = "Always" if self.sidecar else self.pod.object["spec"].get("restartPolicy", "Always")
        if self.init and not self.sidecar:
            policy = "Never" if policy == "Never" else "OnFailure"
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    async def _begin(self) -> Process | None:
        """A started process; waits for what is missing, and returns None when the pod ends meanwhile."""
        while not self.stopping:
            try:
                return await self._start()
            except NotThere as missing:
                self._event("Warning", "Failed", f"Error: {missing}")
                self._set({"waiting": {"reason": "CreateContainerConfigError", "message": str(missing)}})
            except ImageMissing as missing:
                self._event("Warning", "Failed", str(missing))
                self._event("Warning", "Failed", "Error: ErrImagePull")
                self._set({"waiting": {"reason": "ErrImagePull", "message": str(missing)}})
                if await self._or_stopped(1.0):
                    break
                self._event("Normal", "BackOff", f'Back-off pulling image "{self.spec["image"]}"')
                message = f'Back-off pulling image "{self.spec["image"]}": {missing}'
                self._set({"waiting": {"reason": "ImagePullBackOff", "message": message}})
                if await self._or_stopped(PULL_PAUSE):
                    break
                continue
            except (OSError, NotAllowed) as error:
                ended = {
                    "exitCode": 128,
                    "reason": "StartError",
                    "message": str(error),
                    "startedAt": now(),
                    "finishedAt": now(),
                }
                self._event("Warning", "Failed", f"Error: {error}")
                self._set({"terminated": ended})
                if not self._again(128):
                    return None
                await self._back_off()
                continue
            await self._or_stopped(2.0)
        return None

    async def _start(self) -> Process:
        image = self.pod.node.config.image(self.spec["image"])
        if image is None:
            known = ", ".join(sorted(self.pod.node.config.images)) or "none"
            raise ImageMissing(
                f'Failed to pull image "{self.spec["image"]}": not found. This node has the images {known}'
            )
        if self.pod.node.config.only_known_commands and self.spec.get("command"):
            raise NotAllowed(
                "this node runs only the images' own programs: leave out `command`, and write hooks as `sleep`"
            )
        inside = await self.pod.inside(self.spec, image)
        words = command(self.spec, image.entrypoint, image.command, inside.env)
        if not words:
            raise NotThere("no command specified")
        log = self.pod.log(self.name, self.restarts)
        process = await Process.start(inside.argv(words), inside.env, inside.folder, log)
        self.process, self.inside, self.identity = process, inside, uuid.uuid4().hex
        self._event("Normal", "Started", f"Started container {self.name}")
        probes = {kind for kind in PROBES if f"{kind}Probe" in self.spec}
        started = "startup" not in probes
        self._set({"running": {"startedAt": now()}}, started=started, ready=started and "readiness" not in probes)
        if started:
            self.has_started.set()
        return process

    async def _live(self, process: Process) -> int:
        """Until the process ends; watched, and probed."""
        begun, started_at = time.monotonic(), now()
        self._killed_at = 0.0
        self._tasks = [asyncio.create_task(self._probe(begun))]
        if limit := self.spec.get("resources", {}).get("limits", {}).get("memory"):
            self._tasks.append(asyncio.create_task(process.within(int(number(limit)))))
        if hook := self.spec.get("lifecycle", {}).get("postStart"):
            self._tasks.append(asyncio.create_task(self._post_start(hook)))
        code = await process.wait()
        for task in self._tasks:
            task.cancel()
        if time.monotonic() - begun > LONG_RUN:
            self._pause = 0.0
        reason = "OOMKilled" if process.out_of_memory else "Completed" if code == 0 else "Error"
        ended = {"exitCode": code, "reason": reason, "startedAt": started_at, "finishedAt": now()}
        self._set({"terminated": {**ended, "containerID": f"labkit://{self.identity}"}})
        return code

    async def _back_off(self) -> None:
        """The pause before the next run: none the first time, then 10, 20, 40 … seconds."""
        self.last, self.restarts = self.state, self.restarts + 1
        pause, self._pause = self._pause, min(LONGEST_PAUSE, self._pause * 2 or FIRST_PAUSE)
        if not pause:
            return
        self._event("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {self.pod.name}")
        message = f"back-off {pause:g}s restarting failed container={self.name} pod={self.pod.name}"
        self._set({"waiting": {"reason": "CrashLoopBackOff", "message": message}})
        await self._or_stopped(pause)

    async def _or_stopped(self, seconds: float) -> bool:
        """Waits; whether the pod ended meanwhile."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)
        return self.stopping

    # ---- probes

    async def _probe(self, begun: float) -> None:
        """The startup probe first, if there is one; the others when it has passed."""
        prober = Prober(self.pod.address, self.spec, self.execute)
        if spec := self.spec.get("startupProbe"):
            passed = asyncio.Event()
            probe = Probe("Startup", spec, prober)
            task = asyncio.create_task(
                probe.run(begun, lambda up: self._startup(up, probe, passed), self._unhealthy("Startup"))
            )
            try:
                await passed.wait()
            finally:
                task.cancel()
        self.has_started.set()
        probes: list[asyncio.Task[None]] = []
        if spec := self.spec.get("readinessProbe"):
            probe = Probe("Readiness", spec, prober)
            probes.append(asyncio.create_task(probe.run(begun, self._readiness, self._unhealthy("Readiness"))))
        if spec := self.spec.get("livenessProbe"):
            probe = Probe("Liveness", spec, prober)
            changed = self._liveness(probe)
            probes.append(asyncio.create_task(probe.run(begun, changed, self._unhealthy("Liveness"))))
        try:
            await asyncio.gather(*probes)
        finally:
            for task in probes:
                task.cancel()

    def _unhealthy(self, kind: str) -> Callable[[str], None]:
        return lambda message: self._event("Warning", "Unhealthy", f"{kind} probe failed: {message}")

    def _startup(self, up: bool, probe: Probe, passed: asyncio.Event) -> None:
        if not up:
            self._kill(f"Container {self.name} failed startup probe, will be restarted", probe)
            return
        passed.set()
        self._set(self.state, started=True, ready="readinessProbe" not in self.spec)

    def _readiness(self, up: bool) -> None:
        if up != self.ready and "running" in self.state:
            self._set(self.state, started=self.started, ready=up)

    def _liveness(self, probe: Probe) -> Callable[[bool], None]:
        def changed(up: bool) -> None:
            if not up:
                self._kill(f"Container {self.name} failed liveness probe, will be restarted", probe)

        return changed

    def _kill(self, message: str, probe: Probe) -> None:
        if self._killed_at or self.stopping or not self.process:
            return
        self._killed_at = time.monotonic()
        self._event("Normal", "Killing", message)
        grace = probe.spec.get(
            "terminationGracePeriodSeconds", self.pod.object["spec"].get("terminationGracePeriodSeconds", 30)
        )
        self._tasks.append(asyncio.create_task(self._end(self.process, float(grace))))

    # ---- its end

    async def stop(self, grace: float) -> None:
        """Ends it for good; returns when the process is gone."""
        self.stopping = True
        self._stopped.set()
        if self.process and "running" in self.state:
            self._event("Normal", "Killing", f"Stopping container {self.name}")
            await self._end(self.process, grace)

    def kill_at_once(self) -> None:
        """Without its hooks and its grace."""
        self.stopping = True
        self._stopped.set()
        if self.process:
            self.process.signal(signal.SIGKILL)

    async def _end(self, process: Process, grace: float) -> None:
        begun = time.monotonic()
        if (hook := self.spec.get("lifecycle", {}).get("preStop")) and grace:
            await self._hook("PreStop", hook, grace)
        process.terminate()
        left = max(AT_LEAST if grace else 0.0, grace - (time.monotonic() - begun))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.process.wait()), left)
            return
        process.signal(signal.SIGKILL)
        await process.process.wait()

    async def _post_start(self, hook: Object) -> None:
        if not (await self._hook("PostStart", hook, 600.0)).passed and self.process:
            await self._end(self.process, float(self.pod.object["spec"].get("terminationGracePeriodSeconds", 30)))

    async def _hook(self, kind: str, hook: Object, seconds: float) -> Result:
        if "sleep" in hook:
            await self._ended_within(min(float(hook["sleep"]["seconds"]), seconds))
            return Result(True)
        prober = Prober(self.pod.address, self.spec, self.execute)
        result = await prober.ask({**hook, "timeoutSeconds": seconds})
        if not result.passed:
            self._event("Warning", f"Failed{kind}Hook", f"{kind}Hook failed: {result.message}")
        return result

    async def _ended_within(self, seconds: float) -> None:
        assert self.process
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.process.process.wait()), seconds)

    async def execute(self, words: list[str], seconds: float) -> tuple[int, str]:
        """Runs a command beside the process, in its environment. Raises OSError, TimeoutError."""
        if (nap := sleeping(words)) is not None:
            await asyncio.wait_for(self._ended_within(nap), seconds)
            return 0, ""
        if self.pod.node.config.only_known_commands:
            raise NotAllowed("this node runs only the images' own programs: write hooks as `sleep`")
        assert self.inside
        argv = self.inside.argv([expanded(word, self.inside.env) for word in words])
        process = await asyncio.create_subprocess_exec(
            *argv, env=self.inside.env, cwd=self.inside.folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            preexec_fn=as_child(os.getpid(), first=False),
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), seconds)
            return process.returncode or 0, output[:10_000].decode(errors="replace")
        finally:
            Process.end_group(process.pid)


class ImageMissing(Exception):
    """No program is known that stands for this image."""
