"""The files of a lab that builds images: the project that the answer's Dockerfile is written for."""

from __future__ import annotations

import gzip
import io
import random
import re
import tarfile
import tomllib
from collections.abc import Mapping

from labkit.course import Lab
from labkit.course.lab import root

PACKAGES = "packages"
PIPELINE = "pipeline.toml"
SIZE = ".size"
BESIDE = {"start": "start.sh", "ignore": ".dockerignore"}  # files that answers are, by the answer's name


def project(lab: Lab) -> dict[str, str | bytes]:
    """The files of a lab by their path: what lies in `graders/<section>/<lab>/`.

    A folder `packages/NAME` in it is a Python package's source, and is given as the archive that pip takes: so a build
    installs packages from its context, as it gets no network. A name that begins `dot-` stands for one that begins with a dot, as the course's
    own repository can hold no `.git`; and `NAME.size` for a file of so many bytes.
    """
    folder = root() / "graders" / lab.section / lab.name
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    files = dict(_file(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths)
    files.pop(PIPELINE, None)
    sources = {name: content for name, content in files.items() if name.startswith(f"{PACKAGES}/")}
    plain: dict[str, str | bytes] = {name: content for name, content in files.items() if name not in sources}
    backend = sources.pop(f"{PACKAGES}/backend.py", b"")
    for name in sorted({source.split("/")[1] for source in sources}):
        start = f"{PACKAGES}/{name}/"
        own = {source.removeprefix(start): content for source, content in sources.items() if source.startswith(start)}
        plain |= archive({"backend.py": backend, **own})
    return plain


def _file(path: str, content: bytes) -> tuple[str, bytes]:
    """As it is in the project."""
    name = re.sub(r"(^|/)dot-", r"\1.", path)
    return (
        (name.removesuffix(SIZE), random.Random(name).randbytes(int(content)))
        if name.endswith(SIZE)
        else (name, content)
    )


def given(lab: Lab) -> dict[str, dict[str, str]]:
    """What the lab's pipeline gives to each build, as options of `Place.build`: `arguments` and `secrets_given`."""
    path = root() / "graders" / lab.section / lab.name / PIPELINE
    return tomllib.loads(path.read_text()) if path.exists() else {}


def beside(lab: Lab) -> list[str]:
    """The names of the lab's answers that are files beside the Dockerfile."""
    return [name for name, kind in lab.answers.items() if kind == "build_file"]


def context(lab: Lab, answers: Mapping[str, str]) -> dict[str, str | bytes]:
    """The project, with those answers that are files beside the Dockerfile."""
    return project(lab) | {BESIDE[name]: answers[name] for name in beside(lab) if name in answers}


def archive(source: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """A source package as a file of the build context: its path, and an archive that is the same each time."""
    text = source["pyproject.toml"]
    said = tomllib.loads(text if isinstance(text, str) else text.decode())["project"]
    name, version = said["name"], said["version"]
    made = io.BytesIO()
    # The time in gzip's header would make each archive another one, and BuildKit compares contents.
    with gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        information = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        for path, content in sorted({**source, "PKG-INFO": information}.items()):
            content = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return {f"{PACKAGES}/{name}-{version}.tar.gz": made.getvalue()}
