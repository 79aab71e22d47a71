"""The picture of connections, and its words."""

from __future__ import annotations

import pytest

from labkit.kinds.websocket.connection import Event
from labkit.kinds.websocket.timeline import timeline, told
from labkit.pages import figure

DEPLOY = [
    Event(1.0, "us", "open", "/desk"),
    Event(1.1, "them", "open", "101"),
    Event(1.2, "them", "ping", "a"),
    Event(1.2, "us", "pong", "a"),
    Event(1.5, "us", "text", '{"id": 17, "text": "question"}', 30),
    Event(2.0, "them", "cut"),
]


def test_it_is_told_in_words_with_what_is_wrong():
    said = told([DEPLOY], 1.0, ["one"], "client")
    assert "one: client open /desk at 0.00 s" in said
    assert "server no close frame: 1006 at 1.00 s (wrong)" in said
    assert "ping" not in said


@pytest.mark.parametrize("us", ["client", "server"])
def test_it_is_drawn_with_its_words(us, monkeypatch):
    shown = []
    monkeypatch.setattr(figure, "show_figure", lambda drawn, alt: shown.append((drawn, alt)))
    timeline([DEPLOY, [], DEPLOY[:2]], "A finding", us=us, names=["one"], marks={"SIGTERM": 1.9})
    ((drawn, alt),) = shown
    texts = [text.get_text() for text in drawn.axes[0].texts]
    assert "SIGTERM" in texts
    assert "no close frame: 1006" in texts or us == "server"
    assert drawn.axes[0].get_title() == "A finding"
    assert alt.startswith("A finding. one: ")


def test_a_picture_of_nothing_is_a_picture(monkeypatch):
    shown = []
    monkeypatch.setattr(figure, "show_figure", lambda drawn, alt: shown.append(alt))
    timeline([], "Nobody came", names=["one"])
    assert shown == ["Nobody came. "]
