"""A learner's way through a lab in a real kernel: magics, buttons, faults, and what is left when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.notebook.kernel import OPEN, WIDGET, Kernel
from tests.patience import PATIENCE

RIGHT = "%%answer dear\nSELECT id FROM item WHERE price > 1990"
WRONG = "%%answer dear\nSELECT id FROM item WHERE price > 1995"
CHECKER = "__import__('labkit.notebook.session').notebook.session.current().checker.pid"


@pytest.fixture
def opened(kernel: Kernel) -> Kernel:
    """A kernel with the lab open."""
    outputs = kernel.run(OPEN)
    assert not outputs.error
    return kernel


def until_gone(pid: int) -> bool:
    """Whether the process ends."""
    try:
        psutil.Process(pid).wait(timeout=PATIENCE)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def test_the_header(kernel):
    outputs = kernel.run(OPEN)
    assert "A tiny lab (5 min · 4 points, and 2 judged later)" in outputs.text
    assert "Find what is &lt;dear&gt;" in outputs.html
    assert "postgresql://lab_tiny" in outputs.html
    assert WIDGET in outputs.bundles[-1]
    always = {"Save my work", "Something is wrong with this lab"}
    assert set(kernel.buttons()) == {"Reset the database", "Restart the service", *always}
    kernel.click("Save my work")
    assert "Your work as it is saved now" in kernel.shown()


def test_from_wrong_to_right(opened, course):
    wrong = opened.run(WRONG)
    assert "✗ not yet: The query finds all that costs more than 1,990. (0/2)" in wrong.text
    assert "expected: 9 items" in wrong.text
    assert "got: 4 items" in wrong.text
    assert "○ not verified: The query is quick on another planet. (0/1)" in wrong.text
    assert "not verified here: needs another planet" in wrong.text
    assert "2 more points are judged later, by checks on other data." in wrong.text
    assert "What is dear has a high &lt;price&gt;." in wrong.html  # without widgets, the hints are in the page

    assert "Show the solution" not in opened.buttons()
    opened.click("Hint 1 of 2")
    assert "a high &lt;price&gt;" in opened.shown()
    assert "More than 1,990" not in opened.shown()
    opened.click("Hint 2 of 2")
    assert "More than 1,990" in opened.shown()
    opened.click("Show the solution")
    assert "SELECT id FROM item WHERE price &gt; 1990" in opened.shown()

    right = opened.run(RIGHT)
    assert "✓ passed: The query finds all that costs more than 1,990. (2/2)" in right.text
    assert opened.evaluate("__import__('labkit.notebook').notebook.verdicts('dear')[0].extra") == "{'found': 9}"
    assert "2 of 3 points" in opened.run("%check dear").text
    kept = json.loads((course / ".labkit/progress.json").read_text())["91-databases/tiny"]["dear"]
    assert (kept["earned"], kept["hints"], kept["solution"]) == (2.0, {"test_finds_what_is_dear": 2}, True)
    assert "[      50%] A tiny lab" in opened.run("%course_map").text


def test_an_answer_runs_again_on_a_clean_database(opened):
    cell = "%%answer index\nCREATE INDEX by_word ON item (word)"
    assert "✓ passed" in opened.run(cell).text
    opened.run("%%answer dear\nCREATE TABLE below (); SELECT id FROM item WHERE price > 1990")
    again = opened.run(cell)
    assert "ERROR" not in again.text
    assert "index had changed the database before, so that was reset first, and dear run again." in again.text
    left = opened.run("%%sql\nSELECT to_regclass('below'), indexname FROM pg_indexes WHERE tablename = 'item'")
    assert "below" in left.text
    assert "2 rows" in left.text  # the primary key and one by_word
    assert "✓ passed" in again.text


def test_an_answer_that_no_longer_runs_is_named(opened):
    """It needs something that the answer above it does not make any more; it is not left out of the next run."""
    opened.run("%%answer index\nCREATE INDEX by_word ON item (word)")
    opened.run("%%answer dear\nDROP INDEX by_word; SELECT id FROM item WHERE price > 1990")
    renamed = opened.run("%%answer index\nCREATE INDEX of_words ON item (word)")
    assert 'reset first. dear no longer runs: index "by_word" does not exist.' in renamed.text
    assert "Out of date: dear was judged with another index." in renamed.text
    back = opened.run("%%answer index\nCREATE INDEX by_word ON item (word)")
    assert "reset first, and dear run again." in back.text


def test_what_the_course_breaks_is_no_mistake(opened, course):
    broken = opened.run("%%answer dear\nSELECT 14")
    assert "⚠ course fault: The query finds all" in broken.text
    assert "costs no points" in broken.text
    assert "Restart the service" in opened.buttons()


def test_a_killed_checker_is_not_noticed(opened):
    os.kill(int(opened.evaluate(CHECKER)), signal.SIGKILL)
    assert "✓ passed" in opened.run(RIGHT).text


def test_a_checker_that_dies_again_and_again_is_a_fault(opened):
    outputs = opened.run("%%answer dear\nSELECT 13")
    assert "Course fault, not about your answer: The checker stopped twice" in outputs.text
    assert "✓ passed" in opened.run(RIGHT).text


def test_a_killed_server_comes_back_with_one_click(opened):
    pid = opened.evaluate(
        "__import__('labkit.kinds.sql').kinds.sql.database().where.split('process ')[1].split(',')[0]"
    )
    os.kill(int(pid), signal.SIGKILL)
    lost = opened.run(RIGHT)
    assert "Course fault, not about your answer" in lost.text
    opened.click("Restart the service")
    assert "The service runs again" in opened.shown()
    assert "✓ passed" in opened.run(RIGHT).text


def test_a_reset_can_be_undone(opened):
    opened.run("%%answer index\nCREATE INDEX by_word ON item (word)")
    opened.run("%%sql\nCREATE TABLE mine AS SELECT 42 AS n")
    assert "Undo the reset" not in opened.buttons()
    opened.click("Reset the database")
    assert "✓ The database is as at the lab" in opened.shown()
    assert "does not exist" in opened.run("%%sql\nSELECT * FROM mine").text
    opened.click("Undo the reset")
    assert "✓ The database is as it was before the reset." in opened.shown()
    assert "Undo the reset" not in opened.buttons()
    assert "42" in opened.run("%%sql\nSELECT * FROM mine").text
    again = opened.run("%%answer index\nCREATE INDEX by_word ON item (word)").text
    assert "index had changed the database before, so that was reset first." in again


def test_undo_in_a_terminal(opened):
    assert "There is no reset to take back." in opened.run("%undo_reset").text
    opened.run("%%sql\nCREATE TABLE mine AS SELECT 42 AS n")
    opened.run("%reset_lab")
    assert "✓ The database is as it was before the reset." in opened.run("%undo_reset").text
    assert "42" in opened.run("%%sql\nSELECT * FROM mine").text
    assert "There is no reset to take back." in opened.run("%undo_reset").text


def test_an_interrupted_query_stops_on_the_server_too(opened):
    # The interrupt is sent as soon as the server is seen to be at it.
    probe = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(50)%' AND pid <> pg_backend_pid()"
    opened.run(
        "import threading, os, signal\n"
        "from labkit.kinds.sql import query\n"
        f"def watch():\n    while not query({probe!r})[0]['count']: pass\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=watch).start()"
    )
    outputs = opened.run("%%sql\nSELECT pg_sleep(50)")
    assert outputs.error == "Interrupted. What was under way has been stopped."
    assert opened.evaluate(f'query({probe!r} + " AND state = \'active\'")[0]["count"]') == "0"


def test_demonstrations(opened):
    assert "NULL" in opened.run("%%sql\nSELECT id, price FROM item WHERE id = 10").text
    assert "Index Scan using item_pkey" in opened.run("%%plan\nSELECT * FROM item WHERE id = 10").text
    failed = opened.run("%%sql\nSELECT 1 / 0")
    assert "ERROR: division by zero" in failed.text
    assert failed.error == "The SQL failed."
    asked = opened.run("from labkit.kinds.sql import query\nprint(query('SELECT id FROM item WHERE id <= %s', [2]))")
    assert asked.printed == "[{'id': 1}, {'id': 2}]\n"


def test_answers_that_were_not_run_come_from_the_saved_notebook(lab, course):
    path = course / lab.exercise
    with Kernel(path.parent, {**os.environ, "JPY_SESSION_NAME": str(path)}) as kernel:
        kernel.run(OPEN)
        checked = kernel.run("%check index")
        assert "✓ passed: There is an index on `word`." in checked.text
        said = kernel.run("from labkit.notebook import answer_text\nprint(answer_text('index'))")
        assert said.printed == "CREATE INDEX ON item (word)\n"


def test_a_wrong_name_and_no_lab_are_told_in_one_line(kernel):
    kernel.run("%load_ext labkit.notebook")
    assert kernel.run("%check dear").error.startswith("No lab is open in this kernel.")
    assert "The labs are: 91-databases/tiny." in kernel.run("%lab 91-databases/huge").text
    kernel.run(OPEN)
    assert kernel.run("%check deer").error.startswith("91-databases/tiny has no answer 'deer', but: index, dear.")
    assert "Run its cell, %%answer dear, first." in kernel.run("%check dear").text


def test_a_learners_own_modules_are_not_the_librarys(lab, course, server):
    """Python's own, and those that are installed; one of another name can be imported."""
    place = course / "exercises" / lab.section
    names = [
        "queue",
        "email",
        "random",
        "json",
        "re",
        "select",
        "typing",
        "psycopg",
        "sqlalchemy",
        "mlflow",
        "websockets",
        "docker",
        "rich",
    ]
    made = [place / f"{name}.py" for name in names]
    for file in made:
        file.write_text("raise SystemExit('a file of the learner was imported')\n", encoding="utf-8")
    made.append(place / "of_my_own.py")
    made[-1].write_text("answer = 42\n", encoding="utf-8")
    try:
        with Kernel(place, os.environ) as kernel:
            opened = kernel.run(OPEN)
            assert not opened.error, opened.error
            assert kernel.evaluate("__import__('of_my_own').answer") == "42"
            assert not kernel.run("import mlflow, websockets, statistics").error
    finally:
        for file in made:
            file.unlink()


