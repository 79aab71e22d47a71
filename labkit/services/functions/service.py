"""The function platform as one of the course's services: a lab has a space of its own for its functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from labkit.course import Lab
from labkit.machine.backend import Backend, choose, docker_answers, docker_host
from labkit.machine.fault import ServiceFault
from labkit.services.service import LEARNER, Finding, Progress, Server, Service

if TYPE_CHECKING:
    from labkit.services.functions.client import Space
    from labkit.services.functions.running import Functions

INSTALL = "apt-get install -y bubblewrap (Debian, Ubuntu) or dnf install -y bubblewrap (Fedora, RHEL)"


class FunctionsService(Service):
    """One platform that everybody of a purpose shares, and a space of its own for each lab and each check."""

    name, title, place = "functions", "the function platform", "function space"
    fixtures = "labkit.services.functions.fixtures"

    def server(self, purpose: str, backend: Backend) -> Server:
        """The platform, in the keeper's own process."""
        from labkit.services.functions.kept import KeptPlatform

        return KeptPlatform(purpose, backend)

    def join(self, purpose: str = LEARNER, backend: Backend | None = None) -> Functions:
        """A lease on the platform."""
        from labkit.services.functions.running import functions

        return functions(purpose, backend)

    def open(self, running: Functions, lab: Lab, progress: Progress = None) -> Space:
        """An empty space."""
        return running.space()

    def left_behind(self, running: Functions) -> Iterable[str]:
        """Spaces that a check did not drop."""
        return running.spaces()

    def doctor(self) -> Iterator[Finding]:
        """What an instance would be here."""
        try:
            yield self._in_docker() if choose() == "docker" else self._embedded()
        except ServiceFault as fault:  # it says the next step itself
            yield Finding(self.name, "missing", str(fault))

    def _in_docker(self) -> Finding:
        from labkit.services.functions.isolation import WORDS, isolation

        if not docker_answers():
            to_do = "Start Docker, or unset LABKIT_BACKEND"
            return Finding(self.name, "missing", f"docker was asked for, and {docker_host()} does not answer", to_do)
        return Finding(self.name, "ok", f"docker: {WORDS[isolation('docker', graded=False).kind]}")

    def _embedded(self) -> Finding:
        from labkit.services.functions.isolation import WORDS, isolation

        kind = isolation("embedded", graded=False).kind
        return Finding(
            self.name,
            "ok" if kind != "unsafe" else "note",
            f"embedded: {WORDS[kind]}",
            "" if kind != "unsafe" else INSTALL,
        )


SERVICE = FunctionsService()
