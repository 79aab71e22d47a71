"""MLflow as one of the course's services: a lab has a place of its own on one server."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from labkit.course import Lab
from labkit.course.home import home
from labkit.machine.backend import Backend, ask_docker, choose, docker_answers, docker_host
from labkit.machine.fault import ServiceFault
from labkit.services.service import LEARNER, Bench, Finding, Leftover, Progress, Server, Service

if TYPE_CHECKING:
    from labkit.services.mlflow.place import Place
    from labkit.services.mlflow.running import Mlflow

QUIET = {  # a line for each run, and for each version; and news to MLflow's makers
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
OF_THE_ANSWER = ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_EXHAUSTED", "INVALID_STATE")  # what it removed, or filled up
PATIENCE = 5.0  # seconds for a process to end


class MlflowService(Service):
    """One server that everybody of a purpose shares; each lab and each answer sees runs, models and artifacts of its own, and no others."""

    name, title, place = "mlflow", "MLflow", "place on the MLflow server"
    fixtures = "labkit.services.mlflow.fixtures"

    def server(self, purpose: str, backend: Backend) -> Server:
        """A process, or a container on a Postgres of its own."""
        if backend == "embedded":
            from labkit.services.mlflow.embedded import EmbeddedServer

            return EmbeddedServer(purpose)
        from labkit.services.mlflow.container import DockerServer

        return DockerServer(purpose)

    def join(self, purpose: str = LEARNER, backend: Backend | None = None) -> Mlflow:
        """A lease on the server."""
        from labkit.services.mlflow.running import mlflow

        return mlflow(purpose, backend)

    def open(self, running: Mlflow, lab: Lab, progress: Progress = None) -> Place:
        """An empty place: what a lab starts with, its own cells make. MLflow's client says less in this kernel from now on."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        return running.place(lab.key, progress=progress)

    def bench(self, purpose: str) -> Bench:
        """It has one empty place ready ahead of its use."""
        from labkit.services.mlflow.bench import MlflowBench

        return MlflowBench(self, purpose)

    def left_behind(self, running: Mlflow) -> list[str]:
        """Places that nobody dropped."""
        return running.left_behind()

    def told(self, error: BaseException) -> str | None:
        """MLflow's own words, where the server refused what a check asked of what the answer made."""
        if getattr(error, "error_code", "") not in OF_THE_ANSWER:
            return None
        return f"While the check looked at what the answer made: {str(error)[:400]}"

    def doctor(self) -> Iterator[Finding]:
        """Which server the labs would get."""
        try:
            yield self._in_docker() if choose() == "docker" else self._embedded()
        except ServiceFault as fault:  # it says the next step itself
            yield Finding(self.name, "missing", str(fault))

    def leftovers(self, kept: set[str]) -> Iterator[Leftover]:
        """Servers over this home's folders whose keeper is gone, and those folders."""
        import psutil

        folders = {str(path): path for path in (home() / self.name).glob("*") if path.name != "templates"}
        gone = {name for name, path in folders.items() if f"{self.name}-{path.name}-embedded" not in kept}
        for process in psutil.process_iter(["cmdline"]):
            if gone & set(process.info["cmdline"] or []):
                yield Leftover(f"MLflow server, process {process.pid}", lambda process=process: _end(process))
        for name in sorted(gone):
            yield Leftover(f"places in {name}", lambda name=name: shutil.rmtree(name, ignore_errors=True))

    def cache(self) -> Iterator[Leftover]:
        """The template of its database."""
        folder = home() / self.name
        if folder.exists():
            yield Leftover(f"data in {folder}", lambda: shutil.rmtree(folder))

    def _embedded(self) -> Finding:
        if find_spec("mlflow"):
            return Finding(self.name, "ok", "embedded: a process of this machine, on SQLite")
        return Finding(self.name, "missing", "MLflow is not in this environment", "make env")

    def _in_docker(self) -> Finding:
        from labkit.services.mlflow import image

        if not docker_answers():
            to_do = "Start Docker, or unset LABKIT_BACKEND"
            return Finding(self.name, "missing", f"docker was asked for, and {docker_host()} does not answer", to_do)
        if ask_docker(f"/images/{image.tag()}/json") == 200:
            return Finding(self.name, "ok", f"docker: a container of {image.tag()}, on Postgres in another one")
        to_do = f"Be connected to the internet then: it takes {image.BASE} and MLflow's packages"
        return Finding(self.name, "note", f"docker: {image.tag()} will be built the first time", to_do)


def _end(process: Any) -> None:
    """Ends a server at once."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        process.wait(PATIENCE)


SERVICE = MlflowService()
