"""Which answers of a lab one run judges: all where the lab changed, else a set that covers its checks, and a share of the rest.

Of a lab that did not change
- the stub and the solution are judged on every backend that is there,
- for each check that a wrong answer names in its first line, one of those that do, and one of the other right answers,
- of all that is left, an eighth.
Which ones, and on which backend, the commit's hash says (of labs on a slow service always the first that is there): the same commit always judges the same, and some dozens of commits judge all.

A lab has changed when its files were touched by the last commit, or by one that is neither on `origin` nor below a tag, or are not
committed. Where more than `MOST` labs have, it is the course that changed: a run would take an hour, and each lab's own is judged with
`labkit verify` before it is committed, and with `make test-all` before a release. `make test-all` judges everything.
"""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache

from labkit import course
from labkit.authoring.verify import Candidate
from tests.backends import BACKENDS, why_no_lab, why_not
from tests.units import SLOW

EIGHTHS = 8
MOST = 3  # labs that one run judges whole


def chosen(lab: course.Lab, found: list[Candidate], backend: str, commit: str) -> list[Candidate]:
    """What of a lab that did not change is judged on this backend, in the order of `found`."""
    names = {"stub", "solution"}
    if backend == its_backend(lab, commit):
        names |= covering(lab, found, commit)
        names |= {c.name for c in found if _draw(lab.key, c.name, of=EIGHTHS) == _draw(commit, of=EIGHTHS)}
    return [candidate for candidate in found if candidate.name in names]


def covering(lab: course.Lab, found: list[Candidate], commit: str) -> set[str]:
    """One wrong answer for each check that any names, and one right one."""
    named: dict[str, list[str]] = {}
    for candidate in found:
        if candidate.name not in ("stub", "solution"):
            named.setdefault(candidate.fails, []).append(candidate.name)
    return {names[_draw(commit, lab.key, check, of=len(names))] for check, names in named.items()}


def its_backend(lab: course.Lab, commit: str) -> str:
    """The backend on which more than the stub and the solution is judged."""
    there = [backend for backend in BACKENDS if not why_not(backend) and not why_no_lab(lab, backend)] or BACKENDS
    return there[0] if SLOW & set(lab.needs) else there[_draw(commit, lab.key, of=len(there))]


def has_changed(lab: course.Lab) -> bool:
    """Whether the lab's files did, since what others have, and those of a few labs at most."""
    return lab.key in changed_labs() and len(changed_labs()) <= MOST


@cache
def changed_labs() -> frozenset[str]:
    """The keys of the labs whose files changed; all where nobody can tell."""
    files = changed_files()
    return frozenset(lab.key for lab in course.labs() if files is None or any(_is_of(lab, name) for name in files))


def _is_of(lab: course.Lab, file: str) -> bool:
    names = {lab.name, f"test_{lab.name.replace('-', '_')}"}
    parts = file.split("/")
    return parts[0] in ("solutions", "exercises", "graders") and any(part.split(".")[0] in names for part in parts)


@cache
def commit() -> str:
    """The hash of what is checked out; empty where git does not tell."""
    return (_git("rev-parse", "HEAD") or "").strip()


@cache
def changed_files() -> frozenset[str] | None:
    """The files that are not as others have them; None where git does not tell."""
    names = ("--name-only", "--format=", "-m", "--first-parent")
    ours = _git("log", *names, "HEAD", "--not", "--remotes=origin", "--tags")
    last = _git("log", "-1", *names, "HEAD")
    uncommitted = _git("status", "--porcelain", "--untracked-files=all", "--no-renames")
    if ours is None or last is None or uncommitted is None:
        return None
    return frozenset([*ours.split("\n"), *last.split("\n"), *(line[3:] for line in uncommitted.split("\n"))]) - {""}


def _git(*arguments: str) -> str | None:
    """What git prints about the course; None where it does not work."""
    try:
        told = subprocess.run(["git", *arguments], cwd=course.root(), capture_output=True, text=True)
    except OSError:
        return None
    return None if told.returncode else told.stdout


def _draw(*words: str, of: int) -> int:
    """A number below `of` that only depends on the words."""
    return int(hashlib.sha256("\n".join(words).encode()).hexdigest()[:12], 16) % of
