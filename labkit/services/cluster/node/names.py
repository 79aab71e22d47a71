"""The cluster's DNS: a file of names that programs read when they look one up (see `shim`)."""

from __future__ import annotations

import json
from pathlib import Path

from labkit.services.cluster.node.api import Object


class Names:
    """Names of Services and of their pods, below cluster.local."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._services: dict[str, Object] = {}
        self._slices: dict[str, Object] = {}
        self._written = ""
        self.write()

    def service(self, kind: str, service: Object) -> None:
        """A Service was made, changed or removed."""
        _keep(self._services, kind, service)
        self.write()

    def slice(self, kind: str, one: Object) -> None:
        """An EndpointSlice was made, changed or removed."""
        _keep(self._slices, kind, one)
        self.write()

    def records(self) -> dict[str, list[str] | str]:
        """Name -> addresses, or another name that stands for it."""
        found: dict[str, list[str] | str] = {}
        headless: dict[tuple[str, str], bool] = {}
        for service in self._services.values():
            meta, spec = service["metadata"], service["spec"]
            name = f"{meta['name']}.{meta['namespace']}.svc.cluster.local"
            if spec.get("type") == "ExternalName":
                found[name] = spec.get("externalName", "").rstrip(".")
            elif spec.get("clusterIP") == "None":
                headless[meta["namespace"], meta["name"]] = bool(spec.get("publishNotReadyAddresses"))
            elif spec.get("clusterIP"):
                found[name] = [spec["clusterIP"]]
        for one in self._slices.values():
            meta = one["metadata"]
            service = meta.get("labels", {}).get("kubernetes.io/service-name", "")
            if (meta["namespace"], service) not in headless:
                continue
            name = f"{service}.{meta['namespace']}.svc.cluster.local"
            for endpoint in one.get("endpoints") or []:
                if not endpoint.get("conditions", {}).get("ready", True):
                    continue
                for record in [name, *([f"{endpoint['hostname']}.{name}"] if endpoint.get("hostname") else [])]:
                    known = found.setdefault(record, [])
                    assert isinstance(known, list)
                    known += endpoint["addresses"]
        return found

    def write(self) -> None:
        """Puts the file in place, if anything changed."""
        text = json.dumps(self.records())
        if text == self._written:
            return
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)
        self._written = text


def _keep(kept: dict[str, Object], kind: str, item: Object) -> None:
    if kind == "DELETED":
        kept.pop(item["metadata"]["uid"], None)
    else:
        kept[item["metadata"]["uid"]] = item
