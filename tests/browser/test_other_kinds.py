"""One lab of each other kind of answer (a schema, Python migrations, a function, Flyway's and golang-migrate's files), in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labkit import course
from tests.backends import why_not
from tests.setup import learner_copy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LABS = (
    "no-double-booking",
    "alembic-expand-contract",
    "retry-conflicts",
    "flyway-versioned",
    "migrate-dirty",
    "life-of-a-socket",
    "come-back",
    "cold-start",
    "probes",
)


@pytest.fixture(scope="module", params=["embedded"])
def backend(request, monkeypatch_module):
    """The embedded backend: what differs on Docker is the server's, and test_jsonb_search sees it on both."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    monkeypatch_module.setenv("LABKIT_BACKEND", request.param)
    return request.param


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.parametrize("name", LABS)
def test_from_the_stub_to_a_pass(lab, copy, name):
    """The stub of the first answer is refused in words; with the solutions every check of every answer passes."""
    key = course.find(name).key
    solutions = learner_copy.solutions(key)
    lab.open(f"exercises/{key}.ipynb")
    expect(lab.run("%load_ext labkit.notebook")).to_contain_text("You will be able to")
    first = next(iter(solutions))
    expect(lab.run(f"%%answer {first}")).to_contain_text("not yet")
    for answer, text in solutions.items():
        lab.type(f"%%answer {answer}", f"%%answer {answer}\n{text}")
        expect(lab.run(f"%%answer {answer}")).to_contain_text("Every check passes")
    lab.picture(f"{name}-passed")
    lab.save()
