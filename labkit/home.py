"""Where the course keeps what it can make again (server data, templates), and where its sockets lie."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def home() -> Path:
    """The cache folder: `LABKIT_HOME`, else the user's cache; as root a place that the server's own user can enter."""
    default = (
        Path("/var/cache/labkit") if os.name == "posix" and os.geteuid() == 0 else Path.home() / ".cache" / "labkit"
    )
    path = Path(os.environ.get("LABKIT_HOME", default)).absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


def run_folder() -> Path:
    """A short folder for sockets (a socket's path may have 107 bytes), one for each home and user."""
    digest = hashlib.sha256(f"{home()} {os.getuid()}".encode()).hexdigest()[:8]
    path = Path(tempfile.gettempdir(), f"labkit-{digest}")
    path.mkdir(mode=0o711, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to another user. Remove it, or set TMPDIR to a folder of your own.")
    return path
