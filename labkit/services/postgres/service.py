"""Postgres as one of the course's services: a lab has a database of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.course import Lab
from labkit.course.home import home
from labkit.machine.backend import Backend, ask_docker, choose, docker_answers, docker_host
from labkit.machine.fault import ServiceFault
from labkit.services.service import LEARNER, Bench, Finding, Leftover, Progress, Server, Service, Watch

if TYPE_CHECKING:
    import psutil

    from labkit.services.postgres.database import Database
    from labkit.services.postgres.running import Postgres
    from labkit.services.postgres.template import Template

PATIENCE = 5.0  # seconds for a process to end


class PostgresService(Service):
    """One server that everybody of a purpose shares, and a database of its own, with a role of its own, for each lab and each answer."""

    name, title, place = "postgres", "Postgres", "database"
    fixtures = "labkit.services.postgres.fixtures"

    def server(self, purpose: str, backend: Backend) -> Server:
        """A container or a process."""
        if backend == "embedded":
            from labkit.services.postgres.embedded import EmbeddedServer

            return EmbeddedServer(purpose)
        from labkit.services.postgres.docker import DockerServer

        return DockerServer(purpose)

    def join(self, purpose: str = LEARNER, backend: Backend | None = None) -> Postgres:
        """A lease on the server."""
        from labkit.services.postgres.running import postgres

        return postgres(purpose, backend)

    def open(self, running: Postgres, lab: Lab, progress: Progress = None) -> Database:
        """A clone of the lab's data."""
        from labkit.services.postgres.lab_template import lab_template, lesson_template

        return running.database(lesson_template(lab.section) if lab.name == "lesson" else lab_template(lab.key))

    def template(self, lab: Lab) -> Template:
        """The lab's data."""
        from labkit.services.postgres.lab_template import lab_template

        return lab_template(lab.key)

    def bench(self, purpose: str) -> Bench:
        """It has one database ready ahead of its use."""
        from labkit.services.postgres.bench import PostgresBench

        return PostgresBench(self, purpose)

    def watch(self, purpose: str, backend: str | None) -> Watch:
        """It looks through the catalogs after each answer."""
        from labkit.services.postgres.watch import PostgresWatch

        return PostgresWatch(self, purpose, backend)

    def told(self, error: BaseException) -> str | None:
        """Postgres' own words, where it was the answer that failed."""
        import psycopg

        from labkit.services.postgres.limits import GRADED
        from labkit.services.postgres.words import is_the_servers, words

        if not isinstance(error, psycopg.Error) or is_the_servers(error):
            return None
        looked = "While the check looked at what the answer made"
        if isinstance(error, psycopg.errors.QueryCanceled):
            return f"{looked}, Postgres had to be stopped: it took {GRADED.read:.0f} s or longer to read it, and it must take a moment. {words(error)}"
        return f"{looked}: {words(error)}"

    def doctor(self) -> Iterator[Finding]:
        """Which server the labs would get."""
        try:
            yield self._in_docker() if choose() == "docker" else self._embedded()
        except ServiceFault as fault:  # it says the next step itself
            yield Finding(self.name, "missing", str(fault))

    def leftovers(self, kept: set[str]) -> Iterator[Leftover]:
        """Servers over this home's data whose keeper is gone; they die with it, so this finds those that hang."""
        import psutil

        for process in psutil.process_iter(["cmdline"]):
            command = process.info["cmdline"] or []
            data = next((Path(a) for a in command if a.startswith(f"{home()}/{self.name}/")), None)
            if data and f"{self.name}-{data.name.rpartition('-')[0]}-embedded" not in kept:
                yield Leftover(f"server process {process.pid} over {data}", lambda process=process: _end(process))

    def cache(self) -> Iterator[Leftover]:
        """Its data folders."""
        folder = home() / self.name
        if folder.exists():
            yield Leftover(f"data in {folder}", lambda: shutil.rmtree(folder))

    def _embedded(self) -> Finding:
        from labkit.machine.system_user import NAME, check_named
        from labkit.services.postgres.programs import binaries

        folder = binaries()
        if os.geteuid() == 0 and not shutil.which("useradd"):
            to_do = "apt-get install -y passwd, or run the course as an ordinary user"
            return Finding(self.name, "missing", f"as root a user {NAME} must be made, and useradd is missing", to_do)
        if os.geteuid() != 0:
            check_named()
        return Finding(self.name, "ok", f"embedded: a process of this machine, from {folder}")

    def _in_docker(self) -> Finding:
        from labkit.services.postgres.settings import IMAGE

        if not docker_answers():
            to_do = "Start Docker, or unset LABKIT_BACKEND"
            return Finding(self.name, "missing", f"docker was asked for, and {docker_host()} does not answer", to_do)
        if ask_docker(f"/images/{IMAGE}/json") == 200:
            return Finding(self.name, "ok", f"docker: a container of {IMAGE}")
        to_do = f"docker pull {IMAGE} (without a network: export LABKIT_BACKEND=embedded)"
        return Finding(self.name, "note", f"docker: {IMAGE} will be pulled the first time", to_do)


def _end(process: psutil.Process) -> None:
    """Ends a server at once, and its children with it."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        family: list[Any] = [process, *process.children(recursive=True)]
        process.send_signal(signal.SIGQUIT)
        for slow in psutil.wait_procs(family, PATIENCE)[1]:
            slow.kill()


SERVICE = PostgresService()
