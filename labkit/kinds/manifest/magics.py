"""`%kubectl`, `%%manifest` and `%pods`: the lab's namespace from a cell; nothing is checked."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING, NoReturn

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from markupsafe import Markup

from labkit.course import CourseError
from labkit.kinds.open_lab import OpenLab, current
from labkit.machine.fault import ServiceFault
from labkit.pages.page import Page, show
from labkit.pages.stopped import Stopped

if TYPE_CHECKING:
    from labkit.services.cluster.namespace import Namespace

PATIENCE = 120.0  # seconds for one command
MOST = 20_000  # characters that are shown of what it says
LONGEST = 600  # seconds that pods are shown live
INTERACTIVE = {"edit", "attach", "proxy", "port-forward"}  # they need a terminal


@magics_class
class KubectlMagics(Magics):
    """What comes with `%load_ext labkit.notebook`."""

    @line_magic
    def kubectl(self, line: str) -> None:
        """`%kubectl get pods` runs kubectl in the lab's namespace, as the lab's own account. A failure ends the cell."""
        from labkit.services.cluster.binaries import binary

        lab, namespace = _lab()
        try:
            words = shlex.split(line)
            program = str(binary("kubectl"))
        except (ServiceFault, ValueError) as fault:
            _stop(fault, lab)
        if (words[:1] and words[0] in INTERACTIVE) or {"-w", "--watch", "-it", "-ti", "-i"} & set(words):
            raise Stopped(f"This needs a terminal. Open one, and there: {namespace.connect_with}")
        environment = {**os.environ, "KUBECONFIG": str(namespace.kubeconfig)}
        try:
            done = subprocess.run(
                [program, *words],
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise Stopped(f"kubectl did not end within {PATIENCE:g} s.") from None
        show(output(done.stdout + done.stderr))
        if done.returncode:
            raise Stopped(f"kubectl ended with exit code {done.returncode}.")

    @line_magic
    def pods(self, line: str) -> None:
        """`%pods` shows the pods of the lab's namespace, who gets requests, and the latest warnings; `%pods 60` goes on for 60 seconds,
        while other cells run.
        """
        from labkit.kinds.manifest.view import view
        from labkit.pages.live import Live

        _, namespace = _lab()
        if not line.strip():
            show(view(namespace.api, namespace.name))
            return
        if not (line.strip().isdecimal() and 1 <= int(line) <= LONGEST):
            raise Stopped(
                f"Write %pods, or %pods 60 to see them for 60 seconds, at most {LONGEST}. You wrote: %pods {line}"
            )
        Live(lambda: view(namespace.api, namespace.name), int(line), "pods")

    @cell_magic
    def manifest(self, line: str, cell: str) -> None:
        """`%%manifest` applies YAML to the lab's namespace. A refusal ends the cell."""
        from labkit.kinds.answer import AnswerError
        from labkit.kinds.manifest.answers import apply, documents
        from labkit.kinds.manifest.in_notebook import refused, told, wait
        from labkit.kinds.manifest.view import view
        from labkit.pages import waiting

        lab, namespace = _lab()
        try:
            applied = apply(namespace, documents(cell))
        except AnswerError as error:
            show(refused(str(error)))
            raise Stopped("Nothing was applied.") from None
        except ServiceFault as fault:
            _stop(fault, lab)
        waiting.run(lambda: wait(namespace, applied), "Waiting for the pods")
        show(told(applied) + view(namespace.api, namespace.name))


def output(text: str) -> Page:
    """What a program said, as it said it."""
    cut = text if len(text) <= MOST else f"{text[:MOST]}\n… ({len(text):,} characters)"
    return Page(Markup('<pre class="lk-scroll">{}</pre>').format(cut.rstrip()), cut.rstrip())


def _lab() -> tuple[OpenLab, Namespace]:
    try:
        lab = current()
        return lab, lab.place("cluster")
    except CourseError as error:
        raise Stopped(str(error)) from None


def _stop(fault: Exception, lab: OpenLab) -> NoReturn:
    lab.show_fault(fault)
    raise Stopped("The service failed.") from None


MAGICS = KubectlMagics
