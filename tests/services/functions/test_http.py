"""A service over HTTP that is given CloudEvents, in Knative's way. Each test runs on both backends."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable

import pytest

from labkit.services.functions.client import FunctionHandle, Space
from labkit.services.functions.cloudevents import CloudEvent, binary, read, structured
from labkit.services.functions.settings import Settings

SERVER = """
import http.server, json, os, sys, threading, time
class Service(http.server.BaseHTTPRequestHandler):
    seen = 0
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Service.seen += 1
        status, headers, text = act(self.headers, body.decode())
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *args):
        pass
CE = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "s", "ce-type": "t", "Content-Type": "application/json"}
def event(value):
    return 200, CE, json.dumps(value)
def main():
    http.server.HTTPServer(("", int(os.environ["PORT"])), Service).serve_forever()
"""
HELLO = CloudEvent("1", "shop", "said", {"hello": "you"})
Serve = Callable[..., FunctionHandle]


@pytest.fixture
def serve(space: Space) -> Serve:
    """Deploys a service whose requests are answered by `act(headers, body)` of a text."""

    def serve(act: str, main: str = "main()", **settings) -> FunctionHandle:
        text = f"{SERVER}\n{textwrap.dedent(act)}\n{main}\n"
        settings = {"timeout": 60.0, "init_timeout": 60.0, "program": "service", **settings}
        return space.deploy("tried", {"service.py": text}, Settings(**settings))

    return serve


def data(result) -> object:
    assert result.ok, (result.status, result.payload, result.log)
    return read(result.headers, result.payload).data


def test_it_scales_from_zero_when_its_port_is_open(serve: Serve):
    service = serve("def act(headers, body): return event(Service.seen)", main="time.sleep(0.3)\nmain()")
    first, second = service.invoke(binary(HELLO)), service.invoke(binary(HELLO))
    assert (data(first), data(second)) == (1, 2)
    assert (first.cold, second.cold) == (True, False)
    assert first.report
    assert first.report.init_ms
    assert first.report.init_ms > 300


def test_it_knows_its_port_and_its_name_and_nothing_of_lambda(serve: Serve):
    service = serve(
        "def act(headers, body): return event(sorted(n for n in os.environ if n.startswith(('K_', 'AWS', 'LAMBDA', 'PORT', '_H'))))"
    )
    assert data(service.invoke(binary(HELLO))) == ["K_CONFIGURATION", "K_REVISION", "K_SERVICE", "PORT"]


def test_an_event_comes_in_binary_or_structured_mode(serve: Serve):
    service = serve("def act(headers, body): return event([headers.items(), body])")
    odd = CloudEvent("no 1/ä%", "shop", "said", {"hello": "ü"})
    headers, body = data(service.invoke(binary(odd)))
    assert ["ce-id", "no%201/%C3%A4%25"] in headers
    assert json.loads(body) == {"hello": "ü"}
    headers, body = data(service.invoke(structured(odd)))
    assert dict(headers)["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert json.loads(body)["id"] == "no 1/ä%"
    for request in (binary(odd), structured(odd)):
        assert read(request["headers"], request["body"]).id == "no 1/ä%"


def test_names_of_headers_arrive_as_they_were_sent(serve: Serve):
    service = serve("def act(headers, body): return event([name for name in headers if name.lower() == 'ce-id'])")
    request = binary(HELLO)
    request["headers"] = {name.upper(): value for name, value in request["headers"].items()}
    assert data(service.invoke(request)) == ["CE-ID"]


def test_2xx_is_a_success_and_the_answer_may_be_empty(serve: Serve):
    service = serve("def act(headers, body): return int(headers['status']), {}, ''")
    for status in (200, 202, 204):
        request = binary(HELLO)
        request["headers"]["status"] = str(status)
        result = service.invoke(request)
        assert (result.ok, result.status) == (True, status)


def test_an_answer_that_is_no_event_is_a_failure(serve: Serve):
    service = serve(
        "def act(headers, body): return 200, {'Content-Type': 'application/json'}, '{}'", retry_after=(0.01,)
    )
    result = service.invoke(binary(HELLO))
    assert (result.ok, result.status) == (False, 502)
    assert "not recognized as CloudEvent" in result.function_error
    service.invoke_async(binary(HELLO))
    assert [(letter.error_code, letter.attempts) for letter in service.drained()] == [(502, 3)]


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(500, 3), (503, 3), (404, 3), (408, 3), (409, 3), (429, 3), (400, 1), (403, 1), (413, 1), (422, 1), (302, 1)],
)
def test_which_failures_come_again(serve: Serve, status: int, attempts: int):
    service = serve(f"def act(headers, body): return {status}, {{}}, 'no'", retry_after=(0.01,))
    service.invoke_async(structured(HELLO))
    (letter,) = service.drained()
    assert (letter.error_code, letter.attempts) == (status, attempts)
    assert letter.error_message.endswith("no")


def test_it_gets_the_same_event_again(serve: Serve):
    service = serve("""
        ids = []
        def act(headers, body):
            ids.append(headers["ce-id"])
            return (503, {}, "") if len(ids) < 3 else event(ids)
    """)
    service.invoke_async(binary(HELLO))
    assert service.drained() == []
    assert data(service.invoke(binary(HELLO))) == ["1"] * 4


def test_a_request_at_a_time_and_what_is_too_much_waits(serve: Serve):
    service = serve(
        """
        def act(headers, body):
            time.sleep(0.2)
            return event(os.getpid())
    """,
        concurrency=2,
    )
    results = service.invoke_all([binary(HELLO)] * 6)
    assert all(result.ok for result in results)
    assert len({result.instance for result in results}) == 2


def test_a_request_that_takes_too_long_is_answered_504_and_goes_on(serve: Serve):
    service = serve(
        """
        def act(headers, body):
            if "slow" in body:
                time.sleep(1.5)
                print("done all the same", flush=True)
            return event(os.getpid())
    """,
        timeout=1.0,
    )
    service.invoke(binary(HELLO))
    slow = service.invoke(binary(CloudEvent("2", "shop", "said", "slow")))
    assert (slow.status, slow.instance) == (504, 1)
    again = service.copy("again", Settings(program="service", timeout=60.0))
    assert again.invoke(binary(HELLO)).ok
    next_one = service.invoke(binary(HELLO))  # it waits for the slow one to end
    assert (next_one.ok, next_one.instance) == (True, 1)
    assert "done all the same" in next_one.log


def test_a_service_that_ends_is_a_bad_gateway_and_the_next_event_starts_another(serve: Serve):
    service = serve("""
        def act(headers, body):
            if "end" in body:
                os._exit(0)
            return event(Service.seen)
    """)
    ended = service.invoke(binary(CloudEvent("2", "shop", "said", "end")))
    assert (ended.status, ended.ok) == (502, False)
    assert data(service.invoke(binary(HELLO))) == 1


def test_a_service_that_never_listens_is_not_ready(serve: Serve):
    service = serve("", main="print('no port', flush=True)", init_timeout=20.0)
    result = service.invoke(binary(HELLO))
    assert (result.ok, result.status) == (False, 503)
    assert "no port" in result.log
    silent = serve("", main="time.sleep(100)", init_timeout=0.3, timeout=0.3).invoke(binary(HELLO))
    assert (silent.status, silent.payload) == (503, "the container did not listen on $PORT in time")


def test_between_requests_it_is_not_frozen(serve: Serve):
    service = serve("""
        ticks = []
        def tick():
            while True:
                ticks.append(time.sleep(0.01))
        threading.Thread(target=tick, daemon=True).start()
        def act(headers, body):
            return event(len(ticks))
    """)
    before = data(service.invoke(binary(HELLO)))
    service.settled()
    import time

    time.sleep(1.0)  # the time in which it goes on
    assert data(service.invoke(binary(HELLO))) > before + 10


def test_what_is_no_http_is_a_bad_gateway(serve: Serve):
    service = serve(
        "",
        main="""
