"""Attacks by Dockerfiles: none gets more than its honest content is worth, reaches anything, or leaves anything."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from labkit import course
from labkit.course import home
from labkit.grading.engine import Judged, Pool
from labkit.grading.work_order import Work
from labkit.machine.backend import LABEL
from labkit.services.images.running import images
from tests.backends import why_not

pytestmark = [pytest.mark.attack, pytest.mark.slow, pytest.mark.docker]

FOLDER = Path(__file__).parent / "images"
FIELD = re.compile(r"^# (lab|honest|says): (.*)\n", re.MULTILINE)
SLOW = {"disk", "many-copies", "memory"}  # only in the long series


@dataclass(frozen=True)
class Attack:
    """A Dockerfile whose first lines say what it wants, what its honest content is worth, and what is told of it."""

    name: str
    intent: str
    lab: str
    honest: float
    says: str
    text: str


def attacks() -> list[Attack]:
    """All of them."""
    found = []
    for path in sorted(FOLDER.glob("*.Dockerfile")):
        first, _, rest = path.read_text(encoding="utf-8").partition("\n")
        fields = dict(FIELD.findall(rest))
        text = FIELD.sub("", rest)
        found.append(Attack(path.stem, first, fields["lab"], float(fields["honest"]), fields["says"], text))
    return found


def parameters() -> list:
    """Each attack as a test's parameter."""
    return [pytest.param(a, id=a.name, marks=[pytest.mark.full] if a.name in SLOW else []) for a in attacks()]


@pytest.fixture(scope="module")
def canary() -> Iterator[tuple[int, list[bytes]]]:
    """A server on this machine that notes whoever calls: its port, and the calls."""
    calls: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                calls.append(caller.recv(1000))
                caller.sendall(b"HTTP/1.0 200 OK\r\n\r\nreached")

    threading.Thread(target=answer, daemon=True).start()
    yield listener.getsockname()[1], calls
    listener.close()


@pytest.fixture(scope="module")
def neighbour(pool: Pool) -> Iterator[str]:
    """Another learner's place, with a secret in a cache mount."""
    with images("learner", "docker") as running, running.place("92-containers/two-stages") as place:
        secret = "FROM python:3.13-slim\nRUN --mount=type=cache,id=everybody,target=/kept echo mine > /kept/secret\n"
        place.build({"Dockerfile": secret})
        yield place.name


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """A grading worker."""
    if reason := why_not("docker"):
        pytest.skip(reason)
    with Pool(1, "docker", stay=True) as pool:
        yield pool


def judged(pool: Pool, attack: Attack, port: int, neighbour: str) -> Judged:
    """What comes of handing it in."""
    copies = "\n".join(f"COPY . /copy{number}" for number in range(400))
    text = attack.text.replace("@PORT@", str(port)).replace("@NEIGHBOUR@", neighbour).replace("@COPIES@", copies)
    lab = course.find(f"92-containers/{attack.lab}")
    (done,) = pool.judge(
        [Work(attack.name, lab, {next(iter(lab.answers)): text}, ())]
    )  # to its end: the pool is used again
    return done


@pytest.mark.parametrize("attack", parameters())
def test_the_attack_gets_what_its_honest_content_is_worth(pool, canary, neighbour, attack: Attack):
    port, calls = canary
    done = judged(pool, attack, port, neighbour)
    assert done.fault is None or not done.fault, attack.intent
    assert sum(verdict.earned for verdict in done.verdicts) == attack.honest, attack.intent
    told = " ".join(f"{verdict.why} {verdict.got}" for verdict in done.verdicts)
    assert re.search(attack.says, told), told
    assert calls == []


def test_nothing_of_them_is_left(pool):
    """No image, no container and no step of theirs, once the worker has gone on; other people's are their own affair."""
    ours = ["--filter", "label=labkit.place", "--filter", f"label={LABEL}={home.home()}"]
    for what in (["ps", "-aq"], ["image", "ls", "-aq"]):
        of = subprocess.run(["docker", *what, *ours], capture_output=True, text=True, check=True)
        assert not [line for line in of.stdout.split() if _is_grading(line)]


def _is_grading(ident: str) -> bool:
    place = '{{index .Config.Labels "labkit.service"}}'
    found = subprocess.run(["docker", "inspect", "-f", place, ident], capture_output=True, text=True, check=False)
    return found.stdout.startswith("images-grading")
