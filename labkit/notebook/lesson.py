"""A lesson: the services that it shows, with the lesson's own data, and nothing to answer or check."""

from __future__ import annotations

from IPython.core.magic import Magics, line_magic, magics_class
from markupsafe import Markup

from labkit.course import SECTIONS, CourseError, Lab
from labkit.machine.fault import ServiceFault
from labkit.notebook import session as sessions
from labkit.notebook.lab_header import Controls, service_lines
from labkit.notebook.magics import show_fault, show_with_buttons
from labkit.notebook.session import Session
from labkit.pages.page import Page, show
from labkit.pages.stopped import Stopped


class Lesson(Session):
    """An open lesson: the services that its notebook says it needs, with the lesson's own data, e.g. `notebooks/<section>.sql`."""

    checked = False

    def __init__(self, section: str, needs: tuple[str, ...]) -> None:
        if section not in SECTIONS:
            raise CourseError(f"There is no section {section!r}. The sections are: {', '.join(SECTIONS)}.")
        none: tuple[str, ...] = ()
        super().__init__(Lab(section, "lesson", SECTIONS[section], "", 0, needs, none, none, {}, {}, {}))


def header(lesson: Lesson) -> Page:
    """Where the lesson's services run, and how another program reaches them."""
    title = f"Lesson: {lesson.lab.title}"
    html, text = service_lines(lesson)
    return Page(
        Markup('<section class="lk-card lk-accent"><span class="lk-title">{}</span>{}</section>').format(title, html),
        "\n".join([title, *text]),
    )


@magics_class
class LessonMagics(Magics):
    """What a lesson adds to the magics of a lab."""

    @line_magic
    def lesson(self, line: str) -> None:
        """`%lesson SECTION SERVICE …` opens the section's lesson, with the services that it needs."""
        section, *needs = line.split() or [""]
        try:
            lesson = sessions.start(Lesson(section, tuple(needs)))
        except (ServiceFault, CourseError, OSError) as fault:
            show_fault(fault, None)
            raise Stopped("The lesson could not be opened.") from None
        show(header(lesson))
        show_with_buttons(Controls(lesson))
