"""The files of an answer, whatever editor they were written in."""

from __future__ import annotations

import contextlib
import re
import time

import pytest

from labkit.kinds.migration_files import NotAProject, files_in

NAME = re.compile(r"V\d+__\w+\.sql")


def files(text: str) -> dict[str, str]:
    return files_in(text, NAME, example="V7__shelf.sql", rule="V, a version, and words.")


@pytest.mark.parametrize(
    "text",
    [
        "-- V1__a.sql\nSELECT 1;\n-- V2__b.sql\nSELECT 2;\n",
        "-- V1__a.sql\r\nSELECT 1;\r\n\r\n-- V2__b.sql\r\nSELECT 2;",
        "--V1__a.sql  \n  \n\t\nSELECT 1;  \n   \n\n--\tfile: V2__b.sql\nSELECT 2;\n \n",
        "-- ours\n/* two\nfiles */\n-- V1__a.sql\nSELECT 1;\n-- V2__b.sql\nSELECT 2;",
    ],
)
def test_what_cannot_be_seen_is_no_part_of_a_file(text: str) -> None:
    assert files(text) == {"V1__a.sql": "SELECT 1;\n", "V2__b.sql": "SELECT 2;\n"}


def test_blanks_within_a_file_are_kept() -> None:
    assert files("-- V1__a.sql\n  SELECT 1;  \n\n  SELECT 2;") == {"V1__a.sql": "  SELECT 1;  \n\n  SELECT 2;\n"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("SELECT 1;", "There is no file yet"),
        ("SELECT 1;\n-- V1__a.sql\nSELECT 1;", "'SELECT 1;' stands in no file"),
        ("-- V1__a.sql:\nSELECT 1;", "looks like a file's name"),
        ("-- V1__a.sql\nSELECT 1;\n-- migrations/V2__b.sql\nSELECT 2;", "looks like a file's name"),
        ("-- a.sql\nSELECT 1;", "a.sql is no name of a migration"),
        ("-- V1__a.sql\nSELECT 1;\n-- V1__a.sql\nSELECT 1;", "written twice"),
    ],
)
def test_mistakes_are_told(text: str, mistake: str) -> None:
    with pytest.raises(NotAProject, match=mistake):
        files(text)


@pytest.mark.parametrize(
    "text",
    ["-- V1__a.sql\n" + piece * 200_000 + "x" for piece in (" ", "\n", " \n", "a.sql", "/*", "--a.sql ", "-- a.sql:")],
)
def test_no_text_takes_long_to_read(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(NotAProject):
        files(text)
    assert time.process_time() - started < 5  # 0.05 s as it is; minutes where the time grows with the square
