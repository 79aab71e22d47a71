"""What a lab's place starts as, for programs that open one without a notebook."""

from __future__ import annotations

from typing import Any

from labkit.course import CourseError, find
from labkit.services import named


def lab_template(lab_key: str) -> Any:
    """What `database(…)` and its like take of the lab `section/name`, from the first of its services that builds anything. Raises CourseError."""
    lab = find(lab_key)
    for name in lab.needs:
        if (template := named(name).template(lab)) is not None:
            return template
    raise CourseError(f"{lab.key} needs no service that starts from data of the lab.")
