"""Completion in the shells themselves, as docs/terminal.md sets it up: commands, labs, sections, options."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import course

# What is asked of each shell after it has read the line of docs/terminal.md: the words that it would offer for `labkit WORDS`.
ASK = {
    "bash": "COMP_WORDS=(labkit {words}); COMP_CWORD={last}; _labkit_completion labkit; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "complete --do-complete 'labkit {line}'",
    "zsh": "COMP_WORDS='labkit {line}' COMP_CWORD={last} _LABKIT_COMPLETE=zsh_complete labkit",
}
HOW = Path(__file__).parents[2] / "docs" / "terminal.md"
OFFERED = {
    "res": {"reset", "restore"},
    "check ti": {"tiny"},
    "hint 91": {"91-databases/tiny"},
    "reset --u": {"--undo"},
    "grade 91": {"91-databases"},
}


def set_up(shell: str) -> str:
    """The line that docs/terminal.md has for a shell."""
    match = re.search(rf"^\| {shell} \| `[^`]*` \| `([^`]*)` \|$", HOW.read_text(), re.MULTILINE)
    assert match, f"{HOW} has no line for {shell}"
    return match[1].replace("\\|", "|")


@pytest.mark.parametrize("typed", OFFERED)
@pytest.mark.parametrize("shell", ASK)
def test_the_shell_offers(shell, typed, lab, tmp_path):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} is installed (apt-get install {shell})")
    words = typed.split()
    ask = ASK[shell].format(words=" ".join(words), line=typed, last=len(words))
    prelude = "autoload -Uz compinit; compinit -u -d $HOME/.zcompdump; " if shell == "zsh" else ""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [program, "-c", f"{prelude}{set_up(shell)}\n{ask}"],
        cwd=course.root(),
        env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    offered = set(re.split(r"[\n\t]", done.stdout))
    assert OFFERED[typed] <= offered
    assert not {"doctor", "no-such-lab"} & offered


def test_only_the_command_that_is_asked_for_is_imported(lab):
    """A shell waits for it at each press of the key."""
    code = (
        "import sys; from labkit.cli import main\n"
        "try: main(prog_name='labkit')\nexcept SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('labkit.')), file=sys.stderr)"
    )
    environment = {**os.environ, "_LABKIT_COMPLETE": "bash_complete", "COMP_WORDS": "labkit re", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "plain,reset" in done.stdout
    assert "labkit.notebook" not in done.stderr
