"""The images of the labs: the course's own small programs, the same files on both backends.

For kind they are built from a Python base image and loaded into the node; for the embedded node they are programs to start.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from labkit.services.cluster.node.config import Image

APP = Path(__file__).with_name("app")
FILES = ("shop.py", "load.py")
BASE = "python:3.13-slim"
USER = 10001
SHOP: dict[str, dict[str, str]] = {
    "shop:1.0": {"SHOP_VERSION": "1.0"},
    "shop:1.1": {"SHOP_VERSION": "1.1"},
    "shop:2.0": {"SHOP_VERSION": "2.0"},
    "shop:2.1": {"SHOP_VERSION": "2.1", "SHOP_CRASH_SECONDS": "1"},  # starts, and dies
    "shop:2.2": {"SHOP_VERSION": "2.2", "SHOP_WARM_SECONDS": "100000"},  # starts, and is never ready
    "shop:2.3": {"SHOP_VERSION": "2.3", "SHOP_FAIL_PERCENT": "30"},  # works, mostly
    "shop:3.0": {  # needs memory and processor time that can be measured
        "SHOP_VERSION": "3.0",
        "SHOP_MEMORY_MB": "16",
        "SHOP_KEEP_ORDERS": "16",
        "SHOP_ORDER_KB": "2048",
        "SHOP_CPU_MS": "10",
    },
    "till:1.0": {"SHOP_VERSION": "1.0", "SHOP_MEMORY_MB": "8", "SHOP_CPU_MS": "10"},
}
LOAD = "labkit-load:1"  # what calls a Service from inside of the cluster


def entrypoint(name: str) -> tuple[str, ...]:
    """What an image runs."""
    return ("python", "/app/load.py" if name == LOAD else "/app/shop.py")


def settings() -> dict[str, dict[str, str]]:
    """Image -> its environment."""
    return {**SHOP, LOAD: {}}


def embedded_images(folder: Path) -> dict[str, Image]:
    """What the node starts for each image; `folder` gets a copy of the programs, which the node's user can read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(APP / name, folder / name)
    files = {"/app": str(folder)}
    return {
        name: Image(entrypoint=entrypoint(name), env=env, files=files, variables="SHOP_")
        for name, env in settings().items()
    }


def dockerfile(name: str) -> str:
    """What an image is built from, in a folder that has the programs."""
    env = "".join(f"ENV {key}={value}\n" for key, value in settings()[name].items())
    words = ", ".join(f'"{word}"' for word in entrypoint(name))
    # the mode is set in the archive: the classic builder, which Docker's SDK uses, knows no COPY --chmod
    return f"FROM {base()}\nCOPY {' '.join(FILES)} /app/\nUSER {USER}\n{env}EXPOSE 8000\nENTRYPOINT [{words}]\n"


def base() -> str:
    """The image that they are built on: `LABKIT_PYTHON_IMAGE`, else Python's own."""
    return os.environ.get("LABKIT_PYTHON_IMAGE") or BASE


def digest() -> str:
    """Changes when an image would be another one."""
    whole = hashlib.sha256()
    for name in FILES:
        whole.update((APP / name).read_bytes())
    for name in settings():
        whole.update(dockerfile(name).encode())
    return whole.hexdigest()[:12]
