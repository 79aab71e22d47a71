"""Where words that must not be known are in what a build made: an image's history, settings and layers, also files that a later layer hides."""

from __future__ import annotations

import base64
import contextlib
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from labkit.services.images import cache, overlay
from labkit.services.images.failure import BuildFailed
from labkit.services.images.layers import instruction, saved
from labkit.services.images.place import Image, Place

MOST = 20  # that are told
PART = 2**20  # bytes of a file that are read at a time
# Prints a JSON list (layer, path) for each file that has one of the words in it. What is read at a time overlaps by the longest of them.
PROGRAM = r"""
import json, os, stat, sys
words = [bytes.fromhex(word) for word in json.loads(sys.argv[1])]
overlap = max(map(len, words)) - 1
def one_in(text):
    return any(word in text for word in words)
def told_by(path):
    kind = os.lstat(path).st_mode
    if one_in(os.fsencode(os.path.basename(path))) or stat.S_ISLNK(kind) and one_in(os.fsencode(os.readlink(path))):
        return True
    if not stat.S_ISREG(kind):
        return False
    kept = b""
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            if one_in(part := kept + part):
                return True
            kept = part[-overlap:]
    return False
for number, root in enumerate(sys.argv[2:]):
    for folder, folders, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in [*files, *folders]):
            if told_by(path):
                print(json.dumps([number, os.path.relpath(path, root)]))
print("end")
"""


@dataclass(frozen=True)
class Leak:
    """`where` it is, for people, e.g. "the history" or "the layer of `RUN …`", and in which file, if in one."""

    where: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.where}: /{self.path}" if self.path else self.where


def spellings(word: str) -> list[bytes]:
    """A word as it stands, and as it looks in the codes that hide nothing: base64 at any place in a text, hexadecimal, backwards."""
    plain = word.encode()
    coded = [base64.b64encode(b"\0" * shift + plain + b"\0" * (-(shift + len(plain)) % 3)) for shift in range(3)]
    inner = [code[4 if shift else 0 : -4 if (shift + len(plain)) % 3 else None] for shift, code in enumerate(coded)]
    return [plain, *inner, plain.hex().encode(), plain[::-1]]


def in_image(place: Place, image: Image, words: Iterable[str]) -> list[Leak]:
    """All of its own layers, also what later ones hide, and all that the engine tells of it. Raises BuildFailed when it cannot be looked into."""
    wanted = [spelling for word in words for spelling in spellings(word)]
    api = place.engine.client.api
    inspected, history = api.inspect_image(image.id), api.history(image.id)
    found = [
        Leak(f"the image's history, at `{instruction(str(entry.get('CreatedBy', '')))[:80]}`")
        for entry in history
        if _has(entry, wanted)
    ]
    settings = {name: inspected.get(name) for name in ("Config", "ContainerConfig", "Comment", "Author", "RepoTags")}
    found += [Leak("the image's settings")] * _has(settings, wanted)
    return [*found, *_in_layers(place, image, inspected, wanted)][:MOST]


def in_output(image: Image, words: Iterable[str]) -> list[Leak]:
    """What the build's steps printed, and the steps themselves."""
    wanted = [spelling for word in words for spelling in spellings(word)]
    return [
        Leak(f"what `{step.instruction[:80]}` printed")
        for step in image.steps
        if _has([step.output, step.instruction], wanted)
    ]


def in_cache_mounts(place: Place, words: Iterable[str]) -> list[Leak]:
    """The folders that a place's cache mounts keep. Raises BuildFailed when one cannot be looked into."""
    wanted = json.dumps([spelling.hex() for word in words for spelling in spellings(word)])
    found = []
    for number, ident in enumerate(cache.mounts(place.engine, place.name)):
        look = f"RUN --mount=type=cache,id={ident},target=/kept python3 /look.py '{wanted}' /kept"
        recipe = f"FROM {place.offers[0]}\nCOPY look.py /\n{look}\n"
        built = place.build(
            {"Dockerfile": recipe, "look.py": PROGRAM}, tag="look", no_cache=False, arguments={"LOOK": str(number)}
        )
        rows = [json.loads(line) for step in built.steps for line in step.output.splitlines() if line.startswith("[")]
        found += [Leak(f"the cache mount {ident}", path) for _, path in rows]
    return found[:MOST]


def _in_layers(place: Place, image: Image, inspected: dict[str, Any], wanted: Sequence[bytes]) -> list[Leak]:
    layers = place.contents(image).layers
    own = [number for number, layer in enumerate(layers) if not layer.is_base]
    if not own:
        return []
    try:
        folders = overlay.folders(inspected)
        program = [PROGRAM, json.dumps([word.hex() for word in wanted])]
        rows = [json.loads(line) for line in overlay.looked(place.engine, [folders[number] for number in own], program)]
    except overlay.NotListed:
        return [Leak("a layer", path) for path in _saved(place, image, wanted)]
    return [Leak(f"the layer of `{layers[own[number]].instruction[:80]}`", path) for number, path in rows]


def _saved(place: Place, image: Image, wanted: Sequence[bytes]) -> Iterator[str]:
    """The paths in what `docker save` gives. Raises BuildFailed."""
    try:
        with saved(place.engine, image.id) as stream, tarfile.open(fileobj=stream, mode="r|") as whole:
            for member in whole:
                if layer := whole.extractfile(member) if member.isreg() else None:
                    yield from _in_layer(layer, wanted)
    except tarfile.TarError as error:
        raise BuildFailed(f"Docker's copy of the image cannot be read: {error!r}") from error


def _in_layer(stream: IO[bytes], wanted: Sequence[bytes]) -> Iterator[str]:
    with contextlib.suppress(tarfile.ReadError), tarfile.open(fileobj=stream, mode="r|*") as layer:  # others are JSON
        for member in layer:
            file = layer.extractfile(member) if member.isreg() else None
            if _in_name(member.name + member.linkname, wanted) or (file and _in_file(file, wanted)):
                yield member.name


def _in_name(name: str, wanted: Sequence[bytes]) -> bool:
    return any(word in name.encode() for word in wanted)


def _in_file(file: IO[bytes], wanted: Sequence[bytes]) -> bool:
    kept, overlap = b"", max(map(len, wanted)) - 1
    while part := file.read(PART):
        if any(word in kept + part for word in wanted):
            return True
        kept = part[-overlap:]
    return False


def _has(said: object, wanted: Sequence[bytes]) -> bool:
    text = json.dumps(said, ensure_ascii=False).encode(errors="replace")
    return any(word in text for word in wanted)
