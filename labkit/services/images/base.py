"""The images that a Dockerfile of the course may start from."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from labkit.machine.fault import ServiceFault
from labkit.services.images.engine import Engine

PYTHON = "python:3.13-slim"
# Debian's own Python has its headers in a package, the official image has them already. Setuptools is there for builds that get
# no network.
TOOLCHAIN = f"""FROM {PYTHON}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev make \\
 && header=$(python3 -c 'import sysconfig; print(sysconfig.get_paths()["include"] + "/Python.h")') \\
 && (test -f "$header" || apt-get install -y -qq --no-install-recommends python3-dev) \\
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m pip install -q --no-cache-dir --root-user-action=ignore setuptools==84.2.1
"""


@dataclass(frozen=True)
class Base:
    """`name` is what FROM says; `image` what the engine knows it as. One with a `recipe` is built here, the first time."""

    name: str
    image: str
    recipe: str = ""


def _made(name: str, recipe: str) -> Base:
    repository, _, tag = name.partition(":")
    return Base(
        name, f"labkit-{repository.replace('/', '-')}:{tag}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}", recipe
    )


SLIM = Base(PYTHON, PYTHON)
BUILDER = _made("course/python-build:3.13", TOOLCHAIN)
OFFERED = {base.name: base for base in (SLIM, BUILDER)}


def ensure(
    engine: Engine, base: Base, labels: dict[str, str], progress: Callable[[str], object] = lambda text: None
) -> None:
    """Pulls or builds the image where it is missing; either needs a network. Raises ServiceFault."""
    if engine.docker("image", "inspect", base.image).returncode == 0:
        return
    progress(f"Getting the image {base.name}: only the first time.")
    if not base.recipe:
        done = engine.docker("pull", "--quiet", base.image, timeout=1800)
    else:
        ensure(engine, SLIM, labels, progress)
        done = _build(engine, base, labels)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        step = f"docker pull {base.image}" if not base.recipe else "labkit doctor"
        raise ServiceFault(
            f"The image {base.name} cannot be had: {said[0][:300]} Be connected to the internet the first time, or try `{step}`."
        )


def _build(engine: Engine, base: Base, labels: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    words = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    network = [] if engine.has_bridge else ["--network=host", "--allow=network.host"]
    return engine.build(base.recipe, "--provenance=false", *network, *words, "--tag", base.image, timeout=1800)
