"""Checks of come-back: a client of a feed that is cut, refused, told to wait, told to go, and lost in the middle of silence."""

import asyncio
import secrets
import statistics
from dataclasses import dataclass

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.client.feed import Feed, Story, closes, refuses, says_nothing, sends
from labkit.kinds.client.followers import Follower, Followers
from labkit.kinds.websocket.stage import Stage

ENOUGH = 14.0  # seconds for a story that takes at most five
FIRST, LONGEST = 0.5, 1.0  # seconds: what the task allows for the first wait, and for any
SILENT = 3.0  # seconds in which a lost connection must be noticed
BUSY = 1.0  # seconds more, which a busy machine may take
HERD = 30
APART = (
    0.02  # seconds from one client's beginning to the next one's: what a machine has to do at a time decides no wait
)
SPREAD = 1.35  # of the waits, where the task asks for 1.5: a busy machine adds to all of them
TRIES, CALM = 3, 0.05  # plays, and seconds that a calm machine may be late in one moment of twenty
GROWTH = 2  # from the first wait to the fourth, on average; doubled three times, it would be 8
GAVE_UP, RETURNED = "GaveUp", "returned"


@dataclass
class Followed:
    """A story, and the client that lived through it."""

    story: Story
    client: Follower

    @property
    def waits(self):
        """Seconds between the end of each attempt and the next."""
        return self.story.waits


def name():
    """A path that says nothing about what will happen there."""
    return f"/prices/{secrets.token_hex(5)}"


def stories():
    """What happens to the clients of the visible checks, by what it is about."""
    outage = [refuses(503), refuses(502), says_nothing, refuses(500), refuses(504)]
    return {
        "plain": [[sends(5)]],
        "cuts": [
            [sends(3, "cut"), sends(4, 1012, twice=2), sends(2, 1001), sends(3, "half"), sends(2, 1011), sends(3)]
        ],
        "bad": [[*outage, sends(2)], [refuses(500), refuses(429), says_nothing, closes(1013), sends(2)]],
        "herd": [[*[refuses(503)] * 4, sends(1)]] * HERD,
        "opens": [[*[closes(1013)] * 4, sends(1)]] * 20,
        "long": [[*[refuses(502)] * 6, sends(1)]] * 8,
        "again": [[*[refuses(503)] * 4, sends(1, "cut"), sends(1)]] * 8,
        "told": [[refuses(429, retry_after=1), sends(1)], [refuses(503, retry_after=2), sends(1)]],
        "hopeless": [[refuses(401)], [refuses(403)], [refuses(404)], [sends(2, 1008)]],
        "lost": [[sends(2, "vanish"), sends(2)]],
        "quiet": [[sends(2, 1000, pause=SILENT)]],
    }


async def live_through(sandbox, text, made):
    """Every client lives through its story, all at the same time. Returns them by what they are about, and why the program ended, if it did."""
    async with Feed() as feed, Followers(sandbox, text, feed.path) as followers:
        followed = {}
        for about, several in made.items():
            followed[about] = []
            for steps in several:
                story = feed.tell(Story(name(), steps, first=secrets.randbelow(900) + 10, seed=secrets.randbits(32)))
                followed[about].append(Followed(story, followers.follow(story.path, story.first)))
                await asyncio.sleep(APART if len(several) > 1 else 0)
        everybody = [one.client for several in followed.values() for one in several]
        all_ended = asyncio.gather(*(client.ended(ENOUGH) for client in everybody))
        await asyncio.wait([all_ended, followers.finished], return_when=asyncio.FIRST_COMPLETED)
        all_ended.cancel()
        return followed, followers.why_it_ended()


@pytest.fixture(scope="module")
def lived(sandbox, answers):
    """All stories of the visible checks, or the error that the program came to."""
    return play(sandbox, answers["follow"], stories())


def play(sandbox, text, made):
    """Plays stories; an error of the program is returned, so that each check can raise it. What was played while the machine had too much
    to do is played again, and the calmest of them counts."""
    runs = []
    while not runs or (len(runs) < TRIES and runs[-1][0] > CALM):
        with Stage() as stage:
            try:
                followed, why = stage.run(live_through(sandbox, text, made))
            except AnswerError as error:
                return error
            if why:
                return AnswerError(why)
            runs.append((stage.lateness, followed))
    return min(runs, key=lambda run: run[0])[1]


@pytest.fixture
def told(lived):
    """What became of the clients."""
    if isinstance(lived, AnswerError):
        raise lived
    return lived


def tried(one):
    """How often a client came."""
    times = len(one.story.attempts)
    return f"{times} attempt{'' if times == 1 else 's'}"


def ended_well(one, what, outcome=RETURNED):
    """Raises Wrong unless `follow` ended as it should."""
    got = one.client.outcome
    if got == outcome == RETURNED and len(one.story.attempts) < len(one.story.steps):
        attempts = f"it returned after {len(one.story.attempts)} of {len(one.story.steps)} connections"
        raise Wrong(
            f"{what} `follow` took it for over.", expected="it comes back until the feed closes with 1000", got=attempts
        )
    if got == outcome:
        return
    if not got:
        got = f"it had not ended after {ENOUGH:g} s: {tried(one)}"
    elif one.client.error:
        got = one.client.error
    raise Wrong(
        f"{what} How did `follow` end?", expected="it returns" if outcome == RETURNED else f"raises {outcome}", got=got
    )


