"""What is offered below the verdicts: hints one at a time, the solution when it is earned, a debrief after a
pass, a restart after a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labkit.checking.process import CheckerFault
from labkit.course import CourseError
from labkit.course.debrief import Debrief, debrief_of
from labkit.course.verdict import Verdict
from labkit.machine.fault import ServiceFault
from labkit.notebook import progress
from labkit.notebook.debrief_page import debrief_page
from labkit.notebook.verdict_panel import fault_panel, passed
from labkit.pages.page import Page, framed, plural, prose

if TYPE_CHECKING:
    from ipywidgets import HTML, Button, DOMWidget

    from labkit.notebook.session import Session


DEBRIEF = "Other right ways, and common mistakes"


class Offers:
    """Hints, solution and debrief of one answer, after its checks.

    It remembers, with the progress, what has been seen.
    """

    def __init__(self, session: Session, answer: str) -> None:
        self.session, self.answer = session, answer
        self.verdicts = session.verdicts[answer]
        wanted = ("fail", "pass") if passed(self.verdicts) else ("fail",)  # after a pass, to see what they lead to
        self.hinted = [v for v in self.verdicts if v.outcome in wanted and v.hints]
        record = progress.read().get(session.lab.key, {}).get(answer, {})
        self.seen = {v.check: min(record.get("hints", {}).get(v.check, 0), len(v.hints)) for v in self.hinted}

    def any(self) -> bool:
        """Whether there is anything to offer."""
        return bool(self.hinted) or self.earned()

    def earned(self) -> bool:
        """Whether the solution may be seen: after a pass, or when no failed check has a hint left."""
        failed = any(verdict.outcome == "fail" for verdict in self.verdicts)
        return passed(self.verdicts) or (failed and all(self.seen[v.check] == len(v.hints) for v in self.hinted))

    def next_hint(self, verdict: Verdict) -> None:
        """One more hint of this check has been seen."""
        self.seen[verdict.check] = min(self.seen[verdict.check] + 1, len(verdict.hints))
        progress.record(self.session.lab, self.answer, progress.hint_seen(verdict.check, self.seen[verdict.check]))

    def solution(self) -> str:
        """The solution, and a note in the progress that it was seen. Raises CheckerFault."""
        text = self.session.solution(self.answer)
        progress.record(self.session.lab, self.answer, progress.solution_seen)
        return text

    def has_debrief(self) -> bool:
        """Whether there is a debrief to show: only after a pass, and not in a copy for an assessment."""
        try:
            return passed(self.verdicts) and bool(self._debrief())
        except CourseError:
            return True  # it is damaged, which is said when it is asked for

    def debrief(self) -> Page:
        """Other right ways, and the mistakes that the checks have met. Raises CourseError where the copy is damaged."""
        return debrief_page(self.answer, self._debrief(), self.verdicts)

    def _debrief(self) -> Debrief:
        return debrief_of(self.session.lab, self.answer, {verdict.check for verdict in self.verdicts})

    def page(self) -> Page:
        """For front ends without widgets: hints, each in the one before it, and the way to the solution."""
        lines, parts = [], []
        for verdict in self.hinted:
            count = plural(len(verdict.hints), "hint")
            parts.append(
                Markup("<details><summary>{} for: {}</summary>{}</details>").format(
                    count, prose(verdict.sentence), _nested(verdict.hints)
                )
            )
            lines.append(f"{count} for: {verdict.sentence} (%hint {self.answer})")
        if self.earned():
            parts.append(
                Markup("<p class='lk-quiet'>The solution: run <code>%solution {}</code></p>").format(self.answer)
            )
            lines.append(f"The solution: %solution {self.answer}")
        if self.has_debrief():
            told = f"{DEBRIEF}: run %debrief {self.answer}"
            parts.append(Markup("<p class='lk-quiet'>{}</p>").format(told))
            lines.append(told)
        return Page(Markup().join(parts), "\n".join(lines))

    def widget(self) -> DOMWidget:
        """Buttons, and what they brought to light below them."""
        from ipywidgets import HTML, HBox, Layout, VBox

        self.body = HTML(self._body(""))
        self.solution_button = _button("Show the solution", "unlock", self._show_solution)
        self.hint_buttons = {v.check: _button("", "lightbulb-o", lambda v=v: self._show_hint(v)) for v in self.hinted}
        self._relabel()
        buttons = [*self.hint_buttons.values(), self.solution_button]
        if self.has_debrief():
            buttons.append(_button(DEBRIEF, "comments", self._show_debrief))
        row = HBox(buttons, layout=Layout(flex_flow="row wrap"))
        return VBox([row, self.body])

    def _show_hint(self, verdict: Verdict) -> None:
        self.next_hint(verdict)
        self.body.value = self._body("")
        self._relabel()

    def _show_solution(self) -> None:
        try:
            more = solution_page(self.answer, self.solution()).html
        except CheckerFault as fault:
            more = Markup("<p>{}</p>").format(str(fault))
        self.body.value = self._body(more)
        self.solution_button.disabled = True

    def _show_debrief(self) -> None:
        try:
            more = self.debrief().html
        except CourseError as error:
            more = Markup("<p>{}</p>").format(str(error))
        self.body.value = self._body(more)
        self.solution_button.disabled = False

    def _relabel(self) -> None:
        several = len(self.hinted) > 1
        for verdict in self.hinted:
            seen, of, button = self.seen[verdict.check], len(verdict.hints), self.hint_buttons[verdict.check]
            about = f": {_short(verdict.sentence)}" if several else ""
            button.description = f"Hint {seen + 1} of {of}{about}" if seen < of else f"No more hints{about}"
            button.tooltip = f"A hint for: {verdict.sentence}"
            button.disabled = seen == of
        self.solution_button.layout.display = "" if self.earned() else "none"

    def _body(self, more: str) -> Markup:
        seen = Markup().join(
            Markup("<p class='lk-quiet'>{}</p><ol>{}</ol>").format(
                prose(v.sentence),
                Markup().join(Markup("<li>{}</li>").format(prose(hint)) for hint in v.hints[: self.seen[v.check]]),
            )
            for v in self.hinted
            if self.seen[v.check]
        )
        return framed(Markup('<div aria-live="polite">{}{}</div>').format(seen, more)) if seen or more else Markup()


class Restart:
    """After a fault of the course: one click brings up a new server and a new checker."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def page(self) -> Page:
        """For front ends without widgets."""
        text = "To restart the service, run %restart, then run the cell again."
        return Page(Markup("<p>To restart the service, run <code>%restart</code>, then run the cell again.</p>"), text)

    def widget(self) -> DOMWidget:
        """The button, and what came of it."""
        from ipywidgets import HTML, VBox

        self.said = HTML()
        self.button = _button("Restart the service", "refresh", self.restart)
        return VBox([self.button, self.said])

    def restart(self) -> None:
        """Restarts, and says how that went."""
        attended([self.button], self.said, "Restarting", lambda: restart(self.session))


