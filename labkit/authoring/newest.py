"""`make newest`: do the newest versions of everything resolve, and do the labs' solutions still pass with them?

python -m labkit.authoring.newest [SECTION/LAB …]      all labs where none is named

What broke is named by lab and package: the locked versions are known to be good, so packages are made new one half at a time until the
lab breaks. build/newest/report.md says it, and the exit status is 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labkit import course

FOLDER = Path("build", "newest")
LONGEST = 1500.0  # seconds that a lab's solution may take to be judged, its first fetches included
Versions = Mapping[str, str]  # package -> version


@dataclass(frozen=True)
class Change:
    """A package whose newest version is another one than the lock's; one of both is empty where it came or went."""

    package: str
    locked: str
    newest: str

    def __str__(self) -> str:
        return f"{self.package} {self.locked or '(not there)'} → {self.newest or '(gone)'}"


@dataclass
class Broken:
    """A lab that passes with the lock and not with the newest versions."""

    lab: str
    why: str
    package: Change | None = None  # the first one with which it breaks
    alone: bool = False  # whether all others may be new


@dataclass
class Report:
    """What came of it."""

    changes: list[Change] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    unresolved: str = ""

    @property
    def good(self) -> bool:
        """Whether all is well."""
        return not (self.broken or self.unresolved)

    def text(self) -> str:
        """In Markdown, for a person or a run's summary."""
        if self.unresolved:
            return f"# The newest versions do not resolve\n\n```\n{self.unresolved.strip()}\n```\n"
        lines = [f"# The newest versions: {len(self.passed)} labs pass, {len(self.broken)} do not", ""]
        for broken in self.broken:
            lines += [f"- **{broken.lab}**: {_because(broken)}", "", "  ```", *_indented(broken.why), "  ```", ""]
        lines += [f"{len(self.changes)} packages differ from the lock:", ""]
        return "\n".join([*lines, *(f"- {change}" for change in self.changes)]) + "\n"


class Environment:
    """A Python environment of its own with the newest versions, in build/newest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.python = folder, folder / "venv" / "bin" / "python"

    def make(self) -> str:
        """Resolves and installs. Returns why it cannot, or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pins = self.folder / "requirements.txt"
        wanted = ["--quiet", "--upgrade", "--all-extras", "--no-header", "pyproject.toml", "-o", str(pins)]
        steps = (
            ["venv", "--quiet", "--clear", "--python", sys.executable, str(self.folder / "venv")],
            ["pip", "compile", "--python", sys.executable, *wanted],
            ["pip", "sync", "--quiet", "--python", str(self.python), str(pins)],
            ["pip", "install", "--quiet", "--python", str(self.python), "--no-deps", "--editable", "."],
        )
        for step in steps:
            if done := _uv(*step):
                return done
        return ""

    def versions(self) -> dict[str, str]:
        """What is installed in it."""
        return installed(self.python)

    def take(self, wanted: Versions) -> None:
        """Installs just these versions of these packages; an empty one takes the package away."""
        pins = [f"{name}=={version}" for name, version in wanted.items() if version]
        gone = [name for name, version in wanted.items() if not version]
        python = ["--quiet", "--python", str(self.python)]
        for words in (
            ["install", *python, "--no-deps", *pins] if pins else [],
            ["uninstall", *python, *gone] if gone else [],
        ):
            if words and (failed := _uv("pip", *words)):
                raise course.CourseError(f"A mixture of new and locked versions cannot be installed: {failed}")

    def solve(self, lab: str) -> str:
        """Judges the solution of a lab with it. Returns what went wrong, or nothing."""
        path = os.pathsep.join([str(self.python.parent), os.environ["PATH"]])
        command = [str(self.python), "-m", "labkit", "verify", "--solutions", "--jobs", "1", lab]
        try:
            done = subprocess.run(
                command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return f"no verdict in {LONGEST:.0f} s"
        return "" if done.returncode == 0 else _end_of(done.stdout + done.stderr)


def installed(python: Path) -> dict[str, str]:
    """The versions of what is installed for a Python, but for the course itself."""
    command = [sys.executable, "-m", "uv", "pip", "freeze", "--exclude-editable", "--python", str(python)]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.split("==", 1) for line in frozen.splitlines() if "==" in line)


def changes(locked: Versions, newest: Versions) -> list[Change]:
    """The packages whose versions are not the same."""
    names = sorted({*locked, *newest})
    both = [Change(name, locked.get(name, ""), newest.get(name, "")) for name in names]
    return [change for change in both if change.locked != change.newest]


def first_that_breaks(found: Sequence[Change], breaks: Callable[[Sequence[Change]], bool]) -> Change:
    """The first package with which it breaks, when they are made new in this order. All of them together are known to break it."""
    good, bad = 0, len(found)  # how many made new do no harm, how many do
    while bad - good > 1:
        middle = (good + bad) // 2
        if breaks(found[:middle]):
            bad = middle
        else:
            good = middle
    return found[bad - 1]


def find_package(broken: Broken, found: Sequence[Change], environment: Environment) -> None:
    """Notes the package that broke a lab; leaves the environment with all newest versions, as it was."""

    def breaks(new: Sequence[Change]) -> bool:
        environment.take({change.package: change.newest if change in new else change.locked for change in found})
        return bool(environment.solve(broken.lab))

    try:
        if found and not breaks([]):  # else it is not the versions
            broken.package = first_that_breaks(found, breaks)
            broken.alone = not breaks([change for change in found if change != broken.package])
    except course.CourseError as error:
        broken.why += f"\n{error}"
    finally:
        environment.take({change.package: change.newest for change in found})


def look(labs: Sequence[str], environment: Environment, locked: Versions) -> Report:
    """Resolves, installs, judges each lab's solution, and finds what broke."""
    report = Report(unresolved=environment.make())
    if report.unresolved:
        return report
    report.changes = changes(locked, environment.versions())
    for lab in labs:
        why = environment.solve(lab)
        print(f"{lab}: {'does not pass' if why else 'passes'}", flush=True)
        if why:
            report.broken.append(Broken(lab, why))
        else:
            report.passed.append(lab)
    for broken in report.broken:
        find_package(broken, report.changes, environment)
        print(f"{broken.lab}: {_because(broken)}", flush=True)
    return report


def main(names: Sequence[str]) -> int:
    """Writes the report and prints it."""
    os.chdir(course.root())
    labs = [course.find(name).key for name in names] or [lab.key for lab in course.labs()]
    report = look(labs, Environment(FOLDER.absolute()), installed(Path(sys.executable)))
    (FOLDER / "report.md").write_text(report.text(), encoding="utf-8")
    print(report.text())
    return 0 if report.good else 1


def _because(broken: Broken) -> str:
    if broken.package is None:
        return "does not pass with the locked versions either, or they cannot be mixed"
    return f"{broken.package}" + ("" if broken.alone else ", and another package as well, or only both together")


def _uv(*words: str) -> str:
    """Runs uv. Returns what it says where it fails."""
    done = subprocess.run([sys.executable, "-m", "uv", *words], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr or f"uv {words[0]} failed"


def _end_of(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines()[-15:])


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
