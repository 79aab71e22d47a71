"""JupyterLab at the map of the course, as `make lab` starts it: no question, one URL, and quiet after that.

python -m labkit.jupyterlab [any option of `jupyter lab`]
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from labkit import quickly
from labkit.course import root

quickly.skip_grammars()
from jupyterlab.labapp import LabApp  # noqa: E402


def main(arguments: list[str]) -> None:
    """Serve until Ctrl-C or SIGTERM; kernels end with the server. Options of `jupyter lab` go before ours."""
    course = root()
    _put_first("JUPYTER_CONFIG_PATH", course / "binder" / "jupyter")  # the course's settings, as on Binder
    _put_first("PATH", Path(sys.executable).parent)  # a terminal in JupyterLab finds `labkit` and `nbgrader`
    logging.captureWarnings(True)
    # Its extension warns about a missing configuration, which no learner has.
    logging.getLogger("NbGrader").addFilter(lambda record: record.levelno >= logging.ERROR)
    quiet = [f"--{name}.log_level=ERROR" for name in ("ServerApp", "LabApp")]
    defaults = [f"--ServerApp.root_dir={course}", "--ServerApp.allow_root=True", *quiet]
    server = LabApp.initialize_server(argv=[*defaults, *arguments])
    url = server.local_url
    server.identity_provider.token_generated = False  # otherwise it prints a file and two URLs of its own
    server.io_loop.add_callback(print, f"The course is open at {url}\nCtrl-C stops it.", flush=True)
    signal.signal(signal.SIGHUP, _end)  # the terminal was closed
    if not (sys.stdin and sys.stdin.isatty()):
        # Jupyter leaves Ctrl-C to Python then, which loses a KeyboardInterrupt that is raised in a weak reference's callback.
        signal.signal(signal.SIGINT, _end)
    server.start()


def _end(*_: object) -> None:
    """End as at SIGTERM, on which the server stops its kernels first."""
    signal.raise_signal(signal.SIGTERM)


def _put_first(variable: str, folder: Path) -> None:
    """Make the folder the first of a search path in the environment."""
    os.environ[variable] = os.pathsep.join(filter(None, [str(folder), os.environ.get(variable)]))


if __name__ == "__main__":
    main(sys.argv[1:])