def attended(buttons: Sequence[Button], said: HTML, what: str, act: Callable[[], Page]) -> None:
    """Does what a button is for while no button can be clicked, and says that it does, and then how it went."""
    for button in buttons:
        button.disabled = True
    said.value = framed(Markup("<p role='status'>⏳ {} …</p>").format(what))
    said.value = framed(act().html)
    for button in buttons:
        button.disabled = False


def restart(session: Session) -> Page:
    """Restarts the service, and says how that went."""
    try:
        session.restart()
    except ServiceFault as fault:
        return fault_panel(str(fault))
    text = "The service runs again, with the lab's data as at its start. Run the notebook's cells again from the top."
    return Page(Markup("<p role='status'>✓ {}</p>").format(text), text)


def solution_page(answer: str, text: str) -> Page:
    """One solution."""
    html = Markup('<div class="lk-card"><span class="lk-title">One solution of {}</span><pre>{}</pre></div>').format(
        answer, text
    )
    return Page(html, f"One solution of {answer}:\n{text}")


def _button(label: str, icon: str, do: Callable[[], Any]) -> Button:
    from ipywidgets import Button, Layout

    button = Button(description=label, icon=icon, layout=Layout(width="auto"))
    button.on_click(lambda _: do())
    return button


def _nested(hints: Sequence[str]) -> Markup:
    """The first hint, and in it, closed, the others."""
    if not hints:
        return Markup()
    more = Markup("<details><summary>Next hint</summary>{}</details>").format(_nested(hints[1:])) if hints[1:] else ""
    return Markup("<p>{}</p>{}").format(prose(hints[0]), more)


def _short(sentence: str) -> str:
    sentence = sentence.replace("`", "")
    return sentence if len(sentence) <= 40 else sentence[:38].rsplit(" ", 1)[0] + " …"
