"""Checks of life-of-a-socket: a help desk's server, seen by clients that ask, leave, fall silent, and are there when it is deployed."""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.server.desk import PATH, PATIENCE, Desk, in_words, must_have_started, player, read, started
from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence
from labkit.kinds.websocket.frames import PONG, Frame, Violation
from labkit.kinds.websocket.instance import DoesNotListen
from labkit.sandbox import Finished

SILENT, GRACE = 3.0, 3.0  # seconds that the task gives: to let a silent client go, and to end after SIGTERM
BUSY = 4.5  # seconds more, which a busy machine may take: whoever is wrong takes ten, or for ever
LATE = 0.2  # seconds after which a pong still counts
AT_WORK = 0.3  # seconds after SIGTERM at which the knowledge base answers
GOING = (1001, 1012)  # going away, service restart


@dataclass
class Leavers:
    """What became of clients that left, fell silent, or were only quiet."""

    wanted: Counter = field(default_factory=Counter)  # close codes of those that left
    noted: Counter = field(default_factory=Counter)  # what the server printed
    ghost: float | None = None  # seconds until the silent one was let go
    quiet: str = ""  # how the quiet one was ended, which should not be


@dataclass
class Deploy:
    """What a deploy came to."""

    finished: Finished | None = None
    seconds: float = 0.0  # from SIGTERM to the end of the process
    ends: list[str] = field(default_factory=list)  # how the connections ended, of those that were there
    answered: bool = False
    newcomer: str = ""


async def leaving(sandbox, text, ghosts=1, seed=0):
    """Clients come and go, one falls silent, and one only says little."""
    chance = random.Random(seed)
    seen = Leavers()
    async with Desk(sandbox, text) as desk:
        quiet, *silent = [await desk.client() for _ in range(1 + ghosts)]
        quiet.answers_pings = False
        late = asyncio.create_task(pong_late(quiet))
        for client in silent:
            client.vanish()
        since = asyncio.get_running_loop().time()
        for code in (1000, chance.randint(3000, 4999), None):
            client = await desk.client()
            client.close(code, "done" if code else "")
            await client.ended(PATIENCE)
            seen.wanted[code or 1005] += 1
        (await desk.client()).cut()
        seen.wanted[1006] += 1
        with contextlib.suppress(Silence):
            for client in silent:
                await client.ended(SILENT + BUSY)
                if client.violation:  # then it was us who ended it
                    raise client.violation
            seen.ghost = asyncio.get_running_loop().time() - since
        seen.quiet = str(quiet.ending) if quiet.ending else ""
        late.cancel()
        code = chance.randint(3000, 4999)
        quiet.close(code)
        await quiet.ended(PATIENCE)
        seen.wanted[code] += not seen.quiet
        desk.instance.terminate()
        if not (finished := await desk.instance.ended(GRACE + BUSY)):
            desk.instance.kill()
            finished = await desk.instance.ended(PATIENCE)
        for line in finished.stdout.splitlines() if finished else []:
            word, _, code = line.strip().partition(" ")
            if word == "left":
                seen.noted[code.strip()] += 1
    return seen


async def pong_late(client):
    """Answers each ping, and takes a moment."""
    for number in range(1_000):
        with contextlib.suppress(Silence):
            await client.until(lambda number=number: len(client.pings) > number or client.ending, 60, "a ping")
        if client.ending:
            return
        await asyncio.sleep(LATE)
        client.send_frame(Frame(PONG, client.pings[number]))


async def deploying(sandbox, text, *, stuck=False, clients=3):
    """The server is told to stop while clients are there: one waits for an answer, which comes soon, or (`stuck`) never."""
    seen = Deploy()
    async with Desk(sandbox, text) as desk:
        idle = [await desk.client() for _ in range(clients)]
        asker = await desk.client()
        question = desk.ask(asker, hold=True)
        asked = await desk.asked(question)
        if stuck:
            (await desk.client()).vanish()
        desk.instance.terminate()
        await asyncio.sleep(AT_WORK)
        if not stuck:
            try:
                await Client.open(desk.instance.path, PATH, seconds=PATIENCE)
                seen.newcomer = "it was let in"
            except (Refused, Silence, Violation):
                pass
            asked.answer()
            with contextlib.suppress(Ended, Silence):
                seen.answered = read(await asker.receive(PATIENCE)) == (question[1], asked.text)
        seen.finished = await desk.instance.ended(GRACE + BUSY)
        seen.seconds = desk.instance.ended_at - desk.instance.told_at
        desk.instance.kill()
        seen.ends = [str(client.told[0]) if client.told else "1006" for client in [*idle, asker]]
    return seen


