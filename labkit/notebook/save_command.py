"""`labkit save`: the learner's work in one small file."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.notebook import keepsake


@click.command("save")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path | None) -> None:
    """Write your answers and what you have reached to FILE (else to a new one here). `labkit restore` brings them back.

    Save your notebooks first: what stands in a browser only is not seen.
    """
    path = file or Path(keepsake.name())
    if path.exists():
        raise click.ClickException(f"{path} is there already. Say another name, or take that file away.")
    data = keepsake.save()
    path.write_bytes(data)
    click.echo(f"Saved in {path} ({len(data) / 1000:.0f} kB). Bring it back with: labkit restore {path}")
