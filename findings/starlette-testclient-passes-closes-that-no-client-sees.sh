#!/usr/bin/env bash
# Starlette 1.10.0 (its TestClient, httpx 0.28.1) beside the same application under uvicorn 0.54.0 with websockets 17.4 as the client.
# A test with TestClient should see what a client will see. It sees what the application asked for, without the rules of RFC 6455:
# a close reason of 124 bytes (123 fit), the codes 1005 and 2999, which may not be sent, and a subprotocol that was not offered all pass.
# On the wire the first three end without a close frame: the client sees 1006 and no reason, and the application's 4000 is lost.
# The last is refused by the client. And after the client has left, sending raises WebSocketDisconnect under uvicorn and not in the test.
# Why it matters: close codes are an interface (4000-4999 tell a client whether to come back), and their tests are green.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile starlette==1.10.0 httpx==0.28.1 uvicorn==0.54.0 websockets==17.4
venv/bin/python -W ignore - >seen <<'PY'
import asyncio
import socket

import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

ENDS = {  # path: subprotocol, close code, reason
    "/reason-of-123": (None, 4000, "x" * 123), "/reason-of-124": (None, 4000, "x" * 124),
    "/code-1005": (None, 1005, ""), "/code-2999": (None, 2999, ""), "/subprotocol": ("chat", 1000, ""),
}
late = []


async def ends(ws):
    subprotocol, code, reason = ENDS[ws.url.path]
    await ws.accept(subprotocol)
    await ws.send_text("hello")
    await ws.close(code, reason)


async def sends_late(ws):
    await ws.accept()
    try:
        await ws.receive_text()
    except WebSocketDisconnect:
        try:
            await ws.send_text("too late")
            late.append("sent")
        except WebSocketDisconnect:
            late.append("WebSocketDisconnect")


app = Starlette(routes=[*(WebSocketRoute(path, ends) for path in ENDS), WebSocketRoute("/late", sends_late)])


def tested(path):
    with TestClient(app).websocket_connect(path) as ws:
        ws.receive_text()
        try:
            ws.receive_text()
        except WebSocketDisconnect as end:
            return f"{end.code}, reason of {len(end.reason or '')}"


async def real(address):
    try:
        async with websockets.connect(address, proxy=None) as ws:
            await ws.recv()
            await ws.wait_closed()
            return f"{int(ws.close_code)}, reason of {len(ws.close_reason)}"
    except websockets.NegotiationError:
        return "NegotiationError"


async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    address = f"ws://127.0.0.1:{listener.getsockname()[1]}"
    for path in ENDS:
        print(path, "| TestClient:", await asyncio.to_thread(tested, path), "| uvicorn:", await real(address + path))
    await asyncio.to_thread(lambda: TestClient(app).websocket_connect("/late").__enter__().__exit__(None, None, None))
    async with websockets.connect(address + "/late", proxy=None):
        pass
    while len(late) < 2:
        await asyncio.sleep(0.05)
    print("/late | TestClient:", late[0], "| uvicorn:", late[1])
    server.should_exit = True
    await serving


asyncio.run(asyncio.wait_for(main(), 60))
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
/reason-of-123 | TestClient: 4000, reason of 123 | uvicorn: 4000, reason of 123
/reason-of-124 | TestClient: 4000, reason of 124 | uvicorn: 1006, reason of 0
/code-1005 | TestClient: 1005, reason of 0 | uvicorn: 1006, reason of 0
/code-2999 | TestClient: 2999, reason of 0 | uvicorn: 1006, reason of 0
/subprotocol | TestClient: 1000, reason of 0 | uvicorn: NegotiationError
/late | TestClient: sent | uvicorn: WebSocketDisconnect
EXPECTED
