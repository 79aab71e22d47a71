"""The engine: a pool of this machine and a Dask cluster say the same, and outlive the death of whoever takes part."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from distributed import LocalCluster

from labkit import course, services
from labkit.checking.process import CheckerFault
from labkit.grading.dask_pool import DaskPool, Workers
from labkit.grading.engine import Judged, Pool, Worker, verdicts_from
from labkit.grading.work_order import Work
from labkit.machine.backend import choose
from labkit.machine.fault import ServiceFault
from labkit.services.postgres import GRADED, Template, postgres
from labkit.services.postgres.admin import execute
from tests.faults.small_course import ANSWERS, LAB, SECTION, SmallCourse, light_course
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

RIGHT = ANSWERS[0][0]
MANY = "SELECT pg_notify('flood', n || repeat('x', 7000)) FROM generate_series(1, 1000) AS n"


@pytest.fixture
def lab(monkeypatch) -> Iterator[course.Lab]:
    """The light lab, for this process and those that it starts."""
    monkeypatch.setenv("LABKIT_COURSE", str(light_course()))
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    course.root.cache_clear()
    yield course.find(f"{SECTION}/{LAB}")
    course.root.cache_clear()


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A scheduler and two workers, each a process, as an examiner has them on two machines."""
    environment = {"LABKIT_COURSE": str(light_course()), "LABKIT_BACKEND": "embedded"}
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, env=environment, silence_logs=50
    ) as made:
        yield made


def works(lab: course.Lab, number: int) -> list[Work]:
    """Submissions, no two alike."""
    return [Work(f"student-{i}", lab, {"first": f"{ANSWERS[i % len(ANSWERS)][0]}\n-- {i}"}) for i in range(number)]


def told(judged: list[Judged]) -> dict[str, list[tuple[str, str, float]]]:
    """What came of it, without times."""
    assert [one.fault for one in judged if one.fault] == []
    return {one.work.student: [(v.check, v.outcome, v.earned) for v in one.verdicts] for one in judged}


def test_a_checker_works_on_the_backend_that_its_worker_is_told(lab, monkeypatch):
    """Else the server that is watched and cleaned is another one than answers run on."""
    monkeypatch.setenv("LABKIT_BACKEND", "docker")
    with Worker("embedded") as worker:
        judged = worker.judge(works(lab, 1)[0])
    assert judged.fault == ""
    assert ", socket " in judged.server


def test_a_full_queue_of_notifications_is_not_left_to_the_next_answer():
    """Postgres takes none any more, also when whoever filled it is gone, until somebody looks how full it is."""
    with (
        services.named("postgres").watch("grading-queue", "embedded") as watched,
        postgres("grading-queue", choose("embedded")) as server,
    ):
        watched.revive()
        with server.database(Template("queue", ("SELECT 1",), 1), limits=GRADED) as database:
            with database.connect(autocommit=False) as slow, database.connect() as flood:
                slow.execute("LISTEN flood")
                slow.commit()
                slow.execute("SELECT 1")
                with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                    flood.execute(MANY)
            with database.connect() as stuck, pytest.raises(psycopg.errors.ProgramLimitExceeded):
                stuck.execute(MANY)
        assert watched.cleaned() == ""
        with (
            server.database(Template("queue", ("SELECT 1",), 1), limits=GRADED) as database,
            database.connect() as next_one,
        ):
            next_one.execute("NOTIFY flood")


