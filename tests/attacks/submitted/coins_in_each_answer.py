# Tosses a coin in its query, with five others: none may have another one's luck.
# lab: jsonb-search
# honest: 4
# says: .*
# kind: 11
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """Of the query nothing may count that failed; the index is solved."""
    refunds = answer_cell(notebook, "refunds")
    refunds["source"] = (
        "%%answer refunds\nSELECT 1 / (random() < 2)::int AS event_id, 'x' AS customer, 1 / floor(random())::int AS amount"
    )
    write(folder, "jsonb-search", notebook)
    for number in range(2, 4):
        other = folder.parent.parent / f"{folder.parent.name}-{number}" / folder.name
        other.mkdir(parents=True, exist_ok=True)
        write(other, "jsonb-search", notebook)
