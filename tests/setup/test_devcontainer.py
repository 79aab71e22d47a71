"""The dev container installs by the commands that everybody uses, and names only what is there."""

from __future__ import annotations

import json
import re
import subprocess

import yaml

from tests.room import COURSE

CONTAINER = json.loads((COURSE / ".devcontainer/devcontainer.json").read_text())


def test_it_installs_as_everybody_does():
    """`make env` runs binder/install, and binder/warm is what Binder's image runs; tests/setup runs both elsewhere."""
    assert CONTAINER["updateContentCommand"] == "make env"
    planned = subprocess.run(
        ["make", "--dry-run", "--always-make", "env"], cwd=COURSE, capture_output=True, text=True, check=True
    )
    assert "binder/install" in planned.stdout
    assert "binder/warm" in (COURSE / "binder/postBuild").read_text()


def test_what_it_names_is_there():
    script = CONTAINER["postCreateCommand"].split()[-1]
    opened = CONTAINER["customizations"]["codespaces"]["openFiles"]
    for path in [script, *opened]:
        assert (COURSE / path).is_file(), path


def test_its_python_is_the_one_of_binder_and_one_that_is_tested():
    version = re.search(r"python:(3\.\d+)", CONTAINER["image"])
    wanted = yaml.safe_load((COURSE / "environment.yml").read_text())["dependencies"]
    assert version
    assert f"python={version[1]}" in wanted


def test_no_docker_is_asked_for():
    assert CONTAINER["remoteEnv"]["LABKIT_BACKEND"] == "embedded"
