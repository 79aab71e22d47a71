#!/usr/bin/env bash
# websockets 17.4: a server closes a connection whose client does not read, with `close_timeout=1`.
# `close()` waits until the write buffer is empty before that time begins to run. With `ping_interval=None` it waits for ever; with pings,
# until the next one is due. Nothing is raised meanwhile.
# Why it matters: to let a slow reader go with a close code is what one writes first, and its memory stays. `transport.abort()` ends it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile websockets==17.4
venv/bin/python - >seen <<'PY'
import asyncio
import time

from websockets.asyncio.client import unix_connect
from websockets.asyncio.server import broadcast, unix_serve


async def closes(ping_interval):
    connections = []

    async def handler(connection):
        connections.append(connection)
        await connection.wait_closed()

    options = {"compression": None, "close_timeout": 1, "ping_interval": ping_interval}
    async with unix_serve(handler, "server.sock", **options) as server:
        client = await unix_connect("server.sock", "ws://localhost/", compression=None, ping_interval=None)
        client.transport.pause_reading()
        while not connections:
            await asyncio.sleep(0.01)
        for _ in range(40):
            broadcast(server.connections, "x" * 100_000)
        began = time.monotonic()
        closing = asyncio.create_task(connections[0].close(1013))
        done, _ = await asyncio.wait([closing], timeout=8)
        took = f"closed after {time.monotonic() - began:.0f} s" if done else "still waits after 8 s"
        print(f"close_timeout=1, ping_interval={ping_interval}: {took}")
        client.transport.abort()
        connections[0].transport.abort()
        await closing


for interval in (None, 4):
    asyncio.run(closes(interval))
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
close_timeout=1, ping_interval=None: still waits after 8 s
close_timeout=1, ping_interval=4: closed after 4 s
EXPECTED
