"""Hidden checks of many-rooms: bursts, odd names, a network that stalls, a database that restarts, a reader that comes back, an instance that is killed."""

import asyncio
import random
import secrets

from test_many_rooms import A, B, C, Chat, chat, entered, must_agree, must_talk, name, play

from labkit.checking.checks import Wrong, after, keeps, points, review

__all__ = ["Chat", "chat", "entered", "play"]


@keeps("rooms", "names", "order", "once")
@after("test_many_at_once", "test_skips_nothing")
@points(2)
@review("how the members of a room are found, and what a name may be")
def test_many_rooms(chat, play):
    """In eight rooms with names of all kinds, everybody hears what is said in the rooms that they joined, and the order of each speaker is kept."""

    async def scene():
        long, odd = "z" * 70 + secrets.token_hex(4), secrets.token_hex(4)
        rooms = [
            f"{long}1",
            f"{long}2",
            f"Room{odd}",
            f"room{odd}",
            f"\"; {odd} '--",
            f"Zimmer ä€🦀 {odd}",
            f" {odd} ",
            f"a%sb\\{odd}",
        ]
        chance = random.Random(secrets.randbits(32))
        people = [await chat.person(where) for where in (A, A, B, B, C, C)]
        for number, person in enumerate(people):
            for room in rooms:
                if room == rooms[number] or chance.random() < 0.6:
                    await person.joins(room)
        said = {(room, number): [] for room in rooms for number in range(len(people))}
        numbers = [[] for _ in people]
        for turn in range(96):
            speaker, room = turn % len(people), rooms[turn % len(rooms)] if turn < 48 else chance.choice(rooms)
            number, text = people[speaker].says(room)
            numbers[speaker].append(number)
            said[room, speaker].append(text)
        what = "96 messages were said in eight rooms, at all three instances at the same time."
        for person, told in zip(people, numbers, strict=True):
            await person.is_acknowledged(told, what)
        for room in rooms:
            members = [person for person in people if room in person.rooms]
            for person in members:
                await person.hears(
                    room, [text for (at, _), texts in said.items() if at == room for text in texts], what
                )
            must_agree(members, room, what)
            for number in range(len(people)):
                heard = [text for text in members[0].heard.get(room, []) if text in said[room, number]]
                if heard != said[room, number]:
                    why = f"{what} What one client said was heard in another order."
                    raise Wrong(why, expected="the order in which it was said", got="another one")

    play(scene())


@keeps("promised", "once", "again", "afterwards", "outage")
@after("test_lives_through_an_outage", "test_many_at_once", "test_skips_nothing")
@points(3)
@review("what each instance does when the database ends all of its sessions, whatever they were at")
def test_database_restarts(chat, play):
    """The database ends all sessions twice while people speak: who got no `ok` says it again, and everybody hears everything once, in one order."""

    async def scene():
        room = name("room")
        people = await chat.people(room)
        what = "The database ended all sessions while people spoke."
        for _ in range(2):
            said = [dict(person.says(room) for _ in range(12)) for person in people]
            await people[A].until(lambda said=said: len(people[A].acknowledged & said[A].keys()) >= 3, what, "ok")
            await asyncio.to_thread(chat.restart_database)
            for person, told in zip(people, said, strict=True):
                await person.repeats(room, told, f"{what} Each one who got no `ok` said it again.")
            for person in people:
                await person.hears(room, [text for told in said for text in told.values()], what)
                if person.client.ending:
                    raise Wrong(what, expected="clients stay connected", got=f"close code {person.client.ending}")
        must_agree(people, room, what)
        await must_talk(people, room, what)

    play(scene())


@keeps("stays", "bounded")
@after("test_slow_readers", "test_many_at_once")
@points(2)
@review("how far behind a client may be, and how far behind it must be before it is let go")
def test_slow_but_not_too_slow(chat, play):
    """A client that does not read while 60 messages of 0.8 MB in all come stays, and hears all of them later."""

    async def scene():
        room = name("room")
        people = [*await chat.people(room), await chat.person(A, room)]
        *awake, drowsy = people
        drowsy.client.pause()
        what = "A client did not read while 60 messages came, nine of them of 90 kB and the others short."
        said = [awake[B].says(room, name("x" * (90_000 if number < 9 else 100))) for number in range(60)]
        texts = [text for _, text in said]
        for person in awake:
            await person.hears(room, texts, what)
        await asyncio.sleep(1.5)
        drowsy.client.resume()
        await drowsy.hears(room, texts, f"{what} Then it read on.")
        must_agree(people, room, what)

    play(scene())


@keeps("promised")
@after("test_database_restarts")
@points(2)
@review("at which moment a message is acknowledged, and whom a crash takes with it")
def test_killed(chat, play):
    """An instance is killed while a client of it speaks: what was acknowledged is heard by the members at the others; the rest it says again there, and nothing is heard twice."""

    async def scene():
        room = name("room")
        a, b, c = await chat.people(room)
        said = dict(c.says(room) for _ in range(60))
        what = "An instance was killed while a client of it spoke."
        await c.until(lambda: len(c.acknowledged) >= 10, what, "ok")
        await chat.kill(C)
        while c.client.waiting:
            c.take(c.client.waiting.pop(0).content, what)
        for person in (a, b):
            await person.hears(
                room, [said[number] for number in c.acknowledged], f"{what} Some of it was acknowledged."
            )
        back = await chat.person(A, room)
        back.acknowledged |= c.acknowledged
        await back.repeats(room, said, f"{what} At another instance it said again what was not acknowledged.")
        for person in (a, b):
            await person.hears(room, said.values(), what)
        must_agree([a, b], room, what)
        await must_talk([a, b, back], room, what)

    play(scene())
