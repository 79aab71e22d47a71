"""Starts the agent, as the user that it is told to be: all modules are loaded before, as that user may not be able to read them."""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401 (aiohttp needs it when a name is looked up first)
import os
import signal
import sys
from pathlib import Path

from labkit.services.cluster.node.agent import main
from labkit.services.cluster.node.config import Config

SET_PDEATHSIG, NO_NEW_PRIVS = 1, 38


def step_down(config: Config) -> None:
    """Becomes an ordinary user where it was started as root, and dies with its parent."""
    if config.user is not None and config.group is not None:
        os.setgroups([])
        os.setresgid(config.group, config.group, config.group)
        os.setresuid(config.user, config.user, config.user)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(SET_PDEATHSIG, signal.SIGTERM)  # becoming another user has taken it away
        if config.parent is not None and os.getppid() != config.parent:
            os._exit(1)
    os.umask(0o077)


if __name__ == "__main__":
    told = Config.read(Path(sys.argv[1]))
    step_down(told)
    main(told)
