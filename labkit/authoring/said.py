"""What the checks say of a wrong answer, recorded beside it as `wrong/NAME.said`: read in review, and held against what they say now."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from labkit.course.debrief import RECORDED
from labkit.course.verdict import Verdict

RECORD_IT = "Read it, and record it: labkit verify --record (--record-also, where a run may say this or that)"
VARIES_HERE = "One run says this, another one that."
COMPARED = 300  # characters of a field that are compared: long ones are cut where numbers of other lengths move the end
VARIES = (  # what is another one in each run, or on each backend, and what stands for it
    (re.compile(r"\b[Vv]ersion n(?:-1)? sent: .*?\.(?= |$)"), "version sent: REQUEST."),  # of a check's own traffic
    (re.compile(r"\bat 0x[0-9a-f]+"), "at #"),
    (re.compile(r"\binstance [A-Z]\b"), "an instance"),  # of several that are alike: the first one where it is seen
    (re.compile(r"\b[a-z_]+_[0-9a-f]{8,16}\b"), "NAME"),  # clones and their roles
    (re.compile(r"(?<![\w/])/[\w.+-]+(?:/[\w.+-]+)+"), "PATH"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:µs|ms|s|seconds?)\b"), "TIME"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b"), "#"),
    (re.compile(r"[-+]?\d+(?:[.,:]\d+)*"), "#"),
    (re.compile(r"#(?:[\s,|·]+#)+"), "#"),  # as many as there happened to be
)

VALUE = re.compile(r"\s*(expected|got): ")
QUOTED = re.compile(r"'(?:[^'\n]|'')*'|\"[^\"\n]*\"")  # in a value: which row it happened to be


def path_of(answer: Path) -> Path:
    """Where it is recorded."""
    return answer.with_suffix(RECORDED)


def text(verdicts: Iterable[Verdict]) -> str:
    """What the failed checks say, and which ones were not checked."""
    return "\n\n".join(_blocks_of(verdicts)) + "\n"


def difference(answer: Path, verdicts: Iterable[Verdict]) -> str:
    """What the checks say now and did not say when it was recorded, or the other way round; nothing where there is no difference."""
    if not path_of(answer).exists():
        return f"what its checks say is not recorded. {RECORD_IT}"
    recorded, varies = _recorded(answer)
    was, now = [_masked(block) for block in recorded], [_masked(block) for block in _blocks_of(verdicts)]
    if any(block not in was for block in now):
        new = next(block for block in now if block not in was)
        old = next((block for block in was if block[0] == new[0]), ["nothing"])
        said, told = next((pair for pair in zip(new, old, strict=False) if pair[0] != pair[1]), (new[-1], old[-1]))
        return f"says {said!r}, recorded is {told!r}. {RECORD_IT}"
    if gone := [] if varies else [block for block in was if block not in now]:
        return f"says no more {gone[0][0]!r}. {RECORD_IT}"
    return ""


def record(answer: Path, verdicts: Iterable[Verdict], *, add: bool = False) -> None:
    """Writes it down where it is other than what is recorded; with `add`, beside that, and from then on either will do."""
    found = list(verdicts)
    if not difference(answer, found):
        return
    blocks = _blocks_of(found)
    if add and path_of(answer).exists():
        before, _ = _recorded(answer)
        known = [_masked(block) for block in before]
        blocks = [VARIES_HERE, *before, *(block for block in blocks if _masked(block) not in known)]
    path_of(answer).write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _recorded(answer: Path) -> tuple[list[str], bool]:
    """What is recorded, a block for each check, and whether one run may say one part of it and another run another one."""
    blocks = re.split(r"\n\n(?=\S)", path_of(answer).read_text(encoding="utf-8").rstrip("\n"))
    varies = blocks[0] == VARIES_HERE
    return blocks[varies:], varies


def _blocks_of(verdicts: Iterable[Verdict]) -> list[str]:
    found = list(verdicts)
    blocks = ["\n".join(_lines(verdict)) for verdict in found if verdict.outcome == "fail"]
    if unchecked := [verdict.check for verdict in found if verdict.outcome == "unchecked"]:
        blocks.append(f"not checked: {', '.join(unchecked)}")
    return blocks


def _lines(verdict: Verdict) -> list[str]:
    head = f"{verdict.check}{' (hidden)' if verdict.hidden else ''}: {verdict.sentence}"
    told = (("why", verdict.why), ("expected", verdict.expected), ("got", verdict.got))
    lines = [head, *(f"  {name}: " + value.rstrip().replace("\n", "\n    ") for name, value in told if value)]
    return [line.rstrip() for whole in lines for line in whole.split("\n")]


def _masked(block: str) -> list[str]:
    """Each field with what varies replaced; the head first."""
    fields = re.split(r"\n+(?=  (?:why|expected|got): )", block.strip())
    return [_mask(QUOTED.sub("'…'", field) if VALUE.match(field) else field)[:COMPARED].rstrip() for field in fields]


def _mask(field: str) -> str:
    field = " ".join(field.split())
    for pattern, instead in VARIES:
        field = pattern.sub(instead, field)
    return field
