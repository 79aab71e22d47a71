"""Untrusted Python in a container: the same rules, where there is Docker and bubblewrap is not allowed."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions, version
from pathlib import Path
from threading import Event

from filelock import FileLock

from labkit.grading.sandbox.limits import DEFAULT, Finished, Limits, inside, rlimits
from labkit.grading.sandbox.process import watch
from labkit.home import home, run_folder
from labkit.services.postgres_settings import LABEL

NAME = "labkit-sandbox"
LIBRARIES = ("alembic", "sqlalchemy", "psycopg")
MINORS = ("3.13", "3.12", "3.11")
NOBODY = "65534:65534"
GRACE = 5  # seconds after our deadline at which the container ends by itself, should we be gone
COPY_IN = 'cp -R /files/. /work/ && cd /work && exec "$@"'


class Container:
    """A sandbox in Docker; a run costs some 0.3 s over the program's own time, the first more."""

    kind = "container"

    def __init__(self, base: str) -> None:
        self.base = base  # the image that ours is built on, e.g. "python:3.13-slim"

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
    ) -> Finished:
        """See `Sandbox.run`. Raises RuntimeError when the image cannot be built."""
        image, name = self.image(), f"{NAME}-{uuid.uuid4().hex[:12]}"
        with tempfile.TemporaryDirectory(prefix="run-", dir=run_folder()) as folder:
            given = Path(folder, "files")
            _write(given, files or {})
            environment = Path(folder, "env")
            environment.touch(mode=0o600)
            basics = {"HOME": "/work", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
            environment.write_text("".join(f"{k}={v}\n" for k, v in {**basics, **(env or {})}.items()))
            mounts = {given: "/files", **{s: f"{self.folder_of(s)}/{s.name}" for s in sockets}}
            process = subprocess.Popen(
                ["docker", "run", "--name", name, "--env-file", str(environment), *_rules(limits)]
                + [word for source, place in mounts.items() for word in _mount(source, place)]
                + [
                    image,
                    "timeout",
                    "-s",
                    "KILL",
                    str(limits.seconds + GRACE),
                    "sh",
                    "-c",
                    COPY_IN,
                    "sh",
                ]
                + ["prlimit", *rlimits(limits), "--", *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

            def kill() -> None:
                if process.poll() is None:
                    process.kill()  # first: Docker waits for an output that nobody reads any more
                    _docker("rm", "--force", name)

            return watch(process, limits, kill, stop=stop)

    def image(self) -> str:
        """The image with the course's libraries, built when it is not there. Raises RuntimeError."""
        pins = sorted(f"{name}=={version(name)}" for name in LIBRARIES)
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


def _rules(limits: Limits) -> list[str]:
    """No network, only two small folders to write to, no privileges, limits. It removes itself at its end."""
    amounts = {"memory": limits.memory, "memory-swap": limits.memory, "pids-limit": limits.processes + 4}
    privileges = f"--user={NOBODY} --cap-drop=ALL --security-opt=no-new-privileges --ipc=none --network=none"
    writable = [
        f"--tmpfs={folder}:size={limits.disk},nr_inodes={limits.files},mode=1777" for folder in ("/tmp", "/work")
    ]
    other = "--rm --log-driver=none --hostname=sandbox --pull=never --read-only --cgroupns=private"
    return [*privileges.split(), *writable, *other.split(), *(f"--{name}={n}" for name, n in amounts.items())]


def _mount(source: Path, place: str) -> list[str]:
    return ["--mount", f"type=bind,src={source},dst={place},readonly"]


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
