"""Answers that are manifests; and for a lab's own cells: its namespace, calls to its Services, and faults of its pods.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.kinds.open_lab import current

if TYPE_CHECKING:
    from labkit.services.cluster.load import Run
    from labkit.services.cluster.namespace import Namespace

__all__ = [
    "ask_pods",
    "cause",
    "draw_way",
    "load",
    "measure",
    "names_of_pods",
    "namespace",
    "run_of",
    "show_load",
    "while_loaded",
]


def namespace() -> Namespace:
    """The open lab's namespace. Raises CourseError when no lab is open."""
    return current().place("cluster")


def load(service: str, seconds: float, rate: float = 50) -> Run:
    """Calls a Service of the lab, as other programs of the cluster do, so many times a second; shows what came of it.

    Raises CourseError, ServiceFault.
    """
    from labkit.kinds.manifest.picture import load_figure
    from labkit.pages import waiting
    from labkit.services.cluster import load as calls

    at = namespace()
    url = f"http://{service}.{at.name}/"
    run = waiting.run(lambda: calls.load(at.admin, url, seconds, rate=rate), f"Calling {service} for {seconds:g} s")
    load_figure([(service, run)])
    return run


def while_loaded(service: str, rate: float = 50) -> Any:
    """A context manager: calls a Service of the lab for as long as the block lasts, and gives the run, which is whole at its end."""
    from labkit.services.cluster.load import while_loaded as calls

    at = namespace()
    return calls(at.admin, f"http://{service}.{at.name}/", rate=rate)


def show_load(*runs: tuple[str, Run]) -> None:
    """Draws runs, one below the other: requests over time by the version that answered, and those that failed on top."""
    from labkit.kinds.manifest.picture import load_figure

    load_figure(list(runs))


def measure(service: str, seconds: float, rate: float, *, report_at: float | None = None) -> None:
    """Calls a Service so many times a second, and shows what its pods use meanwhile; after `report_at` seconds each writes its report.

    Raises CourseError, ServiceFault.
    """
    from labkit.kinds.manifest.measured import Measurement, shown
    from labkit.pages import waiting
    from labkit.pages.page import show

    found = Measurement(namespace(), service)
    waiting.run(lambda: found.take(seconds, rate, report_at), f"Calling {service} for {seconds:g} s, and measuring")
    show(shown(found))


def cause(fault: str, pod: str, seconds: float) -> None:
    """Lets a pod of the shop hang ("deadlock"), be "busy", or lose its "database", for so many seconds. Raises ApiError."""
    from labkit.services.cluster.faults import cause as make

    make(namespace(), pod, fault, seconds=seconds)


def ask_pods(path: str, selector: str | None = None, *, until: str = "", seconds: float = 20) -> None:
    """Asks each pod of the lab that is ready, or those with certain labels, and shows what it says.

    They are asked again until all answer, and say this text, or for so many seconds. Raises CourseError.
    """
    from labkit.kinds.manifest.view import answers
    from labkit.pages import waiting
    from labkit.pages.page import show

    at = namespace()
    show(waiting.run(lambda: answers(at, path, selector, until, seconds), f"Asking each pod for {path}"))


def run_of(noted: list[list[Any]]) -> Run:
    """A run as a check noted it: seconds, status and version of each request."""
    from labkit.services.cluster.load import Request, Run

    return Run([Request(at, status, version, "", 0.0) for at, status, version in noted])


def names_of_pods(selector: str | None = None) -> list[str]:
    """The names of the lab's pods that are not about to end, of those with certain labels. Raises CourseError."""
    from labkit.services.cluster.pods import pods

    at = namespace()
    return [pod.name for pod in pods(at.api, at.name, selector) if not pod.ending]


def draw_way(service: str) -> None:
    """Draws the way of a request to a Service of the lab, as the cluster has it now: from its name to the pods. Raises CourseError."""
    from labkit.kinds.manifest.way import way_figure, way_of

    at = namespace()
    way_figure(way_of(at.api, at.name, service))
