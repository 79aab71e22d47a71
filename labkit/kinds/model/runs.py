"""The runs of a place as a plain table, the newest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST = 20


@dataclass
class Runs:
    """As a table of `labkit.pages` wants it."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    count: int
    types: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.types = ["float8" if name.startswith("metric ") else "text" for name in self.columns]


def runs(client: MlflowClient) -> Runs:
    """The runs of all experiments: when, name, status, then what any of them has of parameters and metrics."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = (
        client.search_runs(experiments, max_results=1000, order_by=["attributes.start_time DESC"])
        if experiments
        else []
    )
    params = sorted({name for run in found for name in run.data.params})
    metrics = sorted({name for run in found for name in run.data.metrics})
    columns = ["began (UTC)", "run", "status", *params, *(f"metric {name}" for name in metrics)]
    return Runs(columns, [_row(run, params, metrics) for run in found[:MOST]], len(found))


def _row(run: Run, params: list[str], metrics: list[str]) -> tuple[Any, ...]:
    began = datetime.fromtimestamp(run.info.start_time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    measured = [run.data.metrics.get(name) for name in metrics]
    return began, run.info.run_name, run.info.status, *(run.data.params.get(name) for name in params), *measured
