"""The attacks' detectors see what they must: where there is no sandbox, where a file declares too little, where something is planted."""

from __future__ import annotations

import dataclasses
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.services.postgres import postgres
from tests.attacks import canaries
from tests.attacks.attack import Attack, attacks
from tests.attacks.canaries import Canaries
from tests.attacks.exam import Exam, sitting

pytestmark = [pytest.mark.attack, pytest.mark.slow]

TOLD = {"neighbour": "", "hidden": "", "gradebook": ""}
SUCCEED = (  # each in another way, where nothing protects
    "reading-neighbour",
    "reading-hidden_checks",
    "escape-writes_outside",
    "network-listeners",
)  # none that would write into the interpreter that runs the tests


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exam]:
    """A run without a sandbox, as `--unsafe` makes it, over attacks that then succeed."""
    chosen = [attack for attack in attacks() if attack.name in SUCCEED or attack.name == "forged-another_lab"]
    assert len(chosen) == len(SUCCEED) + 1
    with sitting(tmp_path_factory.mktemp("unsafe"), chosen, "embedded", "bubblewrap", "--unsafe") as held:
        yield held


def of(exam: Exam, name: str) -> Attack:
    """One of the attacks."""
    return next(attack for attack in exam.attacks if attack.name == name)


@pytest.mark.full
def test_without_a_sandbox_the_same_attacks_are_seen_to_succeed(exam: Exam):
    assert f"it read {canaries.NEIGHBOUR}" in exam.findings(of(exam, "reading-neighbour"))
    assert f"it read {canaries.CODE}" in exam.findings(of(exam, "reading-hidden_checks"))
    assert exam.findings(of(exam, "escape-writes_outside"))
    assert exam.findings(of(exam, "network-listeners"))
    assert "the file outside was changed" in exam.touched
    assert any("was written outside" in line for line in exam.touched)
    assert any("was reached" in line for line in exam.touched)


@pytest.mark.full
def test_a_mark_is_seen_to_be_too_high_and_too_low(exam: Exam):
    attack = of(exam, "forged-another_lab")
    assert exam.findings(attack) == []
    low, high = (dataclasses.replace(attack, honest=honest) for honest in (11, 13))
    assert "it got 12 points, and its honest content is worth 11" in exam.findings(low)
    assert "it got 12 points of the 13 that its honest content is worth" in exam.findings(high)
    assert any(
        "reads nothing like" in line for line in exam.findings(dataclasses.replace(attack, says="nobody said so"))
    )


@pytest.mark.full
def test_every_verdict_of_such_a_run_is_stamped(exam: Exam):
    assert exam.trail
    assert all(entry["unsafe"] for entry in exam.trail.values())
    for student in ("aa-honest-jsonb-search", "zz-honest-alembic-expand-contract"):
        assert "unsafe: judged without a sandbox" in exam.returned(student)
    report = [sys.executable, "-m", "labkit", "report", "91-databases"]
    subprocess.run(report, cwd=exam.folder, check=True, capture_output=True, env=exam.environment)
    page = next(exam.folder.glob("report-*.html")).read_text(encoding="utf-8")
    assert re.search(rf"<b>unsafe</b>: {len(exam.trail)} notebooks were judged without a sandbox", page)


def test_each_canary_is_seen_to_be_touched():
    with Canaries(TOLD) as planted:
        assert planted.touched() == []
        Path(planted.told.file).write_text("x")
        Path(planted.told.folder, "x").touch()
        socket.create_connection(("127.0.0.1", int(planted.told.port))).close()
        for address in (f"\0{planted.told.abstract}", planted.told.socket):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(address)
        code = [sys.executable, "-c", "import time; time.sleep(60)", f"left-by-{planted.told.mark}"]
        with subprocess.Popen(code) as child:
            found = planted.touched()
            child.kill()
        assert len(found) == 6, found


def test_each_change_of_a_server_is_seen():
    with postgres("grading", "embedded") as server, server.superuser() as admin:
        seen = canaries.server_state(server)
        changes = {
            "CREATE ROLE other": "DROP ROLE other",
            "CREATE DATABASE other": "DROP DATABASE other",
            "ALTER ROLE postgres SET work_mem = '5MB'": "ALTER ROLE postgres RESET work_mem",
            "SELECT pg_advisory_lock(7)": "SELECT pg_advisory_unlock(7)",
        }
        for change, back in changes.items():
            admin.execute(change.encode())
            assert canaries.server_state(server) != seen, change
            admin.execute(back.encode())
        assert canaries.server_state(server) == seen


def test_a_file_that_declares_too_little_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "x.sql").write_text("-- Wants something.\n-- lab: jsonb-search\nSELECT 1;\n")
    monkeypatch.setattr("tests.attacks.attack.HERE", tmp_path)
    with pytest.raises(ValueError, match="must begin with its intent"):
        attacks()


def test_there_are_attacks_of_every_class():
    classes = {attack.path.parent.name for attack in attacks()}
    assert classes == {"forged", "reading", "escape", "network", "exhaustion", "sql", "feedback", "submitted"}
    assert len(attacks()) >= 40
