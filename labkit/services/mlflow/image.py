"""The image of MLflow's server: the public Python image, with the packages of this environment and the gate in front of the server."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import docker
from docker.errors import BuildError, DockerException, ImageNotFound
from filelock import FileLock
from packaging.requirements import Requirement

from labkit.course import home
from labkit.machine.backend import LABEL
from labkit.machine.fault import ServiceFault

NAME = "labkit-mlflow"
BASE = os.environ.get("LABKIT_MLFLOW_BASE", "python:3.13-slim")
INSIDE = Path(__file__).parent / "inside"
WANTED = ("mlflow", "psycopg", "psycopg-binary")
IMPORTED = "inside.gate, inside.places, inside.postgres, mlflow.server.fastapi_app, mlflow.server.handlers, uvicorn"
# Bytecode is made of what the server imports only: of everything that is installed it takes a minute and a half.
DOCKERFILE = f"""FROM {BASE}
COPY requirements.txt /
RUN pip install --no-compile --no-cache-dir --disable-pip-version-check --root-user-action=ignore --target=/opt/packages -r /requirements.txt
ENV PYTHONPATH=/opt/packages
RUN useradd --uid 10001 --no-create-home places && install -d -o places /places
COPY inside /srv/inside
RUN cd /srv && python -W ignore -c "import {IMPORTED}"
USER places
WORKDIR /srv
CMD ["python", "-W", "ignore", "-m", "inside"]
"""


@cache
def tag() -> str:
    """The image's name and tag: another content is another tag."""
    content = hashlib.sha256()
    for name, data in sorted(_files().items()):
        content.update(name.encode() + b"\0" + data)
    return f"{NAME}:{distribution('mlflow').version}-{content.hexdigest()[:12]}"


def is_here() -> bool:
    """Whether it was built."""
    client = docker.from_env(timeout=10)
    try:
        client.images.get(tag())
    except ImageNotFound:
        return False
    finally:
        client.close()
    return True


def ensure(progress: Callable[[str], None] | None = None) -> str:
    """The image's tag; built where it is missing, by one process while others wait. Raises ServiceFault."""
    try:
        if is_here():
            return tag()
        with FileLock(home.home() / "mlflow-image.lock"):
            if not is_here():
                if progress:
                    progress(f"Building the image {tag()}: only the first time; it takes one to three minutes.")
                _build()
    except BuildError as error:
        said = "".join(str(line.get("stream", line.get("error", ""))) for line in error.build_log)[-600:]
        raise ServiceFault(
            f"The image {tag()} cannot be built: {said.strip()} Without a network, do without Docker: LABKIT_BACKEND=embedded."
        ) from error
    except DockerException as error:
        raise ServiceFault(
            f"The image {tag()} cannot be built: {str(error).rstrip('.')}. Try `docker pull {BASE}`, or do without "
            "Docker: LABKIT_BACKEND=embedded."
        ) from error
    return tag()


def requirements() -> list[str]:
    """MLflow, psycopg and all that they need, in the versions of this environment."""
    found: dict[str, str] = {}
    queue: list[str] = list(WANTED)
    while queue:
        name = queue.pop()
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another platform
            continue
        if package.metadata["Name"].lower() in found:
            continue
        found[package.metadata["Name"].lower()] = package.version
        for text in package.requires or []:
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                queue.append(requirement.name)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _files() -> dict[str, bytes]:
    files = {f"inside/{path.name}": path.read_bytes() for path in INSIDE.glob("*.py")}
    return {**files, "Dockerfile": DOCKERFILE.encode(), "requirements.txt": "\n".join(requirements()).encode()}


def _build() -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, data in _files().items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    context.seek(0)
    client = docker.from_env(timeout=1800)
    try:
        client.images.build(
            fileobj=context, custom_context=True, tag=tag(), rm=True, forcerm=True, labels={LABEL: str(home.home())}
        )
    finally:
        client.close()
