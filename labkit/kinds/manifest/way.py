"""The way of a request: from a Service's name to the pods that may get it, read from the live cluster."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.pages.figure import show_figure
from labkit.services.cluster.api import Api
from labkit.services.cluster.pods import pods, serving


@dataclass(frozen=True)
class Way:
    """`pods`: name of each pod with the Service's labels, and why it gets requests, or gets none."""

    name: str
    address: str
    ports: str
    selector: str
    pods: list[tuple[str, bool]]

    @property
    def reached(self) -> int:
        """How many pods get requests."""
        return sum(gets for _, gets in self.pods)


def way_of(api: Api, namespace: str, service: str) -> Way:
    """What the cluster has of it now. Raises ApiError where there is no such Service."""
    spec = api.get(f"/api/v1/namespaces/{namespace}/services/{service}")["spec"]
    selector = ",".join(f"{key}={value}" for key, value in (spec.get("selector") or {}).items())
    reached = serving(api, namespace, service).get(service, set())
    found = (
        [(pod.name, pod.name in reached) for pod in pods(api, namespace, selector) if not pod.ending]
        if selector
        else []
    )
    ports = ", ".join(f"{port['port']} → {port.get('targetPort', port['port'])}" for port in spec.get("ports", []))
    return Way(f"{service}.{namespace}.svc", spec.get("clusterIP", ""), ports, selector, found)


def way_figure(way: Way) -> None:
    """Name, address, slice, pods: from left to right."""
    import matplotlib.pyplot as plt

    rows = max(1, len(way.pods))
    figure, axes = plt.subplots(figsize=(10, 0.55 * rows + 1.3), layout="constrained")
    middle = (rows - 1) / 2
    steps = [
        ("DNS", way.name),
        ("Service", f"{way.address}\nport {way.ports}"),
        ("EndpointSlice", f"{way.selector}\nand ready"),
    ]
    for x, (what, text) in enumerate(steps):
        box(axes, x, middle, f"{what}\n{text}", "tab:blue")
        if x:
            arrow(axes, x - 1, middle, x, middle, "tab:blue")
    for row, (name, gets) in enumerate(way.pods):
        colour = "tab:green" if gets else "tab:gray"
        box(axes, 3, row, name, colour)
        arrow(axes, 2, middle, 3, row, colour if gets else "none")
    title = f"A request to {way.name.split('.')[0]} may go to {way.reached} of {len(way.pods)} pods"
    axes.set(xlim=(-0.5, 3.6), ylim=(-0.8, rows - 0.2), title=title)
    axes.axis("off")
    show_figure(
        figure,
        f"{title}: the name {way.name} stands for {way.address}, port {way.ports}; behind it are pods with {way.selector} that are ready.",
    )


def box(axes: object, x: float, y: float, text: str, colour: str) -> None:
    """A text with a frame."""
    frame = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": colour, "linewidth": 1.5}
    axes.text(x, y, text, ha="center", va="center", fontsize=8, bbox=frame)  # type: ignore[attr-defined]


def arrow(axes: object, x: float, y: float, to_x: float, to_y: float, colour: str) -> None:
    """From one box to the next."""
    style = {"arrowstyle": "->", "color": colour, "shrinkA": 45, "shrinkB": 45}
    axes.annotate("", (to_x, to_y), (x, y), arrowprops=style)  # type: ignore[attr-defined]
