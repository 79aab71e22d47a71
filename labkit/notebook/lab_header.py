"""The top of a lab: what it is about, where its service runs, and the buttons that reset and restart it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.notebook import offers
from labkit.notebook.page import Page, framed, plural
from labkit.notebook.verdict_panel import fault_panel
from labkit.services.fault import ServiceFault

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

    from labkit.notebook.session import Session

RESET = "Reset the database"


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
        text.append("  %reset_database puts the data back, %restart brings up a new server.")
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
    """The header's buttons. A reset is asked for twice, as it cannot be undone."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def page(self) -> Page:
        """For front ends without widgets; the header has said it."""
        return Page(
            Markup(
                "<p class='lk-quiet'><code>%reset_database</code> puts the data back, "
                "<code>%restart</code> brings up a new server.</p>"
            ),
            "",
        )

    def widget(self) -> DOMWidget:
        """Reset, with yes and no; restart."""
        from ipywidgets import HTML, HBox, VBox

        self.said = HTML()
        self.reset = offers._button(RESET, "undo", self._confirm)
        self.yes = offers._button("Yes, reset", "check", self._reset)
        self.no = offers._button("Keep it", "times", self._back)
        self.yes.button_style = "warning"
        self.restart = offers._button("Restart the service", "refresh", self._restart)
        self._back()
        return VBox([HBox([self.reset, self.yes, self.no, self.restart]), self.said])

    def _confirm(self) -> None:
        self._say("What you made in this database will be gone. Your cells and your progress stay.")
        self._visible(asking=True)

    def _back(self) -> None:
        self.said.value = ""
        self._visible(asking=False)

    def _reset(self) -> None:
        self._visible(asking=False)
        self.said.value = framed(reset(self.session).html)

    def _restart(self) -> None:
        self.restart.disabled = True
        self._say("⏳ Restarting …")
        self.said.value = framed(offers.restart(self.session).html)
        self.restart.disabled = False

    def _say(self, text: str) -> None:
        self.said.value = framed(Markup("<p role='status'>{}</p>").format(text))

    def _visible(self, asking: bool) -> None:
        for button, shown in ((self.reset, not asking), (self.yes, asking), (self.no, asking)):
            button.layout.display = "" if shown else "none"


def reset(session: Session) -> Page:
    """Resets the database, and says how that went."""
    try:
        session.reset()
    except ServiceFault as fault:
        return fault_panel(str(fault))
    text = "The database is as at the lab's start."
    return Page(Markup("<p role='status'>✓ {}</p>").format(text), text)
