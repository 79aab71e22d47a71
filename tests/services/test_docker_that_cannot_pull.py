"""An engine that answers and can pull nothing: labs are done embedded, and say why, unless somebody asked for Docker by name."""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from labkit import services
from labkit.machine.backend import GIVEN_UP, choose
from labkit.machine.fault import ServiceFault
from labkit.services import trials
from labkit.services.keeper import server
from labkit.services.lease import on_what_works
from labkit.services.postgres.service import SERVICE
from tests.backends import why_not
from tests.patience import until
from tests.services.cluster.conftest import cannot as cannot_have_a_cluster

LIMIT = "toomanyrequests: You have reached your pull rate limit."


class Engine(BaseHTTPRequestHandler):
    """As an engine behind a registry that refuses: it has no image, and gets none."""

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.endswith("/_ping"):
            self.reply(200, "OK")
        elif path.endswith("/version"):
            self.reply(200, {"ApiVersion": "1.44", "MinAPIVersion": "1.24", "Version": "27.0"})
        elif path.endswith("/images/create"):
            self.reply(500, {"message": LIMIT})
        elif path.endswith("/volumes/create"):
            self.reply(201, {"Name": "x", "Driver": "local", "Mountpoint": "/x"})
        else:
            self.reply(404, {"message": "No such image: it was never pulled"})

    do_GET = do_POST = do_DELETE = do_HEAD = answer

    def reply(self, status: int, said: object) -> None:
        data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def address_string(self) -> str:
        return "unix"


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture
def engine(home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path_factory.mktemp("e") / "d.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.delenv("LABKIT_BACKEND", raising=False)
    monkeypatch.setenv(GIVEN_UP, "")
    with Server(str(path), Engine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
    monkeypatch.delenv("DOCKER_HOST")  # whoever cleans up asks the real one


@pytest.mark.slow
@pytest.mark.parametrize("name", services.SERVICES)
def test_it_falls_back_and_says_so(name: str, home: Path, engine: None) -> None:
    """Whichever service meets it first."""
    if reason := cannot_have_a_cluster("embedded") if name == "cluster" else why_not("embedded"):
        pytest.skip(reason)
    assert choose() == "docker"
    with services.named(name).join() as running:
        assert running.backend == "embedded"
        assert running.is_alive()
        assert "(not in Docker: " in running.where
    assert choose() == "embedded"  # it is not tried again and again
    assert until(lambda: not list(home.glob("cluster/*")))  # which its keeper removes at its end


def test_where_nothing_is_built_without_docker_it_is_not_told_to_start_docker(
    engine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It runs, and cannot pull: that is what has to be mended."""
    monkeypatch.setenv("UML_HOME", str(tmp_path))
    with services.named("images").join() as running:
        assert LIMIT in running.missing or "No such image" in running.missing


@pytest.mark.parametrize("name", services.SERVICES)
@pytest.mark.parametrize("by", ["name", "environment"])
def test_who_asked_for_docker_by_name_is_told(
    name: str, by: str, engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "environment":
        monkeypatch.setenv("LABKIT_BACKEND", "docker")
    with pytest.raises(ServiceFault) as told:
        services.named(name).join(backend="docker" if by == "name" else None)
    assert not os.environ.get(GIVEN_UP)
    assert "LABKIT_BACKEND=embedded" in str(told.value)


@pytest.mark.parametrize("name", ["postgres", "functions"])
def test_doctor_tells_what_the_labs_will_run_on(name: str, engine: None) -> None:
    """Not that Docker is there: that it was tried, and why it is not used."""
    found = trials.starts(services.named(name))
    assert (found.state, "not in Docker" in found.here) == ("ok", True)


def test_a_service_without_docker_asks_no_engine_and_gives_none_up(engine: None) -> None:
    assert on_what_works(None, lambda backend: backend, ("embedded",)) == "embedded"
    assert choose() == "docker"  # the others run there
    with pytest.raises(ServiceFault, match="not here"):
        on_what_works("docker", not_there, ("docker",))


def test_a_service_without_docker_is_not_verified_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(SERVICE), "backends", ("embedded",))
    assert SERVICE.not_here("docker") == "Postgres runs on embedded only."
    assert not SERVICE.not_here("embedded")
    with pytest.raises(
        ServiceFault, match=r"Postgres runs on embedded only\. Unset LABKIT_BACKEND, or set it to embedded"
    ):
        server("postgres-learner", "docker")


def not_there(backend: str) -> None:
    raise ServiceFault("It is not here.")
