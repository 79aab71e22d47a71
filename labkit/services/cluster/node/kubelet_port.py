"""The kubelet port: `kubectl logs` and `kubectl exec`, for the API server alone, which shows its certificate."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import ssl
import struct
import termios
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from labkit.services.cluster.node.container import Container
from labkit.services.cluster.node.process import Process, as_child

if TYPE_CHECKING:
    from labkit.services.cluster.node.config import Config
    from labkit.services.cluster.node.pod import Pod

Find = Callable[[str, str], "Pod | None"]
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class KubeletPort:
    """An HTTPS server on loopback."""

    def __init__(self, config: Config, find: Find) -> None:
        self.config, self.find = config, find
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Opens the port, any that is free. Only certificates of the cluster's own authority are let in."""
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_route("*", "/exec/{namespace}/{pod}/{container}", self._exec)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.config.ca))
        tls.load_cert_chain(self.config.certificate, self.config.key)
        tls.verify_mode = ssl.CERT_REQUIRED
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Closes the port."""
        if self._runner:
            await self._runner.cleanup()

    def _container(self, request: web.Request) -> tuple[Pod, Container]:
        pod = self.find(request.match_info["namespace"], request.match_info["pod"])
        container = pod.find(request.match_info["container"]) if pod else None
        if not pod or not container:
            raise web.HTTPNotFound(text="there is no such container on this node\n")
        return pod, container

    # ---- logs

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        pod, container = self._container(request)
        asked = request.query
        run = container.restarts - (asked.get("previous") in ("true", "1"))
        path = pod.folder / "logs" / container.name / f"{run}.log"
        if not path.exists() and asked.get("previous"):
            message = f'previous terminated container "{container.name}" in pod "{pod.name}" not found\n'
            raise web.HTTPBadRequest(text=message)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        stamps = asked.get("timestamps") in ("true", "1")
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        place = sum(map(len, lines))
        if since := asked.get("sinceTime") or _before(asked.get("sinceSeconds")):
            lines = [line for line in lines if line[:19].decode() >= since[:19]]
        if (tail := asked.get("tailLines")) is not None:
            lines = lines[-int(tail) :] if int(tail) else []
        data = b"".join(_shown(line, stamps) for line in lines)
        if limit := asked.get("limitBytes"):
            data = data[: int(limit)]
        await response.write(data)
        if asked.get("follow") in ("true", "1"):
            with contextlib.suppress(ConnectionError):
                await self._follow(container, run, place, stamps, response)
        return response

    async def _follow(
        self, container: Container, run: int, place: int, stamps: bool, response: web.StreamResponse
    ) -> None:
        while container.process and container.restarts == run:
            log = container.process.log
            grown, closed = log.grown, log.closed
            with log.path.open("rb") as file:
                file.seek(place)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            place += len(whole)
            if whole:
                await response.write(b"".join(_shown(line, stamps) for line in whole.splitlines(keepends=True)))
            if closed:
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(grown.wait(), 1)

    # ---- exec

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        _, container = self._container(request)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPBadRequest(text="this node speaks WebSocket only: use a newer kubectl\n")
        if self.config.only_known_commands:
            raise web.HTTPForbidden(text="this node runs only the images' own programs\n")
        if "running" not in container.state:
            raise web.HTTPBadRequest(text=f"container {container.name} is not running\n")
        asked = request.query
        socket = web.WebSocketResponse(protocols=PROTOCOLS)
        await socket.prepare(request)
        inside = container.inside
        assert inside
        try:
            session = Session(socket, tty=asked.get("tty") in ("true", "1"), stdin=asked.get("input") in ("true", "1"))
            code = await session.run(inside.argv(asked.getall("command", [])), dict(inside.env), inside.folder)
            status = _exit_status(code)
        except (OSError, IndexError) as error:
            status = {
                "status": "Failure",
                "reason": "InternalError",
                "message": f"error executing command: {error}",
                "code": 500,
            }
        await socket.send_bytes(bytes([ERROR]) + json.dumps(status).encode())
        await socket.close()
        return socket


class Session:
    """One command that somebody runs in a container, with their terminal at its ends."""

    def __init__(self, socket: web.WebSocketResponse, *, tty: bool, stdin: bool) -> None:
        self.socket, self.tty, self.stdin = socket, tty, stdin
        self.inlet = -1

    async def run(self, argv: list[str], env: dict[str, str], folder: str) -> int:
        """Its exit code. Raises OSError when there is no such program."""
        ours, theirs = pty.openpty() if self.tty else (-1, -1)
        pipe = asyncio.subprocess.PIPE
        none = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, env={"TERM": "xterm", **env}, cwd=folder if os.path.isdir(folder) else "/", start_new_session=True,
                stdin=theirs if self.tty else pipe if self.stdin else none,
                stdout=theirs if self.tty else pipe, stderr=theirs if self.tty else pipe,
                preexec_fn=_with_terminal(as_child(os.getpid(), first=False)) if self.tty else as_child(os.getpid(), first=False),
            )  # fmt: skip
        finally:
            if self.tty:
                os.close(theirs)
        hearing = asyncio.create_task(self._hear(process, ours))
        try:
            if self.tty:
                await self._send_terminal(ours)
            else:
                assert process.stdout
                assert process.stderr
                await asyncio.gather(self._send(STDOUT, process.stdout), self._send(STDERR, process.stderr))
            return await process.wait()
        finally:
            hearing.cancel()
            Process.end_group(process.pid)
            if self.tty:
                os.close(ours)

    async def _send(self, channel: int, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(32_768):
            await self.socket.send_bytes(bytes([channel]) + data)

    async def _send_terminal(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # the terminal's last user has gone
            while data := await loop.run_in_executor(None, os.read, fd, 32_768):
                await self.socket.send_bytes(bytes([STDOUT]) + data)

    async def _hear(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        """What the user types, and the end of that. Whoever goes away ends the command."""
        async for message in self.socket:
            if message.type != WSMsgType.BINARY or not message.data:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel == STDIN and self.tty:
                os.write(terminal, data)
            elif channel == STDIN and process.stdin:
                process.stdin.write(data)
            elif channel == CLOSE and process.stdin:
                process.stdin.close()
            elif channel == RESIZE and self.tty:
                size = json.loads(data)
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size["Height"], size["Width"], 0, 0))
        Process.end_group(process.pid)


def _with_terminal(before: Callable[[], None]) -> Callable[[], None]:
    def before_exec() -> None:
        before()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    return before_exec


def _exit_status(code: int) -> dict[str, object]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    number = 128 - code if code < 0 else code
    causes = {"causes": [{"reason": "ExitCode", "message": str(number)}]}
    message = f"command terminated with non-zero exit code: exit status {number}"
    return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message, "details": causes}


def _before(seconds: str | None) -> str:
    return (datetime.now(UTC) - timedelta(seconds=int(seconds))).isoformat() if seconds else ""


def _shown(line: bytes, stamps: bool) -> bytes:
    return line if stamps else line.partition(b" ")[2]
