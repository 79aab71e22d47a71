"""Servers and clients of the library that learners use, for the course's own end to talk to; and where they are run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, unix_serve

from labkit.course.home import run_folder
from labkit.sandbox import Sandbox, Unsafe, choose

PLAY_SECONDS = 120

SERVER = """
import asyncio, os, signal
from websockets.asyncio.server import unix_serve

async def handler(connection):
    async for message in connection:
        await connection.send(message)

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with unix_serve(handler, os.environ["SOCKET"]):
        await stop.wait()
    print("ended well")

asyncio.run(main())
"""


def play(scene: Coroutine[Any, Any, Any]) -> Any:
    """Runs a scene to its end; in a thread of its own, as a browser's tests may have left a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asyncio.wait_for(scene, PLAY_SECONDS)).result()


async def echo(connection: ServerConnection) -> None:
    """Sends each message back."""
    async for message in connection:
        await connection.send(message)


@asynccontextmanager
async def library_server(
    handler: Callable[..., Any] = echo, name: str = "library", **options: Any
) -> AsyncIterator[Path]:
    """A server of websockets on a Unix socket."""
    path = run_folder() / f"{name}-{os.getpid()}.sock"
    async with unix_serve(handler, str(path), **options):
        yield path
    path.unlink(missing_ok=True)


@pytest.fixture(params=["bubblewrap", "container", "unsafe"])
def anywhere(request: pytest.FixtureRequest) -> Sandbox:
    """Every place in which an answer may run on this machine."""
    found = Unsafe() if request.param == "unsafe" else choose(request.param)
    if found is None:
        pytest.skip(f"{request.param} does not work here")
    return found
