"""Builds: steps, what is cached, failures in words, what a place leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.services.images.docker import DockerServer
from labkit.services.images.failure import BuildFailed
from labkit.services.images.limits import Limits
from labkit.services.images.place import Place
from tests.backends import why_not
from tests.patience import until
from tests.services.images.conftest import docker, place_on, recipe

TWO_STAGES = (
    "FROM python:3.13-slim AS maker\n"
    "RUN --mount=type=cache,id=shared,target=/kept date +%s%N >> /kept/all; cat /kept/all; cp /kept/all /made\n"
    "FROM python:3.13-slim\n"
    "COPY --from=maker /made /made\n"
    "COPY app.py /app/\n"
    'CMD ["cat", "/made"]\n'
)


def test_tells_each_step_with_its_stage_seconds_and_output(place):
    """Steps in the order of the Dockerfile; nothing is cached in a new place."""
    image = place.build({"Dockerfile": TWO_STAGES, "app.py": "print(1)"})
    assert [(step.stage, step.word, step.cached) for step in image.steps] == [
        ("maker", "RUN", False),
        ("stage-1", "COPY", False),
        ("stage-1", "COPY", False),
    ]
    assert all(step.seconds is not None and step.seconds >= 0 for step in image.steps)
    assert image.steps[0].output.strip().isdigit()
    assert image.size > 10_000_000


def test_what_did_not_change_comes_from_the_cache(place):
    """A changed source file runs its own step only."""
    files = {"Dockerfile": TWO_STAGES, "app.py": "print(1)"}
    first, again = place.build(files), place.build(files)
    assert not [step for step in again.steps if step.ran]
    assert again.id == first.id
    changed = place.build({**files, "app.py": "print(2)"})
    assert [step.instruction for step in changed.steps if step.ran] == ["COPY app.py /app/"]


def test_no_place_gets_anything_from_another_ones_cache(new_place):
    """Neither a step nor what is in a cache mount of the same id: the second learner starts with nothing, as the first did."""
    first, second = new_place(), new_place()
    files = {"Dockerfile": TWO_STAGES, "app.py": "print(1)"}
    images = [place.build(files) for place in (first, second)]
    assert all(step.ran for image in images for step in image.steps)
    said = [place.run(image).stdout for place, image in zip((first, second), images, strict=True)]
    assert [len(text.split()) for text in said] == [1, 1]
    assert said[0] != said[1]


def test_a_step_has_no_network_whatever_it_asks_for(place):
    """Only the loopback device is there."""
    image = place.build(
        recipe("RUN ls /sys/class/net > /nets", "RUN --network=default ls /sys/class/net >> /nets", "CMD cat /nets")
    )
    assert place.run(image).stdout.split() == ["lo", "lo"]


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["RUN echo one && \\", "    python3 -c 'import nothing_like_it'"], 2, "ended with exit code 1"),
        (["RUN true", "RUNN true"], 3, "did you mean RUN"),
        (["COPY nope /x"], 2, '"nope" is not there'),
        (["COPY --from=bulider /x /x"], 2, "bulider:latest is no image that is offered here"),
        (["ADD http://127.0.0.1:1/x /x"], 2, "gets no network"),
        (["ADD https://git.example/a/b.git /x"], 2, "gets no network"),
        (["RUN --network=host true"], 2, "get no network"),
        (["RUN sh -c 'kill -9 $$'; exit $?"], 2, "was killed (exit code 137)"),
        (["RUN --mount=type=secret,id=token,required=true true"], 2, "token"),
    ],
)
def test_a_failure_names_the_line_and_what_is_wrong(shared_place, lines, line, words):
    """The line of the learner's Dockerfile, and words to act on."""
    with pytest.raises(BuildFailed) as failed:
        shared_place.build(recipe(*lines))
    assert failed.value.line == line
    assert words in failed.value.why


@pytest.mark.parametrize(
    "first", ["FROM alpine", "FROM docker.io/library/alpine:3", "# syntax=example.org/reader:1\nFROM scratch"]
)
def test_other_images_are_refused_and_the_offered_ones_named(shared_place, first):
    """Also a reader of Dockerfiles, which would be an image that runs inside the builder."""
    with pytest.raises(BuildFailed, match=r"python:3\.13-slim"):
        shared_place.build({"Dockerfile": f"{first}\nCOPY Dockerfile /\n"})


