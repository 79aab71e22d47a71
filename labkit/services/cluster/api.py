"""The cluster's API, as the course uses it: JSON over TLS that is checked, with errors in the server's own words."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx

Object = dict[str, Any]
TIMEOUT = 30.0
GONE = 404


class ApiError(Exception):
    """The server refused. `status` is the HTTP status, `reason` its word for it, `causes` the fields that it names."""

    def __init__(self, status: int, body: str) -> None:
        self.status = status
        told: Object = {}
        with contextlib.suppress(ValueError):
            parsed = json.loads(body)
            told = parsed if isinstance(parsed, dict) else {}
        self.reason: str = told.get("reason") or ""
        self.message: str = told.get("message") or body[:300]
        self.details: Object = told.get("details") or {}
        super().__init__(f"{status} {self.message}")

    @property
    def causes(self) -> list[tuple[str, str]]:
        """Field and complaint, of each that the server names."""
        return [(one.get("field", ""), one.get("message", "")) for one in self.details.get("causes") or []]


class Api:
    """A connection to the API server as one user; a context manager, and safe to use from several threads."""

    def __init__(self, url: str, ca: Path | str, token: str) -> None:
        self.url, self.ca, self.token = url, Path(ca), token
        context = ssl.create_default_context(cafile=str(ca))
        self._client = httpx.Client(
            base_url=url,
            verify=context,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "labkit"},
            timeout=TIMEOUT,
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )
        self.warnings: list[str] = []
        self._paths: dict[tuple[str, str], tuple[str, bool]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends its connections."""
        self._client.close()

    def as_user(self, token: str) -> Api:
        """The same server, for somebody else."""
        return Api(self.url, self.ca, token)

    def request(
        self, method: str, path: str, body: Object | str | None = None, kind: str = "application/json", **params: Any
    ) -> str:
        """The text of an answer. Raises ApiError, or httpx.HTTPError where there is no server."""
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        headers = {"Content-Type": kind} if content is not None else {}
        asked = {name: value for name, value in params.items() if value is not None}
        answer = self._client.request(method, path, content=content, headers=headers, params=asked or None)
        self.warnings = [warning(text) for text in answer.headers.get_list("warning")]
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, answer.text)
        return answer.text

    def get(self, path: str, **params: Any) -> Object:
        """One object or list."""
        return json.loads(self.request("GET", path, **params))

    def find(self, path: str) -> Object | None:
        """One object, if there is one."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == GONE:
                return None
            raise

    def list(self, path: str, **params: Any) -> list[Object]:
        """The items of a list."""
        return self.get(path, **params)["items"]

    def create(self, path: str, body: Object, **params: Any) -> Object:
        """Makes an object."""
        return json.loads(self.request("POST", path, body, **params))

    def patch(self, path: str, body: Object, kind: str = "application/merge-patch+json", **params: Any) -> Object:
        """Changes a part of an object."""
        return json.loads(self.request("PATCH", path, body, kind, **params))

    def delete(self, path: str, *, grace: int | None = None, propagation: str | None = None) -> None:
        """Removes an object, if it is there."""
        body: Object = {}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        if propagation:
            body["propagationPolicy"] = propagation
        try:
            self.request("DELETE", path, body)
        except ApiError as error:
            if error.status != GONE:
                raise

    def answers(self, path: str) -> bool:
        """Whether the server is there and gives this."""
        try:
            self.request("GET", path)
        except (ApiError, httpx.HTTPError):
            return False
        return True

    def path(self, item: Object, namespace: str, *, named: bool = True) -> str:
        """Where an object is kept. Raises LookupError for a kind that the server does not know."""
        version, kind = item["apiVersion"], item["kind"]
        if (version, kind) not in self._paths:
            self._discover(version)
        if (version, kind) not in self._paths:
            raise LookupError(f"The cluster knows no {kind} of {version}.")
        plural, namespaced = self._paths[version, kind]
        within = f"/namespaces/{namespace}" if namespaced else ""
        return f"{group(version)}{within}/{plural}" + (f"/{item['metadata']['name']}" if named else "")

    def is_namespaced(self, item: Object) -> bool:
        """Whether objects of this kind lie in a namespace. Raises LookupError."""
        self.path(item, "any", named=False)
        return self._paths[item["apiVersion"], item["kind"]][1]

    def _discover(self, version: str) -> None:
        try:
            known = self.get(group(version))
        except ApiError as error:
            if error.status in (403, GONE):
                return
            raise
        for one in known.get("resources", []):
            if "/" not in one["name"]:
                self._paths[version, one["kind"]] = (one["name"], one["namespaced"])

    def apply(self, item: Object, namespace: str, *, dry_run: bool = False, manager: str = "labkit") -> Object:
        """Server-side apply of one object; its warnings are in `warnings`. Raises ApiError, LookupError."""
        params = {
            "fieldManager": manager,
            "force": "true",
            "fieldValidation": "Strict",
            "dryRun": "All" if dry_run else None,
        }
        path = self.path(item, namespace)
        return json.loads(self.request("PATCH", path, item, "application/apply-patch+yaml", **params))

    @contextlib.contextmanager
    def stream(self, path: str, timeout: float = 60.0, **params: Any) -> Iterator[Iterator[str]]:
        """The lines of an answer as they come; `timeout` is for one line. Raises ApiError."""
        with self._client.stream("GET", path, params=params or None, timeout=timeout) as answer:
            if answer.status_code >= 400:
                raise ApiError(answer.status_code, answer.read().decode(errors="replace"))
            yield answer.iter_lines()

    def until(self, condition: Callable[[], object], seconds: float, period: float = 0.1) -> bool:
        """Whether the condition becomes true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(period)
        return True


def group(version: str) -> str:
    """The root of an API version's paths."""
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def warning(header: str) -> str:
    """The text of a Warning header: `299 - "text"`."""
    text = header.split(" ", 2)[-1]
    return json.loads(text) if text.startswith('"') and text.endswith('"') else text
