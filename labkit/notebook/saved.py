"""The answers that stand in a saved notebook, for those that were not run in this session."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit import source


def notebook_path(namespace: Mapping[str, Any]) -> Path | None:
    """The notebook's file as the front end told the kernel: JupyterLab in its environment, VS Code in its
    namespace.
    """
    for told in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if told and Path(told).suffix == ".ipynb" and Path(told).is_file():
            return Path(told)
    return None


def answers(path: Path) -> dict[str, str]:
    """Each answer's text, by name; of two answers of one name the first.

    A notebook that cannot be read has none.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found: dict[str, str] = {}
    for cell in cells:
        parts = cell.get("source", "")
        text = parts if isinstance(parts, str) else "".join(parts)
        if cell.get("cell_type") == "code" and (name := source.answer_name(text)):
            found.setdefault(name, source.answer_text(text))
    return found
