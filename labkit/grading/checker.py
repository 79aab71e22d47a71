"""The checker: one pytest session that stays warm, and whose run loop serves requests.

    python -m labkit.grading.checker --server learner|grading|grading-N

One JSON object a line comes in on stdin and answers go out on stdout; docs/architecture.md has the protocol. The learner's
code never runs in this process: it only gives artifacts to services and looks at what these then do.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import pytest
from _pytest.runner import runtestprotocol

from labkit import course
from labkit.grading import checks, fixtures, modules
from labkit.grading.judgement import judge
from labkit.services.postgres import ServiceFault
from labkit.verdict import Verdict

Request = dict[str, Any]
Reply = dict[str, Any]
UNUSED = ["cacheprovider", "doctest", "faulthandler", "junitxml", "logging", "pastebin", "terminal", "warnings"]
OPTIONS = [
    *(f"-pno:{plugin}" for plugin in UNUSED),
    "--capture=no",
    "--import-mode=importlib",
    "-c",
    os.devnull,
]


class Checker:
    """A pytest plugin that replaces collection and the run loop, and keeps what a failing test said of itself."""

    def __init__(self, requests: TextIO, reply: Callable[[Reply], None], purpose: str) -> None:
        self.requests, self.reply = requests, reply
        self.bench = fixtures.Bench(purpose)
        self.items: dict[tuple[str, bool], list[pytest.Function]] = {}
        self.raised: pytest.ExceptionInfo | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        """Lets the fixtures find the bench."""
        config.stash[fixtures.BENCH] = self.bench

    def pytest_collection(self, session: pytest.Session) -> bool:
        """Nothing is collected before a lab is asked for."""
        session.items = []
        return True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serves requests until stdin closes."""
        try:
            for line in self.requests:
                request = json.loads(line)
                self.reply({"id": request["id"], **self._serve(session, request)})
                self.bench.prepare_spare()
        finally:
            session._setupstate.teardown_exact(None)
            self.bench.close()
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> pytest.TestReport:
        """Keeps the first exception of a test: of its fixtures, itself, or the teardown.

        A report of our own, as pytest's parses source for a traceback that nobody reads: 4 ms for each failed check.
        """
        self.raised = self.raised or call.excinfo
        assert call.when != "collect"
        outcome = "failed" if call.excinfo else "passed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)

    @pytest.hookimpl
    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> None:
        """Keeps both sides of a failed comparison."""
        self.bench.compared = (op, left, right)

    def _serve(self, session: pytest.Session, request: Request) -> Reply:
        try:
            lab = course.find(request["lab"])
            if request["do"] == "check":
                try:
                    verdicts = [verdict.to_json() for verdict in self._check(session, lab, request)]
                finally:
                    self.bench.in_turn.end()
                return {"verdicts": verdicts, "server": self.bench.where()}
            if request["do"] == "solution":
                return {"text": modules.solution(lab, request["answer"])}
            if request["do"] == "warm":
                self._collected(session, lab, False)
                self.bench.warm(lab)
                return {"ok": True}
            return {"fault": f"The checker knows no request {request['do']!r}. This is a fault of the course."}
        except (course.CourseError, ServiceFault) as error:
            return {"fault": str(error)}

    def _check(self, session: pytest.Session, lab: course.Lab, request: Request) -> Iterator[Verdict]:
        self.bench.answers, self.bench.hidden_too = request["answers"], bool(request.get("hidden"))
        items = [
            item
            for hidden in ([False, True] if self.bench.hidden_too else [False])
            for item in self._collected(session, lab, hidden)
            if not request.get("only") or checks.describe(item.function).answer in request["only"]
        ]
        for index, item in enumerate(items):
            check = checks.describe(item.function)
            told = {"progress": checks.sentence(item.function), "at": index + 1, "of": len(items)}
            self.reply({"id": request["id"], **told})
            raised, seconds = self._run(item, items[index + 1] if index + 1 < len(items) else None)
            yield judge(item, check, raised, seconds, self.bench, hidden=module_of(item).stash[fixtures.LAB][1])

    def _run(self, item: pytest.Function, following: pytest.Item | None) -> tuple[BaseException | None, float]:
        """Runs one test and returns what it raised, if anything, and the seconds it took."""
        self.raised, self.bench.compared, self.bench.notes = None, None, {}
        started = time.perf_counter()
        item._initrequest()  # an item is made to run once; this makes it run again (as pytest-rerunfailures does)
        runtestprotocol(item, log=False, nextitem=following)
        return (self.raised.value if self.raised else None), time.perf_counter() - started

    def _collected(self, session: pytest.Session, lab: course.Lab, hidden: bool) -> list[pytest.Function]:
        if (lab.key, hidden) not in self.items:
            path = modules.check_file(lab, hidden)
            if not path.exists():
                raise course.CourseError(f"{lab.key} has no {path.name}. Get the whole course again.")
            modules.import_from(path.parent, modules.check_file(lab, False).parent)
            collected = session.perform_collect([str(path)], genitems=True)
            items = [item for item in collected if isinstance(item, pytest.Function)]
            for item in items:
                check = checks.describe(item.function)
                check.answer = check.answer or next(iter(lab.answers))
                module_of(item).stash[fixtures.LAB] = (lab, hidden)
            self.items[lab.key, hidden] = items
        return self.items[lab.key, hidden]


def module_of(item: pytest.Item) -> pytest.Module:
    """The module that a test stands in."""
    module = item.getparent(pytest.Module)
    assert module is not None
    return module


def serve(requests: TextIO, replies: TextIO, purpose: str) -> int:
    """Serves until `requests` ends. Returns pytest's exit status."""

    def reply(data: Reply) -> None:
        replies.write(json.dumps(data) + "\n")
        replies.flush()

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for the user's own tests
    checker = Checker(requests, reply, purpose)
    folder = str(course.root() / "graders")
    return int(
        pytest.main([*OPTIONS, "--rootdir", folder, "--confcutdir", folder, folder], plugins=[checker, fixtures])
    )


def main() -> None:
    """The entry point: keeps stdin and stdout for the protocol, so that a stray print goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="learner", help="learner, grading, or one grading worker's own: grading-0")
    purpose: str = parser.parse_args().server
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.exit(serve(requests, replies, purpose))


if __name__ == "__main__":
    main()