@pytest.mark.parametrize(
    "dockerfile",
    [
        "# syntax=docker/dockerfile:1\nFROM python:3.13-slim\nRUN true",
        "#syntax = docker/dockerfile:1.7-labs\n# escape=`\nFROM python:3.13-slim\nRUN echo `\n  hi",
        "ARG VERSION=3.13\nFROM docker.io/library/python:${VERSION}-slim AS one\nRUN <<EOF\nset -e\ntrue\nEOF\n",
    ],
)
def test_usual_ways_to_begin_are_taken(shared_place, dockerfile):
    """The usual syntax line needs no registry here, an escape directive keeps its meaning, and names may come from ARG."""
    assert shared_place.build({"Dockerfile": dockerfile}).steps


def test_the_output_of_a_failed_step_is_kept(place):
    """Its last lines."""
    with pytest.raises(BuildFailed) as failed:
        place.build(recipe("RUN seq 1 100000; echo the last word; exit 3"))
    assert failed.value.output.endswith("the last word")
    assert len(failed.value.output) < 3_000


def test_a_secret_is_there_in_its_step_and_nowhere_else(place):
    """As a file of the step that mounts it."""
    lines = [
        "RUN --mount=type=secret,id=token,required=true sha256sum < /run/secrets/token > /sum",
        "CMD cat /sum; ls /run/secrets",
    ]
    image = place.build(recipe(*lines), secrets_given={"token": "s3cret"})
    assert place.run(image).stdout.startswith("1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0")


def test_an_image_that_is_too_large_is_not_kept(new_place):
    """Its author reads how large it is, and how large it may be."""
    place = new_place(Limits(image_mb=20))
    with pytest.raises(BuildFailed, match="at most 20 MB"):
        place.build(recipe("RUN true"))
    assert not docker("image", "ls", "-q", "--filter", f"reference=labkit-images/{place.name}:answer").split()


def test_a_context_that_is_too_large_is_not_sent(new_place):
    """In bytes, and in files."""
    with pytest.raises(BuildFailed, match="at most 1 MB"):
        new_place(Limits(context_mb=1)).build(recipe(data="x" * 1_100_000))
    with pytest.raises(BuildFailed, match="at most 2 are taken"):
        new_place(Limits(context_files=2)).build(recipe(a="", b=""))
    with pytest.raises(BuildFailed, match="no path inside"):
        new_place().build(recipe(**{"../outside": ""}))


def test_a_dropped_place_leaves_its_steps_to_the_server_and_nothing_else(place):
    """No image, no container, no folder, and of the build cache neither cache mounts nor copies into an empty image."""
    place.build({"Dockerfile": TWO_STAGES + "FROM scratch\nCOPY app.py /only-here\n", "app.py": place.name})
    with pytest.raises(BuildFailed):
        place.build({"Dockerfile": TWO_STAGES + "RUN exit 7\n", "app.py": "x"})
    assert {"mount", "copy", "step"} <= in_the_cache(place.name)
    place.drop()
    label = f"label=labkit.place={place.name}"
    assert not docker("image", "ls", "-aq", "--filter", label) + docker("ps", "-aq", "--filter", label)
    assert in_the_cache(place.name) == {"step"}
    assert not place.folder.exists()


def test_a_server_that_stopped_leaves_nothing():
    """Of its places' steps neither."""
    if reason := why_not("docker"):
        pytest.skip(reason)
    server = DockerServer("stopped")
    server.said = server.start()
    with place_on(server) as place:
        place.build({"Dockerfile": TWO_STAGES, "app.py": "x"})
    assert in_the_cache(place.name) == {"step"}
    server.stop()
    assert until(lambda: not in_the_cache(place.name))


def in_the_cache(place: str) -> set[str]:
    """What the engine's build cache has of a place: its cache mounts, its copies into an empty image, its steps."""
    told = {f'with id "{place}/': "mount", "] COPY app.py /only-here": "copy", f"labkit-base-of {place}": "step"}
    df = docker("system", "df", "-v", "--format", "{{range .BuildCache}}{{println .Description}}{{end}}")
    return {kind for words, kind in told.items() if words in df}


def test_a_place_works_again_after_a_reset(place):
    """And nothing is cached in it then."""
    files = recipe("RUN date > /now")
    place.build(files)
    place.reset()
    assert all(step.ran for step in place.build(files).steps)


def test_a_build_leaves_nothing_in_the_temporary_folder(shared_place: Place, tmp_path: Path) -> None:
    """buildx 0.13.1 leaves a copy of a Dockerfile that it reads from standard input."""
    engine = shared_place.engine
    environment = {**engine.environment, "TMPDIR": str(tmp_path)}
    done = engine.build('FROM scratch\nCMD ["none"]\n', "--quiet", "--output=type=cacheonly", env=environment)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
