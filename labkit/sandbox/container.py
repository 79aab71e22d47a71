"""Untrusted Python in a container: the same rules, where there is Docker and bubblewrap is not allowed."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import distributions, version
from pathlib import Path
from threading import Event

from filelock import FileLock

from labkit.course.home import home, run_folder
from labkit.machine.backend import LABEL, ask_docker
from labkit.sandbox.limits import DEFAULT, Finished, Limits, Warm, inside, prlimit_options, rlimits
from labkit.sandbox.process import LOOK, watch
from labkit.sandbox.signals import Signals
from labkit.sandbox.started import Started

NAME = "labkit-sandbox"
MINORS = ("3.13", "3.12", "3.11")
NOBODY = "65534:65534"
GRACE = 5  # seconds after our deadline at which the container ends by itself, should we be gone
PATIENCE = 10.0  # seconds for Docker to pause a container, or to let it go on
CREATED = 30.0  # seconds for it to create one
NO_CONTENT = 204
COPY_IN = 'cp -R /files/. /work/ && cd /work && exec "$@"'


class Container:
    """A sandbox in Docker; a run costs some 0.3 s over the program's own time, the first more."""

    kind = "container"

    def __init__(self, base: str, libraries: Sequence[str] = (), labels: Mapping[str, str] | None = None) -> None:
        self.base = base  # the image that ours is built on, e.g. "python:3.13-slim"
        self.libraries = libraries  # instead of those that a run's limits name
        self.labels = labels or {}

    @classmethod
    def probe(cls) -> Container | None:
        """A sandbox, if there is a Docker engine and a Python image for it."""
        if not shutil.which("docker") or _docker("version", "--format", "{{.Server.Version}}").returncode:
            return None
        base = _base_image()
        return cls(base) if base else None

    def folder_of(self, socket: Path) -> str:
        """`/run/<the socket's folder>`."""
        return f"/run/{socket.parent.name}"

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits = DEFAULT,
        env: Mapping[str, str] | None = None,
        stop: Event | None = None,
        listens: Path | None = None,
        signals: Signals | None = None,
        warm: Warm | None = None,
    ) -> Finished:
        """See `Sandbox.run`; each program imports for itself. Raises RuntimeError when the image cannot be built."""
        launched = self._launched(argv, files or {}, sockets, limits, env or {}, started=False, listens=listens)
        with launched as (process, name):

            def kill() -> None:
                if process.poll() is None:
                    process.kill()  # first: Docker waits for an output that nobody reads any more
                    _docker("rm", "--force", name)

            with (signals or Signals()).to(
                lambda number: _docker("kill", f"--signal={number}", name), lambda: _tree(name)
            ):
                try:
                    return watch(process, limits, kill, stop=stop, listens=listens)
                finally:
                    if listens:
                        self._empty(self.image(limits.libraries), listens.parent)

    def _empty(self, image: str, folder: Path) -> None:
        """Removes what only the program's user can remove: its own folders, with files in them."""
        if any(entry.is_dir(follow_symlinks=False) for entry in os.scandir(folder)):
            tools = ["find", "/folder", "-mindepth", "1", "-delete"]
            _docker(
                "run", "--rm", "--network=none", f"--user={NOBODY}", *_mount(folder, "/folder", "rw"), image, *tools
            )

    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits = DEFAULT,
        env: Mapping[str, str] | None = None,
        warm: Warm | None = None,
    ) -> StartedContainer:
        """See `Sandbox.start`. By its labels others find the container, should we be killed."""
        with ExitStack() as stack:
            launched = self._launched(argv, files or {}, sockets, limits, env or {}, started=True)
            process, name = stack.enter_context(launched)
            return StartedContainer(process, limits, stack.pop_all(), name)

    @contextmanager
    def _launched(
        self,
        argv: Sequence[str],
        files: Mapping[str, str | bytes],
        sockets: Sequence[Path],
        limits: Limits,
        env: Mapping[str, str],
        *,
        started: bool,
        listens: Path | None = None,
    ) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
        """Docker's own process, and the container's name."""
        image, name = self.image(limits.libraries), f"{NAME}-{uuid.uuid4().hex[:12]}"
        with tempfile.TemporaryDirectory(prefix="run-", dir=run_folder()) as folder:
            given = Path(folder, "files")
            _write(given, files)
            environment = Path(folder, "env")
            environment.touch(mode=0o600)
            basics = {"HOME": "/work", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
            environment.write_text("".join(f"{k}={v}\n" for k, v in {**basics, **env}.items()))
            place = "/work" if started else "/files"
            mounts = {given: place, **{s: f"{self.folder_of(s)}/{s.name}" for s in sockets}}
            shared = _mount(listens.parent, self.folder_of(listens), "rw") if listens else []
            if listens:
                listens.parent.chmod(0o777)
            # In the foreground, else the program would get each signal twice.
            alone = ["timeout", "--foreground", "-s", "KILL", str(limits.seconds + GRACE)]
            first = ["--workdir=/work", image, *alone] if started else [image, *alone, "sh", "-c", COPY_IN, "sh"]
            writable = ("/tmp",) if started else ("/tmp", "/work")
            process = subprocess.Popen(
                ["docker", "run", "--name", name, "--env-file", str(environment), *_rules(limits, writable)]
                + [f"--label={label}={value}" for label, value in self.labels.items()]
                + [word for source, place in mounts.items() for word in _mount(source, place)]
                + shared
                + [*first, "prlimit", *prlimit_options(rlimits(limits)), "--", *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if started else subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            yield process, name

    def image(self, libraries: Sequence[str] = DEFAULT.libraries) -> str:
        """The image with these libraries, built when it is not there. Raises RuntimeError."""
        pins = sorted(f"{name}=={version(name)}" for name in self.libraries or libraries)
        digest = hashlib.sha256(" ".join([self.base, *pins]).encode()).hexdigest()[:12]
        tag = f"{NAME}:{digest}"
        with FileLock(home() / f"{NAME}.lock"):
            if _docker("image", "inspect", tag).returncode:
                self._build(tag, pins)
        return tag

    def _build(self, tag: str, pins: list[str]) -> None:
        """Installs the libraries out here, with this machine's own settings: the build needs no network."""
        minor = self.base.split(":")[1].split("-")[0]
        with tempfile.TemporaryDirectory(prefix="labkit-image-") as folder:
            constraints = Path(folder, "constraints.txt")
            constraints.write_text("\n".join(f"{d.metadata['Name']}=={d.version}" for d in distributions()))
            wanted = [*pins, f"psycopg-binary=={version('psycopg-binary')}"]
            target = ["--target", f"{folder}/packages", "--python-version", minor, "--only-binary", ":all:"]
            install = [*_installer(), *target, "--constraint", str(constraints), *wanted]
            _must(install, "Its libraries did not install")
            recipe = f"FROM {self.base}\nCOPY packages /site-packages\nENV PYTHONPATH=/site-packages\n"
            recipe += "RUN python -m compileall -q /site-packages\n"  # a third of the time of a run
            Path(folder, "Dockerfile").write_text(recipe)
            build = ["docker", "build", "--quiet", "--tag", tag, "--label", f"{LABEL}={home()}", folder]
            _must(build, "Docker did not build it")


class StartedContainer(Started):
    """A container that runs; freezing it is Docker's pause."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits, cleanup: ExitStack, name: str) -> None:
        super().__init__(process, limits, cleanup, kill=self._end, tree=None)
        self.name = name
        self._frozen = False

    def freeze(self) -> None:
        """See `Started.freeze`."""
        self._frozen = ask_docker(f"/containers/{self.name}/pause", "POST", PATIENCE) == NO_CONTENT

    def thaw(self) -> None:
        """See `Started.thaw`."""
        if self._frozen:
            ask_docker(f"/containers/{self.name}/unpause", "POST", PATIENCE)
            self._frozen = False

    def find_tree(self) -> None:
        """Finds its processes in our own /proc, where the engine is on this machine and lets us see them."""
        self.tree = _tree(self.name)

    def close(self) -> None:
        """See `Started.close`."""
        self._end()
        _docker("rm", "--force", self.name)
        super().close()

    def _end(self) -> None:
        """Kills it, as soon as there is something to kill: else Docker would start it yet, and nobody would know of it."""
        until = time.monotonic() + CREATED
        while self._process.poll() is None and time.monotonic() < until:
            if ask_docker(f"/containers/{self.name}/kill", "POST", PATIENCE) == NO_CONTENT:
                return
            time.sleep(LOOK)  # Docker tells nobody when it has created a container


def _tree(name: str) -> int | None:
    """The first process of a container, where the engine is on this machine and shows us its processes."""
    found = _docker("inspect", "--format", "{{.State.Pid}} {{.Name}}", name).stdout.split()[:1]
    return next((int(pid) for pid in found if Path(f"/proc/{pid}/task").is_dir() and int(pid)), None)


def _base_image() -> str | None:
    """`LABKIT_SANDBOX_IMAGE`, else a local slim Python (our version first), else ours from the registry."""
    own = ".".join(platform.python_version_tuple()[:2])
    if chosen := os.environ.get("LABKIT_SANDBOX_IMAGE"):
        return chosen
    candidates = [f"python:{minor}-slim" for minor in dict.fromkeys((own, *MINORS))]
    for image in candidates:
        if not _docker("image", "inspect", image).returncode:
            return image
    return candidates[0] if not _docker("pull", "--quiet", candidates[0]).returncode else None


def _rules(limits: Limits, folders: Sequence[str]) -> list[str]:
    """No network, only two small folders to write to, no privileges, limits. It removes itself at its end."""
    amounts = {"memory": limits.memory, "memory-swap": limits.memory, "pids-limit": limits.processes + 4}
    privileges = f"--user={NOBODY} --cap-drop=ALL --security-opt=no-new-privileges --ipc=none --network=none"
    writable = [f"--tmpfs={folder}:size={limits.disk},nr_inodes={limits.files},mode=1777" for folder in folders]
    other = "--rm --log-driver=none --hostname=sandbox --pull=never --read-only --cgroupns=private"
    return [*privileges.split(), *writable, *other.split(), *(f"--{name}={n}" for name, n in amounts.items())]


def _mount(source: Path, place: str, how: str = "readonly") -> list[str]:
    return ["--mount", f"type=bind,src={source},dst={place}" + (",readonly" if how == "readonly" else "")]


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """The files, readable for the sandbox's user."""
    folder.mkdir()
    for name, content in files.items():
        path = folder / inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def _installer() -> list[str]:
    """`pip install` for another Python than ours: by uv, else by pip."""
    if uv := shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent)):
        return [uv, "pip", "install", "--quiet", "--python-platform", f"{platform.machine()}-manylinux_2_28"]
    tags = [f"--platform={tag}_{platform.machine()}" for tag in ("manylinux_2_28", "manylinux2014")]
    return [sys.executable, "-m", "pip", "install", "--quiet", *tags]


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=300)


def _must(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The sandbox's image could not be made. {what}: {done.stderr.strip()[-400:]}")
