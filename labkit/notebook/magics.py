"""The magics: `%lab`, `%%answer` and `%check` make a lab; `%course_map` is the map. Those of a kind of answer are with it."""

from __future__ import annotations

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from markupsafe import Markup

from labkit.checking.process import CheckerFault
from labkit.course import CourseError
from labkit.machine.fault import ServiceFault, told_of
from labkit.notebook import session as sessions
from labkit.notebook.lab_header import Controls, lab_header, reset, undo_reset
from labkit.notebook.offers import Offers, Restart, restart, solution_page
from labkit.notebook.session import Session
from labkit.notebook.verdict_panel import fault_panel, passed, verdict_panel
from labkit.pages.page import Page, has_widgets, show
from labkit.pages.stopped import Stopped


def show_with_buttons(offer: Offers | Restart | Controls) -> None:
    """Its buttons, where there are widgets; its page elsewhere."""
    show(offer.page(), offer.widget() if has_widgets() else None)


def show_fault(fault: Exception, session: Session | None) -> None:
    """A fault of the course, and the button that restarts the service."""
    show(fault_panel(told_of(fault) if isinstance(fault, OSError) else str(fault)))
    if session:
        show_with_buttons(Restart(session))


@magics_class
class LabMagics(Magics):
    """What `%load_ext labkit.notebook` brings."""

    @line_magic
    def lab(self, line: str) -> None:
        """`%lab 91-databases/jsonb-search` opens the lab."""
        assert self.shell
        try:
            session = sessions.open(line.strip(), self.shell.user_ns)
        except (ServiceFault, CourseError, OSError) as fault:
            show_fault(fault, None)
            raise Stopped("The lab could not be opened.") from None
        show(lab_header(session))
        show_with_buttons(Controls(session))

    @cell_magic
    def answer(self, line: str, cell: str) -> None:
        """`%%answer NAME` does what the answer says and checks it."""
        name = line.strip()
        session = self._session(name)
        session.answers[name] = cell
        pending = session.ask_checks(name)
        try:
            from labkit.kinds import in_notebook

            show(in_notebook(session.lab.answers[name]).run(cell, session, name))
        except (ServiceFault, CourseError, OSError) as fault:
            show_fault(fault, session)
            return
        try:
            warning = session.take_verdicts(name, pending)
        except CheckerFault as fault:
            show_fault(fault, session)
            return
        show(verdict_panel(session.lab, name, session.verdicts[name]))
        self._after(session, name, warning)

    @line_magic
    def check(self, line: str) -> None:
        """`%check NAME` shows what the checks say of an answer; it stands in the locked cell that bears the
        points.
        """
        name = line.strip()
        session = self._session(name)
        if name not in session.verdicts or session.out_of_date(name):
            try:
                session.answer(name)
                session.take_verdicts(name, session.ask_checks(name))
            except CourseError as missing:
                return print(missing)
            except CheckerFault as fault:
                show_fault(fault, session)
                return
        show(verdict_panel(session.lab, name, session.verdicts[name]))

    @line_magic
    def hint(self, line: str) -> None:
        """`%hint NAME` gives the next hint, for those who have no buttons."""
        offers = self._offers(line.strip())
        open_ones = [verdict for verdict in offers.hinted if offers.seen[verdict.check] < len(verdict.hints)]
        if not open_ones:
            return print("There is no more hint." if offers.hinted else "No failed check of this answer has a hint.")
        offers.next_hint(open_ones[0])
        print(open_ones[0].hints[offers.seen[open_ones[0].check] - 1])

    @line_magic
    def solution(self, line: str) -> None:
        """`%solution NAME` shows the solution, after a pass or the last hint."""
        offers = self._offers(line.strip())
        if not offers.earned():
            return print("The solution opens when all checks pass, or after the last hint (%hint).")
        try:
            show(solution_page(offers.answer, offers.solution()))
        except CheckerFault as fault:
            print(fault)

    @line_magic
    def debrief(self, line: str) -> None:
        """`%debrief NAME` shows other right ways and the mistakes that the checks have met, after a pass."""
        offers = self._offers(line.strip())
        if not passed(offers.verdicts):
            return print("The debrief opens when all checks pass.")
        if not offers.has_debrief():
            return print("This copy of the course has no debrief of this answer.")
        try:
            show(offers.debrief())
        except CourseError as error:
            print(error)

    @line_magic
    def reset_lab(self, line: str) -> None:
        """`%reset_lab` puts the lab's data back to how the lab starts; `%undo_reset` takes that back."""
        show(reset(self._session()))

    @line_magic
    def undo_reset(self, line: str) -> None:
        """`%undo_reset` brings back what was there before the lab was reset."""
        show(undo_reset(self._session()))

    @line_magic
    def restart(self, line: str) -> None:
        """`%restart` brings up a new server and a new checker."""
        show(restart(self._session()))

    @line_magic
    def course_map(self, line: str) -> None:
        """`%course_map` shows all labs, what has been reached, and what to do next."""
        from labkit.notebook import keepsake_buttons
        from labkit.notebook.course_map import course_map

        show(course_map())
        show(keepsake_buttons.page(), keepsake_buttons.KeepsakeButtons().widget() if has_widgets() else None)

    def _session(self, answer: str | None = None) -> Session:
        """The open lab, which must have the answer. Ends the cell with a clear line when it does not."""
        try:
            session = sessions.current()
            if answer is not None and answer not in session.lab.answers:
                raise CourseError(
                    f"{session.lab.key} has no answer {answer!r}, but: {', '.join(session.lab.answers)}. "
                    "Put the cell's first line back as it was."
                )
            return session
        except CourseError as error:
            raise Stopped(str(error)) from None

    def _offers(self, name: str) -> Offers:
        session = self._session(name)
        if name not in session.verdicts:
            raise Stopped(f"Run %%answer {name} first: hints and solution come after its checks.")
        return Offers(session, name)

    def _after(self, session: Session, name: str, warning: str) -> None:
        if warning:
            show(Page(fault_panel(warning).html, warning))
        if any(verdict.outcome == "fault" for verdict in session.verdicts[name]):
            show_with_buttons(Restart(session))
        for other in session.lab.answers:
            if earlier := session.out_of_date(other):
                text = f"Out of date: {other} was judged with another {' and '.join(earlier)}. Run %check {other}, and it is judged again."
                show(Page(Markup("<p class='lk-quiet' role='status'>⚠ {}</p>").format(text), text))
        offers = Offers(session, name)
        if offers.any():
            show_with_buttons(offers)
