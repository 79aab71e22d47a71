"""What a checker keeps of MLflow: an empty place that is ready before it is asked for, beside a learner's kernel."""

from __future__ import annotations

from labkit.course import Lab
from labkit.services.mlflow.place import Place
from labkit.services.service import LEARNER, Bench, Service


class MlflowBench(Bench):
    """Hands out places."""

    def __init__(self, service: Service, purpose: str) -> None:
        super().__init__(service, purpose)
        self._spare: Place | None = None

    def place(self, lab: Lab) -> Place:
        """An empty place with the limits of graded runs: the spare, else a new one. Raises ServiceFault."""
        running = self.running()
        spare, self._spare = self._spare, None
        return spare if spare and spare.is_there() else running.place(lab.key, graded=True)

    def lost(self) -> None:
        """The spare went with the server."""
        self._spare = None

    def warm(self, lab: Lab) -> None:
        """The first spare, and the client, whose import takes as long as a server's start."""
        running = self.running()
        import mlflow  # noqa: F401

        if self.purpose == LEARNER and self._spare is None:
            self._spare = running.place(lab.key, graded=True)

    def close(self) -> None:
        """Gives everything back."""
        if self._spare:
            self._spare.drop()
        super().close()
