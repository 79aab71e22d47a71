"""What `make newest` says: which lab no longer passes, and with which package."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.authoring.newest import Change, Environment, changes, first_that_breaks, look
from labkit.course import CourseError

LOCKED = dict.fromkeys("abcdefgh", "1")
NEWEST = {**dict.fromkeys("abcdefg", "2"), "new": "1"}


class Stand(Environment):
    """An environment of which only the versions are kept; a lab breaks as the test says."""

    def __init__(self, breaks, unresolved=""):
        super().__init__(Path("nowhere"))
        self.breaks, self.unresolved, self.now = breaks, unresolved, dict(NEWEST)

    def make(self):
        return self.unresolved

    def versions(self):
        return dict(self.now)

    def take(self, wanted):
        self.now = {name: version for name, version in {**self.now, **wanted}.items() if version}

    def solve(self, lab):
        return "AssertionError" if self.breaks(lab, self.now) else ""


def test_what_changed_came_or_went():
    assert [str(change) for change in changes({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "3"})] == [
        "b 1 → 2",
        "c 1 → (gone)",
        "d (not there) → 3",
    ]


@pytest.mark.parametrize("bad", range(9))
def test_the_package_is_found_among_any_number(bad):
    found = [Change(str(number), "1", "2") for number in range(9)]
    tried = []
    assert first_that_breaks(found, lambda new: tried.append(new) or found[bad] in new) == found[bad]
    assert len(tried) <= 4


@pytest.mark.parametrize("package", ["a", "d", "g", "h", "new"])
def test_lab_and_package_are_named(package):
    """Also one that came, and one that went."""
    stand = Stand(lambda lab, now: lab == "s/two" and now.get(package) == NEWEST.get(package))
    report = look(["s/one", "s/two"], stand, LOCKED)
    assert report.passed == ["s/one"]
    assert [(broken.lab, broken.package.package, broken.alone) for broken in report.broken] == [
        ("s/two", package, True)
    ]
    assert f"- **s/two**: {package} " in report.text()
    assert stand.now == NEWEST  # the next lab is tried with the newest ones, too


def test_two_packages_that_break_it_each():
    report = look(["s/one"], Stand(lambda _, now: now.get("c") == "2" or now.get("f") == "2"), LOCKED)
    assert "c 1 → 2, and another package as well" in report.text()


def test_a_lab_that_never_passes_blames_no_package():
    report = look(["s/one"], Stand(lambda *_: True), LOCKED)
    assert "locked versions either" in report.text()
    assert not report.good


def test_a_mixture_that_cannot_be_installed_is_said():
    stand = Stand(lambda _, now: "c" in now and now["c"] == "2")
    take = stand.take
    answers = iter([CourseError("no wheel"), None, None])

    def sometimes(wanted):
        if error := next(answers):
            raise error
        take(wanted)

    stand.take = sometimes
    report = look(["s/one"], stand, LOCKED)
    assert "no wheel" in report.text()


def test_what_does_not_resolve_is_told_as_the_resolver_does():
    report = look(["s/one"], Stand(lambda *_: False, "Because nbgrader needs old, and mlflow new, …"), LOCKED)
    assert "Because nbgrader needs old" in report.text()
    assert not report.good


def test_all_is_well():
    report = look(["s/one"], Stand(lambda *_: False), LOCKED)
    assert report.good
    assert "1 labs pass, 0 do not" in report.text()
