"""The way to the MLflow user interface from a notebook: direct, or through the proxy of a JupyterHub."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.pages.page import Page

if TYPE_CHECKING:
    from labkit.services.mlflow.place import Place

HUB = "JUPYTERHUB_SERVICE_PREFIX"  # what a hub, Binder's too, puts before all addresses of one person's server


def address(place: Place) -> str:
    """Where a browser finds the user interface. MLflow's pages name what they need relative to it, so any prefix will do."""
    if prefix := os.environ.get(HUB):
        return f"{prefix.rstrip('/')}/proxy/{place.port}{place.path}/"
    return f"{place.uri}/"


def page(place: Place) -> Page:
    """A button that opens it."""
    where = address(place)
    button = Markup('<a class="lk-button" href="{}" target="_blank" rel="noopener">Open MLflow</a>').format(where)
    return Page(button, f"MLflow: {where}")
