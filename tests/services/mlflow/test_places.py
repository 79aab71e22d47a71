"""What a place is: MLflow's own server, empty, and nobody else's."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from labkit.services.mlflow.place import Place
from labkit.services.mlflow.running import Mlflow


def filled(place: Place, note: str = "hello") -> tuple[MlflowClient, str]:
    """A client, and the id of a run that has a parameter, a metric, an artifact, and a model version with an alias."""
    client = MlflowClient(place.uri)
    run = client.create_run(client.create_experiment("credit"))
    client.log_param(run.info.run_id, "C", 0.5)
    client.log_metric(run.info.run_id, "auc", 0.75)
    client.log_text(run.info.run_id, note, "notes/note.txt")
    client.create_registered_model("credit")
    client.create_model_version("credit", f"{run.info.artifact_uri}/notes", run.info.run_id)
    client.set_registered_model_alias("credit", "champion", "1")
    return client, run.info.run_id


def get(address: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Status and body, whatever the status."""
    request = urllib.request.Request(address, headers=headers, method=method, data=b"{}" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_server_is_the_mlflow_of_the_environment(server: Mlflow, place: Place) -> None:
    assert server.version == version("mlflow")
    assert get(f"{place.uri}/version") == (200, version("mlflow").encode())


def test_what_is_logged_can_be_read_again(place: Place) -> None:
    client, run_id = filled(place)
    run = client.get_run(run_id)
    assert (run.data.params, run.data.metrics) == ({"C": "0.5"}, {"auc": 0.75})
    assert [artifact.path for artifact in client.list_artifacts(run_id, "notes")] == ["notes/note.txt"]
    assert client.get_model_version_by_alias("credit", "champion").run_id == run_id


def test_artifacts_come_back(place: Place, tmp_path: Path) -> None:
    client, run_id = filled(place, "what was measured")
    path = client.download_artifacts(run_id, "notes/note.txt", str(tmp_path))
    assert Path(path).read_text() == "what was measured"
    assert get(f"{place.uri}/get-artifact?run_uuid={run_id}&path=notes/note.txt") == (200, b"what was measured")


def test_a_new_place_is_empty_and_sees_no_other(server: Mlflow, place: Place) -> None:
    _, run_id = filled(place)
    with server.place("93-mlops/same-run-twice") as other:
        client = MlflowClient(other.uri)
        assert [experiment.name for experiment in client.search_experiments()] == ["Default"]
        assert not client.search_registered_models()
        with pytest.raises(MlflowException, match="not found"):
            client.get_run(run_id)
        artifacts = f"mlflow-artifacts:/1/{run_id}/artifacts"
        assert get_artifact_repository(artifacts, tracking_uri=place.uri).list_artifacts()
        assert not get_artifact_repository(artifacts, tracking_uri=other.uri).list_artifacts()


def test_both_work_at_the_same_moment_and_nothing_is_mixed_up(server: Mlflow, place: Place) -> None:
    with server.place("93-mlops/other") as other:
        found: dict[str, set[str]] = {}

        def work(name: str, uri: str) -> None:
            client = MlflowClient(uri)
            for number in range(15):
                client.create_run("0", tags={"of": name}, run_name=f"{name} {number}")
            found[name] = {run.data.tags["of"] for run in client.search_runs(["0"])}

        threads = [
            threading.Thread(target=work, args=each) for each in (("a", place.uri), ("b", other.uri)) for _ in (1, 2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {"a": {"a"}, "b": {"b"}}


def test_without_its_key_there_is_nothing(server: Mlflow, place: Place) -> None:
    base = f"http://{place.host}:{place.port}"
    for path in (
        "/",
        "/api/2.0/mlflow/experiments/search?max_results=1",
        "/at/",
        f"/at/{'0' * 32}/",
        f"{place.path[:-1]}/",
    ):
        status, said = get(base + path)
        assert status == 404
        assert json.loads(said)["message"] == "There is no lab at this address. Open it again from its notebook."
    assert get(f"{base}/labkit", "POST", Authorization="Bearer " + place.path[4:])[0] == 403


def test_reset_empties_and_the_address_stays(place: Place) -> None:
    client, _ = filled(place)
    place.reset()
    assert [experiment.name for experiment in client.search_experiments()] == ["Default"]
    assert not client.search_registered_models()
    assert not place.undo_reset()


def test_a_reset_can_be_undone(place: Place, tmp_path: Path) -> None:
    client, run_id = filled(place)
    place.reset(undoable=True)
    client.create_experiment("another")
    assert place.undo_reset()
    assert client.get_run(run_id).data.metrics == {"auc": 0.75}
    assert Path(client.download_artifacts(run_id, "notes/note.txt", str(tmp_path))).read_text() == "hello"
    assert not client.get_experiment_by_name("another")


def test_drop_leaves_nothing(server: Mlflow) -> None:
    with server.place("93-mlops/short") as place:
        filled(place)
        place.reset(undoable=True)
        assert place.is_there()
        assert f"place {place.name}" in server.left_behind()
    assert not place.is_there()
    assert f"place {place.name}" not in server.left_behind()
    with pytest.raises(MlflowException, match="no lab at this address"):
        MlflowClient(place.uri).search_experiments()


def test_the_fingerprint_tells_what_changed(place: Place) -> None:
    client, run_id = filled(place)
    before = place.fingerprint()
    assert place.fingerprint() == before
    client.log_text(run_id, "another", "notes/note.txt")
    client.set_registered_model_alias("credit", "challenger", "1")
    after = place.fingerprint()
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {
        f"artifact 1/{run_id}/artifacts/notes/note.txt",
        "registered_model_aliases default, credit, challenger",
    }


def test_a_restarted_server_has_no_places_until_they_are_reset(server: Mlflow, place: Place) -> None:
    filled(place)
    server.restart()
    assert server.is_alive()
    assert not place.is_there()
    place.reset()
    assert place.is_there()
    assert [experiment.name for experiment in MlflowClient(place.uri).search_experiments()] == ["Default"]


def test_the_user_interface_is_there_whatever_host_a_proxy_names(place: Place) -> None:
    for host in ("localhost", "hub.example.org"):
        status, page = get(f"{place.uri}/", Host=host)
        assert status == 200
        assert b"<title>MLflow</title>" in page
    assert get(f"{place.uri}/static-files/favicon.ico")[0] == 200
    assert get(place.uri)[0] == 200  # without the slash a browser is sent on


def test_a_page_of_another_site_changes_nothing(place: Place) -> None:
    create = f"{place.uri}/ajax-api/2.0/mlflow/experiments/create"
    content = {"Content-Type": "application/json"}
    assert get(create, "POST", Host="hub.example.org", Origin="https://evil.example.com", **content)[0] == 403
    assert get(create, "POST", Host="hub.example.org", Origin="https://hub.example.org", **content)[0] == 400  # no name
