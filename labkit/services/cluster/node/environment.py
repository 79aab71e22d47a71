"""The environment and the command of a container, as the API says they are put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.services.cluster.node.api import Object
from labkit.services.cluster.node.sources import NotThere, Sources

REFERENCE = re.compile(r"\$\$|\$\(([^()$]+)\)")


def expanded(text: str, known: Mapping[str, str]) -> str:
    """With `$(NAME)` replaced where NAME is known, and `$$` by `$`."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else known.get(match[1], match[0])

    return REFERENCE.sub(value, text)


def command(
    container: Object, entrypoint: Sequence[str], arguments: Sequence[str], env: Mapping[str, str]
) -> list[str]:
    """What runs: a `command` replaces the image's entrypoint and its arguments, `args` only these."""
    head = container.get("command") or entrypoint
    tail = container.get("args") or ([] if container.get("command") else arguments)
    return [*(expanded(word, env) if container.get("command") else word for word in head),
            *(expanded(word, env) if container.get("args") else word for word in tail)]  # fmt: skip


def links(namespace: str, services: Sequence[Object]) -> dict[str, str]:
    """`NAME_SERVICE_HOST`, `NAME_PORT` and their like for each Service of the namespace."""
    env: dict[str, str] = {}
    for service in services:
        spec, meta = service["spec"], service["metadata"]
        if meta["namespace"] != namespace or spec.get("clusterIP") in (None, "", "None"):
            continue
        name, host, ports = meta["name"].upper().replace("-", "_"), spec["clusterIP"], spec.get("ports", [])
        if not ports:
            continue
        env[f"{name}_SERVICE_HOST"] = host
        env[f"{name}_SERVICE_PORT"] = str(ports[0]["port"])
        env[f"{name}_PORT"] = f"tcp://{host}:{ports[0]['port']}"
        for port in ports:
            if port.get("name"):
                env[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
            stem = f"{name}_PORT_{port['port']}_{port.get('protocol', 'TCP')}"
            env[stem] = f"tcp://{host}:{port['port']}"
            env[f"{stem}_PROTO"], env[f"{stem}_PORT"], env[f"{stem}_ADDR"] = "tcp", str(port["port"]), host
    return env


def field(pod: Object, path: str, address: str = "", node: str = "") -> str:
    """A field of the pod, as the downward API gives it. Raises NotThere."""
    meta = pod["metadata"]
    known = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": node,
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "status.podIP": address,
        "status.podIPs": address,
        "status.hostIP": "127.0.0.1",
    }
    if path in known:
        return known[path]
    if match := re.fullmatch(r"metadata\.(labels|annotations)(?:\['(.+)'\])?", path):
        values = meta.get(match[1], {})
        if match[2]:
            return values.get(match[2], "")
        return "".join(f'{name}="{value}"\n' for name, value in sorted(values.items()))
    raise NotThere(f"field {path!r} is not supported")


def resource_field(container: Object, reference: Object) -> str:
    """A request or limit, in the unit that was asked for."""
    import math

    from labkit.services.cluster.node.quantity import number

    section, _, name = reference["resource"].partition(".")
    value = container.get("resources", {}).get(section, {}).get(name, 0)
    divisor = number(reference.get("divisor") or 1) or 1
    return str(math.ceil(number(value) / divisor))


async def environment(
    pod: Object, container: Object, image: Mapping[str, str], sources: Sources, address: str, services: Sequence[Object]
) -> dict[str, str]:
    """All of a container's variables. Raises NotThere when what one comes from is missing."""
    namespace = pod["metadata"]["namespace"]
    env = dict(image)
    if pod["spec"].get("enableServiceLinks", True):
        env |= links(namespace, services)
    for source in container.get("envFrom", []):
        prefix = source.get("prefix", "")
        for kind, reference in (("configmaps", source.get("configMapRef")), ("secrets", source.get("secretRef"))):
            if reference:
                data = await sources.data(kind, namespace, reference["name"], reference.get("optional", False))
                env |= {prefix + name: value.decode(errors="replace") for name, value in data.items()}
    for variable in container.get("env", []):
        found = await _value(pod, container, variable, sources, address)
        if found is not None:
            env[variable["name"]] = expanded(found, env) if "value" in variable else found
    env.setdefault("HOSTNAME", pod["spec"].get("hostname") or pod["metadata"]["name"])
    return env


async def _value(pod: Object, container: Object, variable: Object, sources: Sources, address: str) -> str | None:
    origin: dict[str, Any] = variable.get("valueFrom") or {}
    if not origin:
        return variable.get("value", "")
    if reference := origin.get("fieldRef"):
        return field(pod, reference["fieldPath"], address, sources.node)
    if reference := origin.get("resourceFieldRef"):
        return resource_field(container, reference)
    for kind, name in (("configmaps", "configMapKeyRef"), ("secrets", "secretKeyRef")):
        if reference := origin.get(name):
            optional = reference.get("optional", False)
            data = await sources.data(kind, pod["metadata"]["namespace"], reference["name"], optional)
            if reference["key"] in data:
                return data[reference["key"]].decode(errors="replace")
            if optional:
                return None
            noun = "ConfigMap" if kind == "configmaps" else "Secret"
            raise NotThere(
                f"couldn't find key {reference['key']} in {noun} {pod['metadata']['namespace']}/{reference['name']}"
            )
    return None
