"""The platform as the keeper keeps it: it runs in the keeper's own process, and ends with it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from labkit.course.home import run_folder
from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.sandbox import Container
from labkit.services.functions.isolation import WORDS, isolation
from labkit.services.functions.server import Platform
from labkit.services.service import LEARNER


class KeptPlatform:
    """One platform of a purpose, on one backend."""

    def __init__(self, purpose: str, backend: Backend) -> None:
        self._purpose = purpose
        self._backend: Backend = backend
        self._platform: Platform | None = None

    def start(self) -> dict[str, Any]:
        """Starts it; on Docker the instances' image is built the first time. Raises ServiceFault."""
        name = f"functions-{self._purpose}"
        sandbox = isolation(self._backend, graded=self._purpose != LEARNER, labels=self._labels(name))
        try:
            if isinstance(sandbox, Container):
                sandbox.image()
            self._platform = Platform(sandbox, run_folder() / name).__enter__()
        except (OSError, RuntimeError) as error:
            raise ServiceFault(f"The function platform does not start: {error}. Run `labkit doctor`.") from error
        runtime = version("awslambdaric")
        where = f"the function platform (awslambdaric {runtime}), {WORDS[sandbox.kind]}"
        return {"control": str(self._platform.socket), "where": where, "version": runtime, "kind": sandbox.kind}

    def stop(self) -> None:
        """Ends every instance."""
        platform, self._platform = self._platform, None
        if platform:
            platform.close()

    def forget(self) -> None:
        """It keeps nothing."""

    def _labels(self, name: str) -> dict[str, str]:
        if self._backend != "docker":
            return {}
        from labkit.services.ryuk import labels, ryuk

        ryuk()()
        return labels(name)
