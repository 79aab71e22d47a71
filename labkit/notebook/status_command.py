"""`labkit status`: the map in a terminal."""

from __future__ import annotations

import click

from labkit.course import labs
from labkit.notebook import progress
from labkit.notebook.course_map import course_map


@click.command("status")
def command() -> None:
    """Say what you have reached, what comes next, and how many minutes of labs are left."""
    done = progress.read()
    left = sum(lab.minutes * (1 - progress.share(lab, done)) for lab in labs())
    click.echo(course_map().text)
    click.echo(f"About {left:.0f} minutes of labs are left.")
