"""CloudEvents 1.0 over HTTP: an event as a request in either mode, and the event of a request or of a reply.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md. Written here and not taken from the package of that
name, which fills an id into the caller's own attributes, so that events of one template share it (cloudevents 2.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

STRUCTURED = "application/cloudevents+json"
REQUIRED = ("specversion", "id", "source", "type")
PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")


@dataclass(frozen=True)
class CloudEvent:
    """What happened: `id` and `source` together are its name. `data` is any JSON value; `more` are the attributes that may be there, as text."""

    id: str
    source: str
    type: str
    data: Any
    more: dict[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, str]:
        """All but the data."""
        return {"specversion": "1.0", "id": self.id, "source": self.source, "type": self.type, **self.more}


def binary(event: CloudEvent) -> dict[str, Any]:
    """The request in binary mode: attributes are headers, percent-encoded, and the body is the data."""
    headers = {f"ce-{name}": quote(value, safe=PRINTABLE) for name, value in event.attributes.items()}
    return {"headers": {**headers, "Content-Type": "application/json"}, "body": json.dumps(event.data)}


def structured(event: CloudEvent) -> dict[str, Any]:
    """The request in structured mode: all of the event is in the body."""
    whole = {**event.attributes, "datacontenttype": "application/json", "data": event.data}
    return {"headers": {"Content-Type": f"{STRUCTURED}; charset=utf-8"}, "body": json.dumps(whole)}


def read(headers: Mapping[str, str], body: bytes | str) -> CloudEvent:
    """The event of a request, or of a reply. Raises ValueError, which says why there is none."""
    found = {name.lower(): value for name, value in headers.items()}
    media_type = found.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == STRUCTURED:
        attributes, data = _whole(body)
    elif "ce-specversion" in found:
        attributes = {name[3:]: unquote(value.strip('"')) for name, value in found.items() if name.startswith("ce-")}
        data = _data(body, media_type)
    else:
        raise ValueError("it has neither a header ce-specversion nor the media type of a CloudEvent")
    return _event(attributes, data)


def _whole(body: bytes | str) -> tuple[dict[str, Any], Any]:
    whole = _json(body)
    if not isinstance(whole, dict):
        raise ValueError("its body is no object")
    return {name: value for name, value in whole.items() if name != "data"}, whole.get("data")


def _data(body: bytes | str, media_type: str) -> Any:
    if not body:
        return None
    if media_type in ("", "application/json") or media_type.endswith("+json"):
        return _json(body)
    return body if isinstance(body, str) else body.decode("utf-8", "replace")


def _json(body: bytes | str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("its body is no JSON") from None


def _event(attributes: dict[str, Any], data: Any) -> CloudEvent:
    for name in REQUIRED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise ValueError(f"it has no {name}")
    if attributes["specversion"] != "1.0":
        raise ValueError(f"its specversion is {attributes['specversion'][:20]!r}")
    more = {name: str(value) for name, value in attributes.items() if name not in REQUIRED}
    return CloudEvent(attributes["id"], attributes["source"], attributes["type"], data, more)
