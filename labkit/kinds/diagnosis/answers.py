"""Reads a diagnosis: the incident's number, and of each program the cause, the object that proves it, and the line in which it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from labkit.kinds.answer import AnswerError
from labkit.kinds.diagnosis.incident import CAUSES, LAST, SERVICES
from labkit.kinds.diagnosis.kind import Diagnosis
from labkit.kinds.diagnosis.told import Thing, thing

FIELDS = ("cause", "object", "proof")
QUOTE = "YAML reads some signs of a line as its own: write `proof: |`, and the line below it, indented."


@dataclass(frozen=True)
class Finding:
    """What is said of one program."""

    cause: str
    object: Thing
    proof: str


@dataclass(frozen=True)
class Findings:
    """The incident's number, and what is said of each of its programs."""

    number: int
    of: dict[str, Finding]


def read(text: str) -> Findings:
    """The findings of a text. Raises AnswerError, which says what cannot be read."""
    found = _mapping(text)
    number = number_of(found)
    if unknown := [name for name in found if name not in (*SERVICES, "incident")]:
        raise AnswerError(f"There is no program {str(unknown[0])[:40]!r}. There are {', '.join(SERVICES)}.")
    if missing := [name for name in SERVICES if name not in found]:
        raise AnswerError(f"Nothing is said of {' and '.join(missing)}. Say cause, object and proof of each program.")
    return Findings(number, {name: _finding(name, found[name]) for name in SERVICES})


def incident_of(text: str) -> int:
    """The number alone. Raises AnswerError."""
    return number_of(_mapping(text))


def number_of(found: dict[Any, Any]) -> int:
    """Raises AnswerError."""
    number = found.get("incident")
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= LAST:
        said = f"{number}"[:40] if isinstance(number, int | str) else "missing" if number is None else "something else"
        raise AnswerError(
            f"Say which incident it is, in a line `incident: NUMBER`, with the number (1 to {LAST}) that your notebook showed when it began. Here it is {said}."
        )
    return number


def _mapping(text: str) -> dict[Any, Any]:
    if len(text) > Diagnosis.longest:
        raise AnswerError(f"The diagnosis has {len(text):,} characters. At most {Diagnosis.longest:,} are read.")
    try:
        found = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise AnswerError(f"Line {line}: this is no YAML ({error.problem}). {QUOTE}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise AnswerError(f"This is no YAML ({' '.join(str(error).split())[:200]}). {QUOTE}") from None
    if not isinstance(found, dict):
        raise AnswerError("There is no diagnosis. Begin with a line `incident: NUMBER`.")
    return found


def _finding(name: str, value: object) -> Finding:
    if not isinstance(value, dict):
        raise AnswerError(f"Of {name}, say cause, object and proof, each in a line of its own below `{name}:`.")
    for field in FIELDS:
        said = value.get(field)
        if not isinstance(said, str) or not said.strip():
            hint = QUOTE if field == "proof" else "It is a word."
            raise AnswerError(f"{name} has no `{field}`, or one that is no text. {hint}")
    if unknown := [field for field in value if field not in FIELDS]:
        raise AnswerError(f"{name}: there is no field {str(unknown[0])[:40]!r}. There are {', '.join(FIELDS)}.")
    cause = value["cause"].strip().lower()
    if cause not in CAUSES:
        raise AnswerError(f"{name}: there is no cause {cause[:40]!r} in the list. There are {', '.join(CAUSES)}.")
    named = thing(value["object"])
    if named is None:
        raise AnswerError(
            f"{name}: `object` is a kind and a name, as in pod/{name}-6d5f8b7c9d-abcde, and here it is {value['object'][:60]!r}."
        )
    return Finding(cause, named, _line(name, value["proof"]))


def _line(name: str, text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise AnswerError(
            f"{name}: a proof is one line, and here there are {len(lines)}. Choose the one that proves it."
        )
    if len(lines[0]) > Diagnosis.line:
        raise AnswerError(
            f"{name}: a proof has at most {Diagnosis.line} characters, and this one has {len(lines[0]):,}."
        )
    return lines[0]
