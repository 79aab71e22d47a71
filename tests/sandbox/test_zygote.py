"""Programs that are forked from one process: nothing of one reaches that process, or the next program."""

from __future__ import annotations

import os
import signal
import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from labkit.sandbox import Bubblewrap, Finished, Limits, choose
from labkit.sandbox.limits import Warm
from labkit.sandbox.zygote import MAIN
from tests.patience import PATIENCE, until

WARM = Warm(("json", "numpy", "random"))
PATIENT = Limits(seconds=PATIENCE, cpu_seconds=30)
WHO = "import os\nprint(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()), os.getpid())\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Bubblewrap]:
    """One with zygotes of its own."""
    if choose("bubblewrap") is None:
        pytest.skip("no bubblewrap on this machine")
    made = Bubblewrap()
    yield made
    made.close()


def run(sandbox: Bubblewrap, program: str, limits: Limits = PATIENT, **more) -> Finished:
    """Runs a program's text in a fork."""
    return sandbox.run(["python", "-c", textwrap.dedent(program)], limits=limits, warm=WARM, **more)


def zygotes(warm: Warm = WARM) -> list[int]:
    """Processes that wait for orders, with these imports: of other tests there may be others."""
    return [process.pid for process in psutil.Process().children(recursive=True) if imports(process, warm)]


def imports(process: psutil.Process, warm: Warm) -> bool:
    """Whether it is such a zygote. It may end while we look."""
    with suppress(psutil.NoSuchProcess):
        _, main, _, *modules = process.cmdline() + 3 * [""]
        return main == f"/run/{MAIN.name}" and modules[: len(warm.modules)] == list(warm.modules)
    return False


def test_it_imports_once(sandbox: Bubblewrap):
    program = "import sys, time\nprint('numpy' in sys.modules, time.process_time() < 0.05, __name__, sys.argv)"
    assert [run(sandbox, program).stdout for _ in range(3)] == 3 * ["True True __main__ ['-c']\n"]
    assert len(zygotes()) == 1


def test_a_script_runs_as_it_would_alone(sandbox: Bubblewrap):
    files = {
        "run.py": "import sys, beside\nprint(sys.argv, beside.x, __file__)\ndef f(): 1 / 0\nf()\n",
        "beside.py": "x = 5",
    }
    alone, forked = (
        sandbox.run(["python", "run.py", "a"], files=files, limits=PATIENT, warm=warm) for warm in (None, WARM)
    )
    assert forked.stdout == alone.stdout.replace("/work/run.py", "run.py")
    assert (forked.exit_code, forked.ended_by) == (alone.exit_code, alone.ended_by) == (1, "exit")
    assert forked.stderr.replace('"run.py"', '"/work/run.py"') == alone.stderr


@pytest.mark.parametrize(
    ("program", "code"), [("raise SystemExit(7)", 7), ("import os; os.abort()", 128 + signal.SIGABRT), ("pass", 0)]
)
def test_its_status_is_what_it_would_be_alone(sandbox: Bubblewrap, program: str, code: int):
    assert run(sandbox, program).exit_code == sandbox.run(["python", "-c", program]).exit_code == code


def test_no_other_process_is_seen(sandbox: Bubblewrap):
    assert run(sandbox, WHO).stdout == "[1, 2] 2\n"


def test_the_zygote_is_not_reached(sandbox: Bubblewrap):
    before = run(sandbox, WHO) and zygotes()
    program = """
        import os, signal
        for target in (-1, 1, os.getppid()):
            for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
                try: os.kill(target, number)
                except OSError as error: print(error.errno)
        print("here", flush=True)
        os.kill(0, signal.SIGKILL)
    """
    done = run(sandbox, program)
    assert (done.ended_by, done.exit_code) == ("signal", 128 + signal.SIGKILL)
    assert done.stdout.endswith("here\n")
    assert run(sandbox, WHO).stdout == "[1, 2] 2\n"
    assert zygotes() == before


def test_nothing_is_left_for_the_next(sandbox: Bubblewrap):
    leaves = """
        import ctypes, json, os, random, socket, sys
        json.loads = lambda text: "poisoned"
        os.environ["LEFT"] = sys.modules["left"] = "left"
        random.seed(1)
        for place in ("/tmp/left", "/work/left", "/dev/shm/left", "/run/left", "/run/outside/left", "/dev/pts/left"):
            try: open(place, "w").write("left")
            except OSError as error: print(place)
        print(ctypes.CDLL(None).shmget(4711, 4096, 0o1666) >= 0, flush=True)
        socket.socket(socket.AF_UNIX).bind("\\0left")
        if os.fork() == 0 and os.fork() == 0:
            import time; os.setsid(); time.sleep(987)
    """
    finds = """
        import ctypes, json, os, socket, sys
        print(json.loads("1"), os.environ.get("LEFT"), "left" in sys.modules)
        print([place for place in ("/tmp", "/work", "/dev/shm", "/run") if os.path.exists(f"{place}/left")], os.path.exists("/run/outside"))
        print(ctypes.CDLL(None).shmget(4711, 4096, 0))
        print(socket.socket(socket.AF_UNIX).connect_ex("\\0left") != 0, len(os.listdir("/proc/self/fd")))
    """
    alone = sandbox.run(["python", "-c", textwrap.dedent(finds)])
    assert run(sandbox, leaves).stdout.split() == [
        "/dev/shm/left",
        "/run/left",
        "/run/outside/left",
        "/dev/pts/left",
        "True",
    ]
    assert run(sandbox, finds).stdout == alone.stdout
    assert alone.stdout == "1 None False\n[] False\n-1\nTrue 4\n"


