"""Where untrusted Python runs: under bubblewrap, in a container, or (on a learner's machine) unprotected.

A program sees a read-only Python with the course's libraries, its files in `/work`, a `/tmp` of its own, the
sockets that it is given, and nothing else: no network, no environment, no file of the grader's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache

from labkit.machine.fault import ServiceFault
from labkit.sandbox.bubblewrap import Bubblewrap
from labkit.sandbox.container import Container
from labkit.sandbox.limits import Finished, Limits, Sandbox
from labkit.sandbox.relay import Relay
from labkit.sandbox.signals import Signals
from labkit.sandbox.started import Started
from labkit.sandbox.unsafe import Unsafe

__all__ = [
    "UNSAFE",
    "Bubblewrap",
    "Container",
    "Finished",
    "Limits",
    "NoSandbox",
    "Relay",
    "Sandbox",
    "Signals",
    "Started",
    "Unsafe",
    "choose",
    "found",
    "is_unsafe",
    "require",
]

_KINDS: dict[str, Callable[[], Sandbox | None]] = {
    "bubblewrap": Bubblewrap.probe,
    "container": Container.probe,
}


UNSAFE = "LABKIT_UNSAFE"  # set to 1 by `labkit grade --unsafe`, for the checkers that it starts


class NoSandbox(ServiceFault):
    """This machine cannot run untrusted Python safely; the message has the line that mends it."""


def choose(kind: str | None = None) -> Sandbox | None:
    """The sandbox of this machine (or the one of this `kind`, or of `LABKIT_SANDBOX`), or None where there is none."""
    return found(kind or os.environ.get("LABKIT_SANDBOX"))


@cache
def found(kind: str | None) -> Sandbox | None:
    """As `choose`, whatever the environment says; looked for once, as a look is a run of a program."""
    kinds = [_KINDS[kind]] if kind else _KINDS.values()
    return next((sandbox for probe in kinds if (sandbox := probe())), None)


def is_unsafe() -> bool:
    """Whether graded runs do without a sandbox here; then each verdict says so."""
    return os.environ.get(UNSAFE) == "1"


def require() -> Sandbox:
    """The sandbox of this machine. Raises NoSandbox: graded runs of untrusted Python refuse without one, unless told."""
    if is_unsafe():
        return Unsafe()
    if sandbox := choose():
        return sandbox
    raise NoSandbox(
        "Grading Python needs a sandbox, and neither bubblewrap nor Docker works here. Install bubblewrap: "
        "`apt-get install -y bubblewrap` (Debian, Ubuntu) or `dnf install -y bubblewrap` (Fedora, RHEL)."
    )