@pytest.fixture(scope="module")
def scenes(stage, sandbox, text):
    """What takes seconds, begun together: clients that leave, and two deploys."""
    return {
        "leaving": stage.begin(leaving(sandbox, text)),
        "deploy": stage.begin(deploying(sandbox, text)),
        "stuck": stage.begin(deploying(sandbox, text, stuck=True)),
    }


@pytest.fixture(scope="module")
def entered(stage, sandbox, text, scenes):
    """A desk, or the error that starting it came to."""
    return started(stage, Desk(sandbox, text))


@pytest.fixture
def desk(entered):
    """A desk that is open."""
    return must_have_started(entered)


@pytest.fixture
def play(stage):
    """Plays a scene to its end; what goes wrong in it is told to the server's author."""
    return player(stage)


@keeps("path")
@points(1)
@hint(
    "The handshake is an HTTP request, and has a path. Where does `unix_serve` let you look at it before the connection is open?",
    "`process_request=` is a function of the connection and the request; what `connection.respond(404, text)` returns is the answer instead of 101.",
)
def test_opens_the_desk(desk, play):
    """A client that asks for `/desk` is let in; any other path is answered with HTTP status 404."""

    async def scene():
        await desk.client()
        for path in ("/", "/desk/7", "/admin"):
            try:
                await Client.open(desk.instance.path, path, seconds=PATIENCE)
            except Refused as error:
                if error.status != 404:
                    raise Wrong(f"A client asked for {path}.", expected="status 404", got=error) from None
            else:
                raise Wrong(f"A client asked for {path}, and was let in.", expected="status 404", got="status 101")

    play(scene())


@keeps("answers")
@points(1)
@hint(
    "A message is text with JSON in it. Which `id` belongs into the answer, so that the client knows what was answered?"
)
def test_answers(desk, play):
    """Each question gets one answer, with its id and what `look_up` returned for its text."""

    async def scene():
        one, other = await desk.client(), await desk.client()
        asked = [desk.ask(one), desk.ask(one), desk.ask(other)]
        await desk.must_answer(one, *asked[:2])
        await desk.must_answer(other, asked[2])

    play(scene())


@keeps("nobody-waits")
@after("test_answers")
@points(2)
@hint(
    "While your handler awaits `look_up`, who reads the next message of this client?",
    "A task for each question: `asyncio.create_task(answer(connection, question))`. Keep the task in a set, or it may be collected before it ends.",
)
def test_one_question_holds_up_nobody(desk, play):
    """While one question is looked up, pings, other questions of the same client and other clients are answered."""

    async def scene():
        one, other = await desk.client(), await desk.client()
        held = desk.ask(one, hold=True)
        asked = await desk.asked(held)
        with whoever_waits("another client's question"):
            await desk.must_answer(other, desk.ask(other))
        with whoever_waits("a ping"):
            one.ping(b"still there?")
            await one.until(lambda: one.pongs, PATIENCE, "a pong")
        with whoever_waits("the same client's next question"):
            await desk.must_answer(one, desk.ask(one))
        asked.answer()
        await desk.must_answer(one, held)

    play(scene())


@contextlib.contextmanager
def whoever_waits(what):
    """Tells who waited for nothing."""
    try:
        yield
    except Silence:
        why = f"While one question was looked up, {what} waited."
        raise Wrong(why, expected="an answer before the other one's", got="none") from None


@keeps("binary")
@after("test_answers")
@points(1)
@hint(
    "Iterating over a connection gives `str` for text and `bytes` for binary. What does RFC 6455 call a message of a type that you cannot accept?",
    "`await connection.close(1003)`.",
)
def test_says_why_it_closes(desk, play):
    """A client that sends a binary message is told 1003, and the others go on."""

    async def scene():
        bad, good = await desk.client(), await desk.client()
        bad.send(b'{"id": 1, "text": "?"}')
        try:
            ending = await bad.ended(PATIENCE)
        except Silence:
            raise Wrong("A client sent a binary message.", expected="close code 1003", got="it stays open") from None
        if ending.code != 1003:
            raise Wrong("A client sent a binary message.", expected="close code 1003", got=f"close code {ending}")
        await desk.must_answer(good, desk.ask(good))

    play(scene())


