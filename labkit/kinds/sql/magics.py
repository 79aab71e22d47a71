"""`%%sql` and `%%plan`: SQL on the lab's database, for a demonstration; nothing is checked."""

from __future__ import annotations

from typing import NoReturn

from IPython.core.magic import Magics, cell_magic, magics_class

from labkit.course import CourseError
from labkit.kinds.open_lab import OpenLab, current
from labkit.machine.fault import ServiceFault
from labkit.pages.page import show
from labkit.pages.stopped import Stopped


@magics_class
class SqlMagics(Magics):
    """What comes with `%load_ext labkit.notebook`."""

    @cell_magic
    def sql(self, line: str, cell: str) -> None:
        """`%%sql` runs a text on the lab's database and shows the rows. A failure ends the cell."""
        from labkit.kinds.sql import sql_run

        lab = _lab()
        try:
            done = sql_run.run(lab.place("postgres"), cell, plan=False)
        except (ServiceFault, CourseError) as fault:
            _stop(fault, lab)
        show(sql_run.page(done, with_plan=False))
        if done.error:
            raise Stopped("The SQL failed.")

    @cell_magic
    def plan(self, line: str, cell: str) -> None:
        """`%%plan` runs a query in a transaction that is rolled back, and shows its plan."""
        import psycopg

        from labkit.kinds.sql import sql_run
        from labkit.kinds.sql.plan_tree import plan_tree
        from labkit.services.postgres.sql import TookTooLong

        lab = _lab()
        try:
            show(plan_tree(sql_run.explained(lab.place("postgres"), cell)))
        except (ServiceFault, CourseError) as fault:
            _stop(fault, lab)
        except (psycopg.Error, TookTooLong, ValueError) as error:
            show(sql_run.error_page("", error))
            raise Stopped("There is no plan.") from None


def _lab() -> OpenLab:
    try:
        return current()
    except CourseError as error:
        raise Stopped(str(error)) from None


def _stop(fault: Exception, lab: OpenLab) -> NoReturn:
    lab.show_fault(fault)
    raise Stopped("The service failed.") from None


MAGICS = SqlMagics
