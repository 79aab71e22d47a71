"""Answers that are parts of one function: which file each is, and whose words its lines have."""

from __future__ import annotations

import pytest

from labkit.kinds.function.package import parts, texts
from labkit.kinds.function_part.calls import last_words
from labkit.kinds.function_part.provider_words import lines

LAB = "94-serverless/two-clouds"


def test_each_part_has_its_file_and_what_is_run():
    found = parts(LAB)
    assert {name: (part.file, part.program) for name, part in found.items()} == {
        "core": ("core.py", "alone"),
        "on_lambda": ("handler.py", ""),
        "on_http": ("service.py", "service"),
    }
    assert texts(LAB, {"core": "x = 1", "another": "y"}) == {"core.py": "x = 1"}


def test_a_lab_without_parts_has_none():
    assert parts("94-serverless/cold-start") == {}
    assert texts("94-serverless/cold-start", {"lean": "x"}) == {}


@pytest.mark.parametrize(
    ("line", "provider"),
    [
        ("region = os.environ['AWS_REGION']", "Lambda"),
        ("left = context.get_remaining_time_in_millis()", "Lambda"),
        ("order = event['detail']", "Lambda"),
        ("id = headers['ce-id']", "CloudEvents over HTTP"),
        ("port = os.environ['PORT']", "CloudEvents over HTTP"),
        ("def do_POST(self):", "CloudEvents over HTTP"),
        ("price = copies * 19", ""),
        ("details = order['photos']", ""),
    ],
)
def test_whose_words_a_line_has(line: str, provider: str):
    text = f"# AWS ce-id\n\n{line}\n" + ("    pass\n" if line.endswith(":") else "")
    assert lines(text)[0].provider == provider


def test_what_is_no_python_has_no_lines():
    assert lines("def (:\n  '''") == []


def test_the_last_words_are_those_that_say_something():
    log = 'KeyError: "size"\n----------\n127.0.0.1 - - [5/Oct/2026] "POST / HTTP/1.1" 400 -\n'
    assert last_words(log) == 'KeyError: "size"'
    assert last_words("----\n") == ""
