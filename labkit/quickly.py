"""Jupyter's programs without 1.5 s of their start: on import, jsonschema compiles grammars for IRIs and URIs, which nothing here has.

python -m labkit.quickly nbgrader …      as `python -m nbgrader …`
"""

from __future__ import annotations

import runpy
import sys


def skip_grammars() -> None:
    """To be called before jsonschema is imported, which then does without those checks as if their packages were not installed."""
    for package in ("rfc3987_syntax", "rfc3986_validator"):
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]


if __name__ == "__main__":
    skip_grammars()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
