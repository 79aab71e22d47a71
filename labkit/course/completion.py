"""What a shell's completion offers for the names of labs and sections: `labkit check 91<Tab>`."""

from __future__ import annotations

from typing import Any

from labkit import course


def labs(_context: Any, _parameter: Any, typed: str) -> list[str]:
    """The labs that what was typed may be the beginning of; a lab's name may do without its section."""
    keys = [lab.key for lab in _quietly()]
    return [key for key in keys if key.startswith(typed)] or [
        name for key in keys if (name := key.partition("/")[2]).startswith(typed)
    ]


def sections(_context: Any, _parameter: Any, typed: str) -> list[str]:
    """The sections that have a lab."""
    return sorted({lab.section for lab in _quietly() if lab.section.startswith(typed)})


def sections_and_labs(context: Any, parameter: Any, typed: str) -> list[str]:
    """Both."""
    return [*sections(context, parameter, typed), *labs(context, parameter, typed)]


def _quietly() -> list[course.Lab]:
    """The labs; none where there is no course, as a shell's completion has no place for an error."""
    try:
        return course.labs()
    except (course.CourseError, OSError):
        return []
