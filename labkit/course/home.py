"""Where the course keeps what it can make again (server data, templates), and where its sockets lie."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labkit.course.lab import CourseError

HOME = "LABKIT_HOME"
APART = "apart-"  # how a home within a home is called
SOCKET = 107  # bytes that a socket's path may have
BELOW = 45  # of these, what our longest names below the run folder take


def home() -> Path:
    """The cache folder: `LABKIT_HOME`, else the user's cache; as root a place that the server's own user can enter. Raises CourseError."""
    default = (
        Path("/var/cache/labkit") if os.name == "posix" and os.geteuid() == 0 else Path.home() / ".cache" / "labkit"
    )
    path = Path(os.environ.get(HOME, default)).absolute()
    try:
        _make(path)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied", str(path))
    except OSError as error:
        raise CourseError(
            f"The course keeps its servers' data in {path}, which cannot be written ({error.strerror}). "
            f"Set {HOME} to a folder of your own on a disk with space, for example: export {HOME}=$HOME/labkit"
        ) from error
    return path


def move_apart() -> None:
    """From now on another home, within this one, for this process and those that it starts: a host that we cannot see works in this one."""
    here = home()
    number = int(here.name.removeprefix(APART)) if here.name.startswith(APART) else 0
    base = here.parent if number else here
    os.environ[HOME] = str(base / f"{APART}{number + 1}")


def run_folder() -> Path:
    """A short folder for sockets, one for each home and user. Raises CourseError where there is no place for one."""
    digest = hashlib.sha256(f"{home()} {os.getuid()}".encode()).hexdigest()[:8]
    why = ""
    for place in _places():
        path = place / f"labkit-{digest}"
        if len(os.fsencode(path)) + BELOW > SOCKET:
            why = why or f"{place} is too long a path for sockets"
            continue
        try:
            path.mkdir(mode=0o711, exist_ok=True)
            if path.stat().st_uid != os.getuid():
                raise PermissionError(None, "it belongs to another user", str(path))
            if path.stat().st_mode & 0o777 != 0o711:
                path.chmod(0o711)  # whatever the umask
        except OSError as error:
            why = why or f"{path}: {error.strerror}"
            continue
        return path
    raise CourseError(
        f"There is no place for the course's sockets ({why}). Set TMPDIR to a folder of your own with a short path."
    )


def _places() -> Iterator[Path]:
    """Where sockets may lie, the best first."""
    yield Path(tempfile.gettempdir())
    if os.geteuid() and (ours := os.environ.get("XDG_RUNTIME_DIR")):
        yield Path(ours)
    yield from (Path("/tmp"), Path("/var/tmp"))


def _make(path: Path) -> None:
    """Makes a folder and what is missing above it. As root, others may pass through them: servers run as a user of their own."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for folder in missing:
            with contextlib.suppress(FileNotFoundError):
                folder.chmod(0o755)
