"""ConfigMaps, Secrets and tokens that a pod of this node asks for. The server gives the node those of its own pods only."""

from __future__ import annotations

import base64

from labkit.services.cluster.node.api import Api, ApiError, Object

TOKEN_SECONDS = 3607


class NotThere(Exception):
    """What a container refers to does not exist (yet); the message is what `kubectl describe` says."""


class Sources:
    """Reads them from the API server, each time anew."""

    def __init__(self, api: Api, node: str, ca: bytes) -> None:
        self.api, self.node, self.ca = api, node, ca

    async def data(self, kind: str, namespace: str, name: str, optional: bool = False) -> dict[str, bytes]:
        """The keys and values of a ConfigMap (`kind` "configmaps") or a Secret ("secrets"). Raises NotThere."""
        try:
            found = await self.api.get(f"/api/v1/namespaces/{namespace}/{kind}/{name}")
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            if optional:
                return {}
            raise NotThere(f'{kind.removesuffix("s")} "{name}" not found') from error
        if kind == "secrets":
            return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
        values = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        binary = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
        return values | binary

    async def token(self, pod: Object, audience: str = "", seconds: int = TOKEN_SECONDS) -> str:
        """A token of the pod's service account, which ends with the pod."""
        meta, account = pod["metadata"], pod["spec"].get("serviceAccountName", "default")
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        spec = {
            "expirationSeconds": max(600, seconds),
            "boundObjectRef": bound,
            "audiences": [audience] if audience else [],
        }
        path = f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token"
        made = await self.api.post(
            path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        )
        return made["status"]["token"]
