"""Where nbgrader itself would stumble over what somebody handed in, or over a folder's name: replaced in nbgrader 0.9.6, for its own commands too.

Our configuration is Python, which nbgrader runs before it works (`graders/nbgrader_config.py`), so plain `nbgrader autograde` and formgrader get the
same as `labkit grade`. It has no setting for these.
"""

from __future__ import annotations

import glob
import os
import stat
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbgrader import utils
from nbgrader.apps import api
from nbgrader.converters import base
from nbgrader.coursedir import CourseDirectory

from labkit.course import timestamp
from labkit.course.notebook_file import HALF
from labkit.machine import told


def install() -> None:
    """Puts them in place, once or again."""
    CourseDirectory.get_existing_timestamp = existing_timestamp  # type: ignore[method-assign]
    base.find_all_files = ordinary_files  # type: ignore[attr-defined]
    for module in (base, api, utils):
        module.glob = SimpleNamespace(glob=found)  # type: ignore[attr-defined]


def ordinary_files(folder: str, exclude: list[str]) -> list[str]:
    """What nbgrader copies of a folder besides notebooks: no links, which lead to other people's files, and no pipes or devices."""
    return [name for name in utils.find_all_files(folder, exclude) if stat.S_ISREG(os.lstat(name).st_mode)]


def existing_timestamp(course: Any, folder: str) -> datetime | None:
    """When a submission was handed in. One file that tells no time would end the whole run; here it is a warning, and no lateness."""
    try:
        return timestamp.read(Path(folder))
    except timestamp.NoTime as why:
        course.log.warning("%s: %s", told.line(folder), told.line(str(why)))
        return None


def found(pattern: str) -> list[str]:
    """`glob.glob` for a path that nbgrader put together without quoting: what is there as it stands, such as `exam [WS 26]`, is no pattern.

    A name that is no text in UTF-8 is left out: nbgrader's gradebook cannot hold it, and the student's other notebooks would get no mark.
    """
    parts = pattern.split(os.sep)
    for number, part in enumerate(parts):
        if part == "*" or not os.path.isdir(os.sep.join(parts[: number + 1]) or os.sep):
            break
    else:
        number = len(parts)
    names = glob.glob(os.sep.join([*map(glob.escape, parts[:number]), *parts[number:]]))
    return [name for name in names if not HALF.search(os.path.basename(name))]
