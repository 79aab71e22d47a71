"""Updates of a Deployment under load: what its clients saw, how many pods there were, and what the Deployment said of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from labkit.kinds.answer import Wrong
from labkit.kinds.manifest.deployed import Deployed
from labkit.services.cluster.api import Object
from labkit.services.cluster.binaries import binary
from labkit.services.cluster.load import Run, load, while_loaded

PATIENCE = 60.0  # seconds for one command
RATE = 30  # requests a second
FIRST = 0.5  # seconds of requests that must all be served before the update begins
REACHED = 15.0  # seconds until then at most


class Updated(Deployed):
    """A Deployment that is updated while clients call it; `run` is what they saw."""

    run = Run()

    @contextmanager
    def under_load(self, rate: float = RATE) -> Iterator[None]:
        """Calls the Service for as long as the block lasts, and watches the pods."""
        at = self.namespace
        url = f"http://{self.service}.{at.name}/"
        # What forwards a Service's requests hears of its pods a moment after the API; what comes before is no fault of the update.
        self.until(lambda: not load(at.admin, url, FIRST, rate=rate).failed, REACHED)
        with while_loaded(at.admin, url, rate=rate) as run:
            self.run = run
            self.watch()
            try:
                yield
            finally:
                self.stop()

    def object(self) -> Object:
        """The Deployment as it is now."""
        return self.namespace.admin.get(f"/apis/apps/v1/namespaces/{self.namespace.name}/deployments/{self.name}")

    def stuck(self) -> bool:
        """Whether the Deployment says that its update does not progress."""
        found = self.object()
        status = found.get("status", {})
        if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
            return False
        told = {one["type"]: one for one in status.get("conditions") or []}
        return told.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded"

    def undo(self) -> None:
        """`kubectl rollout undo`, as the learner's own account. Raises Wrong in kubectl's words."""
        command = [str(binary("kubectl")), "rollout", "undo", f"deployment/{self.name}"]
        environment = {**os.environ, "KUBECONFIG": str(self.namespace.kubeconfig)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            why = "The update cannot be taken back with `kubectl rollout undo`."
            raise Wrong(why, expected="the version before", got=(done.stderr or done.stdout).strip()[:300])

    def of_version(self, image: str) -> list[str]:
        """Its pods that run an image and were not told to end; a busy machine may be late with whether they are ready."""
        return [pod.name for pod in self.pods() if pod.image == image]

    def least_serving(self) -> int:
        """The fewest pods that got requests, of all looks."""
        return min((len(look.serving) for look in self.looks), default=0)

    def most_pods(self) -> int:
        """The most pods that were there and not about to end, of all looks."""
        return max((len(look.restarts) for look in self.looks), default=0)
