"""The attacks of any folder (`--attacks FOLDER`): none gets more than its honest content is worth, and none costs anybody else theirs."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from labkit import course
from tests.attacks.attack import Attack, attacks
from tests.attacks.conftest import ROWS
from tests.attacks.exam import HONEST, sitting

pytestmark = [pytest.mark.attack, pytest.mark.slow]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each file of the folder."""
    folder = metafunc.config.option.attacks
    found = attacks(folder.resolve()) if folder else []
    metafunc.parametrize("attack", found, ids=[attack.path.stem for attack in found])


def test_gets_no_more_than_its_honest_content_is_worth(attack: Attack, request: pytest.FixtureRequest, tmp_path: Path):
    option, started = request.config.option, time.monotonic()
    with sitting(tmp_path, [attack], option.attacks_on, option.attacks_in) as exam:
        earned, told = exam.earned(attack.name), " ".join(exam.told(attack.name).split())
        megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        row = (
            attack.path.stem,
            f"{earned:g}",
            f"{attack.honest:g}",
            f"{time.monotonic() - started:.0f}",
            f"{megabytes:.0f}",
            told,
        )
        request.config.stash[ROWS].append(row)
        assert earned <= attack.honest, f"{attack.intent} It got {earned:g} points."
        whole = earned == attack.honest == sum(attack.lab.points.values())
        assert told or whole, f"{attack.intent} The examiner reads nothing about it."
        for student in HONEST:
            lab = course.find(student.split("-honest-")[1])
            assert exam.earned(student) == sum(lab.points.values()), f"{attack.intent} It cost {student} points."
        assert exam.touched == []
        assert exam.changed == set()
