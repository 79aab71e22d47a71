"""Reads a text of YAML documents as kubectl does, and remembers on which line everything stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from labkit.kinds.manifest.scalars import meaning

NODES = 20_000  # of a text, with what its aliases repeat
DEPTH = 60
STRING = "tag:yaml.org,2002:str"

Path = tuple[str | int, ...]


class ManifestError(Exception):
    """The text cannot be read; the message says on which line, and what to do."""

    def __init__(self, why: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(f"Line {line}: {why}" if line else why)


@dataclass
class Document:
    """One object: `item` as JSON has it, `lines` the line on which each path of it begins, `notes` what a reader should know."""

    item: dict[str, Any]
    line: int
    lines: dict[Path, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """E.g. `Deployment shop`."""
        return f"{self.item['kind']} {self.item['metadata']['name']}"

    def line_of(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.line)


def read(text: str) -> list[Document]:
    """All objects of a text, in their order; those of a List are taken out. Raises ManifestError."""
    documents: list[Document] = []
    try:
        for node in yaml.compose_all(text, Loader=yaml.BaseLoader):
            if node is not None and not _is_empty(node):
                documents += _documents(node)
    except yaml.MarkedYAMLError as error:
        raise _in_words(error) from None
    except yaml.YAMLError as error:
        raise ManifestError(f"This is no YAML: {str(error).splitlines()[0]}.") from None
    except RecursionError:
        raise ManifestError(f"It is nested more than {DEPTH} levels deep. No manifest is.") from None
    if not documents:
        raise ManifestError("There is no object in it. An object begins with the lines `apiVersion: …` and `kind: …`.")
    return documents


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and meaning(node.value) is None


def _documents(node: yaml.Node) -> list[Document]:
    line = node.start_mark.line + 1
    document = Document({}, line)
    value = _Builder(document).value(node, ())
    if not isinstance(value, dict):
        what = {list: "a list", str: "a text"}.get(type(value), "one value")
        raise ManifestError(f"An object is expected here (apiVersion: …, kind: …), and there is {what}.", line)
    document.item = value
    if value.get("kind") == "List" and isinstance(value.get("items"), list):
        return [_checked(_item_of(document, number)) for number in range(len(value["items"]))]
    return [_checked(document)]


def _item_of(document: Document, number: int) -> Document:
    start: Path = ("items", number)
    lines = {path[2:]: line for path, line in document.lines.items() if path[:2] == start}
    return Document(document.item["items"][number], document.line_of(start), lines, document.notes)


def _checked(document: Document) -> Document:
    """With what every object must have. Raises ManifestError."""
    item, line = document.item, document.line
    if not isinstance(item, dict):
        raise ManifestError("Each item of a List must be an object.", line)
    for name in ("apiVersion", "kind"):
        if not isinstance(item.get(name), str) or not item[name]:
            raise ManifestError(f"The object that begins here has no `{name}`.", line)
    meta = item.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    if not isinstance(name, str) or not name:
        said = "it is missing" if name is None else f"it is {json.dumps(name)} to Kubernetes, so put it into quotes"
        raise ManifestError(
            f"The {item['kind']} that begins here needs a name, a text, at metadata.name: {said}.", line
        )
    return document


class _Builder:
    """Makes values of nodes, and notes their lines."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.left = NODES

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The value of a node as JSON has it. Raises ManifestError."""
        self.left -= 1
        if self.left < 0 or len(path) > DEPTH:
            raise ManifestError(
                f"It has more than {NODES:,} values, or more than {DEPTH} levels. No manifest has.",
                node.start_mark.line + 1,
            )
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, number)) for number, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        plain = node.style is None and node.tag == STRING
        return meaning(node.value) if plain else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        seen: dict[str, int] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ManifestError("A key must be a word.", line)
            if key.value == "<<" and key.style is None:
                merged |= self._merge(child, path)
                continue
            name = _as_key(key)
            if name in seen:
                note = f"Line {line}: `{name}` stands here for the second time (first on line {seen[name]}). kubectl says nothing, and takes the last one."
                self.document.notes.append(note)
            seen[name] = line
            self.document.lines[*path, name] = line
            found[name] = self.value(child, (*path, name))
        return {**merged, **found}

    def _merge(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        value = self.value(node, path)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise ManifestError("`<<` takes the keys of another mapping, and this is none.", node.start_mark.line + 1)
        return {name: one for part in reversed(parts) for name, one in part.items()}


def _as_key(key: yaml.ScalarNode) -> str:
    value = meaning(key.value) if key.style is None else key.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return key.value if value is None or isinstance(value, str) else str(value)


def _in_words(error: yaml.MarkedYAMLError) -> ManifestError:
    """YAML's own complaint, in words that say what to look for."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    problem = error.problem or str(error)
    if "\\t" in problem or "'\t'" in problem:
        return ManifestError("There is a tab. YAML is indented with blanks only.", line)
    if "mapping values are not allowed here" in problem:
        return ManifestError(
            "There is a `:` too many, or the line is indented further than the one above allows.", line
        )
    if "expected <block end>" in problem or "did not find expected" in problem:
        return ManifestError(
            "The indentation does not fit: lines of one mapping or list begin in the same column.", line
        )
    if "could not find expected ':'" in problem:
        return ManifestError("A `:` is missing after a key, here or on the line above.", line)
    if "undefined alias" in problem:
        return ManifestError(f"{problem[0].upper()}{problem[1:]}: a `*name` needs an `&name` before it.", line)
    return ManifestError(f"This is no YAML: {problem}.", line)
