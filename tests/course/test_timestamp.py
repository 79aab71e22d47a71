"""A `timestamp.txt` that anybody may have written: a time, or a line that says why it is none, and never a stop."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from labkit.course import timestamp

NEW_YEAR = datetime(2031, 1, 1, 10)


@pytest.mark.parametrize(
    "data",
    [
        b"2031-01-01 10:00:00 UTC", b"2031-01-01 10:00:00 UTC\r\n", b"2031-01-01 10:00", b"2031-01-01T10:00:00Z",
        b"2031-01-01 12:00:00 +0200", b"2031-01-01 11:00:00.000000 Europe/Berlin", b"2031-01-01 05:00:00.0-05:00",
        b"\xef\xbb\xbf2031-01-01 10:00:00 UTC", "2031-01-01 10:00:00 UTC\r\n".encode("utf-16"),
    ],
)  # fmt: skip
def test_a_time_is_read(data: bytes):
    assert timestamp.parse(data) == NEW_YEAR


@pytest.mark.parametrize(
    "data",
    [
        b"", b"7", b"the day before yesterday\x1bc", b"Mo, 3. Mai 2030, 23.59 Uhr", b"2031-13-01 10:00", b"2031-01-01 25:00:00",
        b"0001-01-01 00:00:00 +1400", b"9999-12-31 23:59:59 -1200", b"2031-01-01 10:00:00 Nowhere/Here", b"\xff\xfe\x00", b"\x80",
        b"2031-01-01 10:00:00 ../../etc/passwd", b"2031-01-01 10:00:00 +99:99",
    ],
)  # fmt: skip
def test_what_is_no_time_is_a_line(data: bytes):
    with pytest.raises(timestamp.NoTime, match="no lateness is counted") as caught:
        timestamp.parse(data)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "large"])
def test_what_is_no_small_file_is_not_read(kind: str, tmp_path: Path):
    path = tmp_path / "timestamp.txt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b" " * 10_000_000)
    with pytest.raises(timestamp.NoTime, match="no lateness is counted"):
        timestamp.read(tmp_path)


def test_none_is_no_time(tmp_path: Path):
    assert timestamp.read(tmp_path) is None
