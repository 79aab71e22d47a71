"""Checks of ten-thousand: a county's phones that wait for a warning, and what each of them costs the server meanwhile."""

import math
import secrets
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.server.desk import PATIENCE, Desk, in_words, must_have_started, started
from labkit.kinds.server.weight import can_weigh, weigh
from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence
from labkit.kinds.websocket.crowd import Crowd, Unheard, room
from labkit.kinds.websocket.frames import Violation
from labkit.kinds.websocket.instance import LIMITS
from labkit.sandbox.limits import MiB

FEW, MOST = 1_000, 10_000  # phones
KB = 28  # that a phone may cost
LEFT_KB = 5  # that a phone which has left may still cost: memory does not come back page by page
LARGEST = 1_000  # bytes of a text
TEXTS = 20  # that each phone says before it is weighed
SOON = 0.1  # seconds until a phone has its answer
WARNED = 3.0  # seconds until all have heard a warning
QUIET = 2.0  # seconds of silence
UNREAD = 500  # warnings of 1,000 bytes: twice what a socket and a library keep together
LONGEST = 220  # seconds that the server may run: ten times what it takes where nothing else runs
LONG_PATIENCE = 30.0  # seconds in which nothing comes to any of so many, on a machine with much else to do
WITHOUT = "This machine does not show what the server's process weighs."


def pod(phones):
    """What the server may use: for so many phones, its own files, and more memory than the task gives, so that the check can say how much it was."""
    files = room(phones) + 200
    amounts = {"memory": 384 * MiB, "addresses": 16_384 * MiB, "output": 16 * MiB, "processes": 250}
    return replace(LIMITS, seconds=LONGEST, cpu_seconds=LONGEST, open_files=files, **amounts)


class County:
    """The answer's server and so many phones, which are there as soon as somebody asks for them. Each step is done once."""

    def __init__(self, stage, sandbox, text, phones):
        self.stage, self.phones = stage, room(phones)
        self.desk = started(stage, Desk(sandbox, text, pod(phones)))
        self.stack = ExitStack()
        self.patience = PATIENCE if phones <= FEW else LONG_PATIENCE
        self.all = f"all {self.phones:,} phones"

    @property
    def path(self):
        """The server's socket. Raises AnswerError where it does not listen."""
        return must_have_started(self.desk).instance.path

    @contextmanager
    def group(self, count, target="/"):
        """So many who are let in, and leave without a word. Phones have been answered once: so the server knows of them."""
        with Crowd(self.path, target) as crowd:
            crowd.grow(count, max(self.patience, patience(count)))
            if target == "/":
                told(crowd, new_text(), max(self.patience, patience(count)))
            yield crowd

    @cached_property
    def crowd(self):
        """The phones, all of them connected."""
        assert self.empty
        crowd = self.stack.enter_context(Crowd(self.path))
        try:
            crowd.grow(self.phones, LONG_PATIENCE)
        except (Refused, Ended, Silence, Violation) as error:
            ended = isinstance(error, Ended) or (isinstance(error, Refused) and not error.head)
            got = f"{crowd.open:,} are let in; then {'connections end' if ended else error}"
            crowd.cut()
            raise Wrong(f"{self.phones:,} phones came.", expected="all are let in", got=got) from None
        return crowd

    @cached_property
    def empty(self):
        """What the server weighs when somebody has been there, and nobody is."""
        with self.group(5) as crowd:
            crowd.leave()
        return self.weight

    @property
    def weight(self):
        """What the server weighs now."""
        return weigh(must_have_started(self.desk).instance.tree)

    def must_show_its_weight(self):
        """Skips a check where this machine does not tell. Raises Wrong where the server is gone."""
        instance = must_have_started(self.desk).instance
        if not instance.is_running:
            raise Wrong("Nobody is there any more.", expected="the server lives on", got=instance.why_it_ended())
        if not can_weigh(instance.tree):
            pytest.skip(WITHOUT)

    @cached_property
    def answering(self):
        """Seconds of the clock and of the processor that it takes to answer all phones once."""
        assert self.crowd
        before, began = self.weight.seconds, time.monotonic()
        told(self.crowd, new_text())
        return time.monotonic() - began, self.weight.seconds - before

    def warn(self, text, within=math.inf):
        """The centre says it. Returns how long it took until all phones had heard it. Raises Wrong, also where it takes longer."""
        with self.group(1, "/centre") as centre:
            began = time.monotonic()
            centre.say(text)
            heard_by(self.crowd, text, LONG_PATIENCE, f"The centre sent a warning to {self.all}.", within=within)
            return time.monotonic() - began

    def kilobytes(self):
        """What a phone costs now."""
        return (self.weight.memory - self.empty.memory) / self.phones / 1e3

    def close(self):
        """All leave."""
        self.stack.close()


