"""MLflow's server with places, in one process: no workers, no jobs, no telemetry.

    python -m inside < settings

The settings are one line of JSON; in a container, the variable PLACES. On standard output it says when it takes requests.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",  # a pooled connection would lead to the place of whoever opened it
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",  # a model is data here, and is loaded by nobody
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
    "_MLFLOW_SERVER_ARTIFACT_DESTINATION": "place:/",
}
GRACE = 2  # seconds for requests that are under way when the server ends


def main() -> None:
    """Serves until it is told to end."""
    told = json.loads(os.environ.pop("PLACES", "") or sys.stdin.readline())
    os.environ.update(SETTINGS)
    places = _places(told)
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = places.storage.uri
    app = _app(places, told["key"])
    import uvicorn

    listener = socket.socket(fileno=told["fd"]) if "fd" in told else _listen(told["port"])
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE, lifespan="off")
    print(json.dumps({"ready": listener.getsockname()[1], "version": _version()}), flush=True)
    uvicorn.Server(config).run(sockets=[listener])


def _places(told: dict[str, Any]) -> Any:
    from .places import Places

    folder = Path(told["folder"])
    if "postgres" in told:
        from .postgres import PostgresStorage

        storage = PostgresStorage(told["postgres"], f"mlflow_{_version().replace('.', '_')}")
    else:
        from .sqlite import SqliteStorage

        storage = SqliteStorage(folder, Path(told["templates"], f"mlflow-{_version()}.db"))
    return Places(storage, folder / "artifacts")


def _app(places: Any, key: str) -> Any:
    """MLflow's application behind the gate, with its stores made from the template."""
    from .current import follow, works_in
    from .gate import Gate
    from .places import Place

    follow()
    template = Place("", "", 0, Path("/nonexistent"), places.storage)
    with works_in(template):
        places.storage.prepare()
        from mlflow.server import handlers
        from mlflow.server.fastapi_app import app

        handlers._get_tracking_store()
        handlers._get_model_registry_store()
    return Gate(app, places, key)


def _listen(port: int) -> socket.socket:
    listener = socket.create_server(("", port))
    listener.set_inheritable(True)
    return listener


def _version() -> str:
    from importlib.metadata import version

    return version("mlflow")


if __name__ == "__main__":
    main()
