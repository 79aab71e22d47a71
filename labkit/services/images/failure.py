"""Why a build failed, in words that its author can act on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labkit.services.images.limits import Limits
from labkit.services.images.progress import Advice, BuildLog, Step

ERROR = re.compile(r"^ERROR: (?:failed to build: )?(?:failed to solve: )?(.*)", re.MULTILINE | re.DOTALL)
AT_LINE = re.compile(r"^\s*(\d+) \| >>>", re.MULTILINE)
EXIT = re.compile(r"did not complete successfully: exit code: (\d+)")
REFUSED = re.compile(r'source "([a-z-]+)://([^"]*)" denied by policy')
NOT_FOUND = re.compile(r'"/?([^"]*)": not found\s*$')
KILLED = 137
TOO_LARGE_FILE = 153  # SIGXFSZ
LAST_LINES = 12
LONGEST = 600


class BuildFailed(Exception):
    """The Dockerfile does not build: what happened, the line where BuildKit names one, and the end of the step's output."""

    def __init__(
        self, why: str, steps: Sequence[Step] = (), advice: Sequence[Advice] = (), *, line: int | None = None, text: str = "",
        output: str = "", refused: str = "",
    ) -> None:  # fmt: skip
        super().__init__(why)
        self.why, self.steps, self.advice = why, list(steps), list(advice)
        self.line, self.text, self.output = line, text, output
        self.refused = refused  # the image that may not be had

    def __str__(self) -> str:
        where = f"Line {self.line}: " if self.line else ""
        return f"{where}{self.why}"


def explain(log: BuildLog, dockerfile: str, offered: Sequence[str], limits: Limits) -> BuildFailed:
    """The failure that a build's log tells of."""
    found = ERROR.search(log.text)
    said = (found[1] if found else log.text).strip() or "BuildKit gave no reason."
    marked = AT_LINE.search(log.text)
    failed = next((step for step in log.steps if step.error), None)
    why = _words(said, failed, offered, limits)
    line = int(marked[1]) if marked else _line_of(said, dockerfile)
    lines = dockerfile.splitlines()
    text = lines[line - 1].strip()[:200] if line and line <= len(lines) else ""
    output = "\n".join(failed.output.splitlines()[-LAST_LINES:]) if failed else ""
    image = refused[2] if (refused := REFUSED.search(said)) and refused[1] == "docker-image" else ""
    refused_name = image.removeprefix("docker.io/").removeprefix("library/")
    return BuildFailed(why, log.steps, log.advice, line=line, text=text, output=output[-2_000:], refused=refused_name)


def _words(said: str, failed: Step | None, offered: Sequence[str], limits: Limits) -> str:
    if failed and (code := EXIT.search(failed.error)):
        return _exit_words(int(code[1]), failed, limits)
    if refused := REFUSED.search(said):
        return _refused_words(refused[1], refused[2], offered)
    if missing := NOT_FOUND.search(said):
        return (
            f'"{missing[1]}" is not there. Is the name right, seen from the top of the build context or in the stage that it is '
            "copied from, and does no .dockerignore keep it out?"
        )
    if "network.host is not allowed" in said:
        return "A step asks for the host's network, and builds get no network here. Leave --network=host out."
    return f"BuildKit says: {_shortened(' '.join(said.split()))}"


def _exit_words(code: int, failed: Step, limits: Limits) -> str:
    what = f"`{_shortened(failed.instruction, 120)}`"
    if code == KILLED:
        return (
            f"{what} was killed (exit code 137). A build's programs may use {limits.memory_mb:,} MB of memory together."
        )
    if code == TOO_LARGE_FILE:
        return f"{what} was stopped (exit code 153): it wrote a file of more than {limits.file_mb:,} MB."
    last = next((line.strip() for line in reversed(failed.output.splitlines()) if line.strip()), "")
    return f"{what} ended with exit code {code}." + (f" It said last: {_shortened(last, 300)}" if last else "")


def _refused_words(kind: str, name: str, offered: Sequence[str]) -> str:
    if kind == "docker-image":
        bases = ", ".join(offered)
        name = name.removeprefix("docker.io/").removeprefix("library/")
        if name.startswith("docker/dockerfile"):
            return (
                "The line `# syntax=` names a reader that would have to be fetched. Leave it out: BuildKit has its own."
            )
        return f"{_shortened(name, 120)} is no image that is offered here, and no stage with that name. Offered: {bases}, scratch."
    return f"A build gets no network, so nothing is fetched from {kind}://{_shortened(name, 120)}. Take it from the build context."


def _line_of(said: str, dockerfile: str) -> int | None:
    """The line that holds what was refused, where BuildKit names none."""
    if refused := REFUSED.search(said):
        for number, line in enumerate(dockerfile.splitlines(), start=1):
            if refused[2].removesuffix(":latest") in line:
                return number
    if "network.host" in said:
        for number, line in enumerate(dockerfile.splitlines(), start=1):
            if "--network=host" in line:
                return number
    return None


def _shortened(text: str, longest: int = LONGEST) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[:longest]}…"
