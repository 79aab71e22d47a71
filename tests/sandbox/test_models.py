"""Functions around models, called in the sandbox: what is told of a call, and what a process reaches."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterator

import pandas as pd
import pytest
from mlflow import MlflowClient

from labkit.kinds.answer import AnswerError
from labkit.kinds.model import frames, runner
from labkit.kinds.model.program import Program, Worker
from labkit.kinds.table.kind import Table
from labkit.sandbox import Sandbox, choose
from labkit.services.mlflow.place import Place
from labkit.services.mlflow.running import Mlflow, mlflow

PLAIN = """
import socket

def double(frame):
    return frame * 2

def connect(host, port):
    socket.create_connection((host, port), 2)
"""
FUNCTIONS = '''
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import mlflow
from mlflow import MlflowClient

ORDER = list({"car", "kitchen", "moving", "roof", "garden"})


class Own(Exception):
    """Of the answer's own."""


def log(value):
    with mlflow.start_run() as run:
        mlflow.log_metric("value", value)
    return run.info.run_id

def kinds(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()} | {"rows": len(frame)}

def fails():
    raise Own("as it should")

def turned(frame):
    return frame.assign(at=frame.index)[::-1]

def leaves():
    os._exit(0)

def spins():
    while True:
        pass

def large():
    return "x" * 10_000_000

def strange():
    return object()

def generator():
    yield 1

def reach(address):
    return urllib.request.urlopen(address, timeout=5).status

def connect(host, port):
    socket.create_connection((host, port), 2)

def prints(text):
    print(text * 3_000_000)
    return "printed"

def order():
    return ORDER

def reads(path):
    with open(path) as file:
        return file.read()

