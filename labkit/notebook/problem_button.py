"""The header's "Something is wrong with this lab": a text to copy into an issue, with no answer in it unless its box is ticked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labkit.machine import backend
from labkit.notebook import offers
from labkit.notebook.problem_report import Problem
from labkit.pages.page import framed

if TYPE_CHECKING:
    from ipywidgets import Button, DOMWidget

    from labkit.notebook.session import Session

READ = "Read it, say in its first lines what is wrong, and paste it into an issue of the course. Nothing is sent from here."


def problem(session: Session, shown: list[str]) -> Problem:
    """What this kernel knows of its lab."""
    return Problem(
        session.lab,
        backend.choose(),
        verdicts=[verdict for found in session.verdicts.values() for verdict in found],
        answers={name: text for name, text in session.known_answers().items() if name in session.lab.answers},
        services=[running.where for _, running, _ in session.places()],
        shown=shown,
    )


class ProblemButton:
    """The button; below it, once it was clicked, a box for each answer and the text."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def widget(self) -> Button:
        """The button alone; `below` is what it opens."""
        return offers._button("Something is wrong with this lab", "bug", self._open)

    def below(self) -> DOMWidget:
        """What the button opens and closes."""
        from ipywidgets import HTML, Checkbox, Layout, Textarea, VBox

        self.boxes = {
            name: Checkbox(value=False, description=f"with my answer {name}", indent=False)
            for name in self.session.lab.answers
        }
        for box in self.boxes.values():
            box.observe(self._write, names="value")
        self.text = Textarea(layout=Layout(width="100%", height="20em"), description="", disabled=False)
        said = HTML(framed(Markup("<p>{}</p>").format(READ)))
        self.body = VBox([said, *self.boxes.values(), self.text], layout=Layout(display="none"))
        return self.body

    def _open(self) -> None:
        hidden = self.body.layout.display == "none"
        if hidden:
            self._write()
        self.body.layout.display = "" if hidden else "none"

    def _write(self, _change: Any = None) -> None:
        self.text.value = problem(self.session, [name for name, box in self.boxes.items() if box.value]).text()
