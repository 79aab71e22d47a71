"""`labkit restore`: brings saved work back, and takes that back again."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.notebook import keepsake
from labkit.pages.page import plural


@click.command("restore")
@click.option("--undo", is_flag=True, help="Take the last restore back.")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
def command(file: Path | None, undo: bool) -> None:
    """Bring back the work in FILE, which `labkit save` has made, here or elsewhere. What it replaces can be had back with --undo."""
    if undo == bool(file):
        raise click.UsageError("Say a file, or --undo.")
    if undo:
        count = keepsake.undo()
        click.echo(f"{plural(count, 'file')} as before." if count else "There is no restore to take back.")
        return
    assert file
    done = keepsake.restore(file.read_bytes())
    for line in done.told():
        click.echo(line)
    if done.answers:
        click.echo("Notebooks that are open: File, Reload Notebook from Disk. To take it back: labkit restore --undo")
