"""The room check sees what is left behind, and a run says what it did not run."""

import pytest

from tests.room import COURSE

LEFT_BEHIND = {
    "process": "subprocess.Popen(['sleep', '600'], start_new_session=True)",
    "file or folder": "tempfile.mkdtemp(prefix='left-')",
    "Unix socket": "keep = socket.socket(socket.AF_UNIX); keep.bind(tempfile.gettempdir() + '/left.socket')",
}


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs one test in a pytest of its own that has the course's conftest and the room check."""
    monkeypatch.setenv("PYTHONPATH", str(COURSE))
    pytester.makeconftest((COURSE / "tests" / "conftest.py").read_text())

    def run_one(test: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(f"import pytest, socket, subprocess, sys, tempfile\n\n{test}")
        return pytester.runpytest_subprocess("--room", "0", "--full", "-p", "no:cacheprovider", *options)

    return run_one


@pytest.mark.parametrize("kind", LEFT_BEHIND)
def test_what_is_left_behind_fails_the_run_and_is_named(run, kind):
    result = run(f"def test_leaves():\n    global keep\n    {LEFT_BEHIND[kind]}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*the room: left behind*", f"{kind}: *"])


def test_what_did_not_run_is_said_at_the_end(run, monkeypatch):
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    result = run("def test_on(backend): pass\n\ndef test_skips(): pytest.skip('no browser')")
    result.stdout.fnmatch_lines(
        [
            "embedded: 1 ran",
            "docker: 0 ran",
            "NOT RUN: 1 test: not run on docker: LABKIT_BACKEND=embedded was asked for",
            "NOT RUN: 1 test: no browser",
            "* 1 passed, 2 skipped*",
        ]
    )


def test_without_an_engine_the_docker_half_is_not_run(run, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    result = run("@pytest.mark.docker\ndef test_builds(): pass")
    result.stdout.fnmatch_lines(["NOT RUN: 1 test: not run on docker: no engine answers*", "* 1 skipped*"])


def test_what_would_begin_too_late_is_not_run(run):
    result = run("def test_a(): pass", "--minutes=0")
    result.stdout.fnmatch_lines(["NOT RUN: 1 test: the 0 minutes of this run were over (--minutes)"])
