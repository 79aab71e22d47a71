"""Hidden checks of life-of-a-socket: more clients, other codes and moments, clients that leave in the middle of something."""

import asyncio
import contextlib
import random
import secrets

import pytest
from test_life_of_a_socket import (
    GOING,
    deploying,
    desk,
    entered,
    leaving,
    play,
)

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.server.desk import PATH, PATIENCE, Desk, read
from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence

LATER = 0.6  # seconds after SIGTERM at which the knowledge base answers here


@pytest.fixture(scope="module")
def scenes(stage, sandbox, text):
    """What takes seconds, begun together."""
    return {
        "leaving": stage.begin(leaving(sandbox, text, ghosts=3, seed=secrets.randbits(32))),
        "crowd": stage.begin(crowd(sandbox, text)),
        "empty": stage.begin(empty(sandbox, text)),
    }


async def crowd(sandbox, text):
    """A deploy with 40 clients, of whom ten wait for answers. Returns those who got none, the codes, and how the process ended."""
    async with Desk(sandbox, text) as desk:
        everybody = [await desk.client() for _ in range(40)]
        asked = {client: desk.ask(client, hold=True) for client in everybody[:10]}
        held = [await desk.asked(question) for question in asked.values()]
        desk.instance.terminate()
        await asyncio.sleep(LATER)
        for one in held:
            one.answer()
        unanswered = 0
        for (client, (_, number)), one in zip(asked.items(), held, strict=True):
            got = None
            with contextlib.suppress(Ended, Silence):
                got = read(await client.receive(PATIENCE))
            unanswered += got != (number, one.text)
        finished = await desk.instance.ended(PATIENCE)
        codes = [client.told[0] if client.told else 1006 for client in everybody]
    return unanswered, codes, finished


async def empty(sandbox, text):
    """A deploy while nobody is there; and before it somebody who came and said nothing."""
    async with Desk(sandbox, text) as desk:
        await Client.dial(desk.instance.path, PATH)
        desk.instance.terminate()
        return await desk.instance.ended(PATIENCE)


@keeps("answers", "nobody-waits")
@after("test_answers")
@points(2)
@review("what happens to a task whose client has gone: the answer cannot be sent, and nobody else may notice")
def test_who_leaves_disturbs_nobody(desk, play):
    """A client that leaves while its question is looked up disturbs nobody: all others get their answers."""

    async def scene():
        good = await desk.client()
        for leave in (lambda client: client.cut(), lambda client: client.close(1001), lambda client: client.vanish()):
            gone = await desk.client()
            held = await desk.asked(desk.ask(gone, hold=True))
            leave(gone)
            await desk.must_answer(good, desk.ask(good))
            held.answer()
            await desk.must_answer(good, desk.ask(good))

    play(scene())


@keeps("path")
@after("test_opens_the_desk")
@points(1)
@review("which parts of a path are compared, and what a query or a longer path makes of it")
def test_opens_nothing_else(desk, play):
    """Also paths that look like `/desk` are answered with 404."""

    async def scene():
        for path in (f"/desk{secrets.token_hex(2)}", "/desk/", f"/{secrets.token_hex(4)}/desk", "/PATH"):
            try:
                await Client.open(desk.instance.path, path, seconds=PATIENCE)
            except Refused as error:
                if error.status != 404:
                    raise Wrong(f"A client asked for {path}.", expected="status 404", got=error) from None
            else:
                raise Wrong(f"A client asked for {path}, and was let in.", expected="status 404", got="status 101")

    play(scene())


@keeps("answers", "nobody-waits")
@after("test_one_question_holds_up_nobody")
@points(1)
@review("many questions at a time: is each answer sent with the id of its own question?")
def test_answers_many(desk, play):
    """Thirty questions of six clients at a time get their answers, whatever the order in which they are looked up."""

    async def scene():
        clients = [await desk.client(compression=True) for _ in range(6)]
        asked = {client: [desk.ask(client, hold=True) for _ in range(5)] for client in clients}
        held = [await desk.asked(question) for several in asked.values() for question in several]
        random.Random(secrets.randbits(32)).shuffle(held)
        for one in held:
            one.answer()
        for client, several in asked.items():
            await desk.must_answer(client, *several)

    play(scene())


@keeps("left", "silent", "quiet")
@after("test_notes_how_they_left", "test_lets_the_silent_go")
@points(2)
@review("close codes on the server's side, and the three times after which a silent client is let go")
def test_other_codes_and_more_silent_ones(scenes, play):
    """Other codes are noted as they came, and three silent clients at a time are let go."""
    seen = play(scenes["leaving"])
    for code, count in seen.wanted.items():
        if code != 1006 and seen.noted[str(code)] != count:
            raise Wrong(f"{count} left with {code}.", expected=f"{count} × `left {code}`", got=seen.noted[str(code)])
    if seen.ghost is None:
        raise Wrong("Three clients fell silent.", expected="let go in time", got="still there")
    if seen.noted["1006"] != 4:
        raise Wrong("Four left without a close frame.", expected="4 × `left 1006`", got=seen.noted["1006"])


@keeps("asked-is-answered", "told")
@after("test_answers_before_it_goes", "test_tells_everybody")
@points(2)
@review("the order of a drain: nobody new, answer what was asked, tell everybody, end")
def test_a_deploy_with_a_crowd(scenes, play):
    """At a deploy with 40 clients, ten of whom wait for answers, all are answered and told."""
    unanswered, codes, finished = play(scenes["crowd"])
    if unanswered:
        why = f"Ten questions were looked up {LATER:g} s after SIGTERM."
        raise Wrong(why, expected="ten answers", got=10 - unanswered)
    if wrong := [code for code in codes if code not in GOING]:
        raise Wrong(f"{len(wrong)} of 40 clients were not told.", expected="1001 or 1012", got=wrong[0])
    if finished is None or not finished.ok:
        raise Wrong(
            "The server was told to stop.", expected="status 0", got=finished.exit_code if finished else "it runs"
        )


@keeps("ends")
@after("test_answers")
@points(1)
@review("what your program waits for when there is nothing to wait for")
def test_a_deploy_with_nobody(scenes, play):
    """A deploy while nobody asks anything ends at once, with status 0."""
    finished = play(scenes["empty"])
    if finished is None or not finished.ok:
        raise Wrong(
            "The server was told to stop.", expected="status 0", got=finished.exit_code if finished else "it runs"
        )
