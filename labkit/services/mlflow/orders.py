"""Orders to the gate of a running server: what makes, resets and drops places."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any

from labkit.machine.fault import ServiceFault

PATIENCE = 60.0  # seconds for an order: a place takes milliseconds, and a machine may be busy


def ask(reach: dict[str, Any], do: str, *, patience: float = PATIENCE, **order: Any) -> Any:
    """What the server answers. Raises OSError where nobody answers, and ServiceFault where it refuses."""
    text = json.dumps({"do": do, **order})
    with contextlib.closing(http.client.HTTPConnection(reach["host"], reach["port"], timeout=patience)) as connection:
        try:
            connection.request("POST", "/labkit", text, {"Authorization": f"Bearer {reach['key']}"})
            response = connection.getresponse()
            said = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"no HTTP: {error!r}") from error
    if response.status == 200:
        return json.loads(said)
    why = said.decode(errors="replace")[:400]
    raise ServiceFault(
        f"The MLflow server refused to {do} a place ({response.status}): {why} Restart it: run `labkit doctor`."
    )


def order(reach: dict[str, Any], do: str, **more: Any) -> Any:
    """As `ask`, of a server that should be there. Raises ServiceFault."""
    try:
        return ask(reach, do, **more)
    except OSError as error:
        raise ServiceFault(f"The MLflow server is gone ({error}). Restart it, and run this again.") from error


def answers(reach: dict[str, Any]) -> bool:
    """Whether the server takes orders."""
    try:
        return isinstance(ask(reach, "names", patience=5), list)
    except (OSError, ValueError, ServiceFault):
        return False
