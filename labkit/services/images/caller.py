"""HTTP requests to a container, sent from beside it: by a Python of ours in the container's own network, which no answer's image can change.

The container has no network but its loopback, and nothing leads in from outside. One process serves all requests, each in a thread of its own:
a JSON object a line goes in, and says `begun` when the answer's head is there and `status` when the whole of it is.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, Any, Self

from labkit.services.images.base import SLIM
from labkit.services.images.container import Container
from labkit.services.images.engine import docker_command

PATIENCE = 30.0  # seconds beyond a request's own, for the engine
LONGEST = 100_000  # of a line
PROGRAM = r"""
import http.client, json, sys, threading, time
speaking = threading.Lock()
def say(**what):
    with speaking:
        print(json.dumps(what), flush=True)
def send(of):
    begun, until = time.monotonic(), time.monotonic() + of["wait"]
    try:
        while True:
            line = http.client.HTTPConnection("127.0.0.1", of["port"], timeout=of["seconds"])
            try:
                line.connect()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        begun = time.monotonic()
        line.request(of["method"], of["path"], of["body"].encode() or None)
        answer = line.getresponse()
        say(id=of["id"], begun=True)
        body = answer.read(64000).decode(errors="replace")
        say(id=of["id"], status=answer.status, body=body, seconds=time.monotonic() - begun)
    except Exception as error:
        say(id=of["id"], error=f"{type(error).__name__}: {error}"[:300], seconds=time.monotonic() - begun)
for text in sys.stdin:
    threading.Thread(target=send, args=(json.loads(text),), daemon=True).start()
"""


@dataclass(frozen=True)
class Answer:
    """What came back: status 0 and an `error` where nothing did, or only a part. The body is untrusted, and cut to a length."""

    status: int
    body: str
    error: str
    seconds: float


class Call:
    """A request under way."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun, self._over = threading.Event(), threading.Event()
        self._said: dict[str, Any] = {}

    def begun(self) -> bool:
        """Waits until the head of the answer is there, so that the program has this request in hands; False when there will be none."""
        return self._begun.wait(self.seconds + PATIENCE) and "error" not in self._said

    def answer(self) -> Answer:
        """Waits for the whole answer. One that comes in drops, for ever, is none."""
        ended = self._over.wait(self.seconds + PATIENCE)
        said = self._said if ended else {"error": f"no end of the answer within {self.seconds + PATIENCE:g} s"}
        return Answer(
            int(said.get("status", 0)),
            str(said.get("body", "")),
            str(said.get("error", "")),
            float(said.get("seconds", 0)),
        )

    def hear(self, said: dict[str, Any]) -> None:
        """Takes what is told of it."""
        if "begun" not in said:
            self._said = said
            self._over.set()
        self._begun.set()


class Caller:
    """A context manager: sends requests to `port` of a running container."""

    def __init__(self, container: Container, port: int = 8000) -> None:
        self.port, self._calls, self._lost = port, dict[int, Call](), False
        command = [docker_command(), "run", "--rm", "--interactive", f"--network=container:{container.container.id}"]
        command += ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=65534:65534"]
        command += ["--pids-limit=64", "--memory=96m", "--pull=never", "--log-driver=none", "--entrypoint="]
        command += [f"--label={name}={value}" for name, value in container.labels.items()]
        command += [SLIM.image, "python3", "-I", "-c", PROGRAM]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, env=container.engine.environment, text=True, **pipes)
        assert self._process.stdout
        self._ears = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._ears.start()

    def send(self, method: str, path: str, body: str = "", *, seconds: float = 30, wait: float = 0) -> Call:
        """Sends a request, to be answered within so many seconds; for `wait` seconds it is tried again where nobody listens."""
        call = Call(seconds + wait)
        number = len(self._calls)
        self._calls[number] = call
        of = {"id": number, "port": self.port, "method": method, "path": path, "body": body}
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps({**of, "seconds": seconds, "wait": wait}) + "\n")
            self._process.stdin.flush()
        if self._lost:
            call.hear({"error": "the container is gone"})
        return call

    def get(self, path: str, *, seconds: float = 30, wait: float = 0) -> Answer:
        """The answer to GET, as `send`."""
        return self.send("GET", path, seconds=seconds, wait=wait).answer()

    def close(self) -> None:
        """Gives up what is under way."""
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ears.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(LONGEST):
                with contextlib.suppress(ValueError, KeyError):
                    said = json.loads(line)
                    self._calls[said.pop("id")].hear(said)
        self._lost = True
        for call in self._calls.values():
            if not call._over.is_set():
                call.hear({"error": "the container is gone"})
