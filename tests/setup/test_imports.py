"""What a notebook program need not pay for at its start."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["nbformat", "nbgrader.apps", "jupyterlab.labapp"])
def test_no_grammars_are_compiled_at_its_import(module: str) -> None:
    """jsonschema 4.26 imports rfc3987-syntax 1.1 where it finds it, which compiles 38 grammars: over a second of processor time.

    The lock leaves it out (`exclude-dependencies` in pyproject.toml); only the JSON schema format `iri` is not checked then.
    """
    assert importlib.util.find_spec("rfc3987_syntax") is None
    loaded = f"import sys, {module}; print([name for name in ('rfc3987_syntax', 'lark') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
