"""`labkit new-lab`: the files of a new lab, complete and red, for their author to make true."""

from __future__ import annotations

import re
from pathlib import Path

import click

from labkit import course, kinds

FILES = {  # a file of new_lab_files -> where it goes
    "source.md": "solutions/{section}/{name}.md",
    "data.sql": "graders/{section}/{name}.sql",
    "visible.py": "graders/{section}/test_{module}.py",
    "hidden.sql": "graders/hidden/{section}/{name}/data.sql",
    "hidden.py": "graders/hidden/{section}/{name}/test_{module}_hidden.py",
    "wrong.sql": "graders/hidden/{section}/{name}/wrong/first-wrong-answer.sql",
    "right.sql": "graders/hidden/{section}/{name}/right/first-right-answer.sql",
}
ANY_KIND = {  # for an answer of another kind: what data looks like, and how it is checked, is its service's own
    "any_source.md": "solutions/{section}/{name}.md",
    "any_visible.py": "graders/{section}/test_{module}.py",
    "any_hidden.py": "graders/hidden/{section}/{name}/test_{module}_hidden.py",
    "any_wrong.txt": "graders/hidden/{section}/{name}/wrong/first-wrong-answer.txt",
    "any_right.txt": "graders/hidden/{section}/{name}/right/first-right-answer.txt",
}
NAME = re.compile(r"(?P<section>9[1-5]-[a-z]+)/(?P<name>[a-z][a-z0-9]*(-[a-z0-9]+)*)")


@click.command("new-lab")
@click.argument("lab", metavar="SECTION/NAME")
@click.option(
    "--kind", type=click.Choice(kinds.KINDS), default=kinds.KINDS[0], show_default=True, help="The kind of its answer."
)
def command(lab: str, kind: str) -> None:
    """Make the files of a new lab; docs/add-a-lab.md says what goes into each."""
    match = NAME.fullmatch(lab)
    if not match or match["section"] not in course.SECTIONS:
        raise click.ClickException(
            f"{lab!r} is no SECTION/NAME. Sections are {', '.join(course.SECTIONS)}; a name is words-with-dashes."
        )
    words = {"section": match["section"], "name": match["name"], "module": match["name"].replace("-", "_")}
    words |= {"kind": kind, "service": kinds.named(kind).service}
    files = FILES if kind == kinds.KINDS[0] else ANY_KIND
    targets = {name: course.root() / where.format(**words) for name, where in files.items()}
    there = [str(path) for path in targets.values() if path.exists()]
    if there:
        raise click.ClickException(f"{', '.join(there)} is there already. Choose another name, or remove it first.")
    for name, target in targets.items():
        text = (Path(__file__).parent / "new_lab_files" / f"{name}.txt").read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(f"<{word}>", value)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        click.echo(str(target.relative_to(course.root())))
    click.echo(f"Now: labkit release {lab} && labkit verify {lab}")
