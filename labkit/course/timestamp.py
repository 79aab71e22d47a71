"""When a submission was handed in: `timestamp.txt` beside its notebooks, which anybody may have written."""

from __future__ import annotations

import os
import re
import stat
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path

from labkit.course.submission import TIMESTAMP

MAX_BYTES = 1_000
YEARS = (1970, 2999)
TIME = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?)[ ]?(?P<zone>[A-Za-z][\w/+-]*|[+-]\d\d(:?\d\d)?)?"
)
LIKE = "It should be a line like 2031-01-01 10:00:00 UTC"


class NoTime(Exception):
    """The file tells no time: why, and how it should look."""


def read(folder: Path) -> datetime | None:
    """The time in UTC, without a zone as nbgrader keeps it; None where there is no file. Raises NoTime."""
    path = folder / TIMESTAMP
    try:
        about = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoTime(f"{TIMESTAMP} cannot be read ({error.strerror}), so no lateness is counted") from error
    if not stat.S_ISREG(about.st_mode):  # a pipe would be waited for without end
        raise NoTime(f"{TIMESTAMP} is no file, so no lateness is counted")
    if about.st_size > MAX_BYTES:
        raise NoTime(f"{TIMESTAMP} has {about.st_size:,} bytes and is not read, so no lateness is counted. {LIKE}")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MAX_BYTES)
    except OSError as error:
        raise NoTime(f"{TIMESTAMP} cannot be read ({error.strerror}), so no lateness is counted") from error
    return parse(data)


def parse(data: bytes) -> datetime:
    """The time in a file's bytes, as `read` gives it. Raises NoTime."""
    try:
        is_utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # as some shells write a file
        text = data.decode("utf-16" if is_utf_16 else "utf-8-sig").strip()
    except UnicodeDecodeError:
        raise NoTime(f"{TIMESTAMP} is no text in UTF-8, so no lateness is counted. {LIKE}") from None
    match = TIME.fullmatch(text)
    if not match:
        raise NoTime(f"{TIMESTAMP} tells no time ({text[:40]!r}), so no lateness is counted. {LIKE}")
    try:
        time = datetime.fromisoformat(match["time"].replace(",", "."))
        time = time.replace(tzinfo=_zone(match["zone"] or "UTC")).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise NoTime(f"{TIMESTAMP} tells no time ({text[:40]!r}), so no lateness is counted. {LIKE}") from None
    if not YEARS[0] <= time.year <= YEARS[1]:
        raise NoTime(f"{TIMESTAMP} tells of the year {time.year}, so no lateness is counted. {LIKE}")
    return time


def written(time: datetime) -> str:
    """The file's content for a time in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC\n"


def _zone(name: str) -> tzinfo:
    """A zone by its name, or by its distance from UTC. Raises ValueError."""
    if name.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if name[0] in "+-":
        digits = name[1:].replace(":", "").ljust(4, "0")
        distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-distance if name[0] == "-" else distance)
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(name) from error
