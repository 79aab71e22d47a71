"""The top of a lab: what it is about, where its service runs, and the buttons that reset and restart it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from markupsafe import Markup

from labkit.course import hidden
from labkit.machine.fault import ServiceFault
from labkit.notebook import offers
from labkit.notebook.keepsake_buttons import KeepsakeButtons
from labkit.notebook.problem_button import ProblemButton
from labkit.notebook.verdict_panel import fault_panel
from labkit.pages.page import Page

if TYPE_CHECKING:
    from ipywidgets import Button, DOMWidget

    from labkit.notebook.session import Session

UNDO = "Undo the reset"
T = TypeVar("T")


def lab_header(session: Session) -> Page:
    """The header to read."""
    lab = session.lab
    aside = f"{lab.minutes} min · {hidden.worth(lab)}"
    services, lines = service_lines(session)
    objectives = Markup().join(Markup("<li>{}</li>").format(text) for text in lab.objectives)
    html = Markup(
        '<section class="lk-card lk-accent"><div class="lk-head"><span class="lk-title">{}</span>'
        '<span class="lk-push">{}</span></div>'
        '<p class="lk-quiet">You will be able to:</p><ul>{}</ul>{}</section>'
    ).format(lab.title, aside, objectives, services)
    text = [f"{lab.title} ({aside})", *(f"  - {text}" for text in lab.objectives)]
    text += lines
    if lab.needs:
        text.append(f"  %reset_lab puts {places(session)} back (%undo_reset), %restart brings up a new server.")
    return Page(html, "\n".join(text))


def service_lines(session: Session) -> tuple[Markup, list[str]]:
    """Where each service of a lab or lesson runs, and what another program (psql, a browser) reaches the lab's place with."""
    html, text = [], []
    for _, running, place in session.places():
        html.append(Markup("<dt>service</dt><dd>{}</dd>").format(running.where))
        text.append(f"  Service: {running.where}")
        if place.connect_with:
            html.append(
                Markup(
                    '<dt>connect</dt><dd><code class="lk-copy" title="Click to select it all">{}</code></dd>'
                ).format(place.connect_with)
            )
            text.append(f"  Connect: {place.connect_with}")
    if not html:
        return Markup(), text
    folded = '<details><summary class="lk-quiet">Where it runs, and how to connect another program</summary><dl>{}</dl></details>'
    return Markup(folded).format(Markup().join(html)), text


def places(session: Session) -> str:
    """What of the lab can be reset, for people: "the database"."""
    return " and ".join(f"the {service.place}" for service, *_ in session.places())


class Controls:
    """The header's buttons: those of its services, where it has any, and those that every lab has. A reset is done at once, and can be undone."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def page(self) -> Page:
        """For front ends without widgets; the header has said the first half."""
        html, text = Markup(), "  !labkit save keeps your work."
        if self.session.lab.needs:
            html += Markup(
                "<code>%reset_lab</code> puts the lab's data back, <code>%undo_reset</code> takes that back, "
                "<code>%restart</code> brings up a new server. "
            )
        html += Markup("<code>!labkit save</code> keeps your work, <code>!labkit restore FILE</code> brings it back. ")
        if self.session.checked:
            report = f"!labkit report-problem {self.session.lab.key}"
            html += Markup("Is something wrong with this lab? <code>{}</code>").format(report)
            text += f" Is something wrong with this lab: {report}"
        return Page(Markup("<p class='lk-quiet'>{}</p>").format(html), text)

    def widget(self) -> DOMWidget:
        """Reset, its undo, restart; save; a report that something is wrong."""
        from ipywidgets import HTML, HBox, Layout, VBox

        self.said = HTML()
        self.keepsake, self.problem = KeepsakeButtons(), ProblemButton(self.session)
        self.save = offers._button("Save my work", "download", self.keepsake.show_saved)
        buttons = [*(self._of_services() if self.session.lab.needs else []), self.save]
        below = [self.said, self.keepsake.said_here()]
        if self.session.checked:  # a lesson has nothing that could be judged wrongly
            buttons.append(self.problem.widget())
            below.append(self.problem.below())
        return VBox([HBox(buttons, layout=Layout(flex_flow="row wrap")), *below])

    def _of_services(self) -> list[Button]:
        self.reset = offers._button(
            f"Reset {places(self.session)}", "refresh", lambda: self._do("Resetting", reset, can_undo=True)
        )
        self.undo = offers._button(UNDO, "undo", lambda: self._do("Taking the reset back", undo_reset))
        self.restart = offers._button(
            "Restart the service", "power-off", lambda: self._do("Restarting", offers.restart)
        )
        self.undo.layout.display = "none"
        return [self.reset, self.undo, self.restart]

    def _do(self, what: str, act: Callable[[Session], Page], *, can_undo: bool = False) -> None:
        offers.attended([self.reset, self.undo, self.restart], self.said, what, lambda: act(self.session))
        self.undo.layout.display = "" if can_undo else "none"


def reset(session: Session) -> Page:
    """Resets the lab's places, and says how that went."""
    what = places(session)
    return _told(
        lambda: session.reset(undoable=True), lambda _: f"✓ {what[:1].upper()}{what[1:]} is as at the lab's start."
    )


def undo_reset(session: Session) -> Page:
    """Takes the last reset back, and says how that went."""
    what = places(session)
    return _told(
        session.undo_reset,
        lambda undone: (
            f"✓ {what[:1].upper()}{what[1:]} is as it was before the reset."
            if undone
            else "There is no reset to take back."
        ),
    )


def _told(act: Callable[[], T], text: Callable[[T], str]) -> Page:
    try:
        said = text(act())
    except ServiceFault as fault:
        return fault_panel(str(fault))
    return Page(Markup("<p role='status'>{}</p>").format(said), said)
