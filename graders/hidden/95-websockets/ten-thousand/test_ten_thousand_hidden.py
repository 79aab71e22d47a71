"""Hidden checks of ten-thousand: the same county with ten thousand phones, or as many as this machine lets one process have."""

import pytest
from test_ten_thousand import (
    LONG_PATIENCE,
    MOST,
    QUIET,
    WARNED,
    County,
    asked_by,
    leave_in_two_ways,
    must_answer_soon,
    must_rest,
    must_weigh,
    new_text,
    run,
)

from labkit.checking.checks import Wrong, after, keeps, points, review


@pytest.fixture(scope="module")
def county(stage, sandbox, text):
    """The server, and ten thousand phones."""
    county = County(stage, sandbox, text, MOST)
    yield county
    county.close()


@keeps("lets-in", "memory")
@after("test_rests", "test_counts_who_is_there", "test_holds_up_nobody", "test_forgets_who_has_left")
@points(3)
@review(
    "what grows with the number of connections besides memory: what the event loop and the operating system let one process have"
)
def test_ten_thousand_phones(county, note):
    """10,000 phones are let in, each is answered, and one costs at most 28 kB."""

    def scene(county):
        assert county.answering
        note("phones", county.phones)
        county.must_show_its_weight()
        cost = county.kilobytes()
        note("kB", round(cost, 1))
        must_weigh(cost, county.phones)

    run(county, scene)


@keeps("soon")
@after("test_ten_thousand_phones", "test_answers_soon")
@points(1)
@review("what stands between a phone's text and its answer, and what of that is done for all phones")
def test_answers_soon_among_ten_thousand(county):
    """While 10,000 phones wait, one that says something is answered within a tenth of a second."""
    run(county, must_answer_soon)


@keeps("rests")
@after("test_ten_thousand_phones", "test_rests")
@points(2)
@review("what your server does when nothing happens, and how often")
def test_rests_with_ten_thousand(county, note):
    """While nobody says anything, ten seconds cost the server no more processor time than answering each of its 10,000 phones once."""

    def scene(county):
        county.must_show_its_weight()
        note("busy", must_rest(county, 2 * QUIET))

    run(county, scene)


@keeps("warned")
@after("test_ten_thousand_phones", "test_warns_everybody")
@points(2)
@review("what happens between one phone's warning and the next one's, and how often that is")
def test_warns_ten_thousand(county, note):
    """A warning is with all 10,000 phones within three seconds."""

    def scene(county):
        again = 3 * county.answering[0]  # what a busy machine may take besides
        note("warned_s", round(county.warn(new_text(200), WARNED + again), 2))

    run(county, scene)


@keeps("counted")
@after("test_warns_ten_thousand", "test_counts_who_is_there")
@points(1)
@review("what is done when many leave at the same moment")
def test_all_leave(county):
    """When all 10,000 leave at once, some of them without a close frame, the next centre is told the right number, and who comes then is let in."""

    def scene(county):
        assert county.answering
        leave_in_two_ways(county.crowd, county.phones // 50)
        with county.group(100) as phones, county.group(1, "/centre") as centre:
            asked_by(centre, phones, LONG_PATIENCE)

    run(county, scene)
