"""A manifest answer: it is applied to the lab's namespace, and the notebook shows what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labkit.kinds.answer import AnswerError
from labkit.kinds.manifest.answers import Applied, apply, documents
from labkit.kinds.manifest.view import line, view
from labkit.pages import waiting
from labkit.pages.page import EMPTY, Page, failed
from labkit.services.cluster.pods import settled

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab
    from labkit.services.cluster.namespace import Namespace

PATIENCE = 20.0  # seconds until the pods are shown as they are then


def run(text: str, session: OpenLab, name: str) -> Page:
    """Applies it, waits a moment for its pods, and shows them."""
    namespace: Namespace = session.place("cluster")
    try:
        applied = apply(namespace, documents(text))
    except AnswerError as error:
        return refused(str(error))
    page = told(applied) + forgotten(applied, session.kept.get(name))
    session.kept[name] = [(one.item["kind"], one.item["metadata"]["name"]) for one in applied.documents]
    session.changed.add(name)
    waiting.run(lambda: wait(namespace, applied), "Waiting for the pods")
    return page + view(namespace.api, namespace.name)


def wait(namespace: Namespace, applied: Applied) -> None:
    """Until each Deployment is as it was asked to be, or for a moment."""
    names = [document.item["metadata"]["name"] for document in applied.of_kind("Deployment")]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not all(settled(namespace.api, namespace.name, name) for name in names):
        time.sleep(0.2)


def told(applied: Applied) -> Page:
    """What was done with each object, and what the server warned of."""
    done = line(
        ", ".join(f"{one.title} {what}" for one, what in zip(applied.documents, applied.done, strict=True)) + "."
    )
    return sum((line(f"⚠ {note}") for note in applied.notes), done)


def forgotten(applied: Applied, before: list[tuple[str, str]] | None) -> Page:
    """Objects that this answer once had and has no more: applying does not remove them."""
    now = {(one.item["kind"], one.item["metadata"]["name"]) for one in applied.documents}
    gone = [f"{kind} {name}" for kind, name in before or [] if (kind, name) not in now]
    if not gone:
        return EMPTY
    return line(
        f"Still there from before, as `apply` removes nothing: {', '.join(gone)}. The button Reset, or kubectl delete, removes it."
    )


def refused(why: str) -> Page:
    """Nothing was applied."""
    return failed(f"Nothing was applied. {why}")