def patience(count):
    """Seconds in which nothing comes to any of so many clients."""
    return PATIENCE if count < FEW else LONG_PATIENCE


def leave_in_two_ways(crowd, silent):
    """So many of a crowd without a word, and the others with a close frame."""
    crowd.cut(crowd.some(silent))
    crowd.leave(LONG_PATIENCE)


def new_text(size=0):
    """What nobody has said before."""
    return secrets.token_hex(6).ljust(size, ".")


def told(crowd, text, seconds=0.0):
    """Each phone of a crowd says it and is answered. Raises Wrong."""
    crowd.say(text)
    what = f"{len(crowd):,} phones said something." if len(crowd) > 1 else "A phone said something."
    heard_by(crowd, text, seconds or patience(len(crowd)), what)


def heard_by(crowd, text, seconds, what, who=None, within=math.inf):
    """Raises Wrong unless this is the next thing that each of them hears."""
    try:
        crowd.hear(text, seconds, who, within=within)
    except Unheard as error:
        raise Wrong(what, expected=short(text), got=short(error.found)) from None
    except Silence as error:
        raise Wrong(what, expected=f"each hears {short(text)}", got=error) from None


def short(text):
    """A text as it is told."""
    return repr(text if len(text) < 40 else text[:20] + ("…" if isinstance(text, str) else b"..."))


@pytest.fixture(scope="module")
def county(stage, sandbox, text):
    """The server, and a thousand phones."""
    county = County(stage, sandbox, text, FEW)
    yield county
    county.close()


@contextmanager
def in_words_of(county):
    """What goes wrong in a check, in words for the server's author; and that its server is gone, where it is."""
    try:
        with in_words("/"):
            yield
    except (Wrong, AnswerError) as error:
        if not isinstance(county.desk, AnswerError) and (why := county.desk.instance.why_it_ended()):
            got = f"{why} Until then: {error.got}" if isinstance(error, Wrong) and "let in" in error.got else why
            raise Wrong(f"{error} The server is gone.", expected="it lives on", got=got) from None
        raise


def run(county, scene, *given):
    """Plays a scene with the server."""
    with in_words_of(county):
        return scene(county, *given)


@keeps("answers")
@points(1)
@hint(
    "`async for text in connection: await connection.send(text)`.",
    "Who is at `/centre` is no phone: `connection.request.path`.",
)
def test_answers(county):
    """What a phone says is answered with the same text, to this phone alone."""

    def scene(county):
        with county.group(1) as other, county.group(1, "/centre") as centre, county.group(1) as phone:
            for text in (new_text(), new_text(LARGEST), "Blitzeis ❄ ab 3 Uhr", new_text()):
                phone.say(text)
                heard_by(phone, text, PATIENCE, "A phone said something.")
            for crowd, who in ((other, "Another phone"), (centre, "The centre")):
                crowd.wait(0.1)
                if (found := crowd.untaken()) is not None:
                    raise Wrong(
                        f"A phone said something. {who} was there.", expected="it hears nothing", got=short(found)
                    )

    run(county, scene)


@keeps("protocol")
@after("test_answers")
@points(1)
@hint("The library does all of this by itself. What else do you read frames with?")
def test_keeps_the_protocol(stage, county):
    """Pings are answered, texts may come in fragments, and a close frame is answered with a close frame."""

    async def scene():
        phone = await Client.open(county.path, "/", compression=True, seconds=PATIENCE)
        try:
            await talk(phone)
        finally:
            phone.cut()

    run(county, lambda _: stage.run(scene()))


async def talk(phone):
    """A ping, a text in fragments and a close frame. Raises Wrong."""
    phone.ping(b"here?")
    try:
        await phone.until(lambda: phone.pongs, PATIENCE, "a pong")
    except Silence:
        raise Wrong("A phone sent a ping.", expected="a pong", got="nothing") from None
    text = "Stay inside. ".ljust(LARGEST, ".")
    phone.send(text, pieces=(12, 500))
    got = (await phone.receive(PATIENCE)).content
    if got != text:
        raise Wrong("A phone sent a text of 1,000 bytes in three fragments.", expected=short(text), got=short(got))
    phone.close(1000)
    ending = await phone.ended(PATIENCE)
    if ending.code != 1000:
        raise Wrong("A phone sent a close frame with 1000.", expected="close code 1000", got=f"close code {ending}")


