"""The command line. Each command lives with the part that it is about and is imported when it is called, so that
`labkit doctor` and `labkit --help` stay quick."""

from __future__ import annotations

import importlib
from typing import Any

import click

from labkit.course import CourseError
from labkit.services.fault import ServiceFault

COMMANDS = {  # name -> module and what --help says of it
    "audit": ("labkit.grading.audit", "Judge again what was judged, and say whether it gives the same."),
    "check": ("labkit.grading.check_command", "Check a lab's saved notebook, as the notebook itself does."),
    "clean": ("labkit.services.clean", "Find what is left of services, and remove it."),
    "course": ("labkit.grading.course_command", "Make a folder an nbgrader course, for an examiner."),
    "doctor": ("labkit.services.doctor", "Say what each service will run on here, and what is missing."),
    "export": (
        "labkit.grading.export_command",
        "Write a section's marks for Moodle, Canvas, a spreadsheet or a program.",
    ),
    "grade": (
        "labkit.grading.grade_command",
        "Grade submissions with all checks, into nbgrader's gradebook.",
    ),
    "new-lab": ("labkit.authoring.new_lab", "Make the files of a new lab."),
    "publish": ("labkit.authoring.publish", "Make the learner's copy of the course."),
    "release": ("labkit.authoring.release", "Make the exercises from their sources."),
    "report": ("labkit.grading.report_command", "Write a page about the grading of a section."),
    "verify": ("labkit.authoring.verify", "See that labs pass and fail as they must."),
}


class LazyCommands(click.Group):
    """A group whose commands are imported on demand: function `command` of the module in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, for --help."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, or None where there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[cmd_name][0]).command

    def invoke(self, ctx: click.Context) -> Any:
        """Tells what is wrong with the course's files in a line, not in a traceback."""
        try:
            return super().invoke(ctx)
        except (CourseError, ServiceFault) as error:
            raise click.ClickException(str(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The course's tools, for learners, authors and examiners."""
