"""A learner's client at work: `follow(path, uri, after, deliver)`, run many times beside each other in one sandboxed process.

async with Followers(sandbox, text, feed.path) as followers:
    one = followers.follow("/prices/7", after=10)
    await one.ended(5)
    one.delivered, one.outcome
"""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, Self

from labkit.course.home import run_folder
from labkit.kinds.answer import AnswerError
from labkit.sandbox import Finished, Limits, Sandbox

LIMITS = Limits(seconds=60, cpu_seconds=30, open_files=1_024)
STARTING = 30.0  # seconds until the program waits for its first client
HOST = "ws://feed"
USELESS = 64  # exit status of a program that has no coroutine to call
LONGEST_LINE = 64 * 1024
MOST = 50_000  # lines of one program that anybody reads
LONGEST = 600  # characters of an error that are told

RUN = f'''"""Runs follow() of answer.py for each line that comes, all at the same time, and tells what it delivers and how it ends."""
import asyncio, inspect, json, os, sys, traceback


def told(error):
    """The error with the answer's line that it comes from."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith("answer.py")]
    lines = [error.lineno] if isinstance(error, SyntaxError) else lines
    place = f"line {{lines[-1]}}: " if lines else ""
    try:
        said = str(error)
    except Exception:
        said = ""
    return f"{{place}}{{type(error).__name__}}: {{said}}"[:{LONGEST}]


def useless(why):
    print(why, file=sys.stderr, flush=True)
    os._exit({USELESS})


async def run(job, say):
    def deliver(item):
        say({{"name": job["name"], "item": item}})

    try:
        await answer.follow(os.environ["FEED"], job["uri"], job["after"], deliver)
        say({{"name": job["name"], "outcome": "returned"}})
    except BaseException as error:
        say({{"name": job["name"], "outcome": type(error).__name__, "error": told(error)}})


async def main():
    reader, writer = await asyncio.open_unix_connection(os.environ["CONTROL"])

    def say(what):
        writer.write(json.dumps(what, default=repr).encode() + b"\\n")

    if not inspect.iscoroutinefunction(getattr(answer, "follow", None)):
        useless("The cell defines no coroutine follow: async def follow(path, uri, after, deliver).")
    say({{"ready": True}})
    running = set()
    while line := await reader.readline():
        running.add(asyncio.create_task(run(json.loads(line), say)))


try:
    import answer
except BaseException as error:
    useless("The cell does not run: " + told(error))
try:
    asyncio.run(main())
finally:
    os._exit(0)
'''


class Follower:
    """One run of `follow`: what it delivered and when (monotonic seconds), and its outcome: "returned", or an error's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.delivered: list[Any] = []
        self.outcome, self.error = "", ""
        self.ended_at = 0.0
        self._over = asyncio.Event()

    async def ended(self, seconds: float) -> bool:
        """Waits until it ended. Returns whether it did."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def take(self, said: dict[str, Any]) -> None:
        """Something that its program told."""
        if "item" in said:
            self.delivered.append(said["item"])
        if "outcome" in said:
            self.outcome, self.error = str(said["outcome"])[:80], str(said.get("error", ""))[:LONGEST]
            self.ended_at = time.monotonic()
            self._over.set()


class Followers:
    """The program. An async context manager: leaving it ends the process. Raises AnswerError when it cannot be used."""

    def __init__(self, sandbox: Sandbox, text: str, feed: Path) -> None:
        self._sandbox, self._text, self._feed = sandbox, text, feed
        self._folder = Path(tempfile.mkdtemp(prefix="follow-", dir=run_folder()))
        self._control = self._folder / "control" / "control.sock"
        self._stop, self._threads = Event(), ThreadPoolExecutor(1, "followers")
        self._known: dict[str, Follower] = {}
        self._ready: asyncio.Future[asyncio.StreamWriter] | None = None
        self.finished: asyncio.Future[Finished] | None = None
        self.on_item: Callable[[Follower], object] = lambda _: None

    async def __aenter__(self) -> Self:
        self._folder.chmod(0o711)
        self._control.parent.mkdir(mode=0o711)
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        self._server = await asyncio.start_unix_server(self._serve, self._control, limit=LONGEST_LINE)
        self._control.chmod(0o666)
        self.finished = loop.run_in_executor(self._threads, self._run)
        await asyncio.wait([self._ready, self.finished], timeout=STARTING, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            why = (
                self.why_it_ended()
                if self.finished.done()
                else f"The cell does not come to its end within {STARTING:g} s."
            )
            await self.__aexit__()
            raise AnswerError(why)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        self._server.close()
        if self.finished:
            await asyncio.wait([self.finished])
        self._threads.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def follow(self, path: str, after: int) -> Follower:
        """Begins a run of `follow` for this path of the feed. The path is its name, too."""
        assert self._ready is not None
        follower = self._known[path] = Follower(path)
        job = {"name": path, "uri": f"{HOST}{path}", "after": after}
        self._ready.result().write(json.dumps(job).encode() + b"\n")
        return follower

    def why_it_ended(self) -> str:
        """Why the program is gone, for its author; nothing while it runs."""
        if self.finished is None or not self.finished.done():
            return ""
        finished = self.finished.result()
        said = finished.stderr.strip().splitlines()
        if finished.exit_code == USELESS and said:
            return said[-1][:LONGEST]
        if finished.ended_by == "exit":
            return "The client ended the whole program. Which line exits?"
        return finished.why(LIMITS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._ready is not None
        try:
            for _ in range(MOST):
                if not (line := await reader.readline()):
                    break
                self._take(json.loads(line), writer)
        except (ValueError, OSError, RecursionError, asyncio.LimitOverrunError):
            pass  # a line that is none of ours: nothing more is read
        finally:
            writer.close()

    def _take(self, said: Any, writer: asyncio.StreamWriter) -> None:
        assert self._ready is not None
        if not isinstance(said, dict):
            return
        if said.get("ready") and not self._ready.done():
            self._ready.set_result(writer)
        if follower := self._known.get(str(said.get("name"))):
            follower.take(said)
            if "item" in said:
                self.on_item(follower)

    def _run(self) -> Finished:
        sockets = {"FEED": self._feed, "CONTROL": self._control}
        return self._sandbox.run(
            ["python", "run.py"],
            files={"run.py": RUN, "answer.py": self._text},
            sockets=list(sockets.values()),
            limits=LIMITS,
            env={name: f"{self._sandbox.folder_of(path)}/{path.name}" for name, path in sockets.items()},
            stop=self._stop,
        )
