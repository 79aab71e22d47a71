"""The text of a report that something is wrong with a lab, to paste into an issue: what a maintainer would ask for, and no answer unless it was chosen."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from labkit.course import Lab, home, root
from labkit.course.verdict import Verdict
from labkit.services.lease import log_path

PACKAGES = ("labkit", "nbgrader", "jupyterlab", "notebook", "ipykernel", "ipywidgets", "pytest")
LINES, WIDTH = 25, 200  # of each log's end
MOST = 60_000  # characters; GitHub's issues take 65,536
SHORT = 6  # characters that a line of an answer must have to be known again in another text
LEFT_OUT = "(a line of an answer, left out)"


@dataclass
class Problem:
    """What is known of a lab that seems to be broken. `shown` names the answers that their author wants to send along."""

    lab: Lab
    backend: str
    verdicts: Sequence[Verdict] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    services: Sequence[str] = ()  # where each runs
    fault: str = ""  # why the course could not judge
    shown: Collection[str] = ()

    def text(self) -> str:
        """The report in Markdown."""
        parts = [
            "### What is wrong\n\n(Write here what you did, what you expected, and what happened.)",
            f"### Lab\n\n{self.lab.key}: {self.lab.title}\nexercise {_digest(root() / self.lab.exercise)}",
            "### Machine\n\n" + _list([*machine(), f"backend {self.backend}", *self.services]),
            "### Verdicts\n\n" + self._verdicts(),
            *self._logs(),
            *(f"### Answer {name}\n\n{_block(self.answers[name])}" for name in self.answers if name in self.shown),
        ]
        return _cut(_nobody("\n\n".join(parts))) + "\n"

    def _verdicts(self) -> str:
        """Each check's name and outcome; of a fault of the course also why. What a check saw of an answer is the answer's author's."""
        lines = []
        for verdict in self.verdicts:
            lines.append(f"- {verdict.answer}, {verdict.check}: {verdict.outcome}")
            if verdict.outcome in ("fault", "unverified") or verdict.answer in self.shown:
                lines += [f"  {line}" for line in self._safe(verdict.why).splitlines()]
        if self.fault:
            lines += ["The course could not judge:", "", _block(self._safe(self.fault))]
        return "\n".join(lines) or "None: nothing was checked yet."

    def _logs(self) -> Iterable[str]:
        for name in self.lab.needs:
            path = log_path(f"{name}-learner", self.backend)
            lines = end_of(path)
            if lines:
                yield f"### The end of {path.name}\n\n{_block(self._safe(chr(10).join(lines)))}"

    def _safe(self, text: str) -> str:
        hidden = [answer for name, answer in self.answers.items() if name not in self.shown]
        return without_answers(text, hidden)


def machine() -> list[str]:
    """The versions of what a lab runs on."""
    return [
        f"Python {platform.python_version()} on {platform.system()} {platform.release()} ({platform.machine()}), {os.cpu_count()} cores",
        *(f"{name} {version}" for name in PACKAGES if (version := _version(name))),
    ]


def without_answers(text: str, answers: Iterable[str]) -> str:
    """The text without the lines that hold one of the answers, or that one of them holds: a server's log quotes what it was given."""
    known = [line for answer in answers for raw in answer.splitlines() if len(line := _plain(raw)) >= SHORT]
    whole = [_plain(answer) for answer in answers]

    def tells(line: str) -> bool:
        plain = _plain(line)
        return any(part in plain for part in known) or any(len(plain) >= SHORT and plain in one for one in whole)

    return "\n".join(LEFT_OUT if tells(line) else line for line in text.splitlines())


def end_of(path: Path) -> list[str]:
    """The last lines of a log, each cut; none where there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LINES * 2000))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LINES:]
    except OSError:
        return []
    return [line[:WIDTH] for line in lines]


def _nobody(text: str) -> str:
    """Without the names of folders that tell who somebody is, and without passwords."""
    for path, name in (
        (root(), "COURSE"),
        (home.home(), "LABKIT_HOME"),
        (Path(sys.prefix), "PYTHON"),
        (Path.home(), "~"),
    ):
        if len(str(path)) > 1:
            text = text.replace(str(path), name)
    text = re.sub(r"(?i)(passw(?:or)?d|token|secret)(['\"]?\s*[=:]\s*)\S+", r"\1\2…", text)
    return re.sub(r"://([^\s:/@]+):[^\s@]+@", r"://\1:…@", text)


def _plain(line: str) -> str:
    return " ".join(line.split())


def _block(text: str) -> str:
    """A text between fences that it cannot end."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _cut(text: str) -> str:
    return text if len(text) <= MOST else f"{text[:MOST]}\n(The rest was too long.)"


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return "cannot be read"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
