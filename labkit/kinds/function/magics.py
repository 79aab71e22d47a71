"""`%%function`: the cell's text, deployed for a demonstration; nothing is checked."""

from __future__ import annotations

import ast

from IPython.core.magic import Magics, cell_magic, magics_class

from labkit.course import CourseError
from labkit.kinds.function import deploy_text
from labkit.kinds.open_lab import current
from labkit.machine.fault import ServiceFault
from labkit.pages.stopped import Stopped


@magics_class
class FunctionMagics(Magics):
    """What comes with `%load_ext labkit.notebook`."""

    @cell_magic
    def function(self, line: str, cell: str) -> None:
        """`%%function NAME memory=128 timeout=3` deploys the cell as a function; `function("NAME")` of `labkit.kinds.function` invokes it."""
        name, *settings = line.split() or [""]
        try:
            if not name.isidentifier():
                raise CourseError("Give the function a name: %%function hello.")
            set_to = {key: ast.literal_eval(value) for key, _, value in (word.partition("=") for word in settings)}
            deploy_text(name, cell, **set_to)
        except (SyntaxError, ValueError):
            raise Stopped(f"{line!r} is not NAME and settings such as memory=128.") from None
        except CourseError as error:
            raise Stopped(str(error)) from None
        except ServiceFault as fault:
            current().show_fault(fault)
            raise Stopped("The service failed.") from None
        print(f"Deployed {name}. Nothing runs before its first event.")


MAGICS = FunctionMagics
