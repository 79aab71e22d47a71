"""The agent: registers the Node, says that it is alive, and runs the pods that are bound to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import signal
from pathlib import Path
from typing import Any

import aiohttp

from labkit.services.cluster.node import egress
from labkit.services.cluster.node.addresses import MINE, PodAddresses
from labkit.services.cluster.node.api import Api, ApiError, Object, Reflector
from labkit.services.cluster.node.config import Config
from labkit.services.cluster.node.events import Events, now
from labkit.services.cluster.node.kubelet_port import KubeletPort
from labkit.services.cluster.node.names import Names
from labkit.services.cluster.node.pod import Pod
from labkit.services.cluster.node.process import sweep
from labkit.services.cluster.node.services import Proxies
from labkit.services.cluster.node.sources import Sources

LEASE_SECONDS, RENEW = 40, 10.0
STATUS = 240.0  # seconds between two reports of the node that say nothing new
PODS = 60
MEMORY = "4Gi"  # what pods may ask for in all; each is held to its own limit
# Read at once: the user that the node becomes may not see the course's folder.
SHIM = {path.name: path.read_bytes() for path in Path(__file__).with_name("shim").glob("*.py")}


class Node:
    """What the pods of this node share."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.api = Api(config.server, config.ca, config.token)
        self.events = Events(self.api, config.node)
        self.sources = Sources(self.api, config.node, config.ca.read_bytes())
        self.addresses = PodAddresses()
        self.names = Names(config.folder / "names.json")
        self.proxies = Proxies(config.endpoint_delay)
        self.pods: dict[str, Pod] = {}
        self.services = Reflector(self.api, "/api/v1/services", self._service)
        self.slices = Reflector(self.api, "/apis/discovery.k8s.io/v1/endpointslices", self._slice)
        mine = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{config.node}"
        self.bound = Reflector(self.api, mine, self._pod)
        self.kubelet = KubeletPort(config, self._find)
        self.shim, self.bin = config.folder / "shim", config.folder / "bin"

    def _service(self, kind: str, service: Object) -> None:
        self.names.service(kind, service)
        self.proxies.service(kind, service)

    def _slice(self, kind: str, one: Object) -> None:
        self.names.slice(kind, one)
        self.proxies.slice(kind, one)

    def _find(self, namespace: str, name: str) -> Pod | None:
        return next((pod for pod in self.pods.values() if (pod.namespace, pod.name) == (namespace, name)), None)

    def _pod(self, kind: str, told: Object) -> None:
        uid = told["metadata"]["uid"]
        pod = self.pods.get(uid)
        if kind == "DELETED":
            if pod:
                self.pods.pop(uid).forget()
        elif pod:
            pod.update(told)
        elif told["metadata"].get("deletionTimestamp"):
            asyncio.get_running_loop().create_task(self._let_go(told))
        elif told.get("status", {}).get("phase") in (None, "Pending"):
            self.pods[uid] = Pod(self, told)

    async def _let_go(self, told: Object) -> None:
        """A pod that is to end before it ran here."""
        meta = told["metadata"]
        with contextlib.suppress(ApiError, aiohttp.ClientError, OSError):
            body = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
            await self.api.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", body)

    async def run(self) -> None:
        """Runs until it is cancelled; then no process of a pod is left."""
        self._make_folders()
        await self.kubelet.start()
        tunnel = await egress.listen(self.config.egress, self.kubelet.port)
        parts = [self.services.run(), self.slices.run(), self.events.run(), self.proxies.run(), self._be_alive()]
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await self._register()
            await self.services.synced.wait()  # a pod's environment names the Services that were there before it
            tasks.append(asyncio.create_task(self.bound.run()))
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            for pod in self.pods.values():
                pod.forget()
            self.proxies.close()
            tunnel.close()
            await self.kubelet.close()
            await self.api.close()

    def _make_folders(self) -> None:
        sweep(str(self.config.folder))
        for folder in (self.shim, self.bin, self.config.folder / "pods"):
            shutil.rmtree(folder, ignore_errors=True)
        self.shim.mkdir(parents=True)
        for name, text in SHIM.items():
            (self.shim / name).write_bytes(text)
        self.bin.mkdir(parents=True)
        for name in ("python", "python3"):
            (self.bin / name).symlink_to(self.config.python)

    # ---- the Node

    def _status(self) -> Object:
        capacity = {"cpu": "4", "memory": MEMORY, "pods": str(PODS), "ephemeral-storage": "4Gi"}
        stamp = now()

        def condition(kind: str, status: str, reason: str) -> Object:
            times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
            return {"type": kind, "status": status, "reason": reason, "message": reason, **times}

        info = {
            "architecture": "amd64" if platform.machine() in ("x86_64", "AMD64") else "arm64",
            "operatingSystem": "linux",
            "kubeletVersion": "v1.34.0-labkit",
            "kubeProxyVersion": "",
            "containerRuntimeVersion": "processes://1",
            "osImage": "processes of this machine",
            "kernelVersion": platform.release(),
            "machineID": "labkit",
            "systemUUID": "labkit",
            "bootID": "labkit",
        }
        return {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": self.config.node},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet.port}},
            "nodeInfo": info,
            "conditions": [
                condition("Ready", "True", "KubeletReady"),
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
            ],
            "images": [{"names": [name], "sizeBytes": 1} for name in sorted(self.config.images)],
        }

    async def _register(self) -> None:
        labels = {"kubernetes.io/hostname": self.config.node, "kubernetes.io/os": "linux"}
        labels["kubernetes.io/arch"] = self._status()["nodeInfo"]["architecture"]
        node = {"metadata": {"name": self.config.node, "labels": labels}, "status": self._status()}
        try:
            await self.api.post("/api/v1/nodes", node)
        except ApiError as error:
            if error.status != 409:
                raise
            await self._report()

    async def _report(self) -> None:
        await self.api.patch(f"/api/v1/nodes/{self.config.node}/status", {"status": self._status()})

    async def _be_alive(self) -> None:
        """Renews the lease by which the control plane knows that this node lives."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        last = 0.0
        loop = asyncio.get_running_loop()
        while True:
            spec = {
                "holderIdentity": self.config.node,
                "leaseDurationSeconds": LEASE_SECONDS,
                "renewTime": now()[:-1] + ".000000Z",
            }
            try:
                try:
                    await self.api.patch(f"{path}/{self.config.node}", {"spec": spec})
                except ApiError as error:
                    if error.status != 404:
                        raise
                    await self.api.post(path, {"metadata": {"name": self.config.node}, "spec": spec})
                for pod in self.pods.values():
                    pod.changed()  # the control plane may have taken us for dead, and marked our pods: it never takes that back
                if loop.time() - last > STATUS:
                    await self._report()
                    last = loop.time()
            except (TimeoutError, ApiError, aiohttp.ClientError, OSError) as error:
                print(f"lease: {error!r}", flush=True)
                await asyncio.sleep(1)
                continue
            await asyncio.sleep(RENEW)


def main(config: Config) -> None:
    """Runs the agent until SIGTERM. Raises OSError where this machine has no part of loopback left."""
    MINE.claim()

    async def run() -> None:
        task: asyncio.Task[Any] = asyncio.create_task(Node(config).run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    sweep(str(config.folder))
    os._exit(0)
