"""What an image is made of: its layers, the files in each, and the bytes that a later layer hides but does not give back."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any

from labkit.services.images import overlay
from labkit.services.images.engine import Engine, docker_command

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
MOST_FILES = 500_000
WRITE_FILES = ("RUN", "COPY", "ADD", "WORKDIR")  # instructions that make a layer
JSON_BYTES = 8_000_000
TEXT_BYTES = 64_000
NOISE = re.compile(r"^\|\d+ (?:\S+=\S* )*|^/bin/sh -c (?:#\(nop\)\s*)?|\s+# buildkit$")


class Unreadable(Exception):
    """The image cannot be looked into: it has too many files, or is none."""


@dataclass(frozen=True)
class File:
    """A file as a layer brings it: sizes in bytes, `layer` counted from 0."""

    path: str
    size: int
    mode: int
    uid: int
    gid: int
    layer: int
    kind: str = "file"  # or "folder", "link", "other"
    target: str = ""  # of a link
    text: str | None = None  # of a small file that was asked for


@dataclass
class Layer:
    """One layer: the instruction that made it, and how many of its bytes a later layer hides."""

    instruction: str
    digest: str = ""  # of its content: a step that was carried out again makes another one
    size: int = 0
    waste: int = 0
    files: int = 0
    largest: list[File] = field(default_factory=list)
    hidden: list[tuple[str, int, int]] = field(
        default_factory=list
    )  # (path, bytes, the layer that hides it), largest first
    is_base: bool = False  # it came with the image that FROM names


@dataclass
class Contents:
    """An image: its layers from the lowest up, its files as a container sees them, and its settings."""

    layers: list[Layer]
    files: dict[str, File]
    config: dict[str, Any]
    history: list[str]

    @property
    def texts(self) -> dict[str, str]:
        """The texts that were asked for, by path."""
        return {path: file.text for path, file in self.files.items() if file.text is not None}

    @property
    def size(self) -> int:
        """Bytes in all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def waste(self) -> int:
        """Bytes in all layers that no container sees."""
        return sum(layer.waste for layer in self.layers)


def read(engine: Engine, image: str, *, base_layers: int = 0, texts: re.Pattern[str] | None = None) -> Contents:
    """Looks into an image, as a stream: nothing of it is kept but names. Raises Unreadable.

    Its lowest `base_layers` came with the image that it was built on. `texts` matches the paths of small files to be read.
    """
    inspected = engine.client.api.inspect_image(image)
    try:
        return _listed(engine, inspected, base_layers, texts)
    except overlay.NotListed as reason:
        print(f"{image} is looked into by `docker save`: {reason}", flush=True)
    return _saved(engine, image, base_layers, texts)


def _listed(engine: Engine, inspected: dict[str, Any], base_layers: int, texts: re.Pattern[str] | None) -> Contents:
    """By a look at the folders of its layers; those that came with a base are known already, mostly. Raises NotListed."""
    folders = overlay.folders(inspected)
    known: dict[str, list[File]] = engine.listed_layers
    wanted = [folder for number, folder in enumerate(folders) if folder not in known or number >= base_layers]
    rows = overlay.listed(engine, wanted, MOST_FILES, texts) if wanted else []
    if wanted and not rows:
        raise Unreadable(f"The image has more than {MOST_FILES:,} files. Keep some of them out of it.")
    found = {folder: list(_files_of(of)) for folder, of in zip(wanted, rows, strict=True)}
    known.update({folder: found[folder] for folder in folders[:base_layers] if folder in found})
    digests = inspected["RootFS"]["Layers"]
    history = [instruction(entry["CreatedBy"]) for entry in reversed(engine.client.api.history(inspected["Id"]))]
    writing = [text for text in history if text.split(" ", 1)[0] in WRITE_FILES]
    # Of a base that another tool made, the history may say too little; those of this Dockerfile are the last ones.
    made = ([""] * len(folders) + writing)[-len(folders) :] if folders else []
    return _stack(
        [found.get(folder) or known.get(folder, []) for folder in folders],
        made,
        digests,
        base_layers,
        inspected["Config"] or {},
        history,
    )


