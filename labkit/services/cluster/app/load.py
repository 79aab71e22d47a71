"""Calls a Service again and again from inside of the cluster, as its clients do, and tells how each call went.

    GET /run?url=URL&seconds=N&clients=N&rate=N     a line for each request: [at, status, version, pod, milliseconds]

`at` is seconds since the start of the run; `status` is an HTTP status, or a word for what went wrong: refused, reset, timeout, no-name, error.
Each request has a connection of its own, as kube-proxy chooses a pod for each connection. `rate` is requests a second in all.
"""

import asyncio
import json
import os
import socket
import time
import urllib.parse

PATIENCE = 5.0  # seconds for a request
FLUSH = 0.1
MOST_SECONDS, MOST_CLIENTS = 600.0, 64
WORDS = (
    (ConnectionRefusedError, "refused"), (ConnectionError, "reset"), (asyncio.IncompleteReadError, "reset"),
    (asyncio.TimeoutError, "timeout"), (TimeoutError, "timeout"), (socket.gaierror, "no-name"),
)  # fmt: skip


async def ask(host, port, path):
    """Status, version and pod of one answer."""
    reader, writer = await asyncio.open_connection(host, port, family=socket.AF_INET)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        await reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split(" ")[1]), headers.get("x-version", ""), headers.get("x-pod", "")
    finally:
        writer.close()


async def timed(start, target):
    """One line: how a request went."""
    at = time.monotonic()
    status, version, pod = "error", "", ""
    try:
        status, version, pod = await asyncio.wait_for(ask(*target), PATIENCE)
    except Exception as error:
        status = next((word for kind, word in WORDS if isinstance(error, kind)), "error")
    return [round(at - start, 4), status, version, pod, round((time.monotonic() - at) * 1000, 2)]


async def client(start, end, pause, offset, target, lines):
    """One client: a request, and then the next one when it is due."""
    due = start + offset
    while True:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() >= end:
            return
        lines.append(await timed(start, target))
        due = max(due + pause, time.monotonic() - pause)


async def run(query, writer):
    """Streams the lines of one run; it ends when the one who asked goes away."""
    asked = {name: values[0] for name, values in urllib.parse.parse_qs(query).items()}
    url = urllib.parse.urlsplit(asked["url"])
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    target = (url.hostname, url.port or 80, path)
    seconds = min(float(asked.get("seconds", 5)), MOST_SECONDS)
    clients = max(1, min(int(asked.get("clients", 8)), MOST_CLIENTS))
    pause = clients / max(0.1, float(asked.get("rate", 100)))
    start, lines = time.monotonic(), []
    each = [client(start, start + seconds, pause, pause * n / clients, target, lines) for n in range(clients)]
    work = asyncio.gather(*each)
    try:
        while True:
            await asyncio.wait([work], timeout=FLUSH)
            over = work.done()
            text = "".join(json.dumps(line) + "\n" for line in lines).encode()
            lines.clear()
            if text:
                writer.write(b"%x\r\n%s\r\n" % (len(text), text))
                await writer.drain()
            if over:
                writer.write(b"0\r\n\r\n")
                await writer.drain()
                return
    finally:
        work.cancel()


async def serve(reader, writer):
    """One connection of whoever wants a run."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path, _, query = head.split(" ")[1].partition("?")
        if path != "/run":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        await run(query, writer)
    except (ConnectionError, asyncio.IncompleteReadError, KeyError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    """Serves until it is ended."""
    server = await asyncio.start_server(serve, "0.0.0.0", int(os.environ.get("LISTEN", "8000")))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