def test_a_call_that_failed_or_was_given_up_leaves_nothing_to_the_next(lab, monkeypatch):
    """Of a pool that stays: each call has its own verdicts, and no more."""
    with Pool(1, stay=True) as pool:
        next(pool.judge(works(lab, 3)))
        with monkeypatch.context() as broken:
            broken.setattr(Worker, "judge", lambda *_: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                list(pool.judge(works(lab, 2)))
        assert sorted(judged.work.student for judged in pool.judge(works(lab, 2))) == ["student-0", "student-1"]


def test_workers_that_stay_go_on_with_what_they_started(lab):
    """One after the other, and none is left when the pool is."""
    with Pool(1, stay=True) as pool:
        servers = {one.server for _ in range(2) for one in pool.judge(works(lab, 2))}
        (worker,) = pool._waiting
        checker = psutil.Process(worker._checker.pid)
    assert len(servers) == 1  # with the server's process id
    assert not checker.is_running()
    with Pool(1) as pool:
        assert len(list(pool.judge(works(lab, 2)))) == 2
        assert pool._waiting == []


def test_dask_says_what_the_pool_says_also_when_a_worker_is_killed(lab, cluster):
    """kill -9 of a worker in the middle: all are judged, none twice, and all as the pool does. Some are alike, and go there together."""
    items = works(lab, 12) + [Work(f"twin-{i}", lab, {"first": RIGHT}) for i in range(12)]
    with Pool(2) as pool:
        expected = told(list(pool.judge(items)))
    assert Counter(v[1] for verdicts in expected.values() for v in verdicts) == {"pass": 34, "fail": 14}
    judged = []
    with DaskPool(cluster.scheduler_address) as pool:
        for one in pool.judge(items):
            judged.append(one)
            if len(judged) == 4:
                os.kill(next(iter(cluster.workers.values())).process.pid, signal.SIGKILL)
    assert len(judged) == len(items)
    assert told(judged) == expected
    assert len({one.server.split("Dask worker ")[1] for one in judged}) >= 2


@pytest.mark.full
def test_what_kills_each_dask_worker_is_not_graded(lab, cluster):
    """It is listed, and the others get their verdicts."""
    killer = Work("eve", lab, {"first": f"{RIGHT} -- kill the worker"})
    with DaskPool(cluster.scheduler_address) as pool:
        judged = {one.work.student: one for one in pool.judge([killer, *works(lab, 3)])}
    assert "worker that judged it died" in judged.pop("eve").fault
    assert len(told(list(judged.values()))) == 3


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    """What happened, and what starts one."""
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ServiceFault, match="No Dask scheduler"),
    ):
        DaskPool("tcp://127.0.0.1:9")


def test_labkit_grade_over_dask(lab, cluster, tmp_path):
    """The command with --scheduler marks what the command without it marks; each verdict is in the audit trail once."""
    made = SmallCourse(tmp_path / "exam")
    worth = made.submit_many(6)
    said = made.grade("--scheduler", cluster.scheduler_address)
    assert "6 judged" in said
    assert made.marks() == worth
    assert Counter(entry["student"] for entry in made.audited()) == dict.fromkeys(worth, 1)
    assert {"Dask worker" in entry["server"] for entry in made.audited()} == {True}


def test_services_over_dask_end_when_there_is_no_more_work(lab):
    """Whoever asked for them may have been killed, and nobody else gives them back."""
    workers = Workers(idle=0.2)
    workers.setup(None)
    with workers.one() as worker:
        assert not worker.judge(works(lab, 1)[0]).fault
        services = [psutil.Process(pid_of(name)) for name in ("checker", "server", "keeper")]
    assert psutil.wait_procs(services, timeout=PATIENCE)[1] == []
    with workers.one() as again:
        assert again is not worker
        assert not again.judge(works(lab, 1)[0]).fault
    asyncio.run(workers.teardown(None))


def test_a_worker_outlives_its_checker_and_its_server(lab):
    """Each is killed between two answers, the checker also during one: the next verdict is as if nothing had been."""
    item = Work("ada", lab, {"first": RIGHT})
    with Worker() as worker:
        expected = told([worker.judge(item)])
        for kill in ("checker", "server", "keeper"):
            assert os.kill(pid_of(kill), signal.SIGKILL) is None
            assert told([worker.judge(item)]) == expected, kill
        died = worker.judge(Work("eve", lab, {"first": f"{RIGHT} -- kill the checker"}))
        assert "checker stopped" in died.fault
        assert told([worker.judge(item)]) == expected


