"""`%%dockerfile NAME`: a build for a demonstration; nothing is checked."""

from __future__ import annotations

from IPython.core.magic import Magics, cell_magic, magics_class

from labkit.course import CourseError
from labkit.kinds.open_lab import current
from labkit.machine.fault import ServiceFault
from labkit.pages.page import show
from labkit.pages.stopped import Stopped


@magics_class
class DockerfileMagics(Magics):
    """What comes with `%load_ext labkit.notebook`."""

    @cell_magic
    def dockerfile(self, line: str, cell: str) -> None:
        """`%%dockerfile NAME` builds the text in the lab's project, and shows its steps and layers."""
        from labkit.kinds.dockerfile import in_notebook

        try:
            lab = current()
        except CourseError as error:
            raise Stopped(str(error)) from None
        try:
            show(in_notebook.run(cell, lab, line.strip() or "demonstration"))
        except (ServiceFault, CourseError) as fault:
            lab.show_fault(fault)
            raise Stopped("The service failed.") from None


MAGICS = DockerfileMagics