def leaves_a_child():
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
'''


@pytest.fixture(
    scope="module", params=["bubblewrap", pytest.param("container", marks=[pytest.mark.docker, pytest.mark.full])]
)
def box(request: pytest.FixtureRequest) -> Sandbox:
    """Each sandbox."""
    return choose(request.param) or pytest.skip(f"no {request.param} on this machine")


@pytest.fixture(scope="module")
def server() -> Iterator[Mlflow]:
    """A server of grading's."""
    with mlflow("grading", "embedded") as server:
        yield server


@pytest.fixture(scope="module")
def program(server: Mlflow, box: Sandbox) -> Iterator[Program]:
    """One sandbox for all."""
    with Program(box, (server.reach["host"], server.reach["port"])) as program:
        yield program


@pytest.fixture
def place(server: Mlflow) -> Iterator[Place]:
    """A place of a test's own."""
    with server.place("93-mlops/models", graded=True) as place:
        yield place


@pytest.fixture
def worker(program: Program, place: Place) -> Iterator[Worker]:
    """A process that has run the functions."""
    with program.worker(place, FUNCTIONS) as worker:
        yield worker


def test_a_call_works_in_its_place(worker: Worker, place: Place):
    run_id = worker.do("log", 1.5)
    assert MlflowClient(place.uri).get_run(run_id).data.metrics == {"value": 1.5}


def test_frames_arrive_with_their_types(worker: Worker):
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", None], "d": pd.Categorical(["u", "v"])})
    assert worker.do("kinds", frame) == {"a": "int64", "b": "float64", "c": "str", "d": "category", "rows": 2}


def test_a_frame_comes_back_with_its_types_and_goes_with_its_index(worker: Worker):
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None], "c": ["x", 3]}, index=["same", "same"])
    told = worker.do("turned", frame)
    assert frames.rows(told, 2) == [
        {"a": 2, "b": None, "c": 3, "at": "same"},
        {"a": 1, "b": 0.5, "c": "x", "at": "same"},
    ]
    assert [frames.dtype(told, name) for name in "abcz"] == ["int64", "float64", "object", ""]
    assert frames.rows(told, 1) is None


@pytest.mark.parametrize(
    "told",
    [
        None,
        3,
        {},
        {"$frame": 3},
        {"$frame": {"a": 3}},
        {"$frame": {"a": ["x", [1]], "b": ["x", []]}},
        {"$frame": {"a": ["x", [[1]]]}},
    ],
)
def test_what_is_no_frame_is_none(told: object):
    assert frames.rows(told, 10) is None


def test_what_runs_before_an_answer_makes_its_world_another_one(program: Program, place: Place):
    with program.worker(
        place,
        FUNCTIONS + "def version(): return mlflow.__version__\n",
        before="import mlflow\nmlflow.__version__ = 'next'",
    ) as worker:
        assert worker.do("version") == "next"
    with program.worker(place, FUNCTIONS + "def version(): return mlflow.__version__\n") as worker:
        assert worker.do("version") != "next"


def test_a_program_without_a_server_has_its_functions_and_no_way_out(box: Sandbox, server: Mlflow):
    with Program(box, None, kind=Table, imports=("pandas",)) as program, program.worker(None, PLAIN) as worker:
        assert worker.do("double", pd.DataFrame({"a": [1]}))["$frame"]["a"] == ["int64", [2]]
        assert worker.call("connect", server.reach["host"], server.reach["port"]).outcome().error


def test_an_error_of_mlflow_is_told_without_the_rows_that_it_begins_with():
    said = "Failed to enforce schema of data '  income\n0  996.94\n1  'x' ' with schema '['late']'. Error: Model is missing inputs."
    assert (
        runner.ROWS.sub(r"\1 \2", said)
        == "Failed to enforce schema of data with schema '['late']'. Error: Model is missing inputs."
    )


def test_an_error_is_told_with_its_line(worker: Worker):
    outcome = worker.call("fails").outcome()
    line = FUNCTIONS.splitlines().index('    raise Own("as it should")') + 1
    assert outcome.error == f"line {line}: Own: as it should"
    assert outcome.kinds[:2] == ("Own", "Exception")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("nothing", "the cell defines no function nothing"),
        ("strange", "it returns object, which cannot be told"),
        ("generator", "of which nothing has run"),
        ("large", "more than 4,000,000 bytes"),
    ],
)
def test_what_is_no_answer_is_said(worker: Worker, function: str, says: str):
    assert says in worker.call(function).outcome().error


def test_printing_without_end_does_no_harm(worker: Worker):
    assert worker.do("prints", "x") == "printed"


def test_a_cell_that_does_not_run(program: Program, place: Place):
    with pytest.raises(AnswerError, match=r"line 1: SyntaxError"):
        program.worker(place, "def f(:\n")
    with pytest.raises(AnswerError, match=r"line 2: ZeroDivisionError"):
        program.worker(place, "x = 0\n1 / x\n")


def test_a_process_that_ends_is_told_and_the_next_one_is_well(program: Program, place: Place):
    with program.worker(place, FUNCTIONS) as worker, pytest.raises(AnswerError, match="ended the whole process"):
        worker.do("leaves")
    with program.worker(place, FUNCTIONS) as worker:
        assert worker.do("order")


def test_a_call_without_end_is_stopped(program: Program, place: Place):
    with program.worker(place, FUNCTIONS) as worker:
        with pytest.raises(AnswerError, match="did not return within 1 s"):
            worker.call("spins").outcome(1)
        with pytest.raises(AnswerError, match="did not return within 1 s"):
            worker.call("order")


def test_nothing_but_its_own_place_is_reached(server: Mlflow, worker: Worker):
    with server.place("93-mlops/other") as other:
        assert urllib.request.urlopen(f"{other.uri}/", timeout=30).status == 200
        for host, port in ((other.host, other.port), ("1.1.1.1", 53), ("127.0.0.1", 22)):
            assert worker.call("connect", host, port).outcome().error
        assert worker.call("reach", f"{other.uri}/").outcome().error


def test_two_processes_are_two(program: Program, place: Place):
    with program.worker(place, FUNCTIONS, files={"own.txt": "mine"}) as one, program.worker(place, FUNCTIONS) as two:
        assert one.do("reads", "own.txt") == "mine"
        assert "FileNotFoundError" in two.call("reads", "own.txt").outcome().error


def test_the_hash_seed_is_the_same_in_every_run_and_another_elsewhere(
    server: Mlflow, program: Program, place: Place, box: Sandbox
):
    from labkit.kinds.model.program import ELSEWHERE

    with program.worker(place, FUNCTIONS) as here:
        order = here.do("order")
    with (
        Program(box, (server.reach["host"], server.reach["port"]), ELSEWHERE) as other,
        other.worker(place, FUNCTIONS) as there,
    ):
        assert sorted(there.do("order")) == sorted(order)
        assert there.do("order") != order


def test_a_request_can_be_held_while_another_program_goes_on(program: Program, place: Place):
    with program.worker(place, FUNCTIONS) as one, program.worker(place, FUNCTIONS) as two:
        socket = program.socket
        socket.held.clear()

        def first_write(request) -> bool:
            if socket.held.is_set() or not request.writes:
                return False
            socket.held.set()
            return True

        socket.before = first_write
        held = one.call("log", 1)
        assert socket.held.wait(60)
        assert two.do("log", 2)
        assert not held.is_done()
        socket.let_go()
        assert held.outcome().value()


def test_what_a_process_started_ends_with_the_program(server: Mlflow, place: Place, box: Sandbox):
    with (
        Program(box, (server.reach["host"], server.reach["port"])) as program,
        program.worker(place, FUNCTIONS) as worker,
    ):
        worker.do("leaves_a_child")
    assert program.running.done()


def test_an_answer_is_stopped_when_its_time_is_over(server: Mlflow, place: Place, box: Sandbox):
    with (
        Program(box, (server.reach["host"], server.reach["port"])) as program,
        program.worker(place, FUNCTIONS) as worker,
    ):
        call = worker.call("spins")
        program.stop("It took too long.")
        with pytest.raises(AnswerError, match="It took too long"):
            call.outcome()


KILLS = """
import os
import signal
import socket


def kills():
    os.kill(os.getppid(), signal.SIGKILL)


def connects():
    global held
    held = []
    for _ in range(1):
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect("/run/control/socket")
    fake = socket.socket(socket.AF_UNIX)
    fake.connect("/run/control/socket")
    fake.sendall(b'{"hello": "worker-9"}\\n' + b"no JSON\\n" * 9)
    held.append(fake)
"""


def test_an_answer_that_ends_the_process_of_all_is_told_so(server: Mlflow, place: Place, box: Sandbox):
    """It is the answer's own fault, also for what would have come next."""
    with Program(box, (server.reach["host"], server.reach["port"])) as program:
        with program.worker(place, KILLS) as worker, contextlib.suppress(AnswerError):
            worker.do("kills")
        with pytest.raises(AnswerError):
            program.worker(place, KILLS)


def test_connections_of_an_answers_own_are_none_of_ours(server: Mlflow, place: Place, box: Sandbox):
    with Program(box, (server.reach["host"], server.reach["port"])) as program, program.worker(place, KILLS) as worker:
        worker.do("connects")
        with program.worker(place, KILLS) as other:
            assert other.name == "worker-2"
            other.do("connects")
