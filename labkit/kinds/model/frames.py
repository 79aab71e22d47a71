"""Tables as arguments of a call: each column with its dtype, so that the function is given exactly what a caller would have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


def encoded(value: Any) -> Any:
    """An argument as JSON has it; a DataFrame keeps its columns' dtypes, and its index."""
    if isinstance(value, list):
        return [encoded(each) for each in value]
    if type(value).__name__ != "DataFrame":
        return value
    columns = {name: [str(value[name].dtype), _cells(value[name])] for name in value.columns}
    return {"$frame": columns, "$index": value.index.tolist()}


def rows(told: Any, most: int) -> list[dict[str, Any]] | None:
    """What a function gave as a DataFrame: each row by its columns' names. None where it is no table of at most so many rows."""
    columns = told.get("$frame") if isinstance(told, dict) else None
    if not isinstance(columns, dict) or not all(_is_column(column, most) for column in columns.values()):
        return None
    lengths = {len(cells) for _, cells in columns.values()}
    if len(lengths) > 1:
        return None
    return [{name: cells[at] for name, (_, cells) in columns.items()} for at in range(lengths.pop() if lengths else 0)]


def dtype(told: Any, name: str) -> str:
    """The dtype of a column of what `rows` read, or ""."""
    return str(told["$frame"].get(name, ("", []))[0])


def _is_column(column: Any, most: int) -> bool:
    return (
        isinstance(column, list)
        and len(column) == 2
        and isinstance(column[0], str)
        and isinstance(column[1], list)
        and len(column[1]) <= most
        and all(cell is None or isinstance(cell, str | int | float) for cell in column[1])
    )


def _cells(column: pandas.Series) -> list[Any]:
    return [None if cell is None or cell != cell else cell for cell in column.astype(object).tolist()]
