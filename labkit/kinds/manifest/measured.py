"""What the pods of a Service use while it is called: memory over time beside what they asked for, and time of a processor."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from labkit.kinds.manifest.view import line, plain
from labkit.pages.figure import show_figure
from labkit.pages.page import Page, plural
from labkit.services.cluster.api import Object
from labkit.services.cluster.asking import ask
from labkit.services.cluster.load import while_loaded
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.usage import Use, killed, quantity, use

PERIOD = 0.2  # seconds between two looks
REPORT = 2  # seconds that a report takes


@dataclass
class Measured:
    """One pod: (seconds, use) of each look, what it asked for, and how it was killed, if it was."""

    name: str
    request: float | None
    limit: float | None
    looks: list[tuple[float, Use]] = field(default_factory=list)
    killed: str = ""

    @property
    def highest(self) -> float:
        """MiB at most."""
        return max((one.memory for _, one in self.looks), default=0.0)

    @property
    def cpu_each(self) -> float:
        """Milliseconds of a processor's time for an order; 0 without orders, or when it was started again meanwhile."""
        first, last = self.looks[0][1], self.looks[-1][1]
        orders = last.orders - first.orders
        return 1000 * (last.cpu - first.cpu) / orders if orders > 0 and not self.killed else 0.0


class Measurement:
    """What was measured: `pods`, each with its looks; `report` is when the reports began."""

    def __init__(self, namespace: Namespace, service: str) -> None:
        self.namespace, self.service = namespace, service
        self.report: float | None = None
        self.pods = {pod["metadata"]["name"]: _measured(pod) for pod in self._objects()}

    def take(self, seconds: float, rate: float, report_at: float | None) -> None:
        """Calls the Service, and looks at its pods meanwhile."""
        at = self.namespace
        begun, reports = time.monotonic(), []
        with while_loaded(at.admin, f"http://{self.service}.{at.name}/", rate=rate):
            while (now := time.monotonic() - begun) < seconds:
                if report_at is not None and now >= report_at and self.report is None:
                    self.report = now
                    reports = [threading.Thread(target=self._report, args=[name]) for name in self.pods]
                    for one in reports:
                        one.start()
                self._look(begun)
                time.sleep(PERIOD)
        for one in reports:
            one.join()
        self._look(begun)
        for pod in self._objects():
            if pod["metadata"]["name"] in self.pods:
                self.pods[pod["metadata"]["name"]].killed = killed(pod)

    def _report(self, name: str) -> None:
        ask(self.namespace, name, "/report", seconds=REPORT)

    def _look(self, begun: float) -> None:
        for name, pod in self.pods.items():
            if now := use(self.namespace, name):
                pod.looks.append((time.monotonic() - begun, now))

    def _objects(self) -> list[Object]:
        """The pods that have the Service's labels."""
        at = self.namespace
        spec = at.admin.get(f"{at.path}/services/{self.service}")["spec"]
        labels = ",".join(f"{key}={value}" for key, value in spec["selector"].items())
        found = at.admin.list(f"{at.path}/pods", labelSelector=labels)
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def _measured(pod: Object) -> Measured:
    return Measured(pod["metadata"]["name"], quantity(pod, "requests", "memory"), quantity(pod, "limits", "memory"))


def shown(found: Measurement) -> Page:
    """The picture, and a table of the numbers to work with."""
    seen = [pod for pod in found.pods.values() if pod.looks]
    if not seen:
        return line(f"No pod of {found.service} answers.")
    draw(found, seen)
    columns = ["pod", "MiB at first", "MiB at most", "orders", "CPU for an order", "killed"]
    rows = [
        (
            pod.name,
            f"{pod.looks[0][1].memory:.0f}",
            f"{pod.highest:.0f}",
            pod.looks[-1][1].orders,
            f"{pod.cpu_each:.1f} ms" if pod.cpu_each else "-",
            pod.killed or "-",
        )
        for pod in seen
    ]
    return plain(columns, rows)


def finding(seen: list[Measured]) -> str:
    """In words."""
    dead = [pod for pod in seen if pod.killed]
    if dead:
        return f"{plural(len(dead), 'pod')} of {len(seen)} killed: {dead[0].killed}"
    highest = max(pod.highest for pod in seen)
    limit = min((pod.limit for pod in seen if pod.limit), default=0)
    return f"{highest:.0f} MiB at most" + (f", of {limit:.0f} allowed" if limit else "")


def draw(found: Measurement, seen: list[Measured]) -> None:
    """A line for each pod; dashed ones for request and limit."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(10, 3.2), layout="constrained")
    for pod in seen:
        axes.plot([at for at, _ in pod.looks], [one.memory for _, one in pod.looks], ".-", lw=1.2, ms=3)
    lines = {"limit": (seen[0].limit, "tab:red")}
    if seen[0].request != seen[0].limit:
        lines["request"] = (seen[0].request, "tab:gray")
    for name, (value, colour) in lines.items():
        if value:
            axes.axhline(value, color=colour, ls="--", lw=1)
            where = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
            axes.text(0.995, value, f"{name} {value:.0f}", color=colour, **where)
    if found.report is not None:
        axes.axvline(found.report, color="tab:gray", lw=0.8)
        axes.annotate(" report", (found.report, 0), color="tab:gray")
    top = max([pod.highest for pod in seen] + [value or 0 for value, _ in lines.values()])
    axes.set(xlabel="seconds", ylabel="MiB of memory", xlim=(0, None), ylim=(0, 1.15 * top))
    axes.set_title(f"{found.service}: {finding(seen)}", loc="left")
    show_figure(figure, f"Memory of {plural(len(seen), 'pod')} of {found.service} over time: {finding(seen)}.")
