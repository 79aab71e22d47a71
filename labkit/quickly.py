"""Jupyter's programs without 1.5 s of their start: on import, jsonschema compiles a grammar for IRIs, which nothing here has.

python -m labkit.quickly nbgrader …      as `python -m nbgrader …`
"""

from __future__ import annotations

import runpy
import sys


def skip_iri_grammar() -> None:
    """To be called before jsonschema is imported, which then does without that check as if its package were not installed."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


if __name__ == "__main__":
    skip_iri_grammar()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
