"""A learner's way through the first lab, in a real browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.setup import learner_copy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAB = "91-databases/jsonb-search"
WRONG = "SELECT id AS event_id, doc #>> '{order,customer}' AS customer, 1::numeric AS amount FROM events LIMIT 3"


def test_from_a_wrong_answer_to_the_map(lab, copy):
    solutions = learner_copy.solutions(LAB)
    lab.open(f"exercises/{LAB}.ipynb")
    expect(lab.run("%load_ext labkit.notebook")).to_contain_text("You will be able to")
    expect(lab.page.get_by_text("Jupyter news")).to_have_count(0)
    lab.picture("1-opened")

    passed = lab.type("%%answer index", f"%%answer index\n{solutions['index']}") or lab.run("%%answer index")
    expect(passed).to_contain_text("Every check passes")
    lab.picture("2-index-passed")

    lab.type("%%answer refunds", f"%%answer refunds\n{WRONG}")
    written = lab.page.locator(".jp-Notebook-cell .cm-content", has_text="%%answer refunds")
    expect(written.locator("span").get_by_text("SELECT", exact=True)).to_be_visible()  # a keyword, coloured as SQL
    expect(written.locator("span", has_text="#>> '{order")).to_have_count(0)  # and to Python that would begin a comment
    failed = lab.run("%%answer refunds")
    expect(failed).to_contain_text("not yet")
    expect(failed).to_contain_text("refunds are missing")
    expect(failed.get_by_role("button", name="Show the solution")).to_be_hidden()
    lab.picture("3-wrong")

    failed.get_by_role("button", name="Hint 1 of 2").first.click()
    expect(failed).to_contain_text("How many shapes has an amount?")
    expect(failed.get_by_role("button", name="Hint 2 of 2")).to_be_visible()
    lab.picture("4-hint")

    lab.type("%%answer refunds", f"%%answer refunds\n{solutions['refunds']}")
    passed = lab.run("%%answer refunds")
    expect(passed).to_contain_text("Every check passes")
    passed.get_by_role("button", name="Show the solution").click()
    expect(passed).to_contain_text("One solution of refunds")
    lab.picture("5-passed")

    lab.save()
    lab.open("notebooks/00-start.ipynb")
    reached = lab.run("%load_ext labkit.notebook")
    expect(reached).to_contain_text("✓ done")
    expect(reached).to_contain_text("1 of ")
    lab.picture("6-map")
    progress = json.loads((copy / ".labkit/progress.json").read_text())[LAB]
    assert progress["refunds"]["hints"] == {"test_finds_the_refunds": 1}
