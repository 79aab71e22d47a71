"""What a learner feels in the notebook: the import, a verdict after the query, memory; and nbgrader's own validation beside it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from jupyter_client.manager import start_new_kernel

from benchmarks import stock
from benchmarks.measure import Row, command, median_of, ms, of_home, pss, tree
from labkit import course, source

LAB = "91-databases/jsonb-search"
TIMED = """
import time
_started = time.perf_counter()
{code}
print(time.perf_counter() - _started)
"""


def rows() -> Iterator[Row]:
    """Measured in a real kernel."""
    lab = course.find(LAB)
    answers = source.read(course.root() / "solutions" / f"{LAB}.md").solutions()
    manager, client = start_new_kernel(cwd=str(course.root()))
    try:
        seconds = float(
            _run(
                client,
                TIMED.format(
                    code="import labkit.notebook\nget_ipython().run_line_magic('load_ext', 'labkit.notebook')"
                ),
            )
        )
        yield Row("import labkit.notebook in a kernel", ms(seconds), "<= 300 ms", seconds <= 0.3)
        _run(client, f"%lab {LAB}")
        _run(client, f"%%answer index\n{answers['index']}")
        cell = f"%%answer refunds\n{answers['refunds']}"
        _run(client, cell)
        whole = median_of(lambda: _run(client, cell))
        query = float(_run(client, TIMED.format(code=_query_alone(answers["refunds"]))))
        yield Row(
            "verdict after the query itself",
            f"{ms(whole - query)} (query {ms(query)}, cell {ms(whole)})",
            "<= 150 ms",
            whole - query <= 0.15,
        )
        yield _against_validate(lab, answers, whole)
        everyone = {
            p.pid: p
            for p in [*tree(manager.provisioner.pid), *of_home(Path(os.environ["LABKIT_HOME"]))]
            if p.pid != os.getpid()
        }
        kernel = everyone.values()
        memory = pss(p for p in kernel if p.pid not in {c.pid for c in psutil.Process().parents()})
        yield Row("memory: kernel, server and checker", f"{memory:.0f} MB", "<= 600 MB", memory <= 600)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def _query_alone(text: str) -> str:
    return f"from labkit.kinds.sql import query as _query\n_query({text.rstrip().rstrip(';')!r})"


def _against_validate(lab: course.Lab, answers: dict[str, str], whole: float) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stock.ipynb")
        path.write_text(json.dumps(stock.notebook(lab, answers)), encoding="utf-8")
        seconds = command([sys.executable, "-m", "nbgrader", "validate", str(path)], Path(folder)).seconds
    ratio = seconds / whole
    return Row(
        "the same checks by `nbgrader validate`", f"{seconds:.1f} s, {ratio:.0f} times as long", ">= 20 x", ratio >= 20
    )


def _run(client, code: str) -> str:
    """Runs a cell and returns what it printed. Raises RuntimeError with its traceback."""
    printed, failed = [], []

    def take(message) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        if message["msg_type"] == "error":
            failed.append("\n".join(message["content"]["traceback"]))

    client.execute_interactive(code, output_hook=take, timeout=120)
    if failed:
        raise RuntimeError(failed[0])
    return "".join(printed).strip()
