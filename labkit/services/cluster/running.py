"""A running cluster, joined: namespaces for labs and answers, and calls from inside of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from labkit.machine.backend import Backend, choose
from labkit.services.cluster import load
from labkit.services.cluster.api import Api, Object
from labkit.services.cluster.control_plane import kubeconfig
from labkit.services.cluster.namespace import ANSWER, Namespace, name_for
from labkit.services.lease import Lease

STARTING = 600.0  # seconds: a node of Docker's, on a busy machine that has to pull its image first
PATIENCE = timedelta(seconds=60)  # for the namespaces of answers to go


class Cluster:
    """A lease on the one cluster of a purpose; a context manager. Raises ServiceFault."""

    def __init__(self, purpose: str = "learner", backend: Backend | None = None) -> None:
        self.purpose, self.backend = purpose, choose(backend)
        self._lease = Lease(f"cluster-{purpose}", self.backend, STARTING)
        self._api: Api | None = None
        self._of = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def api(self) -> Api:
        """The course's own access to the API server, as it is now."""
        info = self._lease.info
        if self._api is None or self._of != info["token"]:
            self._api, self._of = Api(info["url"], info["ca"], info["token"]), info["token"]
        return self._api

    @property
    def where(self) -> str:
        """In words."""
        return self._lease.info["where"]

    @property
    def version(self) -> str:
        """Of Kubernetes, e.g. "1.34.4"."""
        return self._lease.info["version"]

    def is_alive(self) -> bool:
        """Whether the API server answers."""
        return self._lease.is_held() and self.api.answers("/readyz")

    def restart(self) -> None:
        """A new cluster."""
        self._lease.restart()

    def renew(self) -> None:
        """A new cluster: none keeps anything of the one before."""
        self._lease.restart(renew=True)

    def close(self) -> None:
        """Gives the lease back."""
        if self._api:
            self._api.close()
        self._lease.close()

    def place(self, lab: str, template: Sequence[Object] = (), *, graded: bool = False) -> Namespace:
        """The lab's namespace, made from its template; of an answer that is judged, one of its own."""
        load.ensure(self.api)
        return Namespace(self.api, name_for(lab, graded=graded), template, graded=graded, kubeconfig=self._kubeconfig)

    def left_behind(self) -> list[str]:
        """The namespaces of answers that do not go, though they were dropped a while ago; they are not waited for."""
        found: list[str] = []
        for one in self.api.list("/api/v1/namespaces", labelSelector=ANSWER):
            since = one["metadata"].get("deletionTimestamp")
            if since is None:  # its checker was killed
                self.api.delete(f"/api/v1/namespaces/{one['metadata']['name']}", propagation="Background")
            elif datetime.now(UTC) - datetime.fromisoformat(since) > PATIENCE:
                found.append(f"namespace {one['metadata']['name']}")
        return found

    def _kubeconfig(self, namespace: str, token: str) -> Path:
        """A file for kubectl, of a namespace's account, which nobody else can read."""
        info = self._lease.info
        path = Path(info["ca"]).with_name(f"{namespace}.kubeconfig")
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(kubeconfig(info["url"], Path(info["ca"]), token, namespace)))
        os.replace(new, path)
        return path
