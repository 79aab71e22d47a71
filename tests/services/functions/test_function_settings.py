"""Settings are read as AWS takes them, and what cannot be read is said in a sentence."""

from __future__ import annotations

from contextlib import suppress

import pytest

from labkit.kinds.answer import AnswerError
from labkit.kinds.function_settings.answers import Chosen, read
from labkit.kinds.function_settings.wrecks import wrecks

WHOLE = """
MemorySize: 512
BatchSize: 100  # a comment
MaximumBatchingWindowInSeconds: 1
FunctionResponseTypes: [ReportBatchItemFailures]
"""


def test_reads_all_of_them():
    assert read(WHOLE) == Chosen(512, 100, 1, report_failures=True)


def test_what_is_not_set_is_as_aws_has_it():
    assert read("MemorySize: 256") == Chosen(256, 10, 0, report_failures=False)
    assert not read("FunctionResponseTypes: []\nBatchSize: 1").report_failures


@pytest.mark.parametrize(
    ("size", "window", "taken"), [(10, 0, True), (11, 0, False), (11, 1, True), (10_000, 300, True), (1, 0, True)]
)
def test_more_than_ten_messages_want_a_window(size: int, window: int, taken: bool):
    assert (not Chosen(128, size, window, report_failures=True).refused) == taken


@pytest.mark.parametrize("value", [127, 3009, -1, 256.0, "true", "'512'", "null", "[512]", ".nan"])
def test_a_memory_that_there_is_not(value: object):
    with pytest.raises(AnswerError, match="MemorySize is a whole number from 128 to 3,008"):
        read(f"MemorySize: {value}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Memory: 512", "no setting 'Memory'"),
        ("", "no settings"),
        ("- MemorySize", "no settings"),
        ("a: b: c", "no YAML"),
        ("FunctionResponseTypes: ReportBatchItemFailures", "is a list"),
        ("FunctionResponseTypes: [ReportFailures]", "is a list"),
        ("x" * 5000, "At most 1,000"),
    ],
)
def test_says_what_cannot_be_read(text: str, says: str):
    with pytest.raises(AnswerError, match=says):
        read(text)


@pytest.mark.parametrize("name", wrecks(WHOLE))
def test_what_ruins_everything_is_read_or_refused(name: str):
    with suppress(AnswerError):
        read(wrecks(WHOLE)[name])
