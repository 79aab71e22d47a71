"""A kernel behind a Jupyter server, driven as JupyterLab drives it: over REST and a WebSocket."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

from websocket import create_connection

from tests.patience import PATIENCE


class RemoteKernel:
    """One notebook's session on the server at `url` (http://127.0.0.1:8888). Ends the kernel on exit."""

    def __init__(self, url: str, token: str, notebook: str) -> None:
        self._url, self._token = url, token
        body = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
        self._session = self._request("POST", "/api/sessions", body)
        kernel = self._session["kernel"]["id"]
        address = f"{url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?token={token}"
        self._socket = create_connection(address, timeout=PATIENCE)

    def __enter__(self) -> RemoteKernel:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._request("DELETE", f"/api/sessions/{self._session['id']}")

    def execute(self, code: str) -> list[dict[str, Any]]:
        """Run a cell; the contents of its outputs. Raises AssertionError when it ends in an error."""
        header = {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "session": "test",
            "username": "",
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self._socket.send(json.dumps(message))
        outputs = []
        while True:
            answer = json.loads(self._socket.recv())
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            kind, content = answer["msg_type"], answer["content"]
            assert kind != "error", "\n".join(content["traceback"])
            if kind in ("stream", "display_data", "execute_result"):
                outputs.append(content)
            if kind == "status" and content["execution_state"] == "idle":
                return outputs

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            text = response.read()
        return json.loads(text) if text else None
