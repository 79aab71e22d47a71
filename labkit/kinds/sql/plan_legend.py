"""How to read a plan: its columns, and the kinds of node that occur in it. In the lesson's words."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

TITLE = "How to read this plan"
ORDER = "A plan is a tree. Each node reads what the nodes indented below it give, so begin at the innermost line."
COLUMNS = {
    "rows expected, rows seen": "the planner's guess, and what there was, in all loops. ⚠ marks a guess that is far off. ANALYZE collects new "
    "statistics; a table that was never analyzed, and a condition on an expression without statistics, are guessed by rule of thumb",
    "own time": "of this node alone. ◀ marks the slowest",
    "blocks": "8 kB each, from the cache or from disk (read), by this node and all below it",
    "cost": "the planner's guess before anything runs, in a unit of its own: good only for comparing plans",
}
NODES = {
    "Aggregate": "counts, sums or groups the rows below it",
    "Append": "the rows of its branches, one branch after the other",
    "Bitmap Heap Scan": "reads the blocks that the bitmap below it names, each once",
    "Bitmap Index Scan": "collects from an index in which blocks of the table there are rows",
    "BitmapAnd": "the blocks that all bitmaps below it name",
    "BitmapOr": "the blocks that any bitmap below it names",
    "CTE Scan": "reads the result of a WITH query",
    "Function Scan": "reads the rows that a function returns",
    "Gather": "collects the rows of parallel workers",
    "Group": "groups sorted rows",
    "Hash": "puts the rows below it into a hash table, for the join above",
    "Hash Join": "looks up each row of one side in a hash table of the other",
    "Incremental Sort": "the rows come sorted by the first columns; it sorts the rest",
    "Index Only Scan": "takes all that it needs from the index; *heap fetches* are the rows that it had to look up in the table all the same",
    "Index Scan": "finds rows in an index, and fetches each from the table",
    "Limit": "stops the nodes below it when it has enough rows",
    "LockRows": "locks each row (FOR UPDATE)",
    "Materialize": "keeps the rows below it, to read them again",
    "Memoize": "keeps results of the node below it, by the values it was asked for",
    "Merge Join": "walks through two sorted sides together",
    "Nested Loop": "for each row of the first side, runs the second one (*loops* says how often)",
    "ProjectSet": "a row for each element that a function in the SELECT list returns",
    "Result": "rows without a table",
    "Seq Scan": "reads every block of the table",
    "Sort": "sorts all rows below it before it gives the first one",
    "Subquery Scan": "reads the rows of a subquery",
    "Table Function Scan": "reads the rows of JSON_TABLE or XMLTABLE",
    "Unique": "drops neighbours that are equal",
    "Values Scan": "reads the rows of a VALUES list",
    "WindowAgg": "computes window functions (OVER)",
}
NOTES = {
    "Recheck Cond": "the condition that is tested again on the rows of these blocks",
    "Index Cond": "what the index itself looks up",
    "Filter": "tested row by row: rows removed by it were read for nothing",
}


def legend(nodes: Iterable[dict[str, object]]) -> Markup:
    """Folded; only the kinds of node and of condition that these nodes (as EXPLAIN's JSON has them) show."""
    found = list(nodes)
    kinds = sorted({str(node["Node Type"]) for node in found} & NODES.keys())
    notes = [name for name in NOTES if any(name in node for node in found)]
    lines = [*COLUMNS.items(), *((kind, NODES[kind]) for kind in kinds), *((name, NOTES[name]) for name in notes)]
    said = Markup().join(Markup("<dt>{}</dt><dd>{}</dd>").format(term, _emphasized(text)) for term, text in lines)
    return Markup('<details class="lk-legend"><summary>{}</summary><p>{}</p><dl>{}</dl></details>').format(
        TITLE, ORDER, said
    )


def _emphasized(text: str) -> Markup:
    parts = text.split("*")
    return Markup().join(Markup("<i>{}</i>").format(part) if odd % 2 else part for odd, part in enumerate(parts))
