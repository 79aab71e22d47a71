"""Gives a manifest to a namespace, as its account: all of it or, where one object is refused, nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from labkit.kinds.answer import AnswerError
from labkit.kinds.manifest.kind import Manifest
from labkit.kinds.manifest.reader import Document, ManifestError, read
from labkit.kinds.manifest.words import in_words, warning_in_words
from labkit.machine.fault import ServiceFault
from labkit.services.cluster.api import ApiError
from labkit.services.cluster.namespace import Namespace

MANAGER = "kubectl"
MISTYPED = "failed to create typed patch object"  # a value of another type than the field's; the server says 500
PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


@dataclass
class Applied:
    """What came of a manifest: `done` says of each object whether it was created, configured or unchanged."""

    documents: list[Document]
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[Document]:
        """The objects of one kind."""
        return [document for document in self.documents if document.item["kind"] == kind]


def documents(text: str) -> list[Document]:
    """The objects of an answer. Raises AnswerError in the learner's words."""
    try:
        found = read(text)
    except ManifestError as error:
        raise AnswerError(str(error)) from None
    if len(found) > Manifest.documents:
        raise AnswerError(f"The manifest has {len(found)} objects; at most {Manifest.documents} are taken.")
    return found


def apply(namespace: Namespace, found: list[Document]) -> Applied:
    """Applies the objects, after the server has looked at each. Raises AnswerError, ServiceFault."""
    applied = Applied(_in_order(found))
    try:
        for document in found:
            _refuse(document, namespace)
            _try(namespace, document, applied)
        applied.notes = [*(note for document in found for note in document.notes)]
        for document in applied.documents:
            applied.done.append(_one(namespace, document, applied, dry_run=False))
    except httpx.HTTPError as error:
        raise ServiceFault(f"The cluster does not answer ({error!r}). Run the notebook's first cell again.") from error
    return applied


def _in_order(found: list[Document]) -> list[Document]:
    """As they stand, but what gives a Role to somebody after all Roles: the server lets nobody give what is not there."""
    return sorted(found, key=lambda document: document.item["kind"] == "RoleBinding")


def _try(namespace: Namespace, document: Document, applied: Applied) -> None:
    """What would come of one object; of a Role of the same manifest, which is not there yet, the server can say nothing."""
    try:
        _one(namespace, document, applied, dry_run=True)
    except RoleMissing as missing:
        if not any((one.item["kind"], one.item["metadata"]["name"]) == missing.role for one in applied.documents):
            raise


class RoleMissing(AnswerError):
    """A RoleBinding gives away a role that is not there; `role` is its kind and name."""

    def __init__(self, document: Document, role: tuple[str, str]) -> None:
        self.role = role
        line = document.line_of(("roleRef",))
        super().__init__(f"Line {line}: there is no {role[0]} called {role[1]}, so nobody can be given it.")


def _missing_role(document: Document, error: ApiError) -> tuple[str, str] | None:
    """Kind and name of the role that a RoleBinding refers to, when that is what the server has not found."""
    if document.item["kind"] != "RoleBinding" or error.reason != "NotFound":
        return None
    role = document.item.get("roleRef")
    return (str(role.get("kind")), str(role.get("name"))) if isinstance(role, dict) else None


def _one(namespace: Namespace, document: Document, applied: Applied, *, dry_run: bool) -> str:
    try:
        path = namespace.api.path(document.item, namespace.name)
        before = None if dry_run else namespace.api.find(path)
        after = namespace.api.apply(document.item, namespace.name, dry_run=dry_run, manager=MANAGER)
    except LookupError as error:
        raise AnswerError(f"Line {document.line}: {error} Look at `apiVersion` and `kind`.") from None
    except ApiError as error:
        if error.status >= 500 and MISTYPED not in error.message:
            raise ServiceFault(f"The cluster failed: {error}. Run the notebook's first cell again.") from error
        if role := _missing_role(document, error):
            raise RoleMissing(document, role) from None
        raise AnswerError(in_words(error, document)) from None
    if not dry_run:
        applied.notes += [warning_in_words(text, document) for text in namespace.api.warnings]
    if before is None:
        return "created"
    return (
        "unchanged" if before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"] else "configured"
    )


def _refuse(document: Document, namespace: Namespace) -> None:
    """What no answer may do, and the server would let pass. Raises AnswerError."""
    meta = document.item["metadata"]
    if meta.get("namespace") not in (None, namespace.name):
        line = document.line_of(("metadata", "namespace"))
        raise AnswerError(
            f"Line {line}: this belongs to namespace {meta['namespace']}, and you work in another one. Leave `namespace` out."
        )
    spec = document.item.get("spec")
    if isinstance(spec, dict) and spec.get("externalIPs"):
        line = document.line_of(("spec", "externalIPs"))
        raise AnswerError(f"Line {line}: no `externalIPs`: a Service takes no address that is somebody else's.")
    for path, spec in pod_specs(document.item):
        if spec.get("nodeName"):
            line = document.line_of((*path, "nodeName"))
            raise AnswerError(f"Line {line}: no `nodeName`: which node a pod runs on is the scheduler's to say.")
        for toleration in spec.get("tolerations") or []:
            if isinstance(toleration, dict) and (toleration.get("key") in (None, "", *PLANE)):
                line = document.line_of((*path, "tolerations"))
                raise AnswerError(f"Line {line}: a pod may not tolerate the taints of the control plane.")


def pod_specs(item: dict[str, Any]) -> list[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every pod spec of an object, with its path."""
    found: list[tuple[tuple[str | int, ...], dict[str, Any]]] = []

    def look(value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("containers"), list):
                found.append((path, value))
            for name, child in value.items():
                look(child, (*path, name))

    look(item.get("spec"), ("spec",))
    return found