def _files_of(rows: list[list[Any]]) -> Iterator[File]:
    """As a layer's archive would have them."""
    for path, kind, size, mode, uid, gid, target, text in rows:
        folder, _, name = path.rpartition("/")
        if kind == "gone":
            yield File(f"{folder}/{WHITEOUT}{name}".lstrip("/"), 0, mode, uid, gid, 0, "other")
            continue
        if kind == "opaque":
            yield File(f"{path}/{OPAQUE}", 0, mode, uid, gid, 0, "other")
        yield File(path, size, mode, uid, gid, 0, "folder" if kind == "opaque" else kind, target, text)


def _saved(engine: Engine, image: str, base_layers: int, texts: re.Pattern[str] | None) -> Contents:
    """By `docker save`."""
    try:
        with saved(engine, image) as stream:
            return _assemble(*_unpack(stream, texts), base_layers=base_layers)
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise Unreadable(f"Docker's copy of the image cannot be read: {error!r}") from error


@contextlib.contextmanager
def saved(engine: Engine, image: str) -> Iterator[IO[bytes]]:
    """What `docker save` gives, as a stream."""
    process = subprocess.Popen(
        [docker_command(), "save", image], env=engine.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout
    try:
        yield process.stdout
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _unpack(stream: IO[bytes], texts: re.Pattern[str] | None) -> tuple[dict[str, Any], dict[str, list[File]]]:
    """The JSON documents and the layers of a saved image, by their names in it."""
    documents: dict[str, Any] = {}
    layers: dict[str, list[File]] = {}
    links: dict[str, str] = {}
    count = 0
    with tarfile.open(fileobj=stream, mode="r|") as whole:
        for member in whole:
            if member.issym():
                links[member.name] = member.linkname
            source = whole.extractfile(member) if member.isreg() else None
            if source is None:
                continue
            start = source.read(512)
            if start[:1] in (b"{", b"["):
                if member.size <= JSON_BYTES:
                    documents[member.name] = json.loads(start + source.read())
            elif member.size > 512:
                layers[member.name] = files = list(_files(_Joined(start, source), MOST_FILES - count, texts))
                count += len(files)
            elif start:
                layers[member.name] = []
    for name, target in links.items():  # of an older engine: a layer that is there already
        if (found := next((layer for layer in layers if layer.endswith(target.lstrip("./"))), None)) is not None:
            layers[name] = layers[found]
    return documents, layers


class _Joined:
    """A stream whose first bytes were read already."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1) -> bytes:
        if not self._start:
            return self._rest.read(size)
        taken, self._start = (self._start[:size], self._start[size:]) if size >= 0 else (self._start, b"")
        return taken + (self._rest.read(size - len(taken)) if size > len(taken) else b"")


def _files(stream: Any, most: int, texts: re.Pattern[str] | None) -> Iterator[File]:
    with tarfile.open(fileobj=stream, mode="r|*") as layer:
        for number, member in enumerate(layer):
            if number >= most:
                raise Unreadable(f"The image has more than {MOST_FILES:,} files. Keep some of them out of it.")
            layer.members = []  # type: ignore[attr-defined]  # else tarfile keeps them all
            kinds = {tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "hardlink"}
            kind = kinds.get(member.type, "file" if member.isreg() else "other")
            size = member.size if kind == "file" else 0
            path = member.name.removeprefix("./").strip("/")
            text = None
            if texts and kind == "file" and size <= TEXT_BYTES and texts.fullmatch(path):
                content = layer.extractfile(member)
                text = content.read().decode(errors="replace") if content else None
            yield File(path, size, member.mode, member.uid, member.gid, 0, kind, member.linkname, text)


class _Node:
    """A name in the file system that the layers make together."""

    __slots__ = ("children", "file")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.file: File | None = None

    def below(self) -> Iterator[File]:
        """Its own file, and all that are in it."""
        stack: list[_Node] = [self]
        while stack:
            node = stack.pop()
            if node.file:
                yield node.file
            stack.extend(node.children.values())


def _assemble(documents: dict[str, Any], layers: dict[str, list[File]], *, base_layers: int) -> Contents:
    """From what `docker save` gave."""
    manifest = documents["manifest.json"][0]
    config = documents[manifest["Config"]]
    history = config.get("history") or []
    made = [instruction(entry.get("created_by", "")) for entry in history if not entry.get("empty_layer")]
    digests = (config.get("rootfs") or {}).get("diff_ids") or []
    said = [instruction(entry.get("created_by", "")) for entry in history]
    of = [layers[name] for name in manifest["Layers"] or []]
    return _stack(of, made, digests, base_layers, config.get("config") or {}, said)


def _stack(
    of: list[list[File]],
    made: list[str],
    digests: list[str],
    base_layers: int,
    config: dict[str, Any],
    history: list[str],
) -> Contents:
    root, found = _Node(), []
    for number, files in enumerate(of):
        text = made[number] if number < len(made) else ""
        digest = digests[number] if number < len(digests) else ""
        found.append(Layer(text, digest, is_base=number < base_layers))
        _lay(root, [replace(file, layer=number) for file in files], found)
    return Contents(found, {file.path: file for file in root.below() if file.path}, config, history)


def _lay(root: _Node, files: list[File], layers: list[Layer]) -> None:
    """Puts a layer on top, and notes in those below what it hides."""
    layer, number = layers[-1], len(layers) - 1
    for file in files:  # first what it takes away, as its order in the archive says nothing
        folder, _, name = file.path.rpartition("/")
        if name.startswith(WHITEOUT):
            _take_away(root, folder, "" if name == OPAQUE else name.removeprefix(WHITEOUT), layers)
    for file in files:
        if file.path.rpartition("/")[2].startswith(WHITEOUT):
            continue
        layer.size += file.size
        layer.files += file.kind != "folder"
        node = root
        for part in file.path.split("/"):
            node = node.children.setdefault(part, _Node())
        hides = list(node.below()) if file.kind != "folder" else [node.file] if node.file and node.file.size else []
        for hidden in hides:
            _hide(hidden, number, layers)
        if file.kind != "folder":
            node.children.clear()
        node.file = file
    layer.largest = sorted((f for f in files if f.size), key=lambda f: -f.size)[:10]


def _take_away(root: _Node, folder: str, name: str, layers: list[Layer]) -> None:
    """A path, or without a name all that is in a folder."""
    node: _Node | None = root
    for part in folder.split("/") if folder else []:
        node = node.children.get(part) if node else None
    if node is None:
        return
    gone = [node.children.pop(name, None)] if name else list(node.children.values())
    if not name:
        node.children.clear()
    for child in gone:
        for file in child.below() if child else ():
            _hide(file, len(layers) - 1, layers)


def _hide(file: File, by: int, layers: list[Layer]) -> None:
    if file.layer == by or not file.size:
        return
    layer = layers[file.layer]
    layer.waste += file.size
    layer.hidden = sorted([*layer.hidden, (file.path, file.size, by)], key=lambda item: -item[1])[:10]


def instruction(created_by: str) -> str:
    """The instruction as its author wrote it, more or less: without what BuildKit or an older builder adds."""
    text = created_by.strip()
    is_run = text.startswith("RUN ") or text.startswith(("/bin/sh -c", "|"))
    text = text.removeprefix("RUN ").strip()
    text = re.sub(NOISE, "", re.sub(NOISE, "", text)).strip()
    words = (
        "COPY",
        "ADD",
        "WORKDIR",
        "ENV",
        "CMD",
        "ENTRYPOINT",
        "LABEL",
        "USER",
        "EXPOSE",
        "ARG",
        "VOLUME",
        "HEALTHCHECK",
    )
    return f"RUN {text}" if is_run and not text.startswith(words) and "#(nop)" not in created_by else text
