"""The volumes of a pod: folders of its own. Files of ConfigMaps and Secrets change all at once, by one symbolic link.

A process sees no mounts. So paths below a `mountPath` are rewritten where we see them (command, probes, and the calls that `shim` takes
over in Python).
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from labkit.services.cluster.node.api import Object
from labkit.services.cluster.node.environment import field, resource_field
from labkit.services.cluster.node.sources import NotThere, Sources

Files = dict[str, tuple[bytes, int]]  # path below the volume -> content, mode


class Volumes:
    """The volumes of one pod, below its folder."""

    def __init__(self, pod: Object, folder: Path, sources: Sources) -> None:
        self.pod, self.folder, self.sources = pod, folder, sources
        self._written: dict[str, Files] = {}

    async def prepare(self, address: str) -> None:
        """Makes them, or brings the files of ConfigMaps and Secrets up to date. Raises NotThere."""
        for volume in self.pod["spec"].get("volumes", []):
            place = self.folder / volume["name"]
            place.mkdir(parents=True, exist_ok=True)
            files = await self._files(volume, address)
            if files is not None and files != self._written.get(volume["name"]):
                put(place, files)
                self._written[volume["name"]] = files

    def mounts(self, container: Object) -> dict[str, str]:
        """Where each `mountPath` of a container really is, the longest first. A subPath of files is a copy, which never changes."""
        found: dict[str, str] = {}
        for mount in container.get("volumeMounts", []):
            place = self.folder / mount["name"]
            if below := mount.get("subPath"):
                place = self._below(place, below, mount["name"])
            found[mount["mountPath"].rstrip("/") or "/"] = str(place)
        return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))

    def _below(self, place: Path, below: str, name: str) -> Path:
        if ".." in Path(below).parts or below.startswith("/"):
            raise NotThere(f"subPath {below!r} leaves its volume")
        if name not in self._written:  # a folder of its own, not of files that are given
            (place / below).mkdir(parents=True, exist_ok=True)
            return place / below
        copy = self.folder / ".copies" / uuid.uuid4().hex / Path(below).name
        copy.parent.mkdir(parents=True)
        shutil.copy(place / below, copy) if (place / below).is_file() else copy.mkdir()
        return copy

    async def _files(self, volume: Object, address: str) -> Files | None:
        namespace = self.pod["metadata"]["namespace"]
        if source := volume.get("configMap"):
            data = await self.sources.data("configmaps", namespace, source["name"], source.get("optional", False))
            return chosen(data, source, source.get("defaultMode", 0o644))
        if source := volume.get("secret"):
            data = await self.sources.data("secrets", namespace, source["secretName"], source.get("optional", False))
            return chosen(data, source, source.get("defaultMode", 0o644))
        if source := volume.get("downwardAPI"):
            return self._downward(source, address)
        if source := volume.get("projected"):
            return await self._projected(source, address)
        if "emptyDir" in volume:
            return None
        kind = next((key for key in volume if key != "name"), "?")
        raise NotThere(f"volume {volume['name']}: this node has no volumes of the kind {kind}")

    def _downward(self, source: Object, address: str) -> Files:
        files: Files = {}
        containers = {container["name"]: container for container in self.pod["spec"]["containers"]}
        for item in source.get("items", []):
            if reference := item.get("fieldRef"):
                text = field(self.pod, reference["fieldPath"], address, self.sources.node)
            else:
                reference = item["resourceFieldRef"]
                text = resource_field(containers[reference["containerName"]], reference)
            files[item["path"]] = (text.encode(), item.get("mode", source.get("defaultMode", 0o644)))
        return files

    async def _projected(self, source: Object, address: str) -> Files:
        files: Files = {}
        namespace, mode = self.pod["metadata"]["namespace"], source.get("defaultMode", 0o644)
        for part in source.get("sources", []):
            if token := part.get("serviceAccountToken"):
                seconds = token.get("expirationSeconds", 3607)
                text = await self.sources.token(self.pod, token.get("audience", ""), seconds)
                files[token["path"]] = (text.encode(), 0o600)
            for kind, name in (("configmaps", "configMap"), ("secrets", "secret")):
                if reference := part.get(name):
                    optional = reference.get("optional", False)
                    data = await self.sources.data(kind, namespace, reference["name"], optional)
                    files |= chosen(data, reference, mode)
            if reference := part.get("downwardAPI"):
                files |= self._downward(reference, address)
        return files


def chosen(data: Mapping[str, bytes], source: Object, mode: int) -> Files:
    """The keys that `items` names, else all. Raises NotThere."""
    if not source.get("items"):
        return {key: (value, mode) for key, value in data.items()}
    files: Files = {}
    for item in source["items"]:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            raise NotThere(f"references non-existent config key: {item['key']}")
        files[item["path"]] = (data[item["key"]], item.get("mode", mode))
    return files


def put(place: Path, files: Files) -> None:
    """Writes the files into a new folder, and makes `..data` lead there: readers see all of the old ones or all of the new."""
    new = place / f"..{uuid.uuid4().hex[:12]}"
    for name, (content, mode) in files.items():
        path = new / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    new.mkdir(exist_ok=True)
    data, old = place / "..data", None
    if data.is_symlink():
        old = place / os.readlink(data)
    (place / "..new").symlink_to(new.name)
    (place / "..new").rename(data)
    tops = {Path(name).parts[0] for name in files}
    for top in tops:
        if not (place / top).is_symlink():
            (place / top).symlink_to(f"..data/{top}")
    for link in place.iterdir():
        if not link.name.startswith("..") and link.name not in tops:
            link.unlink()
    if old:
        shutil.rmtree(old, ignore_errors=True)


def rewritten(word: str, mounts: Mapping[str, str]) -> str:
    """A path of the container, or a command line with such paths, as it is on this machine."""
    for mount, place in mounts.items():
        start = 0
        while (at := word.find(mount, start)) >= 0:
            before, after = word[at - 1 : at] if at else "", word[at + len(mount) : at + len(mount) + 1]
            if (before == "" or before in " \t='\":;(<>|&") and (after == "" or after in "/ \t'\";:)<>|&"):
                word = word[:at] + place + word[at + len(mount) :]
                start = at + len(place)
            else:
                start = at + 1
    return word
