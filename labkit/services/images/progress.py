"""What BuildKit tells of a build (`--progress=rawjson`): its steps, cached or not, their seconds, output and warnings."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STEP = re.compile(r"\[(?:(?P<stage>\S+) )?\s*(?P<number>\d+)/(?P<of>\d+)\] (?P<instruction>.*)", re.DOTALL)
KEPT = 8_000  # characters of a step's output that are kept: the last ones
KEPT_TEXT = 20_000  # of what buildx says besides
KEPT_OBJECT = 2_000_000  # of one message


@dataclass
class Step:
    """One instruction of a Dockerfile, as it was built. `seconds` is None where it did not run; `cached` where it need not."""

    instruction: str
    stage: str = ""
    number: int = 0
    of: int = 0
    seconds: float | None = None
    cached: bool = False
    error: str = ""
    output: str = ""
    started: str = ""
    completed: str = ""

    @property
    def ran(self) -> bool:
        """Whether it was carried out in this build, and not taken from the cache."""
        return self.seconds is not None and not self.cached

    @property
    def word(self) -> str:
        """Its keyword: RUN, COPY …"""
        return self.instruction.split(maxsplit=1)[0].upper() if self.instruction else ""


@dataclass(frozen=True)
class Advice:
    """A warning of BuildKit's own rules: advice, never a mark."""

    message: str
    line: int | None = None
    url: str = ""


@dataclass
class BuildLog:
    """Fed with buildx' lines; at any time it knows the steps so far."""

    advice: list[Advice] = field(default_factory=list)
    text: str = ""  # what is no JSON: how the build failed
    context_bytes: int = 0  # of the build context that were sent
    _vertexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _output: dict[str, str] = field(default_factory=dict)
    _begun: list[str] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        """The Dockerfile's instructions that concern files, stage by stage, each stage after those that it takes from."""
        found = [step for digest in self._in_order() if (step := self._step(digest, self._vertexes[digest]))]
        stages = list(dict.fromkeys(step.stage for step in found))
        return sorted(found, key=lambda step: (stages.index(step.stage), step.number))

    def feed(self, line: str) -> bool:
        """Takes one line of buildx' standard error. Returns whether something about steps is new."""
        stripped = line.rstrip()
        if not self._begun and not stripped.startswith("{"):
            self.text = (self.text + line)[-KEPT_TEXT:]
            return False
        self._begun.append(stripped)
        if stripped != "}" and not (len(self._begun) == 1 and stripped.endswith("}")):
            if sum(map(len, self._begun[-1:])) > KEPT_OBJECT:
                self._begun.clear()
            return False
        said, self._begun = "\n".join(self._begun), []
        try:
            return self._take(json.loads(said))
        except (ValueError, TypeError, AttributeError):
            self.text = (self.text + said + "\n")[-KEPT_TEXT:]
            return False

    def _take(self, said: dict[str, Any]) -> bool:
        for vertex in said.get("vertexes") or ():
            known = self._vertexes.setdefault(vertex["digest"], {})
            known.update(vertex)
        for log in said.get("logs") or ():
            self._hear(log)
        for status in said.get("statuses") or ():
            if str(status.get("id", "")).startswith("transferring context") and self._is_context(status):
                self.context_bytes = max(self.context_bytes, int(status.get("current") or 0))
        for warning in said.get("warnings") or ():
            self._warn(warning)
        return "vertexes" in said

    def _in_order(self) -> list[str]:
        """The digests of all vertexes, each after its inputs."""
        order: dict[str, None] = {}
        for first in self._vertexes:
            stack = [first]
            while stack:
                waits = [
                    d for d in self._vertexes[stack[-1]].get("inputs") or () if d in self._vertexes and d not in order
                ]
                if waits:
                    stack.append(waits[0])
                else:
                    order[stack.pop()] = None
        return list(order)

    def _is_context(self, status: dict[str, Any]) -> bool:
        return "load build context" in self._vertexes.get(str(status.get("vertex")), {}).get("name", "")

    def _hear(self, log: dict[str, Any]) -> None:
        try:
            heard = base64.b64decode(log.get("data") or "").decode(errors="replace")
        except (binascii.Error, ValueError):
            return
        vertex = str(log.get("vertex"))
        self._output[vertex] = (self._output.get(vertex, "") + heard)[-KEPT:]

    def _warn(self, warning: dict[str, Any]) -> None:
        short = base64.b64decode(warning.get("short") or "").decode(errors="replace").strip()
        ranges = warning.get("range") or [{}]
        line = (ranges[0].get("start") or {}).get("line")
        advice = Advice(short[:400], line, str(warning.get("url") or "")[:200])
        if short and advice not in self.advice and len(self.advice) < 50:
            self.advice.append(advice)

    def _step(self, digest: str, vertex: dict[str, Any]) -> Step | None:
        parts = STEP.fullmatch(vertex.get("name") or "")
        if not parts or parts["instruction"].startswith("FROM "):
            return None
        started, completed = vertex.get("started") or "", vertex.get("completed") or ""
        seconds = max(0.0, (_time(completed) - _time(started)).total_seconds()) if started and completed else None
        return Step(
            parts["instruction"], parts["stage"] or "", int(parts["number"]), int(parts["of"]), seconds,
            bool(vertex.get("cached")), vertex.get("error") or "", self._output.get(digest, ""), started, completed,
        )  # fmt: skip


def _time(text: str) -> datetime:
    """RFC 3339 with nanoseconds, as Go writes it; Python 3.11 reads six digits."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text).replace("Z", "+00:00"))
