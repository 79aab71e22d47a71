"""Building images as one of the course's services: a lab has images, containers and a build cache of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labkit.course import Lab
from labkit.course.home import home
from labkit.machine.backend import Backend, ask_docker, choose, docker_answers, docker_host
from labkit.machine.fault import ServiceFault
from labkit.services.service import LEARNER, Finding, Leftover, Progress, Server, Service

if TYPE_CHECKING:
    from labkit.services.images.engine import Engine
    from labkit.services.images.place import NoPlace, Place
    from labkit.services.images.running import Images


class ImagesService(Service):
    """BuildKit of a Docker engine; what a purpose builds is labelled, limited, and removed with the last lease."""

    name, title, place = "images", "the builder of images", "built images"
    fixtures = "labkit.services.images.fixtures"

    def server(self, purpose: str, backend: Backend) -> Server:
        """The engine, made ready."""
        if backend == "embedded":
            from labkit.services.images.embedded import EmbeddedServer

            return EmbeddedServer(purpose)
        from labkit.services.images.docker import DockerServer

        return DockerServer(purpose)

    def join(self, purpose: str = LEARNER, backend: Backend | None = None) -> Images:
        """A lease on the engine."""
        from labkit.services.images.running import images

        return images(purpose, backend)

    def open(self, running: Images, lab: Lab, progress: Progress = None) -> Place | NoPlace:
        """A place in which nothing was built yet, or one that says why nothing can be."""
        from labkit.services.images.place import NoPlace
        from labkit.services.images.running import NotHere

        try:
            return running.place(lab.key)
        except NotHere as reason:
            return NoPlace(str(reason))

    def not_here(self, backend: Backend) -> str:
        """Without Docker, why."""
        from labkit.services.images.embedded import missing

        return missing() if backend == "embedded" else ""

    def left_behind(self, running: Images) -> Iterable[str]:
        """Places that nobody dropped."""
        from labkit.services.images import docker, place

        return [] if running.missing else place.places(running.engine, docker.prefix(running.purpose))

    def told(self, error: BaseException) -> str | None:
        """A Dockerfile that does not build, or an image whose program cannot start."""
        from labkit.services.images.container import CannotStart
        from labkit.services.images.failure import BuildFailed

        if isinstance(error, BuildFailed):
            return f"The image was not built. {error}"
        return f"The image's program does not start: {error}" if isinstance(error, CannotStart) else None

    def doctor(self) -> Iterator[Finding]:
        """What builds images here."""
        try:
            backend = choose()
        except ServiceFault as fault:
            yield Finding(self.name, "missing", str(fault))
            return
        if backend == "embedded":
            if why := self.not_here(backend):
                here, _, to_do = why.partition(". ")
                yield Finding(self.name, "note", f"{here}: the labs on images open, and say so", to_do)
            else:
                yield Finding(self.name, "ok", "embedded: Docker in a Linux kernel that runs as a process")
        elif not docker_answers():
            to_do = "Start Docker, or unset LABKIT_BACKEND"
            yield Finding(self.name, "missing", f"docker was asked for, and {docker_host()} does not answer", to_do)
        else:
            yield self._in_docker()

    def leftovers(self, kept: set[str]) -> Iterator[Leftover]:
        """Images and build cache of this home's places whose keeper is gone."""
        if not docker_answers():
            return
        from labkit.services.images import docker, place

        engine = self._engine()
        for server, kept_as in place.servers(engine, docker.prefix("")).items():
            if f"{kept_as}-docker" not in kept:
                yield Leftover(f"images and build cache of {server}", partial(place.remove_server, engine, server))

    def cache(self) -> Iterator[Leftover]:
        """Its folders; images that this home made are found by their label."""
        folder = home() / self.name
        if folder.exists():
            yield Leftover(f"files in {folder}", lambda: shutil.rmtree(folder))

    def _in_docker(self) -> Finding:
        from labkit.services.images.base import SLIM

        try:
            version = self._engine().check_buildx()
        except ServiceFault as fault:
            return Finding(self.name, "missing", str(fault))
        if ask_docker(f"/images/{SLIM.image}/json") == 200:
            return Finding(self.name, "ok", f"docker: BuildKit through buildx {version}")
        return Finding(
            self.name, "note", f"docker: {SLIM.image} will be pulled the first time", f"docker pull {SLIM.image}"
        )

    def _engine(self) -> Engine:
        from labkit.services.images.engine import Engine

        return Engine(docker_host(), home() / self.name)


SERVICE = ImagesService()
