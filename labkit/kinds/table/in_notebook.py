"""Functions on tables: the cell is run as any Python cell is, so that the cells after it can call what it defines. The checks never do that here."""

from labkit.kinds.python.in_notebook import run

__all__ = ["run"]
