"""The command line: each command imports what it needs, so that `labkit doctor` stays quick."""

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The course's tools, for learners, authors and examiners."""