import socket
with socket.create_server(("", int(os.environ["PORT"]))) as server:
    while True:
        with server.accept()[0] as connection:
            connection.recv(10000)
            connection.sendall(b"hello yourself\\r\\n\\r\\n")
""",
    )
    result = service.invoke(binary(HELLO))
    assert (result.status, "no HTTP" in result.payload) == (502, True)


def test_an_answer_without_end_is_cut(serve: Serve):
    service = serve("def act(headers, body): return 200, CE, 'x' * 20_000_000", memory=512)
    result = service.invoke(binary(HELLO))
    assert (result.status, result.payload) == (502, "the answer is too large")


def test_the_memory_limit_ends_it(serve: Serve):
    service = serve(
        "def act(headers, body):\n    kept = bytearray(900_000_000)\n    time.sleep(20)\n    return event(1)",
        memory=128,
    )
    assert service.invoke(binary(HELLO)).status in (500, 502)


def test_one_that_hands_out_no_connections_harms_nobody_else(serve: Serve, space: Space):
    """It ends the process that connects for us, and is its own loss."""
    service = serve("""
        import signal
        def act(headers, body):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with open(f"/proc/{pid}/stat") as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == os.getpid():
                        os.kill(int(pid), signal.SIGKILL)
            return event(1)
    """)
    assert data(service.invoke(binary(HELLO))) == 1
    assert service.invoke(binary(HELLO)).status in (502, 200)
    other = space.deploy(
        "other", {"handler.py": "def handler(event, context):\n    return event\n"}, Settings(timeout=60.0)
    )
    assert other.invoke(3).json() == 3
