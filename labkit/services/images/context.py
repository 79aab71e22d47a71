"""The build context: the lab's files and the answer's, written into a folder within bounds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from labkit.services.images.limits import DEFAULT, MB, Limits

Files = Mapping[str, str | bytes]
DIRECTIVE = re.compile(r"#[ \t]*syntax[ \t]*=[ \t]*docker/dockerfile(:[\w.-]*)?[ \t]*\r?", re.IGNORECASE)


class TooLargeContext(Exception):
    """The files are more than a context may hold."""


def write(folder: Path, files: Files, limits: Limits = DEFAULT) -> None:
    """Makes `folder` hold exactly these files (path -> content); executable are those that begin with `#!`.

    Files that are as they should be are left alone: BuildKit then sends only what changed. Raises TooLargeContext, and
    ValueError for a path that leaves the folder.
    """
    if len(files) > limits.context_files:
        raise TooLargeContext(
            f"The build context has {len(files):,} files; at most {limits.context_files:,} are taken."
        )
    size = sum(len(content) for content in files.values())
    if size > limits.context_mb * MB:
        raise TooLargeContext(f"The build context has {size / MB:,.0f} MB; at most {limits.context_mb:,} MB are taken.")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {inside(folder, name): content for name, content in files.items()}
    _remove_others(folder, set(wanted))
    for path, content in wanted.items():
        content = content.encode() if isinstance(content, str) else content
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content):
            path.write_bytes(content)
        path.chmod(0o755 if content.startswith(b"#!") else 0o644)


def inside(folder: Path, name: str) -> Path:
    """The path of a file of the context. Raises ValueError when it is none."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise ValueError(f"{name!r} is no path inside the build context. Name the file relative to it.")
    return folder.joinpath(*parts)


def without_frontend(dockerfile: str) -> str:
    """The Dockerfile with the line `# syntax=docker/dockerfile…` emptied: it would have its reader fetched from a registry.

    BuildKit's own reader is used instead. Line numbers stay. Another reader than that is left for the source policy to refuse.
    """
    lines = dockerfile.split("\n")
    for number, line in enumerate(lines):
        if DIRECTIVE.fullmatch(line):
            lines[number] = "#"
            if lines[number + 1 : number + 2] and lines[number + 1].startswith("#"):  # perhaps `# escape=`
                lines[number : number + 2] = lines[number : number + 2][::-1]  # an empty comment ends the directives
            break
        if not line.startswith("#"):
            break
    return "\n".join(lines)


def _remove_others(folder: Path, wanted: set[Path]) -> None:
    parents = {parent for path in wanted for parent in path.parents}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if path not in parents:
                shutil.rmtree(path)
        elif path not in wanted:
            path.unlink()
