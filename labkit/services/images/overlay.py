"""The files of an image's layers, listed where they lie: each layer is a folder of the engine's (storage driver overlay2).

A container of ours lists them, with the engine's folder read-only before it. `docker save` would send the whole image, its base included,
for the same: that takes over a second, and a minute where the engine is a guest. Where it cannot be done so, `docker save` it is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

from labkit.services.images.base import SLIM
from labkit.services.images.engine import Engine, docker_command

DEADLINE = 120  # seconds
# Prints a JSON list a file: path, kind, size, mode, uid, gid, target of a link, text. As overlayfs has it, a device 0/0 takes a file of
# a lower layer away, and a folder with an attribute hides what lower ones had in it.
PROGRAM = r"""
import json, os, re, stat, sys
most, texts = int(sys.argv[1]), re.compile(sys.argv[2]) if sys.argv[2] else None
count = 0
def kind_of(found):
    return next((k for k, test in (("folder", stat.S_ISDIR), ("link", stat.S_ISLNK), ("file", stat.S_ISREG)) if test(found)), "other")
for number, root in enumerate(sys.argv[3:]):
    seen, stack = set(), [""]
    while stack:
        folder = stack.pop()
        for entry in os.scandir(os.path.join(root, folder)):
            path, found = os.path.join(folder, entry.name), entry.stat(follow_symlinks=False)
            kind, size, text, target = kind_of(found.st_mode), found.st_size, None, ""
            if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
                kind = "gone"
            if kind == "folder":
                stack.append(path)
                try:
                    if os.getxattr(entry.path, "trusted.overlay.opaque", follow_symlinks=False) == b"y":
                        kind = "opaque"
                except OSError:
                    pass
            if kind == "link":
                target = os.readlink(entry.path)
            if kind == "file" and found.st_nlink > 1:
                size, seen = (0, seen) if found.st_ino in seen else (size, seen | {found.st_ino})
            if kind == "file" and texts and size <= 64000 and texts.fullmatch(path):
                with open(entry.path, "rb") as file:
                    text = file.read(64000).decode(errors="replace")
            count += 1
            if count > most:
                sys.exit(9)
            row = [number, path, kind, size if kind == "file" else 0, found.st_mode & 0o7777, found.st_uid, found.st_gid, target, text]
            print(json.dumps(row))
print("end")
"""
TOO_MANY = 9


class NotListed(Exception):
    """The layers cannot be listed where they lie."""


class TooMany(Exception):
    """There are more files than are looked at."""


def folders(inspected: dict[str, Any]) -> list[str]:
    """The folders of an image's layers, from the lowest up. Raises NotListed."""
    driver = inspected.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    found = [*reversed((data.get("LowerDir") or "").split(":")), data.get("UpperDir") or ""]
    found = [folder for folder in found if folder]
    if driver.get("Name") != "overlay2" or len(found) != len((inspected.get("RootFS") or {}).get("Layers") or []):
        raise NotListed(f"storage driver {driver.get('Name')}")
    return found


def listed(engine: Engine, layers: list[str], most: int, texts: re.Pattern[str] | None) -> list[list[list[Any]]]:
    """The rows of PROGRAM for each of these folders. Raises NotListed; returns nothing at all where there are more than `most` files."""
    try:
        lines = looked(engine, layers, [PROGRAM, str(most), texts.pattern if texts else ""])
    except TooMany:
        return []
    rows: list[list[list[Any]]] = [[] for _ in layers]
    for line in lines:
        number, *row = json.loads(line)
        rows[number].append(row)
    return rows


def looked(engine: Engine, layers: list[str], program: list[str]) -> list[str]:
    """The lines that a Python program prints before "end": it is given, after words of its own, the folders of these layers, read-only.

    Raises NotListed, and TooMany when the program says so.
    """
    root = os.path.commonpath(layers) if len(layers) > 1 else os.path.dirname(os.path.dirname(layers[0]))
    inside = [f"/layers/{os.path.relpath(layer, root)}" for layer in layers]
    command = [docker_command(), "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--log-driver=none"]
    command += [
        "--cap-add=DAC_READ_SEARCH",
        "--cap-add=SYS_ADMIN",
        "--security-opt=no-new-privileges",
        "--pids-limit=16",
    ]
    command += ["--memory=256m", "--pull=never", "--entrypoint=", f"--volume={root}:/layers:ro", SLIM.image]
    command += ["python3", "-I", "-c", *program, *inside]
    try:
        done = subprocess.run(command, env=engine.environment, capture_output=True, check=False, timeout=DEADLINE)
    except subprocess.TimeoutExpired as error:
        raise NotListed("it took too long") from error
    if done.returncode == TOO_MANY:
        raise TooMany
    lines = done.stdout.decode().splitlines()
    if done.returncode or lines[-1:] != ["end"]:
        raise NotListed(done.stderr.decode(errors="replace")[-300:])
    return lines[:-1]