def test_two_at_once_do_not_meet(sandbox: Bubblewrap, tmp_path):
    """Also with names that the other one knows."""
    program = """
        import os, socket, time
        mine = socket.socket(socket.AF_UNIX); mine.bind("\\0met")  # a name that is taken is an error
        open("/tmp/met", "x").write(""); open("/work/met", "x").write("")
        until = time.monotonic() + 1
        while time.monotonic() < until:
            assert sorted(os.listdir("/work")) == ["met"]
            assert len([name for name in os.listdir("/proc") if name.isdigit()]) == 2
        print("alone")
    """
    told: list[str] = []
    threads = [threading.Thread(target=lambda: told.append(run(sandbox, program).stdout)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == 4 * ["alone\n"]


def test_draws_are_its_own(sandbox: Bubblewrap):
    program = "import numpy, os, random, uuid, tempfile\nprint(random.random(), numpy.random.random(), os.urandom(4).hex(), uuid.uuid4())"
    told = [run(sandbox, program).stdout.split() for _ in range(3)]
    assert all(len(set(drawn)) == 3 for drawn in zip(*told, strict=True))


def test_no_door_opens_from_a_fork(sandbox: Bubblewrap):
    """What the zygote may do, a program may not: namespaces, mounts, capabilities. `clone` is known to no filter of calls."""
    program = """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno())  # clone(CLONE_NEWUSER | SIGCHLD)
        print(libc.mount(b"tmpfs", b"/work", b"tmpfs", 0, None), libc.umount2(b"/run", 2), libc.umount2(b"/dev/pts", 2))
        print(libc.mount(None, b"/run", None, 32, None), libc.sethostname(b"x", 1), libc.setuid(0))
        try: open("/proc/sys/user/max_user_namespaces", "w").write("9")
        except OSError: print("shut")
        status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
        print({status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}, status["Seccomp"], status["NoNewPrivs"])
    """
    told = run(sandbox, program).stdout.splitlines()
    if os.uname().machine == "x86_64":  # the number of clone
        assert told[0].startswith("-1 ")
    assert told[1:] == ["-1 -1 -1", "-1 -1 -1", "shut", "{'0000000000000000'} 2 1"]


def test_its_process_1_knows_nothing(sandbox: Bubblewrap):
    """It may be read and written as far as the kernel lets a process do that to itself; nothing comes of it but its own end."""
    program = """
        import os
        print(sorted(os.listdir("/proc/1/fd")), os.readlink("/proc/1/cwd"), os.readlink("/proc/1/root"))
        memory = os.open("/proc/1/mem", os.O_RDWR)
        place = next(line for line in open("/proc/1/maps") if " rw-p " in line)
        start, end = (int(word, 16) for word in place.split()[0].split("-"))
        os.pwrite(memory, bytes(end - start), start)
        raise SystemExit(5)
    """
    done = run(sandbox, program)
    assert done.stdout in ("", "['0', '1', '2'] / /\n")
    assert not done.ok
    assert run(sandbox, WHO).stdout == "[1, 2] 2\n"


def test_a_bomb_leaves_the_zygote_alone(sandbox: Bubblewrap):
    done = run(sandbox, "import os\nwhile True: os.fork()", Limits(seconds=3, processes=20))
    assert not done.ok
    assert run(sandbox, WHO).stdout == "[1, 2] 2\n"


def test_memory_counts_as_it_would_alone(sandbox: Bubblewrap):
    """What the zygote imported is not on the account twice."""
    takes = "x = bytearray({} * 1024 * 1024)\nfor at in range(0, len(x), 4096): x[at] = 1\nimport time; time.sleep(0.3); print('had it')"
    few = Limits(seconds=PATIENCE, memory=400 * 2**20, addresses=4 * 2**30)
    assert run(sandbox, takes.format(250), few).ok
    assert run(sandbox, takes.format(600), few).ended_by == "memory"


def test_where_it_ended_there_is_another(sandbox: Bubblewrap):
    run(sandbox, WHO)
    for zygote in zygotes():
        os.kill(zygote, signal.SIGKILL)
    assert until(lambda: not zygotes())
    assert [run(sandbox, WHO).stdout for _ in range(2)] == 2 * ["[1, 2] 2\n"]
    assert len(zygotes()) == 1


def test_where_it_cannot_import_the_program_says_so(sandbox: Bubblewrap):
    warm = Warm(("no_such_module",))
    done = sandbox.run(["python", "-c", "import no_such_module"], limits=PATIENT, warm=warm)
    assert "ModuleNotFoundError" in done.stderr
    assert sandbox.run(["python", "-c", WHO], limits=PATIENT, warm=warm).ok


def test_it_is_stopped_while_it_imports(sandbox: Bubblewrap):
    stop = threading.Event()
    stop.set()
    assert sandbox.run(["python", "-c", "1"], stop=stop, warm=Warm(("pandas",))).ended_by == "stopped"


def test_few_are_kept(sandbox: Bubblewrap):
    for number in range(5):
        warm = Warm(("sched",), (("NUMBER", str(number)),))
        assert sandbox.run(["python", "-c", "1"], limits=PATIENT, warm=warm).ok
    assert until(lambda: len(zygotes(warm)) <= 3)


def test_none_is_left(sandbox: Bubblewrap):
    sandbox.close()
    assert until(lambda: not zygotes())
