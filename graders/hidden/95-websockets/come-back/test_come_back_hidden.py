"""Hidden checks of come-back: other codes, other moments, items in fragments, a client that loses its right to come back."""

import statistics

import pytest
from test_come_back import BUSY, GAVE_UP, LONGEST, RETURNED, delivered_well, ended_well, play, told

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.client.feed import closes, refuses, says_nothing, sends

WAVE = 40


def stories():
    """What happens to the clients here."""
    return {
        "cuts": [
            [
                sends(7, 1013),
                sends(1, "half", twice=1),
                sends(30, 1001, twice=5, in_fragments=True),
                sends(2, 1012),
                sends(4),
            ],
            [sends(1, "cut"), sends(1, "cut", twice=1), sends(1, "cut", twice=2), sends(1, twice=3)],
            [sends(0, None), sends(3, None), sends(2)],
        ],
        "mixed": [
            [
                refuses(503, retry_after=1),
                says_nothing,
                closes(1001),
                refuses(429),
                sends(1, "half"),
                refuses(504),
                sends(3),
            ]
        ],
        "revoked": [
            [sends(4, "cut"), refuses(403)],
            [refuses(500), says_nothing, refuses(401)],
            [closes(1013), closes(1008)],
        ],
        "wave": [[sends(1, 1012), refuses(502), refuses(502), refuses(503), sends(1)]] * WAVE,
        "lost": [[refuses(503), sends(3, "vanish", twice=0), sends(1, "vanish"), sends(2)]],
        "over": [[sends(1, "cut"), sends(0, 1000)]],
    }


@pytest.fixture(scope="module")
def lived(sandbox, answers):
    """All stories of the hidden checks, or the error that the program came to."""
    return play(sandbox, answers["follow"], stories())


@keeps("goes-on", "once-in-order")
@after("test_goes_on_where_it_was")
@points(2)
@review("how a connection may end, which of its messages you have, and where you go on")
def test_goes_on_after_any_end(told):
    """However a connection ends, and whatever is sent again around it, each item is delivered once, in order."""
    for one in told["cuts"]:
        what = "A feed was cut and restarted several times."
        ended_well(one, what)
        delivered_well(one, what)


@keeps("not-put-off")
@after("test_is_not_put_off")
@points(1)
@review("every way in which opening a connection can fail, and what the library raises then")
def test_whatever_comes_in_between(told):
    """Refusals, silence and cuts in any order do not put it off."""
    (one,) = told["mixed"]
    what = "A feed failed in six different ways, one after the other."
    delivered_well(one, what)
    ended_well(one, what)


@keeps("gives-up")
@after("test_gives_up")
@points(1)
@review("what no retry can mend, also when it comes later")
def test_gives_up_later_too(told):
    """Also after items, or after failures, it gives up at what no retry can mend."""
    for one in told["revoked"]:
        what = "A feed that had worked, or failed, then refused for good."
        ended_well(one, what, GAVE_UP)
        delivered_well(one, what)
        if len(one.story.attempts) != len(one.story.steps):
            raise Wrong(what, expected=f"{len(one.story.steps)} attempts", got=len(one.story.attempts))


@keeps("waits-drawn", "waits-grow")
@after("test_waits_are_drawn", "test_waits_grow")
@points(2)
@review("the return of many clients: waits that grow and are drawn, for each client by itself")
def test_a_wave_comes_back_spread(told):
    """When a restart ends the connections of 40 clients at once, their attempts spread over time, more with each failure."""
    everybody = told["wave"]
    if short := [one for one in everybody if len(one.waits) < 4]:
        raise Wrong("A feed was restarted.", expected="five attempts of each client", got=len(short[0].story.attempts))
    spreads = []
    for number in (0, 3):
        waits = sorted(one.waits[number] for one in everybody)
        spreads.append(waits[-1 - WAVE // 10] - waits[WAVE // 10])
    if spreads[1] < 1.25 * spreads[0] or spreads[1] < 0.2:
        why = f"{WAVE} clients lost the same feed. The spread of their waits does not grow with the failures."
        raise Wrong(why, expected="the later the wider", got=f"{spreads[0]:.2f} s, then {spreads[1]:.2f} s")
    if statistics.mean(one.waits[3] for one in everybody) > LONGEST + BUSY:
        raise Wrong(f"{WAVE} clients lost the same feed.", expected=f"no wait over {LONGEST:g} s", got="more")


@keeps("lost", "ends-at-1000")
@after("test_notices_a_lost_feed")
@points(1)
@review("the three times after which a lost connection is given up, in every connection and not only the first")
def test_notices_every_time(told):
    """A feed that is lost twice is noticed twice, and a feed that is over is over in a later attempt, too."""
    for about, what in (
        ("lost", "A feed was lost twice, in silence."),
        ("over", "A feed was cut, and then closed with 1000."),
    ):
        (one,) = told[about]
        delivered_well(one, what)
        ended_well(one, what, RETURNED)
