"""Reads settings as AWS does: names, types and ranges of CloudFormation's `AWS::Lambda::Function` and `AWS::Lambda::EventSourceMapping`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from labkit.kinds.answer import AnswerError
from labkit.kinds.function_settings.kind import FunctionSettings

RANGES = {  # name -> (least, most, unit, what it is where it is not set)
    "MemorySize": (128, 3008, "MB", 128),  # 3,008 is what a new account may have
    "BatchSize": (1, 10_000, "messages", 10),
    "MaximumBatchingWindowInSeconds": (0, 300, "seconds", 0),
}
REPORTS = "FunctionResponseTypes"
FAILURES = "ReportBatchItemFailures"
ALONE = 10  # messages: for more of them in a batch AWS wants a window


@dataclass(frozen=True)
class Chosen:
    """MB, messages, seconds, and whether the function may say which messages of a batch failed."""

    memory: int
    batch_size: int
    window: int
    report_failures: bool

    @property
    def refused(self) -> str:
        """Why AWS refuses them together; empty where it does not."""
        if self.batch_size > ALONE and not self.window:
            return "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        return ""


def read(text: str) -> Chosen:
    """The settings of a text; what it does not set is as AWS has it. Raises AnswerError, which says what cannot be read."""
    found = _mapping(text)
    if unknown := sorted(str(name)[:40] for name in found if name not in (*RANGES, REPORTS)):
        raise AnswerError(f"There is no setting {unknown[0]!r} here. There are {', '.join((*RANGES, REPORTS))}.")
    numbers = [_number(name, found) for name in RANGES]
    reports = found.get(REPORTS, [])
    if reports not in ([], [FAILURES]):
        raise AnswerError(f"{REPORTS} is a list, and [{FAILURES}] is the only one that has something in it.")
    return Chosen(*numbers, report_failures=bool(reports))


def _mapping(text: str) -> dict[Any, Any]:
    if len(text) > FunctionSettings.longest:
        raise AnswerError(f"The settings have {len(text):,} characters. At most {FunctionSettings.longest:,} are read.")
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise AnswerError(f"This is no YAML ({said}). Write one setting a line, as MemorySize: 128.") from None
    if not isinstance(found, dict):
        raise AnswerError("There are no settings. Write one a line, as MemorySize: 128.")
    return found


def _number(name: str, found: dict[Any, Any]) -> int:
    least, most, unit, unset = RANGES[name]
    value = found.get(name, unset)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        said = f"{value}"[:40] if isinstance(value, int | float | str) else "something else"
        raise AnswerError(f"{name} is a whole number from {least:,} to {most:,} ({unit}), and here it is {said}.")
    return value
