"""Where one lab or one answer works: a namespace made from the lab's template, with an account that can do nothing outside of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from labkit.services.cluster.api import Api, ApiError, Object, group
from labkit.services.cluster.purge import COURSE, kinds, of_kind, purge

ACCOUNTS = "labkit-accounts"  # the namespace of the accounts, out of everybody's reach
LEARNER = "learner"
TOKEN_SECONDS = 24 * 3600
MINE = {COURSE: "yes"}
ANSWER = "labkit.answer"  # a label: the namespace of an answer that is judged
SECURITY = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/enforce-version": "v1.34"}
CREDENTIALS = {
    "apiVersion": "authentication.k8s.io/v1",
    "kind": "TokenRequest",
    "spec": {"expirationSeconds": TOKEN_SECONDS},
}
RBAC = "/apis/rbac.authorization.k8s.io/v1"
QUOTA = {
    "pods": "20", "requests.cpu": "4", "requests.memory": "1Gi", "limits.memory": "2Gi", "count/jobs.batch": "20", "services": "20",
    "configmaps": "50", "secrets": "50", "persistentvolumeclaims": "0", "services.loadbalancers": "0",
    "count/deployments.apps": "20", "count/replicasets.apps": "60", "count/cronjobs.batch": "5", "count/statefulsets.apps": "10",
}  # fmt: skip
LIMITS = {
    "type": "Container",
    "default": {"memory": "128Mi"},
    "defaultRequest": {"cpu": "20m", "memory": "32Mi"},
    "max": {"memory": "512Mi"},
}
COLLECTED = "metadata", "status"
REVISION = "deployment.kubernetes.io/revision"  # the Deployment's controller writes it


class Namespace:
    """One namespace; a context manager that drops it at the end. `api` is its account's own access."""

    def __init__(
        self,
        admin: Api,
        name: str,
        template: Sequence[Object] = (),
        *,
        graded: bool = False,
        kubeconfig: Callable[[str, str], Path] | None = None,
    ) -> None:
        self.admin, self.name, self.template, self.graded = admin, name, list(template), graded
        self._kubeconfig = kubeconfig
        self._before: list[Object] = []
        self._given: dict[str, Object] = {}
        self._make()
        self.account = self.name if graded else LEARNER
        self._furnish()
        self._fill()
        self.token = self._token()
        self.api = admin.as_user(self.token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    @property
    def where(self) -> str:
        """In words."""
        return f"namespace {self.name}"

    @property
    def connect_with(self) -> str:
        """The line that lets an own terminal's kubectl work here."""
        return f"export KUBECONFIG={self.kubeconfig}"

    @property
    def kubeconfig(self) -> Path:
        """A file for kubectl, of this namespace's account."""
        if self._kubeconfig is None:
            raise ValueError("this namespace was made without a place for files")
        return self._kubeconfig(self.name, self.token)

    @property
    def path(self) -> str:
        """Of what is in it, in the core API."""
        return f"/api/v1/namespaces/{self.name}"

    # ---- made, reset, dropped

    def _make(self) -> None:
        """A new namespace; where another kernel has one of this name, it gets a longer one."""
        labels = {**MINE, **SECURITY, **({ANSWER: "yes"} if self.graded else {})}
        while not create(self.admin, "/api/v1/namespaces", {"metadata": {"name": self.name, "labels": labels}}):
            self.name = f"{self.name[:40]}-{secrets.token_hex(2)}"

    def _furnish(self) -> None:
        """What the course puts there: the account's rights, and how much there may be of everything."""
        create(self.admin, "/api/v1/namespaces", {"metadata": {"name": ACCOUNTS, "labels": MINE}})
        create(self.admin, f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts", {"metadata": {"name": self.account}})
        subject = {"kind": "ServiceAccount", "name": self.account, "namespace": ACCOUNTS}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}
        meta = {"name": "labkit", "labels": MINE}
        binding = {"metadata": meta, "roleRef": role, "subjects": [subject]}
        create(self.admin, f"{RBAC}/namespaces/{self.name}/rolebindings", binding)
        create(self.admin, f"{self.path}/resourcequotas", {"metadata": meta, "spec": {"hard": QUOTA}})
        create(self.admin, f"{self.path}/limitranges", {"metadata": meta, "spec": {"limits": [LIMITS]}})
        self.admin.until(lambda: self.admin.find(f"{self.path}/serviceaccounts/default"), 20, 0.02)
        if self.graded:  # nobody needs to call the API, so nobody gets a token who does not ask for one
            self.admin.patch(f"{self.path}/serviceaccounts/default", {"automountServiceAccountToken": False})

    def _fill(self) -> None:
        for item in self.template:
            made = self.admin.apply(at_home(item, self.name), self.name, manager="labkit-template")
            self._given[part(item)] = portable(made)

    def _token(self) -> str:
        path = f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts/{self.account}/token"
        return self.admin.create(path, CREDENTIALS)["status"]["token"]

    def is_there(self) -> bool:
        """Whether it exists, and is not about to go."""
        found = self.admin.find(f"/api/v1/namespaces/{self.name}")
        return bool(found) and found["status"]["phase"] == "Active"

    def reset(self, *, undoable: bool = False) -> None:
        """Back to the template. With `undoable`, what is there now can be had back."""
        self._before = [portable(item) for item in self.items()] if undoable else []
        purge(self.admin, self.name)
        self._fill()

    def undo_reset(self) -> bool:
        """Puts back what an undoable reset has removed; whether there was such a reset."""
        if not self._before:
            return False
        purge(self.admin, self.name)
        for item in self._before:
            with contextlib.suppress(ApiError):
                self.admin.apply(item, self.name, manager="labkit-undo")
        self._before = []
        return True

    def drop(self) -> None:
        """Removes it with all that is in it; its end is not waited for, as nothing in it runs any more. A cluster that is gone has done so."""
        self.api.close()
        with contextlib.suppress(ApiError, TimeoutError, httpx.HTTPError):
            purge(self.admin, self.name)
        with contextlib.suppress(ApiError, httpx.HTTPError):
            self.admin.delete(f"/api/v1/namespaces/{self.name}", propagation="Background")
            if self.graded:
                self.admin.delete(f"/api/v1/namespaces/{ACCOUNTS}/serviceaccounts/{self.account}")

    # ---- what is in it

    def items(self) -> list[Object]:
        """What somebody has put there, without what controllers made of it."""
        found: list[Object] = []
        for version, plural in kinds(self.admin):
            folder = self.admin.get(f"{group(version)}/namespaces/{self.name}/{plural}", labelSelector=f"!{COURSE}")
            kind = folder["kind"].removesuffix("List")
            for item in of_kind(self.admin, self.name, (version, plural)):
                if not item["metadata"].get("ownerReferences"):
                    found.append({"apiVersion": version, "kind": kind, **item})
        return found

    def given(self) -> dict[str, str]:
        """The `fingerprint` right after the template was applied."""
        return {name: digest(item) for name, item in self._given.items()}

    def fingerprint(self) -> dict[str, str]:
        """What the lab gave, digested: kind/name -> digest of what was asked for."""
        return {name: digest(item) for name, item in self._of_template().items()}

    def difference(self, name: str) -> tuple[str, str]:
        """The first field in which this object is not as the lab gave it, then and now."""
        now = self._of_template().get(name)
        return first_difference(self._given[name], now) if now else (name, f"no {name}")

    def _of_template(self) -> dict[str, Object]:
        """Kind/name -> what is asked for now, of each object of the template that is still there."""
        here = {part(item): self.admin.find(self.admin.path(item, self.name)) for item in self.template}
        return {name: portable(item) for name, item in here.items() if item}


def at_home(item: Object, namespace: str) -> Object:
    """An object of a template, whose binding gives a role to accounts: those without a namespace are of this one."""
    if item["kind"] != "RoleBinding":
        return item
    accounts = {"kind": "ServiceAccount", "namespace": namespace}
    subjects = [accounts | one if one["kind"] == "ServiceAccount" else one for one in item["subjects"]]
    return {**item, "subjects": subjects}


def part(item: Object) -> str:
    """What an object is called in a fingerprint: "Service/shop"."""
    return f"{item['kind']}/{item['metadata']['name']}"


def first_difference(was: Any, now: Any, path: str = "") -> tuple[str, str]:
    """Two objects, or parts of them: the first place where they differ, each as "path: value"."""
    if isinstance(was, dict) and isinstance(now, dict):
        key = next(key for key in sorted({*was, *now}) if was.get(key) != now.get(key))
        return first_difference(was.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        index = next(index for index, pair in enumerate(zip(was, now, strict=True)) if pair[0] != pair[1])
        return first_difference(was[index], now[index], f"{path}[{index}]")
    then, since = ("nothing" if value is None else json.dumps(value, ensure_ascii=False) for value in (was, now))
    return f"{path}: {then}", f"{path}: {since}"


def portable(item: Object) -> Object:
    """An object as somebody would write it: without what the server has added."""
    notes = {key: value for key, value in item["metadata"].get("annotations", {}).items() if key != REVISION}
    meta = {**{key: item["metadata"].get(key) for key in ("name", "labels")}, "annotations": notes}
    meta = {key: value for key, value in meta.items() if value}
    rest = {key: value for key, value in item.items() if key not in COLLECTED}
    spec: Any = rest.get("spec")
    if isinstance(spec, dict):
        for key in ("clusterIP", "clusterIPs", "nodeName"):
            if spec.get(key) != "None":
                spec.pop(key, None)
    return {**rest, "metadata": meta}


def digest(item: Object) -> str:
    """The same for the same content."""
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:16]


def create(api: Api, path: str, body: Object) -> bool:
    """Makes an object; whether it was not there before."""
    try:
        api.create(path, body)
    except ApiError as error:
        if error.reason == "AlreadyExists":
            return False
        raise
    return True


def name_for(lab: str, *, graded: bool) -> str:
    """E.g. "probes" for "92-containers/probes"; of each answer that is judged, another one."""
    short = lab.rpartition("/")[2].replace("_", "-")[:40]
    return f"{short}-{secrets.token_hex(4)}" if graded else short
