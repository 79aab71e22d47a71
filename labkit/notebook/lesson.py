"""A lesson: a database with the lesson's own data for `%%sql`, `%%plan` and `query`, and nothing to answer or check."""

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class
from markupsafe import Markup

from labkit.course import SECTIONS, CourseError, Lab, root
from labkit.notebook import session as sessions
from labkit.notebook.lab_header import Controls, connection_string
from labkit.notebook.magics import Stopped, show_fault, show_with_buttons
from labkit.notebook.page import Page, show
from labkit.notebook.session import Session
from labkit.services.fault import ServiceFault

SEED = "0.42"


class Lesson(Session):
    """An open lesson. Its data is `notebooks/<section>.sql`."""

    def __init__(self, section: str) -> None:
        if section not in SECTIONS:
            raise CourseError(f"There is no section {section!r}. The sections are: {', '.join(SECTIONS)}.")
        none: tuple[str, ...] = ()
        super().__init__(Lab(section, "lesson", SECTIONS[section], "", 0, ("postgres",), none, none, {}, {}, {}))

    def start(self) -> None:
        """Brings up the server and the lesson's database. Raises ServiceFault, CourseError."""
        self._slowly("Starting Postgres", self._join_server)
        self._slowly("Building the lesson's data (only the first time)", self._clone)

    def restart(self) -> None:
        """A new server process and a new database. Raises ServiceFault."""
        self._slowly("Restarting Postgres", self._restart_server)
        self._slowly("Building the lesson's data", self._clone)

    def _clone(self) -> None:
        from labkit.services.postgres import Template

        path = root() / "notebooks" / f"{self.lab.section}.sql"
        try:
            data = path.read_text(encoding="utf-8")
        except OSError as error:
            raise CourseError(f"The lesson's data is not at {path}. Get the whole course again.") from error
        self._database = self.server.database(Template(f"lesson-{self.lab.section}", (data,), SEED))


def header(lesson: Lesson) -> Page:
    """Where the lesson's service runs, and how another program reaches it."""
    title, where, connect = f"Lesson: {lesson.lab.title}", lesson.server.where, connection_string(lesson)
    html = Markup(
        '<section class="lk-card lk-accent"><span class="lk-title">{}</span><dl><dt>service</dt><dd>{}</dd>'
        '<dt>connect</dt><dd><code class="lk-copy">{}</code></dd></dl></section>'
    ).format(title, where, connect)
    return Page(html, f"{title}\n  Service: {where}\n  Connect: {connect}")


@magics_class
class LessonMagics(Magics):
    """What a lesson adds to the magics of a lab."""

    @line_magic
    def lesson(self, line: str) -> None:
        """`%lesson 91-databases` opens the section's lesson."""
        try:
            lesson = sessions.start(Lesson(line.strip()))
        except (ServiceFault, CourseError) as fault:
            show_fault(fault, None)
            raise Stopped("The lesson could not be opened.") from None
        show(header(lesson))
        show_with_buttons(Controls(lesson))
