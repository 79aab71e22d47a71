"""Untrusted Python gets nowhere: each test is an attempt, made in every sandbox that this machine has."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from labkit.sandbox import Bubblewrap, Container, Finished, Limits, NoSandbox, Sandbox, choose, found, require
from labkit.sandbox.limits import MiB, Warm
from labkit.sandbox.zygote import MAIN
from tests.patience import PATIENCE, until

ZYGOTE_AND_PROGRAM = 4  # itself, who waits for the namespace, its process 1, the program
QUICK = Limits(seconds=20, cpu_seconds=5)


class Forking(Bubblewrap):
    """Forks each program from one that has imported something."""

    def run(self, argv, **more) -> Finished:
        """As `Bubblewrap.run`."""
        return super().run(argv, warm=Warm(("json", "psycopg")), **more)


@pytest.fixture(params=["bubblewrap", "forked", pytest.param("container", marks=pytest.mark.docker)], scope="module")
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each kind of sandbox."""
    found = choose("bubblewrap" if request.param == "forked" else request.param)
    if found is None:
        pytest.skip(f"no {request.param} on this machine")
    return Forking() if request.param == "forked" else found


def python(sandbox: Sandbox, program: str, limits: Limits = QUICK, **more) -> Finished:
    """Runs a program's text."""
    return sandbox.run(["python", "-c", textwrap.dedent(program)], limits=limits, **more)


def test_a_program_runs_with_its_files_and_the_libraries(sandbox: Sandbox):
    files = {"migrations/one.py": "x = 1", "bytes.bin": b"\xff\x00"}
    program = """
        import alembic, psycopg, sqlalchemy, sys
        print(open("migrations/one.py").read(), open("bytes.bin", "rb").read(), file=sys.stderr)
        open("made", "w").write("here"); open("/tmp/made", "w").write("there")
        print(open("made").read(), flush=True); sys.stdout.buffer.write(b"\\xff")
        sys.exit(3)
    """
    done = python(sandbox, program, files=files)
    assert (done.exit_code, done.ended_by) == (3, "exit")
    assert done.stdout == "here\n�"
    assert done.stderr == "x = 1 b'\\xff\\x00'\n"


def test_it_is_nobody_without_capabilities(sandbox: Sandbox):
    done = python(sandbox, "import os; print(os.getuid(), os.getgid()); print(open('/proc/self/status').read())")
    status = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert done.stdout.startswith("65534 65534\n")
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


def test_it_has_namespaces_of_its_own(sandbox: Sandbox):
    kinds = ("pid", "net", "ipc", "uts", "mnt", "cgroup", *(["user"] if sandbox.kind == "bubblewrap" else []))
    program = f"import os; print(*(os.readlink(f'/proc/self/ns/{{kind}}') for kind in {kinds!r}))"
    inside = python(sandbox, program).stdout.split()
    assert len(inside) == len(kinds)
    assert not set(inside) & {os.readlink(f"/proc/self/ns/{kind}") for kind in kinds}


def test_doors_into_the_kernel_are_shut(sandbox: Sandbox):
    program = """
        import ctypes, os, socket
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x10000000) == 0: print("user namespace")
        if libc.syscall(425, 1, 0) != -1 or ctypes.get_errno() not in (1, 38): print("io_uring")
        for family in (38, 40):  # AF_ALG, AF_VSOCK
            try:
                socket.socket(family, socket.SOCK_STREAM)
                print("family", family)
            except OSError:
                pass
        print(open("/proc/self/status").read().split("Seccomp:")[1].split()[0])
    """
    assert python(sandbox, program).stdout == "2\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root has a root to step down from")
