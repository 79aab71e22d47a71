"""What is in an image: layers by instruction, and the bytes that a later layer hides."""

from __future__ import annotations

import pytest

from labkit.services.images.container import CannotStart
from tests.services.images.conftest import recipe


def own(contents):
    """The layers of the Dockerfile itself."""
    return [layer for layer in contents.layers if not layer.is_base]


def test_layers_with_their_instruction_and_files(shared_place):
    """Instructions as they were written; the largest file first."""
    image = shared_place.build(
        recipe("COPY a.txt /app/", "RUN head -c 5000 /dev/zero > /b && echo hi > /c", a="", **{"a.txt": "x" * 700})
    )
    copied, ran = own(shared_place.contents(image))
    assert (copied.instruction, copied.size) == ("COPY a.txt /app/", 700)
    assert (ran.instruction, ran.size) == ("RUN head -c 5000 /dev/zero > /b && echo hi > /c", 5003)
    assert [(file.path, file.size) for file in ran.largest] == [("b", 5000), ("c", 3)]


@pytest.mark.parametrize(
    ("hide", "wasted"),
    [
        ("RUN rm /d/one", 1000),
        ("RUN rm -r /d", 3000),
        ("RUN rm -r /d && mkdir /d", 3000),  # an opaque folder
        ("RUN chmod 600 /d/two", 2000),  # a change of nothing but its mode copies the file
        ("RUN mv /d/two /elsewhere", 2000),
        ("RUN echo other > /d/one", 1000),
        ("RUN rm -r /d && echo a file now > /d", 3000),
        ("RUN true", 0),
    ],
)
def test_bytes_that_a_later_layer_hides_are_waste(shared_place, hide, wasted):
    """They are in the image, and no container sees them."""
    make = "RUN mkdir /d && head -c 1000 /dev/zero > /d/one && head -c 2000 /dev/zero > /d/two"
    layer = own(shared_place.contents(shared_place.build(recipe(make, hide))))[0]
    assert (layer.size, layer.waste) == (3000, wasted)


def test_what_is_made_and_removed_in_one_step_is_no_waste(shared_place):
    """It is in no layer."""
    contents = shared_place.contents(shared_place.build(recipe("RUN head -c 5000 /dev/zero > /b && rm /b")))
    assert sum(layer.size for layer in own(contents)) == 0


def test_the_files_are_those_that_a_container_sees(shared_place):
    """Modes and owners too."""
    contents = shared_place.contents(
        shared_place.build(recipe("RUN echo 1 > /a && echo 2 > /b", "RUN rm /a && chown 10001:7 /b && chmod 640 /b"))
    )
    assert "a" not in contents.files
    file = contents.files["b"]
    assert (file.size, file.mode & 0o777, file.uid, file.gid) == (2, 0o640, 10001, 7)


def test_settings_and_an_empty_image(shared_place):
    """Of an image FROM scratch, too; its program is told to be missing."""
    image = shared_place.build({"Dockerfile": 'FROM scratch\nCOPY a /\nUSER 7\nCMD ["/nothing"]\n', "a": "hi"})
    contents = shared_place.contents(image)
    assert contents.config["User"] == "7"
    assert contents.size == 2
    with pytest.raises(CannotStart, match="nothing"):
        shared_place.run(image)
