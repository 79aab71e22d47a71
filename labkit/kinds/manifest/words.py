"""The API server's complaints, in plain words and with the line of the learner's YAML."""

from __future__ import annotations

import re

from labkit.kinds.manifest.reader import Document, Path
from labkit.services.cluster.api import ApiError

GRANTED = re.compile(r"attempting to grant RBAC permissions not currently held:\s*(?P<rights>\S.*?)\s*$", re.DOTALL)
PART = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
UNKNOWN = re.compile(r"\.?(?P<path>[\w.\-\[\]=\"/]+): field not declared in schema")
STRICT = re.compile(r'unknown field "(?P<path>[^"]+)"')
EXPECTED = re.compile(r"\.?(?P<path>[\w.\-\[\]=\"/]+): expected (?P<want>[^,]+), got (?P<got>.+?)(?:$|\n)")
UNQUOTED = re.compile(r"Value:(?P<value>[^}]+)\}")
CANNOT = re.compile(
    r"cannot unmarshal (?P<got>\w+) into Go struct field (?P<path>[\w.]+) of type (?P<want>[\w.\[\]*]+)"
)
NEAR = 0.7  # how alike two names are for one to be taken for a slip of the other
REFUSED = {
    "hostPath": "A pod may not see this machine's files: no hostPath.",
    "host namespaces": "A pod may not share the machine's namespaces: no hostNetwork, hostPID or hostIPC.",
    "privileged": "A container may not be privileged.",
    "hostPort": "A pod may not take a port of the machine: no hostPort. Use a Service.",
    "non-default capabilities": "A container may not have more capabilities than usual.",
}


def in_words(error: ApiError, document: Document) -> str:
    """One or more sentences, each with its line where there is one."""
    if error.status == 403 and "violates PodSecurity" in error.message:
        return _security(error, document)
    if error.status == 403 and "exceeded quota" in error.message:
        return f"{document.title}: more than this namespace may have: {error.message.partition('exceeded quota: ')[2][:300]}."
    if error.status == 403:
        return _forbidden(error, document)
    for pattern in (UNKNOWN, STRICT):
        if match := pattern.search(error.message):
            return _unknown(match["path"], document)
    if match := EXPECTED.search(error.message):
        return _mistyped(match["path"], match["want"], match["got"], document)
    if error.causes:
        return " ".join(_cause(field, message, document) for field, message in error.causes[:3])
    return f"{_at(document, ())}{error.message.strip()[:400]}"


def warning_in_words(text: str, document: Document) -> str:
    """A warning of the server's, with the line that it is about."""
    head = text.split(":", 1)[0]
    path = path_of(head, document) if "." in head or "[" in head else ()
    return f"{_at(document, path)}{text}"


def path_of(text: str, document: Document) -> Path:
    """A path as the server writes it: `spec.containers[0].image`, `.spec.containers[name="shop"].image`."""
    path: Path = ()
    for match in PART.finditer(text.lstrip(".")):
        name, index = match[1], match[2]
        if name is not None:
            path = (*path, name)
        elif index.isdigit():
            path = (*path, int(index))
        else:
            path = (*path, _number(document, path, index))
    return path


def _number(document: Document, path: Path, key: str) -> str | int:
    """Which item of a list has this key, e.g. `name="shop"`; a map's key is itself."""
    wanted = dict(part.split("=", 1) for part in key.split(",") if "=" in part)
    value: object = document.item
    for step in path:
        try:
            value = value[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return key
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, dict) and all(str(item.get(k)) == v.strip('"') for k, v in wanted.items()):
                return number
    return key


def _at(document: Document, path: Path) -> str:
    return f"Line {document.line_of(path)}: "


def _unknown(written: str, document: Document) -> str:
    path = path_of(written, document)
    name = path[-1] if path else written
    where = ".".join(str(step) for step in path[:-1] if isinstance(step, str)) or "the object"
    return f"{_at(document, path)}{document.title} has no field `{name}` in {where}. Look at its spelling, and at how far it is indented."


def _mistyped(written: str, want: str, got: str, document: Document) -> str:
    path = path_of(written, document)
    if want == "string" and (match := UNQUOTED.search(got)):
        return f"{_at(document, path)}`{path[-1]}` must be a text, and without quotes it is a number or a truth value: {match['value']}. Put it into quotes."
    return f"{_at(document, path)}`{path[-1]}` must be {want}, and is {got[:80]}."


def _cause(field: str, message: str, document: Document) -> str:
    path = path_of(field, document)
    return f"{_at(document, path)}{field}: {message[:300]}." if field else f"{_at(document, ())}{message[:300]}."


def _security(error: ApiError, document: Document) -> str:
    known = [words for sign, words in REFUSED.items() if sign in error.message]
    return f"{document.title} is refused. " + (" ".join(known) or error.message.partition(": ")[2][:300])


def _forbidden(error: ApiError, document: Document) -> str:
    if "at the cluster scope" in error.message:
        return f"{_at(document, ())}A {document.item['kind']} belongs to the whole cluster, and you work in one namespace: it is refused."
    if match := GRANTED.search(error.message):
        return f"{_at(document, ('rules',))}refused: you are attempting to grant what you may not do yourself: {match['rights'][:200]}. Is its group right, and its resource? `*` is always more than you have."
    if "cannot patch resource" in error.message or "cannot create resource" in error.message:
        return f"{_at(document, ())}You may not make a {document.item['kind']} here: it is refused."
    return f"{_at(document, ())}refused: {error.message[:300]}"