@keeps("warns")
@after("test_answers")
@points(2)
@hint(
    "`broadcast(phones, text)`, where `phones` are those that are at no other path.",
    "A broadcast writes to each at once: so warnings stay in order.",
)
def test_warns_everybody(county):
    """What the centre says reaches each phone that is there, once and in order; no other centre hears it."""

    def scene(county):
        with county.group(2, "/centre") as centres, county.group(20) as phones:
            speaks, _ = centres.some(2)
            warnings = [new_text(200) for _ in range(5)]
            for text in warnings:
                centres.say(text, [speaks])
            for text in warnings:
                heard_by(phones, text, PATIENCE, "The centre sent five warnings at once. 20 phones were there.")
            for _ in warnings:
                must_be_answered(centres, speaks, "The centre sent a warning.")
            phones.wait(0.1)
            if (found := phones.untaken()) is not None:
                raise Wrong("All warnings had been heard.", expected="no more of them", got=short(found))
            centres.wait(0.05)
            if (found := centres.untaken()) is not None:
                raise Wrong(
                    "Another centre was there, and said nothing.", expected="it hears nothing", got=short(found)
                )

    run(county, scene)


def must_be_answered(centres, one, what, seconds=PATIENCE):
    """The number that this centre is answered with. Raises Wrong."""
    expected, until = "the centre is answered with the number of phones", time.monotonic() + seconds
    while not one.heard:
        centres.wait(0.005)
        if time.monotonic() > until:
            raise Wrong(what, expected=expected, got="no answer")
    if not (isinstance(found := one.heard.popleft(), str) and found.isdecimal()):
        raise Wrong(what, expected=expected, got=short(found))
    return int(found)


@keeps("counted")
@after("test_warns_everybody")
@points(1)
@hint("`finally` after the loop of a connection is where somebody is gone, however that came.")
def test_counts_who_is_there(county):
    """The centre is answered with the number of phones that are there: without those that have left, with or without a close frame."""

    def scene(county):
        with county.group(1, "/centre") as centre, county.group(10) as stay:
            with county.group(5) as polite, county.group(5):
                polite.leave(PATIENCE)
            asked_by(centre, stay, PATIENCE)

    run(county, scene)


def asked_by(centre, phones, seconds):
    """Raises Wrong unless the centre is told how many phones are there, now or a moment later: those that hung up may still be noticed."""
    until, number = time.monotonic() + seconds, len(phones)
    what = f"Phones had left, with and without a close frame, and {number:,} were there. The centre sent a warning."
    while True:
        text = new_text()
        centre.say(text)
        heard_by(phones, text, seconds, what)
        if (found := must_be_answered(centre, *centre.some(1), what, seconds)) == number:
            return
        if time.monotonic() > until:
            raise Wrong(what, expected=f"the centre is answered '{number}'", got=f"'{found}'")
        time.sleep(0.1)


