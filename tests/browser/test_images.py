"""A lab on Dockerfiles in a real browser: with Docker from the stub to a pass, and without it, where it says so."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from labkit.services import named
from tests.backends import why_not
from tests.setup import learner_copy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KEY = "92-containers/two-stages"
WRONG = "FROM course/python-build:3.13\nCOPY . /app\nRUN pip install /nowhere\n"


@pytest.fixture(scope="module", params=["docker", "embedded"])
def backend(request):
    """Each one; the embedded engine only where it is missing, as it must say so then."""
    if reason := why_not(request.param):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_BACKEND", request.param)
        if request.param == "embedded":
            patch.setenv("UML_HOME", "/nowhere")
        yield request.param


def test_from_the_stub_to_a_pass(lab, copy, backend):
    """The failing line of a Dockerfile is named, its layers are shown, and with the solution every check passes."""
    solution = learner_copy.solutions(KEY)["image"]
    lab.open(f"exercises/{KEY}.ipynb")
    expect(lab.run("%load_ext labkit.notebook")).to_contain_text("You will be able to")
    if backend == "embedded":
        lab.type("%%answer image", f"%%answer image\n{solution}")
        shown = lab.run("%%answer image")
        expect(shown).to_contain_text("needs Docker")
        expect(shown).not_to_contain_text("Every check passes")
        lab.picture("two-stages-without-docker")
        return
    expect(lab.run("%%answer image")).to_contain_text("not yet")
    lab.type("%%answer image", f"%%answer image\n{WRONG}")
    expect(lab.run("%%answer image")).to_contain_text("Line 3")
    lab.picture("two-stages-failed")
    lab.type("%%answer image", f"%%answer image\n{solution}")
    passed = lab.run("%%answer image")
    expect(passed).to_contain_text("Every check passes")
    expect(passed).to_contain_text("the image that FROM names")
    lab.picture("two-stages-passed")
    lab.save()


def test_the_service_says_whether_it_can_build(backend):
    """As the lab shows it."""
    assert bool(named("images").not_here(backend)) == (backend == "embedded")
