"""A server: it is started, asked for a path, told to stop, and what it did is said. And scenes with it, for a lab's own cells."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.kinds.answer import AnswerError, Wrong
from labkit.kinds.server.desk import Desk, in_words
from labkit.kinds.websocket.connection import Client, Refused
from labkit.kinds.websocket.instance import LIMITS, DoesNotListen
from labkit.kinds.websocket.stage import Stage
from labkit.machine.fault import ServiceFault
from labkit.pages import waiting
from labkit.pages.page import EMPTY, Page, duration, failed, quiet
from labkit.sandbox import Limits, Unsafe, choose

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab
    from labkit.services.postgres import Database

GRACE = 5.0  # seconds after SIGTERM, until it is killed
SHOWN = 2_000  # characters of what it printed
PROXY = [("X-User", "ada"), ("X-Forwarded-For", "192.0.2.1")]  # what a proxy in front of it would write
Scene = Callable[[Desk], Awaitable[object]]


def run(text: str, session: OpenLab, name: str) -> Page:
    """Starts the server, asks it for `/`, stops it as a deploy does, and says what happened."""
    try:
        return waiting.run(lambda: _tried(text, _database(session)), "The server is tried")
    except DoesNotListen as error:
        return failed(str(error))
    except OSError as error:
        raise ServiceFault(f"The server could not be started here ({error}). Run `labkit doctor`.") from error


def watch(text: str, scene: Scene, seconds: float = 30.0, limits: Limits = LIMITS) -> Desk:
    """Plays `scene(desk)` with a server of this text, and returns the desk: `desk.logs` is what happened on each connection.

    Whatever the scene ended with is printed, and not raised: the picture is of use all the same.
    """

    async def played(desk: Desk) -> Desk:
        async with desk:
            await scene(desk)
        return desk

    def play() -> Desk:
        desk = Desk(_sandbox(), text, limits)
        with Stage() as stage:
            try:
                with in_words():
                    stage.run(played(desk), seconds)
            except (AnswerError, Wrong) as error:
                print(error)
        return desk

    return waiting.run(play, "The scene is played")


def answer_or(name: str, otherwise: str) -> tuple[str, bool]:
    """The open lab's answer as it was last run, and True; or the other text, and False, when there is none yet."""
    from labkit.course import CourseError
    from labkit.kinds.open_lab import current

    try:
        return current().answer(name), True
    except CourseError:
        return otherwise, False


def endings(desk: Desk) -> list[int]:
    """The code with which each client's connection was ended by the server: 1006 where there was no close frame."""
    return [client.told[0] if client.told else 1006 for client in desk.clients]


def _sandbox():
    return choose() or Unsafe()


def _database(session: OpenLab) -> Database | None:
    return session.place("postgres") if "postgres" in session.lab.needs else None


def _tried(text: str, database: Database | None) -> Page:
    with Stage() as stage:
        return stage.run(_try(text, database))


async def _try(text: str, database: Database | None) -> Page:
    begun = time.monotonic()
    async with Desk(_sandbox(), text, database=database) as desk:
        lines = [f"It listens after {duration(time.monotonic() - begun)}."]
        try:
            client = await Client.open(desk.instance.path, "/", headers=PROXY, seconds=GRACE)
            lines.append("GET / is answered with 101, the connection is open.")
        except Refused as error:
            client = None
            lines.append(f"GET / is answered with {error.head.line if error.head else 'nothing'}.")
        desk.instance.terminate()
        finished = await desk.instance.ended(GRACE)
        if finished is None:
            lines.append(f"SIGTERM did not end it within {GRACE:g} s; it was killed.")
            desk.instance.kill()
            finished = await desk.instance.ended(GRACE)
        else:
            took = duration(max(0.0, desk.instance.ended_at - desk.instance.told_at))
            lines.append(f"SIGTERM ended it within {took}, with status {finished.exit_code}.")
        if client and client.told:
            lines.append(f"The client was told {client.told[0]}.")
        elif client:
            lines.append("The client was told nothing: 1006.")
    said = (finished.stdout + finished.stderr).strip()[-SHOWN:] if finished else ""
    output = Page(Markup("<pre>{}</pre>").format(said), said) if said else EMPTY
    return quiet(" ".join(lines)) + output