def delivered_well(one, what):
    """Raises Wrong unless each item was delivered once, in order."""
    got, want = one.client.delivered, one.story.wanted
    if got == want:
        return
    ids = [item.get("id") if isinstance(item, dict) else item for item in got]
    wanted = [item["id"] for item in want]
    missing = [number for number in wanted if number not in ids]
    double = sorted({number for number in ids if ids.count(number) > 1}, key=str)
    if missing:
        raise Wrong(
            f"{what} An item was never delivered.",
            expected=f"all from {wanted[0]} to {wanted[-1]}",
            got=f"{missing[0]} is missing",
        )
    if double:
        raise Wrong(
            f"{what} An item was delivered more than once.",
            expected="each item once",
            got=f"{double[0]} came {ids.count(double[0])} times",
        )
    if ids != wanted:
        raise Wrong(f"{what} The order is not the feed's.", expected=str(wanted)[:80], got=str(ids)[:80])
    wrong = next((mine, theirs) for mine, theirs in zip(got, want, strict=True) if mine != theirs)
    raise Wrong(f"{what} An item is not what the feed sent.", expected=wrong[1], got=str(wrong[0])[:80])


@keeps("once-in-order", "ends-at-1000")
@points(1)
@hint(
    "`unix_connect(path, uri)` opens the connection. Each message is text with JSON in it; `deliver` is an ordinary function."
)
def test_follows(told):
    """Each item of the feed is delivered, as the feed sent it, and when the feed closes with 1000, `follow` returns."""
    (one,) = told["plain"]
    if not one.story.attempts:
        raise Wrong("Nobody connected to the feed.", expected="an attempt", got=one.client.error or "none")
    if one.story.asked[0] != one.story.first:
        raise Wrong(
            "The client asked for the wrong items.",
            expected=f"?after={one.story.first}",
            got=f"after={one.story.asked[0]}",
        )
    delivered_well(one, "A feed sent five items and closed with 1000.")
    ended_well(one, "A feed sent five items and closed with 1000.")
    if len(one.story.attempts) > 1:
        raise Wrong("The feed was over (1000).", expected="no further attempt", got=tried(one))


@keeps("goes-on", "once-in-order")
@after("test_follows")
@points(2)
@hint(
    "`async for` ends quietly with 1000, and also with 1001. Which of the two means that the feed is over?",
    "Around a restart the feed may send an item twice. What do you compare its `id` with?",
    "After which id do you ask in the second attempt? The library's own loop asks with the same URI again.",
)
def test_goes_on_where_it_was(told):
    """After each end (no close frame, half a frame, 1001, 1011, 1012) it comes back and asks for what follows its last item: none is missing, none comes twice, the order stays."""
    (one,) = told["cuts"]
    what = "A feed was cut, restarted, cut in the middle of a frame, and so on."
    ended_well(one, what)
    delivered_well(one, what)
    wanted = [one.story.first + sent for sent in (0, 3, 7, 9, 12, 14)]
    for asked, want in zip(one.story.asked, wanted, strict=True):
        if asked != want:
            raise Wrong(
                f"{what} The client asked again for items that it had.", expected=f"?after={want}", got=f"after={asked}"
            )


@keeps("not-put-off")
@after("test_follows")
@points(1)
@hint(
    "What does `unix_connect` raise when the handshake is answered with 503, and what when there is no answer at all?",
    "`InvalidStatus` has a `response.status_code`; `InvalidHandshake` and `EOFError`, `OSError`, `TimeoutError` are the others.",
)
def test_is_not_put_off(told):
    """A feed that answers 429, 500, 502, 503, 504, ends the connection before its answer, or closes at once, is tried again until it serves."""
    for one in told["bad"]:
        what = f"A feed failed {len(one.story.steps) - 1} times in different ways and then served."
        delivered_well(one, what)
        ended_well(one, what)


