"""What a place holds back: it cannot grow without end, and nothing leads out of it."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from testcontainers.core.utils import inside_container

from labkit.services.mlflow.place import Place
from labkit.services.mlflow.running import Mlflow
from tests.services.mlflow.test_places import filled, get

NOT_OFFERED = (
    "/api/2.0/mlflow/webhooks",
    "/api/3.0/mlflow/gateway/secrets/list",
    "/gateway/any/mlflow/invocations",
    "/ajax-api/2.0/mlflow/gateway-proxy",
    "/ajax-api/3.0/mlflow/assistant/config",
    "/ajax-api/3.0/jobs/",
    "/api/3.0/mlflow/workspaces",
    "/api/2.0/mlflow-artifacts/mpu/create/x",
    "/api/2.0/mlflow/artifacts/presigned-upload-url",
)


@pytest.mark.parametrize("path", NOT_OFFERED)
def test_what_reaches_out_of_a_place_is_not_offered(place: Place, path: str) -> None:
    for method in ("GET", "POST"):
        status, said = get(place.uri + path, method)
        assert status == 403
        assert "is not offered here" in json.loads(said)["message"]


def test_a_large_artifact_is_refused_and_not_kept(server: Mlflow, tmp_path: Path) -> None:
    with Place(server, "small", limit=32 * 2**20) as place:
        client, run_id = filled(place)
        before = place.fingerprint()
        (tmp_path / "model.bin").write_bytes(bytes(33 * 2**20))
        with pytest.raises(Exception, match=r"larger than the .* MB that this lab has room for"):
            client.log_artifact(run_id, str(tmp_path / "model.bin"))
        assert place.fingerprint() == before


def test_one_that_does_not_say_how_large_it_is_neither(server: Mlflow) -> None:
    with Place(server, "small", limit=32 * 2**20) as place:
        before = place.fingerprint()
        said = chunked(place, "/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/big.bin", 600)
        assert b"413" in said.splitlines()[0]
        assert place.fingerprint() == before
        assert (
            b"200 OK"
            in chunked(place, "/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/small.bin", 1).splitlines()[0]
        )


def chunked(place: Place, path: str, chunks: int) -> bytes:
    """What the server answers to a PUT of so many chunks of 64 kB."""
    with socket.create_connection((place.host, place.port), timeout=60) as connection:
        head = f"PUT {place.path}{path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())

        def send() -> None:
            try:
                for _ in range(chunks):
                    connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                connection.sendall(b"0\r\n\r\n")
            except OSError:
                pass  # the server has heard enough

        sender = threading.Thread(target=send)
        sender.start()
        said = connection.recv(65536)
        sender.join()
        return said


def test_a_full_place_says_so_and_can_be_read(server: Mlflow) -> None:
    with Place(server, "small", limit=2**19) as place:  # less than an empty database has
        client = MlflowClient(place.uri)
        with pytest.raises(MlflowException, match=r"place is full: it may hold 0\.5 MB"):
            client.create_experiment("one too many")
        assert [experiment.name for experiment in client.search_experiments()] == ["Default"]


@pytest.mark.parametrize(
    "location", ["file:///etc", "/etc", "http://127.0.0.1:1/", "mlflow-artifacts://127.0.0.1:1/x", "s3://bucket/x"]
)
def test_artifacts_elsewhere_are_not_read(place: Place, location: str) -> None:
    client = MlflowClient(place.uri)
    try:
        run = client.create_run(client.create_experiment("out", artifact_location=location))
    except MlflowException:
        return  # MLflow itself refuses it
    for path in ("passwd", "hostname"):
        status, said = get(f"{place.uri}/get-artifact?run_uuid={run.info.run_id}&path={path}")
        assert status >= 400
        assert b"root:" not in said
    status, said = get(f"{place.uri}/ajax-api/2.0/mlflow/artifacts/list?run_id={run.info.run_id}")
    assert status >= 400 or b"path" not in said


@pytest.mark.parametrize("source", ["file:///etc", "/etc", "file:///etc/../etc", "http://127.0.0.1:1/"])
def test_a_model_version_leads_to_no_file_of_the_server(place: Place, source: str) -> None:
    client = MlflowClient(place.uri)
    client.create_registered_model("out")
    try:
        client.create_model_version("out", source)
    except MlflowException:
        return
    status, said = get(f"{place.uri}/model-versions/get-artifact?name=out&version=1&path=passwd")
    assert status >= 400
    assert b"root:" not in said


@pytest.mark.parametrize("path", ["../../x", "..%2F..%2Fx", "%252e%252e/x", "/etc/x", "a/../../../x"])
def test_an_artifact_path_does_not_climb_out(server: Mlflow, place: Place, path: str) -> None:
    with server.place("beside") as beside:
        before = beside.fingerprint()
        with socket.create_connection(
            (place.host, place.port), timeout=60
        ) as connection:  # no client that tidies paths up
            target = f"{place.path}/api/2.0/mlflow-artifacts/artifacts/{path}"
            connection.sendall(
                f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n!".encode()
            )
            assert connection.recv(4096).split()[1] in (b"400", b"403", b"404", b"500")
        assert beside.fingerprint() == before
        assert not [name for name in place.fingerprint() if name.startswith("artifact")]


def test_the_port_is_this_machines_own(server: Mlflow, backend: str) -> None:
    if backend == "embedded":
        addresses = subprocess.run(
            ["ss", "-Hltn", f"sport = :{server.reach['port']}"], capture_output=True, text=True
        ).stdout
        assert "127.0.0.1" in addresses
        assert "0.0.0.0:" not in addresses.split()[3]
    else:
        if inside_container():
            pytest.skip("in a container, Docker's ports are reached by the gateway, so they are on all addresses")
        container = server.where.split()[5].strip(",")
        shown = subprocess.run(["docker", "port", container], capture_output=True, text=True, check=True).stdout
        assert shown.count("127.0.0.1:") == len(shown.splitlines())
