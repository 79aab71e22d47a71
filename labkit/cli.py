"""The command line. Each command lives with the part that it is about and is imported when it is called, so that
`labkit doctor` and `labkit --help` stay quick."""

from __future__ import annotations

import importlib
from typing import Any

import click
from click.shell_completion import CompletionItem

from labkit.course import CourseError
from labkit.machine import told
from labkit.machine.environment import without_database_settings
from labkit.machine.fault import ServiceFault, told_of

COMMANDS = {  # name -> module and what --help says of it
    "audit": ("labkit.grading.audit", "Judge again what was judged, and say whether it gives the same."),
    "check": ("labkit.checking.check_command", "Check a lab's saved notebook, as the notebook itself does."),
    "clean": ("labkit.services.clean", "Find what is left of services, and remove it."),
    "course": ("labkit.examiner.course_command", "Make a folder an nbgrader course, for an examiner."),
    "doctor": ("labkit.services.doctor", "Say what each service will run on here, and what is missing."),
    "export": (
        "labkit.examiner.export_command",
        "Write a section's marks for Moodle, Canvas, a spreadsheet or a program.",
    ),
    "grade": (
        "labkit.examiner.grade_command",
        "Grade submissions with all checks, into nbgrader's gradebook.",
    ),
    "hint": ("labkit.notebook.hint_command", "Show one more hint for the first check that fails."),
    "new-lab": ("labkit.authoring.new_lab", "Make the files of a new lab."),
    "publish": ("labkit.authoring.publish", "Make the learner's copy of the course."),
    "release": ("labkit.authoring.release", "Make the exercises from their sources."),
    "report": ("labkit.examiner.report_command", "Write a page about the grading of a section."),
    "report-problem": (
        "labkit.notebook.problem_command",
        "Print a text about a lab that seems to be broken, to paste into an issue.",
    ),
    "reset": ("labkit.notebook.reset_command", "Put a lab's answers back to how they were given, and undo that."),
    "restore": ("labkit.notebook.restore_command", "Bring saved work back, and undo that."),
    "save": ("labkit.notebook.save_command", "Write your answers and what you have reached to one small file."),
    "status": ("labkit.notebook.status_command", "Say what you have reached, and what comes next."),
    "update": (
        "labkit.notebook.update_command",
        "Bring a newer course here; labs that you have begun stay as they are.",
    ),
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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, without importing them."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=text)
            for name, (_, text) in sorted(COMMANDS.items())
            if name.startswith(incomplete)
        ]

    def invoke(self, ctx: click.Context) -> Any:
        """Tells what is wrong with the course's files in a line, not in a traceback."""
        try:
            return super().invoke(ctx)
        except (CourseError, ServiceFault) as error:
            raise click.ClickException(told.lines(str(error))) from error
        except BrokenPipeError:  # who read what we print has gone
            raise
        except OSError as error:
            raise click.ClickException(told.line(told_of(error))) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The course's tools, for learners, authors and examiners."""
    told.tolerant()
    without_database_settings()