def test_nothing_outlives_a_killed_kernel(opened):
    checker = int(opened.evaluate(CHECKER))
    os.kill(opened.pid, signal.SIGKILL)
    assert until_gone(checker)


def test_importing_costs_little_and_stays_away_from_grading(kernel):
    """In processor time, as others may be at work beside it."""
    kernel.run(
        "import sys, time\nstarted = time.process_time()\nimport labkit.notebook\n"
        "get_ipython().run_line_magic('load_ext', 'labkit.notebook')\ntook = time.process_time() - started"
    )
    assert float(kernel.evaluate("took")) < 1  # a tenth of a second where nobody else is at work
    kernel.run(OPEN)
    kernel.run(RIGHT)
    loaded = kernel.evaluate(
        "[n for n in sys.modules if n.startswith(('labkit.grading', 'labkit.checking.checker', 'pytest', 'nbformat', 'jupytext'))]"
    )
    assert loaded == "[]"


def test_a_verdict_costs_little_more_than_its_checks(opened):
    opened.run(RIGHT)
    code = (
        "import time\nfrom labkit.notebook import session\nhere = session.current()\n"
        "here.checker.ask('warm', here.lab.key).result('')\n"
        "started = time.perf_counter(); here.take_verdicts('dear', here.ask_checks('dear'))\n"
        "print(time.perf_counter() - started - sum(v.seconds for v in here.verdicts['dear']))"
    )
    anew = "import subprocess, sys, time\nstarted = time.perf_counter()\n"
    anew += "subprocess.run([sys.executable, '-c', 'import pytest'])\nprint(time.perf_counter() - started)"
    over, a_new_checker = (min(float(opened.run(text).printed) for _ in range(5)) for text in (code, anew))
    assert over < a_new_checker / 2  # 0.02 s to 0.3 s where nobody else is at work


def test_a_terminal_gets_text(lab, course):
    script = "\n".join(
        ["%load_ext labkit.notebook", "%lab tiny", "get_ipython().run_cell_magic('answer', 'dear', 'SELECT 1')"]
    )
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "--simple-prompt", "--no-banner"],
        input=script + "\n%hint dear\n%solution dear\n",
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        cwd=course,
    )
    assert "✗ not yet: The query finds all" in done.stdout, (done.stdout, done.stderr)
    assert "What is dear has a high <price>." in done.stdout
    assert "The solution opens when all checks pass" in done.stdout
    assert "<section" not in done.stdout