@keeps("waits-drawn")
@points(2)
@hint(
    "Thirty clients lost the same server in the same moment. With the same waits, when do they all come back?",
    "`random.uniform(0, longest)` or `random.uniform(longest / 2, longest)`, drawn anew before each attempt.",
)
def test_waits_are_drawn(told):
    """Before each attempt the wait is drawn: of 30 clients, those that wait long wait at least 1.5 times as long as those that wait briefly."""
    if short := [one for one in told["herd"] if len(one.waits) < 4]:
        got = tried(short[0])
        raise Wrong("A feed answered 503 four times.", expected="five attempts of each client", got=got)
    tenths = []
    for number in (1, 2, 3):
        waits = sorted(one.waits[number] for one in told["herd"])
        tenths.append((waits[HERD // 10], waits[-1 - HERD // 10]))
    short, long = sorted(tenths, key=lambda pair: pair[1] / pair[0])[1]
    if long < SPREAD * short:
        why = f"{HERD} clients waited for their next attempt, all for nearly the same time."
        expected = "one in ten waits 1.5 times as long as another one in ten"
        raise Wrong(why, expected=expected, got=f"{short:.2f} s and {long:.2f} s")


@keeps("waits-grow")
@points(2)
@hint(
    "How long is the wait after the first failure, and after the fourth?",
    "Doubled with each failure: `first * 2**failures`. What is a failure? Also a connection that was accepted and closed before an item came.",
)
def test_waits_grow(told):
    """The first wait is at most 0.5 s, and it grows with each failure in a row, refused or accepted and closed at once: on average the fourth is at least twice the first."""
    for about, what in (("herd", "answered 503"), ("opens", "accepted and closed with 1013 at once")):
        if short := [one for one in told[about] if len(one.waits) < 4]:
            raise Wrong(f"A feed {what}, four times.", expected="five attempts", got=tried(short[0]))
        first, fourth = (statistics.mean(one.waits[number] for one in told[about]) for number in (0, 3))
        if first > FIRST + BUSY / 2:
            raise Wrong(
                f"A feed {what}, for the first time.", expected=f"a wait of at most {FIRST:g} s", got=f"{first:.2f} s"
            )
        if fourth < GROWTH * first:
            why = f"A feed {what}, four times. The waits do not grow."
            raise Wrong(
                why,
                expected=f"the fourth at least {GROWTH * first:.2f} s",
                got=f"the first {first:.2f} s, the fourth {fourth:.2f} s",
            )


@keeps("waits-bounded", "waits-anew")
@points(1)
@hint(
    "`min(longest, …)` bounds what doubles.",
    "An item came: what has happened before is forgotten. Which variable says so?",
)
def test_waits_are_bounded(told):
    """No wait is longer than 1 s, however many failures there were, and after an item it begins anew with a short one."""
    for one in told["long"]:
        delivered_well(one, "A feed answered 502 six times.")
        if (longest := max(one.waits, default=0.0)) > LONGEST + BUSY:
            raise Wrong(
                "A feed answered 502 six times.", expected=f"no wait over {LONGEST:g} s", got=f"{longest:.2f} s"
            )
    for one in told["again"]:
        delivered_well(one, "A feed failed four times, sent an item, and was cut.")
        if len(one.waits) < 5:
            raise Wrong("A feed was cut after an item.", expected="another attempt", got="none")
    after_item, before = (statistics.mean(one.waits[number] for one in told["again"]) for number in (4, 3))
    if after_item > max(FIRST, 0.75 * before):
        why = "A feed failed four times, sent an item, and was cut. The wait after that is as if it had failed five times."
        raise Wrong(why, expected=f"at most {FIRST:g} s, as after the first failure", got=f"{after_item:.2f} s")


@keeps("retry-after")
@points(1)
@hint("A server that is asked too often says how long to wait. Which header of its answer has the seconds?")
def test_waits_as_it_is_told(told):
    """After 429 or 503 with `Retry-After: N` it waits at least N seconds."""
    for one, status, seconds in zip(told["told"], (429, 503), (1, 2), strict=True):
        what = f"A feed answered {status} with Retry-After: {seconds}."
        ended_well(one, what)
        if (wait := one.waits[0]) < seconds:
            raise Wrong(what, expected=f"the next attempt after {seconds} s", got=f"after {wait:.2f} s")


@keeps("gives-up")
@points(2)
@hint(
    "Which of the answers will be the same tomorrow? Trying again does not mend them.",
    "Close code 1008 says: you broke a rule.",
)
def test_gives_up(told):
    """At 401, 403, 404 and at close code 1008 it raises `GaveUp`, at once."""
    for one, what in zip(
        told["hopeless"], ("answered 401", "answered 403", "answered 404", "closed with 1008"), strict=True
    ):
        ended_well(one, f"A feed {what}.", GAVE_UP)
        delivered_well(one, f"A feed {what}.")
        if len(one.story.attempts) > 1:
            raise Wrong(f"A feed {what}.", expected="no further attempt", got=tried(one))


@keeps("lost", "quiet")
@points(2)
@hint(
    "A connection over which nothing comes may be quiet, or lost. Which of the library's times find out, and how long do they take together?",
    "`ping_interval`, `ping_timeout` and `close_timeout`: all three.",
)
def test_notices_a_lost_feed(told):
    """A feed that is silent and answers no ping is given up within 3 seconds; one that is silent and answers pings is not."""
    (lost,), (quiet,) = told["lost"], told["quiet"]
    what = "A feed fell silent, as if its cable were pulled."
    if len(lost.story.attempts) < 2:
        raise Wrong(what, expected=f"a new attempt within {SILENT:g} s", got="none")
    if lost.waits[0] > SILENT + FIRST + BUSY:
        raise Wrong(what, expected=f"a new attempt within {SILENT:g} s", got=f"after {lost.waits[0]:.1f} s")
    delivered_well(lost, what)
    what = f"A feed said nothing for {SILENT:g} s, and answered every ping."
    delivered_well(quiet, what)
    if len(quiet.story.attempts) > 1:
        raise Wrong(what, expected="the client stays", got=tried(quiet))