@keeps("tunnel")
@after("test_warns_everybody")
@points(2)
@hint(
    "`await connection.send(…)` waits for whoever does not read, and everything after it waits, too.",
    "`broadcast` of the library writes and does not wait; so does a queue for each phone with a task of its own.",
)
def test_holds_up_nobody(county):
    """While one phone reads nothing, the others hear 500 warnings of 1,000 bytes, and the centre gets its answers."""

    def scene(county):
        with county.group(1) as tunnel, county.group(10) as phones, county.group(1, "/centre") as centre:
            assert tunnel  # it is there, and nobody reads what comes to it
            for _ in range(UNREAD // 50):
                warnings = [new_text(LARGEST) for _ in range(50)]
                for text in warnings:
                    centre.say(text)
                for text in warnings:
                    what = f"One phone reads nothing. The centre sent {UNREAD} warnings of 1,000 bytes."
                    heard_by(phones, text, PATIENCE, what)
                    must_be_answered(centre, *centre.some(1), what)

    run(county, scene)


@keeps("lets-in")
@after("test_answers")
@points(1)
@hint("What is there once for each connection, and how many of it may one process have?")
def test_lets_a_thousand_in(county):
    """1,000 phones come, and each is let in."""
    run(county, lambda county: county.crowd.wait(0.1))


@keeps("soon")
@after("test_lets_a_thousand_in")
@points(1)
@hint(
    "Who looks into a queue now and then is late by half of that. `await queue.get()` waits until something is there."
)
def test_answers_soon(county):
    """While 1,000 phones wait, one that says something is answered within a tenth of a second."""
    run(county, must_answer_soon)


def must_answer_soon(county):
    """Raises Wrong unless phones that say one thing after the other are answered in time. Of the waits only the shortest are looked at: whoever looks
    into a queue now and then has just looked when it answers, so that the next answer is always late; a busy machine is not."""
    waits = []
    for phone in county.crowd.some(5):
        for number in range(5):
            text, began = new_text(), time.monotonic()
            county.crowd.say(text, [phone])
            heard_by(county.crowd, text, PATIENCE, f"One of {county.phones:,} phones said something.", [phone])
            if number:
                waits.append(time.monotonic() - began)
    quick = sorted(waits)[len(waits) // 4]
    if quick > SOON:
        what = f"{county.all.capitalize()} were there, and some of them said one thing after the other."
        raise Wrong(
            what, expected=f"an answer within {SOON:g} s", got=f"three answers of four took {quick:.2f} s or more"
        )


@keeps("memory")
@after("test_answers_soon")
@points(3)
@hint(
    "What does a connection have that lies idle with it? Two windows of zlib, for example, if compression was agreed on.",
    "Whatever you allocate for each phone, and keep of what it says, counts ten thousand times.",
)
def test_weighs_little(county, note):
    """With 1,000 phones that have said 20 texts of 1,000 bytes, and have heard a warning, one costs at most 28 kB."""

    def scene(county):
        for _ in range(TEXTS):
            told(county.crowd, new_text(LARGEST))
        county.warn(new_text(LARGEST))
        county.must_show_its_weight()
        cost = county.kilobytes()
        note("phones", county.phones)
        note("kB", round(cost, 1))
        must_weigh(cost, county.phones)

    run(county, scene)


def must_weigh(cost, phones):
    """Raises Wrong where a phone costs too much."""
    if cost > KB:
        what = f"{phones:,} phones were there, had been answered, and had heard a warning."
        got = f"{cost:.0f} kB: ten thousand are {cost * 10:.0f} MB"
        raise Wrong(what, expected=f"a phone costs at most {KB} kB", got=got)


@keeps("rests")
@after("test_weighs_little")
@points(2)
@hint(
    "What does your server do for a phone that says nothing? A time-out that begins again each second is work, ten thousand times.",
    "The library's `async for` waits without a time-out; its keepalive asks every 20 s.",
)
def test_rests(county, note):
    """While nobody says anything, ten seconds cost the server no more processor time than answering each of its 1,000 phones once."""

    def scene(county):
        county.must_show_its_weight()
        note("busy", must_rest(county, QUIET))

    run(county, scene)


def must_rest(county, seconds):
    """Raises Wrong where silence costs the server too much. A ping that comes is as good as an answer. Returns the share of a core that it took."""
    once = county.answering[1]
    for _ in range(2):  # what was left to do from before is not counted: then once more
        pings, before, began = county.crowd.pings, county.weight.seconds, time.monotonic()
        county.crowd.wait(seconds)
        used, took = county.weight.seconds - before, time.monotonic() - began
        free = once * (took / 10 + 2 * (county.crowd.pings - pings) / county.phones) + 0.005 * took
        if used <= free:
            return round(used / took, 4)
    what = f"{county.all.capitalize()} were there, and for {took:.1f} s nobody said anything."
    expected = f"at most as much as for {county.phones // 10:,} answers a second"
    got = f"{used:.2f} s of processor time: {used / took * county.phones / once:,.0f} answers a second"
    raise Wrong(what, expected=expected, got=got)


@keeps("leaves")
@after("test_counts_who_is_there", "test_weighs_little")
@points(2)
@hint("Who still has the connection after its end? A list, a task that goes on, a dictionary of queues.")
def test_forgets_who_has_left(county):
    """2,000 phones more that have come, said something and left cost nothing any more, with or without a close frame."""

    def scene(county):
        county.must_show_its_weight()
        county.crowd.leave(LONG_PATIENCE)
        before = county.weight.memory
        for _ in range(2):
            with county.group(county.phones) as crowd:
                leave_in_two_ways(crowd, county.phones // 10)
        rest = (county.weight.memory - before) / (2 * county.phones) / 1e3
        must_be_gone(rest, 2 * county.phones)

    run(county, scene)


def must_be_gone(rest, phones):
    """Raises Wrong where phones that have left still cost something."""
    if rest > LEFT_KB:
        what = f"{phones:,} phones came, said something, and left."
        raise Wrong(what, expected="they cost nothing any more", got=f"{rest:.0f} kB each are still there")
