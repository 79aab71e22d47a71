"""A learner's server as a process: it listens, is told to stop, and whatever else it does, it ends."""

from __future__ import annotations

import asyncio

import pytest

from labkit.kinds.websocket.connection import Client
from labkit.kinds.websocket.instance import DoesNotListen, Instance
from labkit.kinds.websocket.stage import Stage
from labkit.sandbox import Limits
from tests.websocket.conftest import SERVER, play

HOLDS_ON = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
LISTENS = """
import os, socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.environ["SOCKET"])
listener.listen()
"""


def test_it_serves_drains_at_sigterm_and_its_output_is_there(anywhere):
    async def scene():
        async with Instance(anywhere, SERVER) as one:
            client = await Client.open(one.path)
            client.send("hello")
            assert (await client.receive()).content == "hello"
            one.terminate()
            assert (await client.ended()).code == 1001
            finished = await one.ended(60)
            assert finished is not None
            assert (finished.exit_code, finished.stdout) == (0, "ended well\n")
            assert one.ended_at >= one.told_at > 0

    play(scene())


def test_one_that_holds_on_is_killed(anywhere):
    async def scene():
        async with Instance(anywhere, HOLDS_ON + LISTENS + "time.sleep(60)") as one:
            one.terminate()
            assert await one.ended(0.5) is None
            one.kill()
            finished = await one.ended(60)
            assert finished is not None
            assert finished.ended_by == "stopped"
        assert not one.path.exists()

    play(scene())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\n\nprint(nothing)", "line 3: NameError: name 'nothing' is not defined"),
        ("def broken(:\n", "line 1: SyntaxError"),
        ("", "It came to its end"),
        ("raise SystemExit(3)", "exit status 3"),
        ("import os\nos._exit(0)", "It came to its end"),
    ],
)
def test_one_that_does_not_listen_says_why(anywhere, text, said):
    with pytest.raises(DoesNotListen, match=said):
        play(Instance(anywhere, text).start())


def test_one_that_fills_its_sockets_folder_is_stopped(anywhere):
    fills = (
        LISTENS
        + """
listener.accept()  # so that it was seen to listen
folder = os.path.dirname(os.environ["SOCKET"])
os.makedirs(folder + "/deep/down")
open(folder + "/deep/down/file", "w").write("x")
time.sleep(60)
"""
    )

    async def scene():
        one = Instance(anywhere, fills)
        await one.start()
        finished = await one.ended(60)
        assert finished is not None
        assert finished.ended_by == "folder"
        await one.close()
        assert not one._folder.exists()

    play(scene())


def test_a_socket_that_is_a_link_is_none(anywhere):
    link = """
import os, time
os.symlink("/etc/passwd", os.environ["SOCKET"])
time.sleep(60)
"""
    with pytest.raises(DoesNotListen, match="more than its socket"):
        play(Instance(anywhere, link).start())


def test_one_that_runs_for_too_long_is_stopped(anywhere):
    """The wall time of both kinds of programs, server and client; other limits are tried in tests/sandbox."""

    async def scene():
        async with Instance(anywhere, LISTENS + "time.sleep(60)", limits=Limits(seconds=3)) as one:
            finished = await one.ended(60)
            assert finished is not None
            assert finished.ended_by == "time"

    play(scene())


def test_what_it_started_ends_with_it(anywhere):
    forks = LISTENS + "import os\nos.fork()\ntime.sleep(60)"

    async def scene():
        async with Instance(anywhere, forks, limits=Limits(seconds=30)) as one:
            one.kill()
            assert await one.ended(60)

    play(scene())


def test_a_stage_plays_scenes_and_closes_what_is_on_it():
    closed = []

    class Thing:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            closed.append(True)

    async def scene(stage):
        await stage.stack.enter_async_context(Thing())
        asyncio.get_running_loop().create_task(asyncio.sleep(100))
        return 7

    with Stage() as stage:
        assert stage.run(scene(stage)) == 7
        with pytest.raises(TimeoutError):
            stage.run(asyncio.sleep(10), 0.01)
    assert closed == [True]
