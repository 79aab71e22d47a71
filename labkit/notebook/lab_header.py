"""The top of a lab: what it is about, where its service runs, and the buttons that reset and restart it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from markupsafe import Markup

from labkit.notebook import offers
from labkit.notebook.page import Page, plural
from labkit.notebook.verdict_panel import fault_panel
from labkit.services.fault import ServiceFault

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

    from labkit.notebook.session import Session

RESET, UNDO = "Reset the database", "Undo the reset"
T = TypeVar("T")


def lab_header(session: Session) -> Page:
    """The header to read."""
    lab = session.lab
    points = plural(sum(lab.points.values()), "point")
    aside = f"{lab.minutes} min · {points}"
    objectives = Markup().join(Markup("<li>{}</li>").format(text) for text in lab.objectives)
    html = Markup(
        '<section class="lk-card lk-accent"><div class="lk-head"><span class="lk-title">{}</span>'
        '<span class="lk-push">{}</span></div>'
        '<p class="lk-quiet">You will be able to:</p><ul>{}</ul>{}</section>'
    ).format(lab.title, aside, objectives, _service(session))
    text = [f"{lab.title} ({aside})", *(f"  - {text}" for text in lab.objectives)]
    if "postgres" in lab.needs:
        text += [f"  Service: {session.server.where}", f"  Connect: {connection_string(session)}"]
        text.append("  %reset_database puts the data back (%undo_reset), %restart brings up a new server.")
    return Page(html, "\n".join(text))


def connection_string(session: Session) -> str:
    """What another program (psql, DBeaver) connects with, also from a terminal."""
    return session.database.url.replace("postgresql+psycopg://", "postgresql://")


def _service(session: Session) -> Markup:
    if "postgres" not in session.lab.needs:
        return Markup()
    return Markup(
        "<dl><dt>service</dt><dd>{}</dd>"
        '<dt>connect</dt><dd><code class="lk-copy" title="Click to select it all">{}</code></dd></dl>'
    ).format(session.server.where, connection_string(session))


class Controls:
    """The header's buttons. A reset is done at once, and can be undone."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def page(self) -> Page:
        """For front ends without widgets; the header has said it."""
        return Page(
            Markup(
                "<p class='lk-quiet'><code>%reset_database</code> puts the data back, <code>%undo_reset</code> takes that back, "
                "<code>%restart</code> brings up a new server.</p>"
            ),
            "",
        )

    def widget(self) -> DOMWidget:
        """Reset, its undo, restart."""
        from ipywidgets import HTML, HBox, VBox

        self.said = HTML()
        self.reset = offers._button(RESET, "refresh", lambda: self._do("Resetting", reset, can_undo=True))
        self.undo = offers._button(UNDO, "undo", lambda: self._do("Taking the reset back", undo_reset))
        self.restart = offers._button(
            "Restart the service", "power-off", lambda: self._do("Restarting", offers.restart)
        )
        self.undo.layout.display = "none"
        return VBox([HBox([self.reset, self.undo, self.restart]), self.said])

    def _do(self, what: str, act: Callable[[Session], Page], *, can_undo: bool = False) -> None:
        offers.attended([self.reset, self.undo, self.restart], self.said, what, lambda: act(self.session))
        self.undo.layout.display = "" if can_undo else "none"


def reset(session: Session) -> Page:
    """Resets the database, and says how that went."""
    return _told(lambda: session.reset(undoable=True), lambda _: "✓ The database is as at the lab's start.")


def undo_reset(session: Session) -> Page:
    """Takes the last reset back, and says how that went."""
    return _told(
        session.undo_reset,
        lambda undone: "✓ The database is as it was before the reset." if undone else "There is no reset to take back.",
    )


def _told(act: Callable[[], T], text: Callable[[T], str]) -> Page:
    try:
        said = text(act())
    except ServiceFault as fault:
        return fault_panel(str(fault))
    return Page(Markup("<p role='status'>{}</p>").format(said), said)
