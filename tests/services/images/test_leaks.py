"""Words that must not be known are found wherever a build may have left them, in each of the spellings that hide nothing."""

from __future__ import annotations

import base64

import pytest

from labkit.services.images import leaks
from labkit.services.images.place import Place
from tests.services.images.conftest import recipe

WORD = "tok-5Yb2Qm8Rk4Td"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "yz"])
@pytest.mark.parametrize("word", ["tok-1234", "tok-12345", "tok-123456"])
def test_a_word_is_known_in_base64_wherever_it_stands(before: str, after: str, word: str):
    coded = base64.b64encode((before + word + after).encode())
    assert any(spelling in coded for spelling in leaks.spellings(word))


def test_nothing_else_is_taken_for_it():
    coded = base64.b64encode(b"another text, which has some length of its own") + b" " + WORD[:-1].encode()
    assert not any(spelling in coded for spelling in leaks.spellings(WORD))


@pytest.mark.docker
@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (["ARG SECRET=@", "RUN true $SECRET"], "the image's history"),
        (["ENV SECRET=@"], "the image's settings"),
        (["RUN echo @ | rev > /kept", "RUN rm /kept"], "the layer of `RUN echo"),
        (["RUN mkdir /opt/@"], "the layer of `RUN mkdir"),
    ],
)
def test_it_is_found_in_an_image(place: Place, lines: list[str], where: str):
    image = place.build(recipe(*[line.replace("@", WORD) for line in lines]))
    found = [str(leak) for leak in leaks.in_image(place, image, [WORD])]
    assert any(leak.startswith(where) for leak in found), found
    assert not leaks.in_image(place, image, [f"{WORD}-not"])


@pytest.mark.docker
def test_it_is_found_in_a_cache_mount_and_in_what_a_step_printed(place: Place):
    image = place.build(recipe(f"RUN --mount=type=cache,target=/kept echo {WORD} > /kept/file; echo {WORD}"))
    assert [leak.path for leak in leaks.in_cache_mounts(place, [WORD])] == ["file"]
    assert leaks.in_output(image, [WORD])
    assert not leaks.in_output(image, [f"{WORD}-not"])