def test_a_worker_goes_when_the_others_can_do_the_rest(lab):
    """Not before; and what it leaves, they do."""
    items, gone, judged = works(lab, 16), threading.Event(), 0
    with Pool(2) as pool:
        for _ in pool.judge(items):
            pool.spare(0.0 if judged < 3 else 1000.0, gone.set)
            judged += 1
            assert judged > 3 or not gone.is_set()
    assert judged == len(items)
    assert gone.is_set()


def test_the_only_worker_stays(lab):
    """There is a core for other work anyway."""
    with Pool(1) as pool:
        told: list[bool] = []
        assert len([pool.spare(0.0, lambda: told.append(True)) for _ in pool.judge(works(lab, 3))]) == len(told) == 3


def test_what_an_answer_leaves_on_its_server_goes_with_the_server(lab):
    """Also what no answer can make: a role with rights, a setting, a database; the next one meets a server without them."""
    item = Work("ada", lab, {"first": RIGHT})
    with Worker() as worker:
        expected = told([worker.judge(item)])
        server = worker._watches["postgres"]._running
        assert server
        with server.superuser() as admin:
            execute(admin, "CREATE ROLE {} SUPERUSER LOGIN", "eve")
            execute(admin, "CREATE DATABASE {} TEMPLATE template0", "loot")
            admin.execute("ALTER SYSTEM SET work_mem = '1GB'")
        left = worker.judge(item)
        for what in ("role eve", "database loot", "setting work_mem"):
            assert what in left.remark
        assert told([left]) == expected
        with server.superuser() as admin:
            assert admin.execute("SELECT 1 FROM pg_roles WHERE rolname = 'eve'").fetchall() == []
            assert admin.execute("SHOW work_mem").fetchone() == ("4MB",)
        again = worker.judge(item)
        assert (told([again]), again.remark) == (expected, "")


def test_a_server_that_stops_while_it_judges_blames_nobody(lab, monkeypatch):
    """An answer whose server goes each time is not graded; it is never a failed check."""
    item = Work("ada", lab, {"first": RIGHT})
    with Worker() as worker:
        told([worker.judge(item)])
        ask = worker._checker.ask

        def ask_and_kill(*arguments, **fields):
            pending = ask(*arguments, **fields)
            pending.future.exception(timeout=PATIENCE)  # it is judged
            processes = psutil.Process(pid_of("server")).children()
            processes[0].kill()  # Postgres ends all sessions, and goes on
            assert not psutil.wait_procs(processes, 60)[1]
            return pending

        monkeypatch.setattr(worker._checker, "ask", ask_and_kill)
        assert "Postgres stopped while this was judged" in worker.judge(item).fault


@pytest.mark.parametrize(
    "reply",
    [None, [{}], [], "pass", [{"check": "c", "answer": "first", "sentence": "", "points": 1e9, "outcome": "pass"}]],
)
def test_a_reply_that_is_no_verdict_is_a_fault(lab, reply):
    """Nothing that is not exactly a verdict becomes a mark."""
    with pytest.raises(CheckerFault):
        verdicts_from(Work("ada", lab, {}), reply)


def pid_of(name: str) -> int:
    """The checker, server or keeper of the one worker of this test: who judges for other tests may be there besides, and began before."""
    patterns = {"checker": "labkit.checking.checker", "keeper": "labkit.services.keeper", "server": "/postgres -D"}
    home = os.environ["LABKIT_HOME"]
    found = [
        process
        for process in psutil.process_iter(["cmdline", "environ", "create_time"])
        if patterns[name] in (command := " ".join(process.info["cmdline"] or []))
        and (home in command or (process.info["environ"] or {}).get("LABKIT_HOME") == home)
    ]
    return max(found, key=lambda process: process.info["create_time"]).pid
