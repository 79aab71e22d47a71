"""What a learner reads of a build."""

from __future__ import annotations

from labkit.kinds.dockerfile import pages
from labkit.services.images.failure import BuildFailed, explain
from labkit.services.images.limits import DEFAULT
from labkit.services.images.progress import Advice, BuildLog, Step

WARNING = """{
  "warnings": [
    {
      "vertex": "sha256:1",
      "short": "SlNPTiBhcmd1bWVudHMgYXJlIGJldHRlcg==",
      "url": "https://docs.docker.com/go/x",
      "range": [{"start": {"line": 4}, "end": {"line": 4}}]
    }
  ]
}
"""


def log(text: str) -> BuildLog:
    """A log that was told this."""
    told = BuildLog()
    for line in text.splitlines(keepends=True):
        told.feed(line)
    return told


def test_steps_say_cached_seconds_failed_or_not_run():
    steps = [
        Step("RUN a", "build", 1, 3, 1.5),
        Step("RUN b", "build", 2, 3, 0.0, cached=True),
        Step("RUN c", "build", 3, 3, 0.2, error="exit code: 1"),
        Step("RUN d", "", 1, 1),
    ]
    text = pages.steps_page(steps).text
    assert [word for word in ("1.5 s", "cached", "failed", "not run") if word not in text] == []


def test_a_failure_shows_its_line_and_nothing_of_an_answer_as_markup():
    failure = BuildFailed(
        "`RUN <script>` ended with exit code 1.", line=3, text="RUN <script>alert(1)</script>", output="<b>x</b>"
    )
    page = pages.failure_page(failure)
    assert "Line 3" in page.text
    assert "<script>" not in page.html
    assert "<b>x</b>" not in page.html


def test_progress_is_a_bar_with_the_step_that_runs():
    steps = [Step("RUN a", "", 1, 2, 1.0, started="x"), Step("RUN b", "", 2, 2, started="x")]
    assert "1 of 2 steps: RUN b" in pages.progress(steps)
    assert "░" in pages.progress(steps)


def test_buildkits_warnings_are_advice_with_their_line():
    told = log(WARNING)
    assert told.advice == [Advice("JSON arguments are better", 4, "https://docs.docker.com/go/x")]
    assert "line 4" in pages.advice_page(told.advice).text


def test_what_is_no_json_is_kept_and_bounded():
    told = log("ERROR: failed to solve: something new\n" + "x\n" * 100_000)
    assert len(told.text) <= 20_000
    assert (
        explain(log("ERROR: failed to solve: something new\n"), "FROM x\n", ("y",), DEFAULT).why
        == "BuildKit says: something new"
    )


def test_a_command_that_speaks_as_a_fault_is_the_answers_own():
    """Words of an answer are not taken for the engine's."""
    said = (
        'process "/bin/sh -c false # Cannot connect to the Docker daemon" did not complete successfully: exit code: 1'
    )
    told = BuildLog()
    told._vertexes["a"] = {
        "name": "[2/2] RUN false # Cannot connect to the Docker daemon",
        "error": said,
        "started": "",
        "completed": "",
    }
    told.text = f"ERROR: failed to solve: {said}"
    assert "ended with exit code 1" in explain(told, "FROM x\nRUN false\n", ("y",), DEFAULT).why
