"""What every test has: folders of the session's own, the backends that are there, a room that is left clean.

At its end a run says which tests were the slowest, how many ran on which backend, and every test that did not run with the reason.
With `--room` (as `make test` runs it) it also fails when anything is left that was not there before.

Several processes of pytest-xdist may share the work (`-n 3`): each has folders of its own inside those of the first, which looks at
the room. What stands in one file stays in one process, unless its tests say `xdist_group`.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests import room, units
from tests.backends import BACKENDS, why_not

pytest_plugins = ["pytester"]

OWN_FOLDERS = {
    "TMPDIR": "tmp",
    "LABKIT_HOME": "home",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "IPYTHONDIR": "ipython",
    "MPLCONFIGDIR": "matplotlib",
    "XDG_CONFIG_HOME": "config",
}

SLOWEST = 20  # tests that are named
SLOW = 60.0  # seconds; of a shorter run it need not be said

FOLDER = pytest.StashKey[Path]()
END = pytest.StashKey[float]()  # no test begins later, in seconds of the monotonic clock
BEFORE = pytest.StashKey[room.Room]()
LEFT = pytest.StashKey[room.Room]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--room`: the room check. `--full`: also what is too long for every run. `--minutes`: an end to it."""
    explanation = "fail when anything is left behind that is not gone SECONDS after the last test (20 unless told)"
    parser.addoption("--room", metavar="SECONDS", nargs="?", type=float, const=20.0, help=explanation)
    parser.addoption("--full", action="store_true", help="also run the tests marked `full`: `make test-all` does")
    explanation = "begin no test after so many minutes; what was not begun is listed as not run"
    parser.addoption("--minutes", metavar="MINUTES", type=float, default=math.inf, help=explanation)


def pytest_configure(config: pytest.Config) -> None:
    """Give the session folders of its own; other users (a server runs as one) may pass through them."""
    folder = _folder(config)
    folder.chmod(0o711)
    for variable, name in OWN_FOLDERS.items():
        (folder / name).mkdir(parents=True)
        os.environ[variable] = str(folder / name)
    (folder / "tmp").chmod(0o1777)
    tempfile.tempdir = None  # it remembers the old one
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if _is_helper(config) or not config.option.basetemp:
        config.option.basetemp = str(folder / "pytest")
    config.stash[FOLDER] = folder
    config.stash[END] = time.monotonic() + 60 * config.option.minutes
    if config.option.room is not None and not _is_helper(config):
        config.stash[BEFORE] = room.look(str(folder))


def _is_helper(config: pytest.Config) -> bool:
    """Whether this process got its tests from another one (pytest-xdist)."""
    return hasattr(config, "workerinput")


def _folder(config: pytest.Config) -> Path:
    """The session's folder; short, since sockets lie below it."""
    if not _is_helper(config):
        return Path(tempfile.mkdtemp(prefix="lt-"))
    folder = Path(os.environ["LABKIT_HOME"]).parent / config.workerinput["workerid"]  # type: ignore[attr-defined]
    folder.mkdir()
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a unit go to one process, and units in the order of the collection.

    (Not `--dist loadgroup`: pytest-xdist 3.8 cannot change the names of pytest 9.2's tests.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return units.unit_of(nodeid)

    config.option.loadscopereorder = False
    return ByUnit(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A helper's tests come in the order in which their units are given out."""
    if _is_helper(config):
        place = {nodeid: number for number, nodeid in enumerate(units.in_order([item.nodeid for item in items]))}
        items.sort(key=lambda item: place[item.nodeid])


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each backend in turn, in LABKIT_BACKEND too; skipped, with the reason, where it cannot be had."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    monkeypatch.setenv("LABKIT_BACKEND", request.param)
    return request.param


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `docker` runs only where Docker is, one marked `full` only when all are asked for, and none when time is up."""
    if time.monotonic() > item.config.stash[END]:
        pytest.skip(f"the {item.config.option.minutes:g} minutes of this run were over (--minutes)")
    if item.get_closest_marker("full") and not item.config.option.full:
        pytest.skip("it is one of the long series, which `make test-all` runs")
    if item.get_closest_marker("docker") and (reason := why_not("docker")):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note in the report which backend the test ran on: parameter `backend`, else the marker `docker`."""
    report = yield
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    report.backend = parameters.get("backend", "docker" if item.get_closest_marker("docker") else "either")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """When all fixtures are finished: clean up, see what is left all the same, remove the session's folders."""
    result = yield
    config, mark = session.config, str(session.config.stash[FOLDER])
    room.clean_up(mark, config.option.room or 20.0)
    if BEFORE in config.stash:
        room.remove_images(config.stash[BEFORE])
        config.stash[LEFT] = room.left_behind(config.stash[BEFORE], mark, config.option.room)
        # The services that came last have not been seen through a whole run: it tells always, and decides in the full one.
        if config.stash[LEFT] and config.option.full and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    room.end_processes(mark)
    if not _is_helper(config):
        shutil.rmtree(mark, ignore_errors=True)
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The last lines: what was slow, what is left, what ran where, what did not run and why."""
    reports = terminalreporter.stats
    _say_what_was_slow(terminalreporter, [report for found in reports.values() for report in found])
    _say_what_is_left(terminalreporter, config)
    ran = Counter(report.backend for outcome in ("passed", "failed") for report in reports.get(outcome, []))
    terminalreporter.section("ran and not run")
    for name in [*BACKENDS, "either"]:
        terminalreporter.line(f"{name}: {ran[name]} ran")
    not_run = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports.get("skipped", []))
    for reason, number in not_run.items():
        terminalreporter.line(f"NOT RUN: {number} test{'s' * (number > 1)}: {reason}", yellow=True)


def _say_what_was_slow(terminalreporter: pytest.TerminalReporter, reports: list[Any]) -> None:
    """The slowest tests with what they set up, and their share of the time of all."""
    took: Counter[str] = Counter()
    for report in reports:
        if isinstance(report, pytest.TestReport):
            took[report.nodeid] += report.duration  # type: ignore[assignment]
    slowest, whole = took.most_common(SLOWEST), sum(took.values())
    if whole < SLOW:
        return
    terminalreporter.section(f"the slowest {len(slowest)} tests")
    for test, seconds in slowest:
        terminalreporter.line(f"{seconds:7.1f} s  {test}")
    share = sum(seconds for _, seconds in slowest) / whole
    terminalreporter.line(f"together {share:.0%} of the {whole:.0f} s that all {len(took)} tests took")


def _say_what_is_left(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if LEFT in config.stash:
        left = config.stash[LEFT]
        terminalreporter.section("the room: " + ("left behind" if left else "clean"), red=bool(left), green=not left)
        for kind, names in left.items():
            for name in sorted(names):
                terminalreporter.line(f"{kind}: {name}", red=True)
