"""What a lab's namespace starts from: the objects of `graders/<section>/<lab>.yaml`, if it is there."""

from __future__ import annotations

from functools import cache

from labkit.course import CourseError, root
from labkit.services.cluster.api import Object


@cache
def template(section: str, lab: str) -> tuple[Object, ...]:
    """The objects, of a lesson those of `notebooks/<section>.yaml`. Raises CourseError when the file is no YAML."""
    import yaml

    folder, name = ("notebooks", section) if lab == "lesson" else (f"graders/{section}", lab)
    path = root() / folder / f"{name}.yaml"
    if not path.exists():
        return ()
    try:
        return tuple(item for item in yaml.safe_load_all(path.read_text(encoding="utf-8")) if item)
    except yaml.YAMLError as error:
        raise CourseError(f"{path} is no YAML: {error}. Get the whole course again.") from error
