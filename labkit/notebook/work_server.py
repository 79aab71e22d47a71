"""Jupyter's server gives the browser the learner's work, and takes it back: `/labkit/work`, `/labkit/undo`.

The browser's half is binder/jupyter/labextensions/labkit-keepsake, which keeps the last state in the browser's own storage.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import authenticated

from labkit.course import CourseError
from labkit.notebook import keepsake

SESSION = uuid.uuid4().hex  # another one for each start of the server
IDLE = "LABKIT_IDLE_SECONDS"  # after how long this machine ends a session in which nothing happens; unset where it does not


class Work(APIHandler):
    """The work in the saved notebooks, as `labkit save` writes it."""

    @authenticated
    async def get(self) -> None:
        """The work, which session this is, and after how many idle seconds it ends (0: never)."""
        work = json.loads(await asyncio.to_thread(keepsake.save))
        self.finish(json.dumps({"session": SESSION, "idle": idle_seconds(), "work": work}))

    @authenticated
    async def post(self) -> None:
        """Brings such work back, and says what came of it."""
        try:
            done = await asyncio.to_thread(keepsake.restore, self.request.body)
        except CourseError as error:
            self.set_status(400)
            self.finish(json.dumps({"message": str(error)}))
        else:
            self.finish(json.dumps({"answers": done.answers, "told": done.told()}))


class Undo(APIHandler):
    """Takes the last restore back."""

    @authenticated
    async def post(self) -> None:
        """Says how many files are as before."""
        self.finish(json.dumps({"files": await asyncio.to_thread(keepsake.undo)}))


def idle_seconds() -> int:
    """What the machine's environment says, 0 where it says nothing that could be meant."""
    told = os.environ.get(IDLE, "")
    return int(told) if told.isdecimal() else 0


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(
        ".*$", [(url_path_join(base, "labkit", "work"), Work), (url_path_join(base, "labkit", "undo"), Undo)]
    )
