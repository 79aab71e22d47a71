"""Ryuk: testcontainers' own container, which removes ours when their keeper was killed."""

from __future__ import annotations

import os
from collections.abc import Callable

from labkit.course import home
from labkit.machine.backend import LABEL


def ryuk() -> Callable[[], object]:
    """What starts it, and returns once it watches over this process' containers. The import alone takes time."""
    os.environ.setdefault("RYUK_RECONNECTION_TIMEOUT", "1s")  # a killed keeper does not come back
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import Reaper

    return (lambda: None) if testcontainers_config.ryuk_disabled else Reaper.get_instance


def labels(service: str) -> dict[str, str]:
    """The labels of a container that is not made with testcontainers, by which Ryuk and `labkit clean` find it. `service` has its purpose, too."""
    from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID

    return {LABEL: str(home.home()), "labkit.service": service, LABEL_SESSION_ID: SESSION_ID}