@keeps("left")
@after("test_answers")
@points(1)
@hint(
    "What does a connection know about its end, once it is over?",
    "`connection.close_code` is the code; 1005 when the other side gave none, 1006 when there was no close frame at all.",
    "A handler that is in `async for` goes on behind the loop, or is left with an error, when the connection has ended: in both cases it must come to the line that prints.",
)
def test_notes_how_they_left(scenes, play):
    """For each connection that has ended the server prints a line `left CODE`, with the code that it was closed with."""
    seen = play(scenes["leaving"])
    for code, count in seen.wanted.items():
        got = seen.noted[str(code)]
        if got < count or (got > count and code != 1006):  # the silent one is 1006, too
            how = {1005: "without a code", 1006: "without a close frame"}.get(code, f"with {code}")
            raise Wrong(f"{count} left {how}.", expected=f"{count} × `left {code}`", got=f"{got} ×")


@keeps("silent")
@after("test_answers")
@points(2)
@hint(
    "Which of `unix_serve`'s options say how often the server looks whether a client lives, and how long it waits for the answer?",
    "A lost client costs three times: until the next ping, until its pong is overdue, and then until it answers the close frame, which it never will.",
    "`ping_interval`, `ping_timeout` and `close_timeout` together must stay below 3 seconds.",
)
def test_lets_the_silent_go(scenes, play):
    """A client that gives no sign of life any more is let go within 3 seconds."""
    seen = play(scenes["leaving"])
    if seen.ghost is None:
        got = f"it was still there after {SILENT + BUSY:g} s"
        raise Wrong(
            "A client fell silent, as if its cable were pulled.", expected=f"let go within {SILENT:g} s", got=got
        )


@keeps("quiet")
@after("test_answers")
@points(1)
@hint("Is `ping_timeout` long enough for somebody on a train?")
def test_keeps_the_quiet(scenes, play):
    """A client that says nothing, but answers pings, even 0.2 seconds late, stays."""
    seen = play(scenes["leaving"])
    if seen.quiet:
        why = f"A client answered each ping {LATE:g} s late, and was let go."
        raise Wrong(why, expected="it stays", got=f"close code {seen.quiet}")


@keeps("asked-is-answered", "nobody-new")
@after("test_answers")
@points(2)
@hint(
    "`server.close()` closes the connections at once. What can you tell it to do first?",
    "`server.close(close_connections=False)` only lets nobody in any more. Then wait for the tasks that are at a question: `asyncio.wait(tasks, timeout=1)`.",
)
def test_answers_before_it_goes(scenes, play):
    """After SIGTERM, a question that was asked before and is looked up within a second still gets its answer; nobody new is let in."""
    seen = play(scenes["deploy"])
    if not seen.answered:
        why = f"A question was being looked up at SIGTERM, and the knowledge base answered {AT_WORK:g} s later."
        raise Wrong(why, expected="the answer, then the end", got=f"no answer, close code {seen.ends[-1]}")
    if seen.newcomer:
        raise Wrong("A client came after SIGTERM.", expected="nobody listens, or status 503", got=seen.newcomer)


@keeps("told")
@after("test_answers")
@points(2)
@hint(
    "A second `server.close()` does nothing: it has been closed already. How do you reach the connections that are open?",
    "`server.connections` has them; `connection.close(1001)` tells one. Tell all of them at the same time.",
)
def test_tells_everybody(scenes, play):
    """Every client that is there at SIGTERM is told 1001 or 1012 before the process ends."""
    seen = play(scenes["deploy"])
    wrong = [code for code in seen.ends if int(code) not in GOING]
    if wrong:
        why = f"{len(wrong)} of {len(seen.ends)} clients were told something else, or nothing, at the deploy."
        raise Wrong(why, expected="close code 1001 or 1012", got=f"close code {wrong[0]}")


@keeps("ends")
@after("test_answers")
@points(2)
@hint(
    "What does your program wait for without a limit? A question that nobody answers, a client that does not answer the close frame?",
    "`wait_closed()` waits for every handler, for as long as that likes. You need not await it.",
)
def test_ends_in_time(scenes, play):
    """After SIGTERM the process has ended within 3 seconds, with status 0, also when a question gets no answer and a client says nothing."""
    for name, what in (("deploy", ""), ("stuck", ", while a question got no answer and a client was silent")):
        seen = play(scenes[name])
        if seen.finished is None:
            raise Wrong(f"The server was told to stop{what}.", expected=f"its end within {GRACE:g} s",
                        got=f"it still ran after {GRACE + BUSY:g} s, and was killed")  # fmt: skip
        if not seen.finished.ok:
            got = f"status {seen.finished.exit_code}"
            raise Wrong(f"The server was told to stop{what}.", expected="status 0", got=got)
    if wrong := [code for code in seen.ends if int(code) not in GOING]:
        why = "A client was not told, at a deploy in which another one was silent."
        raise Wrong(why, expected="close code 1001 or 1012", got=f"close code {wrong[0]}")
