"""Builds: the Docker that an ordinary user starts, each lab's build on it beside the same on Docker, a look into a built image, and 20 answers."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.generated import generated
from benchmarks.measure import Row, await_none_of_ours, median_of, ms, ours, pss
from labkit import course, source
from labkit.grading.engine import Pool, Worker
from labkit.grading.work_order import Work
from labkit.kinds.dockerfile import project
from labkit.machine.backend import BACKENDS, Backend, docker_answers
from labkit.services.images import base
from labkit.services.images import embedded as embedded_engine
from labkit.services.images.engine import Engine
from labkit.services.images.machine import lacking
from labkit.services.images.place import Place
from labkit.services.images.running import Images, images

GRADED, ANSWERS, THEIRS = (
    "92-containers/fast-rebuild",
    20,
    4,
)  # theirs are linear: their time of 20 is that of 4, scaled


def rows() -> Iterator[Row]:
    """What this machine has: without Docker, the embedded half; without its kernel, the other."""
    with ExitStack() as stack:
        here = [backend for backend in BACKENDS if backend == "embedded" or docker_answers()]
        if docker_answers() and not lacking():
            embedded_engine.make(_from_this_machine)
        images("bench", "embedded").close()
        await_none_of_ours()
        began = time.perf_counter()
        embedded = stack.enter_context(images("bench", "embedded"))
        if embedded.missing:
            yield Row("Docker without Docker", f"not here: {embedded.missing}")
            here.remove("embedded")
        else:
            embedded.engine.client.ping()
            seconds = time.perf_counter() - began
            megabytes = pss(ours())
            measured = f"{seconds:.1f} s, {megabytes:.0f} MB"
            yield Row("embedded: Docker answers", measured, "<= 12 s, <= 600 MB", seconds <= 12 and megabytes <= 600)
        engines = {
            backend: embedded if backend == "embedded" else stack.enter_context(images("bench", backend))
            for backend in here
        }
        for lab in course.labs():
            if "images" in lab.needs:
                yield from _build(engines, lab)
    if docker_answers():
        yield from _graded()


def _build(engines: dict[Backend, Images], lab: course.Lab) -> Iterator[Row]:
    """The build of the shown solution, with nothing in the cache, where the base image is there."""
    answers = source.read(course.root() / "solutions" / lab.section / f"{lab.name}.md").solutions()
    name = next(name for name, kind in lab.answers.items() if kind == "dockerfile")
    files = {**project.context(lab, answers), "Dockerfile": answers[name]}
    taken: dict[Backend, float] = {}
    for backend, engine in engines.items():
        with engine.place(lab.key) as place:
            place.build({"Dockerfile": "FROM python:3.13-slim\n"}, tag="base")
            image = place.build(files, **project.given(lab))  # type: ignore[arg-type]
            taken[backend] = image.done.seconds
            if backend == "docker":
                look = median_of(lambda place=place, image=image: _look(place, image), 5)
                yield Row(f"docker: {lab.name}: a look into the built image", ms(look), "<= 1 s", look <= 1)
    said = ", ".join(f"{backend} {seconds:.1f} s" for backend, seconds in taken.items())
    if len(taken) == len(BACKENDS):
        said += f": {taken['embedded'] / taken['docker']:.1f} x"
    yield Row(f"{lab.name}: build", said, "embedded <= 60 s", taken.get("embedded", 0.0) <= 60)


def _from_this_machine(engine: Engine) -> None:
    """Carries the offered images over: a registry may be out of reach."""
    with images("bench", "docker") as here:
        for of in base.OFFERED.values():
            base.ensure(here.engine, of, {})
    names = [of.image for of in base.OFFERED.values()]
    with subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE) as saved:
        done = engine.docker("load", stdin=saved.stdout, timeout=1800)
    assert done.returncode == 0, done.stderr


def _look(place: Place, image: object) -> None:
    place.contents(image)  # type: ignore[arg-type]


def _graded() -> Iterator[Row]:
    """Ours on all cores; then one after another, by a worker of its own each, whose place has an empty cache."""
    lab = course.find(GRADED)
    spelled = next(name for name, kind in lab.answers.items() if kind == "dockerfile")
    works = [Work(str(number), lab, answers) for number, answers in enumerate(generated(lab, ANSWERS, spelled))]
    began = time.perf_counter()
    with Pool(os.cpu_count() or 1, "docker") as pool:
        judged = list(pool.judge(works))
    together = time.perf_counter() - began
    assert len(judged) == ANSWERS
    began = time.perf_counter()
    for work in works[:THEIRS]:
        with Worker("docker") as worker:
            worker.judge(work)
    theirs = (time.perf_counter() - began) * ANSWERS / THEIRS
    measured = f"{together:.0f} s / {theirs:.0f} s = {theirs / together:.1f} x"
    yield Row(
        f"docker: {ANSWERS} answers of {lab.name}, beside one after another", measured, ">= 4 x", theirs >= 4 * together
    )