def test_to_the_kernel_too_it_is_not_root(sandbox: Sandbox, tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as listener:
        place = Path(os.environ["TMPDIR"], f"peer-{type(sandbox).__name__}", "s")
        place.parent.mkdir(mode=0o711)
        listener.bind(str(place))
        place.chmod(0o666)
        listener.listen()
        listener.settimeout(5)
        program = f"import socket; socket.socket(socket.AF_UNIX).connect('{sandbox.folder_of(place)}/s')"
        assert python(sandbox, program, sockets=[place]).ok
        peer, _ = listener.accept()
        with peer:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    _, uid, gid = (int.from_bytes(credentials[i : i + 4], "little") for i in (0, 4, 8))
    assert uid != 0
    assert gid != 0


def test_the_network_is_out_of_reach(sandbox: Sandbox):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0labkit-{os.getpid()}")
        abstract.listen()
        program = f"""
            import socket
            for family, address in [
                (socket.AF_INET, ("127.0.0.1", {listener.getsockname()[1]})),
                (socket.AF_INET, ("192.0.2.1", 80)),
                (socket.AF_UNIX, "\\0labkit-{os.getpid()}"),
            ]:
                try:
                    socket.socket(family).connect(address)
                    print("reached", address)
                except OSError as error:
                    print(type(error).__name__)
        """
        done = python(sandbox, program)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert done.stdout.split() == ["ConnectionRefusedError", "OSError", "ConnectionRefusedError"]


def test_files_of_the_machine_are_not_there(sandbox: Sandbox, tmp_path: Path):
    secret = tmp_path / f"secret-{os.getpid()}"
    secret.write_text("hidden data")
    course = Path(__file__).parents[2]
    outside = [secret, course / "labkit" / "home.py", course / "graders", Path(os.environ["LABKIT_HOME"])]
    outside += [
        Path("/etc/shadow"),
        Path("/root/.bashrc"),
        Path("/proc/1/root/etc/shadow"),
    ]
    program = f"""
        import os
        for path in {list(map(str, outside))!r}:
            try:
                found = os.listdir(path) if os.path.isdir(path) else open(path).read()
            except OSError:
                found = ""
            if found:
                print(path, found)
        for folder, folders, names in os.walk("/"):
            if folder == "/":
                folders[:] = set(folders) - {{"proc", "usr", "lib", "site-packages"}}
            folders[:] = set(folders) - {{"lib-dynload", "test"}}
            if {secret.name!r} in names:
                print(folder)
        try:
            import labkit
            print("the course's library", labkit.__path__)
        except ImportError:
            pass
    """
    done = python(sandbox, program)
    assert (done.stdout, done.stderr, done.exit_code) == ("", "", 0)


def test_links_in_the_folder_lead_nowhere(sandbox: Sandbox, tmp_path: Path):
    (tmp_path / "secret").write_text("hidden data")
    program = f"""
        import os
        os.symlink({str(tmp_path / "secret")!r}, "a")
        os.symlink("/proc/1/root", "b")
        os.symlink("/proc/self/cwd/../..", "/tmp/c")
        for path in ["a", "b{tmp_path}/secret", "/tmp/c{tmp_path}/secret"]:
            try:
                print(open(path).read())
            except OSError:
                print("no")
    """
    assert python(sandbox, program).stdout.split() == ["no"] * 3


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", ""])
def test_a_file_cannot_be_given_a_place_outside(sandbox: Sandbox, name: str):
    with pytest.raises(ValueError, match="not a path inside"):
        sandbox.run(["python", "-c", ""], files={name: "x"})


def test_nothing_outside_of_its_folders_can_be_written(sandbox: Sandbox):
    program = """
        import os, sys, sysconfig
        places = ["/", "/dev", "/dev/shm", "/etc", "/usr/lib", "/run", "/proc/sys/kernel", "/sys", "/files"]
        places += [sys.prefix, sysconfig.get_path("stdlib"), *(p for p in sys.path if os.path.isdir(p))]
        for place in places:
            for way in (lambda p: open(p + "/x", "w"), lambda p: os.mkdir(p + "/y")):
                try:
                    way(place)
                    print("wrote", place)
                except OSError:
                    pass
        for path in ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/etc/passwd"]:
            try:
                open(path, "w").write("x")
                print("wrote", path)
            except OSError:
                pass
    """
    wrote = set(python(sandbox, "import os; os.chdir('/tmp')\n" + textwrap.dedent(program)).stdout.splitlines())
    assert wrote <= {"wrote ", "wrote /work"}


def test_the_environment_does_not_leak(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    program = "import os; print(*os.environ); print(open('/proc/1/environ').read())"
    done = python(sandbox, program, env={"PGPASSWORD": "its own"})
    assert "PGPASSWORD" in done.stdout
    assert "SECRET" not in done.stdout
    assert "s3cret" not in done.stdout


def test_a_password_is_not_on_a_command_line(sandbox: Sandbox):
    with sleeping(sandbox, """{"PGPASSWORD": "pa55" + "word"}"""):
        lines = [words(process) for process in psutil.process_iter()]
    assert not [line for line in lines if "pa55word" in line]


def test_the_deadline_holds_whatever_it_ignores(sandbox: Sandbox):
    program = """
        import os, signal, time
        for number in range(1, 32):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_IGN)
        os.close(1); os.close(2)
        time.sleep(3600)
    """
    done = python(sandbox, program, Limits(seconds=1))
    assert done.ended_by == "time"


def test_processor_time_is_limited(sandbox: Sandbox):
    done = python(sandbox, "while True: pass", Limits(seconds=PATIENCE, cpu_seconds=1))
    assert done.ended_by in ("cpu", "signal")


def test_one_process_cannot_take_more_memory(sandbox: Sandbox):
    done = python(sandbox, "x = b'x' * (400 << 20)", Limits(memory=128 * MiB))
    assert not done.ok
    assert "MemoryError" in done.stderr or done.ended_by in ("memory", "signal")


def test_many_processes_cannot_take_more_memory_together(sandbox: Sandbox):
    program = """
        import os, time
        for _ in range(8):
            if os.fork() == 0:
                x = b"x" * (60 << 20)
                time.sleep(30)
        print(os.wait())
        if os.wait(): raise SystemExit(1)
    """
    done = python(sandbox, program, Limits(memory=160 * MiB, seconds=15))
    assert not done.ok
    assert done.ended_by != "time"


def test_a_fork_bomb_ends(sandbox: Sandbox):
    program = """
        import os, sys, time
        made = 0
        while True:
            try:
                if os.fork() == 0:
                    time.sleep(60)
                made += 1
            except OSError as error:
                print(made, flush=True)
                sys.exit(5)
    """
    done = python(sandbox, program, Limits(processes=20, seconds=10))
    assert done.ended_by == "processes" or (done.exit_code == 5 and int(done.stdout.split()[-1]) <= 25)
    everywhere = python(sandbox, "import os\nwhile True: os.fork()", Limits(processes=20, seconds=3))
    assert not everywhere.ok


def test_files_are_small_and_few(sandbox: Sandbox):
    limits = Limits(file_size=1 * MiB, disk=4 * MiB, open_files=30)
    program = """
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        def reason(act):
            try:
                act()
            except OSError as error:
                return error.strerror
        print(reason(lambda: open("big", "wb").write(b"x" * (2 << 20))))
        for folder in ("/tmp", "/work"):
            print(reason(lambda: [open(f"{folder}/{n}", "wb").write(b"x" * (1 << 20)) for n in range(8)]))
        kept = []
        print(reason(lambda: [kept.append(open("/dev/null")) for _ in range(60)]))
    """
    said = python(sandbox, program, limits).stdout.splitlines()
    assert said == [
        "File too large",
        "No space left on device",
        "No space left on device",
        "Too many open files",
    ]


def test_output_is_bounded(sandbox: Sandbox):
    program = "import sys\nwhile True: sys.stderr.write('x' * 65536); sys.stdout.write('y' * 65536)"
    done = python(sandbox, program, Limits(output=1 * MiB, seconds=15))
    assert done.ended_by == "output"
    assert len(done.stdout) + len(done.stderr) <= 2 * MiB


def test_what_it_starts_ends_with_it(sandbox: Sandbox):
    program = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open("/tmp/x", "w").write("orphan")
                time.sleep(987)
            os._exit(0)
        print("parent leaves")
    """
    done = python(sandbox, program)
    assert done.ok, "it was waited for"
    assert not left()


def test_all_ends_when_the_caller_is_killed(sandbox: Sandbox):
    with sleeping(sandbox) as processes:
        pass
    waited_for(lambda: not any(map(psutil.pid_exists, processes)))


@contextmanager
def sleeping(sandbox: Sandbox, env: str = "{}") -> Iterator[list[int]]:
    """The processes of a program that sleeps, started by another process, which is killed at the end."""
    forks = isinstance(sandbox, Forking)
    code = f"""
        from labkit.sandbox import {type(sandbox).__mro__[-2].__name__} as Box, Limits
        from labkit.sandbox.limits import Warm
        program, warm = ["python", "-c", "import time; time.sleep(987)"], {"Warm(('json',))" if forks else None}
        Box.probe().run(program, env={env}, limits=Limits(seconds=3), warm=warm)
    """
    caller = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    processes = (lambda: forked_by(caller.pid)) if forks else left
    try:
        waited_for(processes)
        yield processes()
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()
    waited_for(lambda: not left())  # a container ends by its own deadline


def forked_by(caller: int) -> list[int]:
    """The zygote's processes, once a program runs: its process 1, and the program."""
    found = [
        process.pid for process in psutil.Process(caller).children(recursive=True) if f"/{MAIN.name} " in words(process)
    ]
    return found if len(found) >= ZYGOTE_AND_PROGRAM else []


def left() -> list[int]:
    """Processes of the programs above (not of those who start them)."""
    return [p.pid for p in psutil.process_iter() if "python" in words(p)[:60] and words(p).endswith("time.sleep(987)")]


def words(process: psutil.Process) -> str:
    """A process' command line; empty when it is gone."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def waited_for(condition: Callable[[], object]) -> None:
    """Waits until the condition holds. Raises AssertionError when it never does."""
    assert until(condition), "it did not happen"


def test_without_a_sandbox_the_message_installs_one(monkeypatch: pytest.MonkeyPatch):
    found.cache_clear()
    monkeypatch.setenv("PATH", "")
    try:
        with pytest.raises(NoSandbox, match="apt-get install -y bubblewrap"):
            require()
    finally:
        found.cache_clear()


def test_a_run_costs_little():
    box = choose("bubblewrap")
    if box is None:
        pytest.skip("no bubblewrap on this machine")
    times = [
        (
            timed(lambda: subprocess.run([sys.executable, "-I", "-c", ""], check=True)),
            timed(lambda: box.run(["python", "-I", "-c", ""])),
        )
        for _ in range(15)
    ]
    bare, inside = map(min, zip(*times, strict=True))
    # `make bench-grading` has the goal, 60 ms on an idle machine; this one has other tests beside it, which may take either time.
    assert inside < 6 * bare


def timed(act) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def test_both_kinds_are_offered():
    assert {Bubblewrap.kind, Container.kind} == {"bubblewrap", "container"}
