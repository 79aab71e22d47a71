"""The checker: one pytest session that stays warm, and whose run loop serves requests.

    python -m labkit.checking.checker --server learner|grading|grading-N

One JSON object a line comes in on stdin and answers go out on stdout; docs/architecture.md has the protocol. The learner's
code never runs in this process: it only gives artifacts to services and looks at what these then do.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

import pytest
from _pytest.runner import runtestprotocol

from labkit import course, kinds, services
from labkit.checking import checks, fixtures, modules, sealed_checks
from labkit.checking.judgement import (
    because_of,
    is_broken,
    judge,
    of_the_answer,
    told_alone,
    took_too_much,
    unchecked,
)
from labkit.checking.overseer import Overseer, bounds, limit_memory
from labkit.course import hidden as hidden_checks
from labkit.course.verdict import Verdict
from labkit.machine.fault import ServiceFault, told_of

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
        self.bench = fixtures.CheckerBench(purpose)
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
                self.bench.between()
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
        except OSError as error:
            return {"fault": told_of(error)}

    def _check(self, session: pytest.Session, lab: course.Lab, request: Request) -> Iterator[Verdict]:
        alone = request.get("hidden") == "after"  # a learner without an examiner, who is not told all of a hidden check
        hidden_too = hidden_checks.is_here(lab) if alone else bool(request.get("hidden"))
        self.bench.answers, self.bench.hidden_too = request["answers"], hidden_too
        items = [
            item
            for hidden in ([False, True] if hidden_too else [False])
            for item in self._collected(session, lab, hidden)
            if not request.get("only") or checks.describe(item.function).answer in request["only"]
        ]
        failed: dict[str, Verdict] = {}  # by the check's name: those that did not pass
        missed: list[Verdict] = []  # the visible ones among them
        with Overseer(bounds(lab), self.bench.used) as overseer:
            for index, item in enumerate(items):
                check, hidden = checks.describe(item.function), module_of(item).stash[fixtures.LAB][1]
                following = items[index + 1] if index + 1 < len(items) else None
                if alone and hidden and any(v.answer == check.answer and v.outcome != "unverified" for v in missed):
                    session._setupstate.teardown_exact(following)
                    continue
                if overseer.stopped:
                    session._setupstate.teardown_exact(following)
                    because = f"Not checked any more: the checks before it {overseer.stopped}."
                    verdict = unchecked(item, check, because, hidden)
                elif before := next((failed[name] for name in check.after if name in failed), None):
                    session._setupstate.teardown_exact(following)  # as if it had been run
                    verdict = unchecked(item, check, because_of(before), hidden)
                else:
                    told = {"progress": checks.sentence(item.function), "at": index + 1, "of": len(items)}
                    self.reply({"id": request["id"], **told})
                    verdict = self._judged(item, following, lab, hidden, overseer)
                if verdict.outcome != "pass":
                    failed.setdefault(verdict.check, verdict)
                    missed += [] if hidden else [verdict]
                yield told_alone(verdict) if alone and hidden else verdict

    def _judged(
        self, item: pytest.Function, following: pytest.Item | None, lab: course.Lab, hidden: bool, overseer: Overseer
    ) -> Verdict:
        """The verdict of one check that is run: what only the answer breaks, or makes too long, is the answer's."""
        with overseer.at_work():
            raised, seconds = self._run(item, following)
        if overseer.stopped:
            raised = self._of_whom(item, lab, seconds, overseer)
        elif raised and is_broken(raised, self.bench) and self._only_with(item, lab, raised):
            raised = of_the_answer(raised)
        return judge(item, checks.describe(item.function), raised, seconds, self.bench, hidden)

    def _of_whom(self, item: pytest.Function, lab: course.Lab, seconds: float, overseer: Overseer) -> Exception:
        """What is told of a check that was stopped: with the solutions it must pass, and in half the time."""
        solved = self._seconds_solved(item, lab)
        if solved is not None and 2 * solved < seconds:
            return took_too_much(overseer.stopped)
        return ServiceFault(
            f"The checks {overseer.stopped}, and it is not seen that the answer makes them so. Close other programs, and run it again."
        )

    def _run(self, item: pytest.Function, following: pytest.Item | None) -> tuple[BaseException | None, float]:
        """Runs one test and returns what it raised, if anything, and the seconds it took."""
        self.raised, self.bench.compared, self.bench.notes = None, None, {}
        started = time.perf_counter()
        item._initrequest()  # an item is made to run once; this makes it run again (as pytest-rerunfailures does)
        runtestprotocol(item, log=False, nextitem=following)
        return (self.raised.value if self.raised else None), time.perf_counter() - started

    def _only_with(self, item: pytest.Function, lab: course.Lab, raised: BaseException) -> bool:
        """Whether a check that broke does so with the answers, again, and not with the solutions: then it is the answers' own."""
        given = self.bench.answers
        return self._seconds_solved(item, lab) is not None and isinstance(self._alone(item, given), type(raised))

    def _seconds_solved(self, item: pytest.Function, lab: course.Lab) -> float | None:
        """How long a test takes with the solutions; None where it does not pass with them, or they are not here: an assessment."""
        given = self.bench.answers
        try:
            solutions = {name: modules.solution(lab, name) for name in lab.answers}
            started = time.monotonic()
            raised = self._alone(item, solutions)
            return None if raised else time.monotonic() - started
        except course.CourseError:
            return None
        finally:
            self.bench.answers = given

    def _alone(self, item: pytest.Function, answers: dict[str, str]) -> BaseException | None:
        """What a test raises with these answers when nothing was made for others before it, and nothing is kept for those after it."""
        self.bench.answers = answers
        with contextlib.suppress(Exception):  # of what broke already
            item.session._setupstate.teardown_exact(None)
        self.bench.in_turn.end()
        raised, _ = self._run(item, None)
        self.bench.in_turn.end()
        return raised

    def _register_fixtures(self, session: pytest.Session, lab: course.Lab) -> None:
        """Those of the services and kinds of answers that the lab has."""
        named = [*(services.named(name).fixtures for name in lab.needs)]
        named += [kinds.named(name).fixtures for name in lab.answers.values()]
        for module in filter(None, named):
            if not session.config.pluginmanager.has_plugin(module):
                session.config.pluginmanager.register(importlib.import_module(module), module)

    def _collected(self, session: pytest.Session, lab: course.Lab, hidden: bool) -> list[pytest.Function]:
        if (lab.key, hidden) not in self.items:
            path, sealed = modules.check_file(lab, hidden), hidden and not hidden_checks.is_open(lab)
            if not path.exists() and not (sealed and hidden_checks.is_here(lab)):
                raise course.CourseError(f"{lab.key} has no {path.name}. Get the whole course again.")
            self._register_fixtures(session, lab)
            modules.import_from(path.parent, modules.check_file(lab, False).parent)
            if sealed:
                collected = sealed_checks.collected(session, lab)
            else:  # from the course's folder, as pytest takes [ ] and :: in a path for a test's name
                name = os.path.relpath(path, session.config.invocation_params.dir)
                collected = session.perform_collect([name], genitems=True)
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
    os.chdir(course.root())
    return int(
        pytest.main([*OPTIONS, "--rootdir=graders", "--confcutdir=graders", "graders"], plugins=[checker, fixtures])
    )


def main() -> None:
    """The entry point: keeps stdin and stdout for the protocol, so that a stray print goes to stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="learner", help="learner, grading, or one grading worker's own: grading-0")
    purpose: str = parser.parse_args().server
    limit_memory()
    os.umask(0o022)  # a server's or a sandbox's own user must get at what is made for it
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.exit(serve(requests, replies, purpose))


if __name__ == "__main__":
    main()
