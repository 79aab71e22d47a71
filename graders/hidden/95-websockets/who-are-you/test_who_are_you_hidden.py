"""Hidden checks of who-are-you: near misses, many connections of one token, names that are odd, and what happens in an outage besides."""

import asyncio
import random
import secrets

import pytest
from test_who_are_you import (
    FORBIDDEN,
    ORIGIN,
    Chat,
    chat,
    entered,
    eventually,
    must_be_over,
    must_be_there,
    must_get_the_word,
    must_hear_no_more,
    name,
    play,
    short,
    shown,
)

from labkit.checking.checks import AnswerError, Wrong, after, keeps, points, review


@pytest.fixture(scope="module")
def scenes(stage, sandbox, text, entered):
    """What takes seconds, begun together."""
    if isinstance(entered, AnswerError):
        return {}
    return {"crowd": stage.begin(crowd(entered)), "outage": stage.begin(outage(sandbox, text))}


async def crowd(chat):
    """Five connections with one token, five with others of the same user; the one token is revoked while its owner talks."""
    room = name("ward")
    stays = [await chat.member(rooms=[room]) for _ in range(3)]
    for member in stays:
        await member.joins(room)
    first = await chat.member(rooms=[room])
    same = [first]
    for how in ("bearer", "cookie", "bearer", "cookie"):
        client = await chat.client(headers=shown(first.token, how), target="/")
        same.append(type(first)(client, first.user, first.token))
    others = [await chat.member(user=first.user) for _ in range(3)]
    brief = [await chat.member() for _ in range(3)]
    chat.accounts.revoke(first.token)
    for member in brief:
        chat.accounts.lasts(member.token, random.uniform(0.1, 1.0))
    talks = asyncio.create_task(keep_talking(stays, room))
    for member in same:
        await must_be_over(member, f"{len(same)} connections had the same token, and it was revoked.")
    for member in brief:
        await must_be_over(member, "The token of a client that said nothing expired.")
    await talks
    for member in [*others, *stays]:
        must_be_there(member, "Tokens of others, and another token of the same user, ended.")


async def keep_talking(members, room):
    """Everybody hears everybody, whatever happens to others."""
    for number in range(30):
        speaker = members[number % len(members)]
        await speaker.says(room, to=members, what="Tokens of others ended, and a member said something.")
        await asyncio.sleep(0.02)


async def outage(sandbox, text):
    """Two short outages; a token expires in the second one, and a right is taken away."""
    async with Chat(sandbox, text) as chat:
        room, own = name("ward"), name("ward")
        one, other = [await chat.member(rooms=[room, own]) for _ in range(2)]
        for member in (one, other):
            await member.joins(room)
        brief = await chat.member()
        for seconds in (0.3, 2.2):
            chat.accounts.is_down = True
            await chat.must_refuse((503, 401), "A request without a token came in an outage")
            what = "A request came from another origin's page in an outage"
            await chat.must_refuse((503, 403), what, [*shown(one.token), ("Origin", "https://pizza.example")])
            chat.accounts.lasts(brief.token, 1.0 if seconds > 1 else 60.0)
            await asyncio.sleep(seconds)
            for member in (one, other, brief):
                must_be_there(
                    member, "The accounts could not be reached for a moment, and a client lost its connection."
                )
            chat.accounts.is_down = False
        chat.accounts.forbid(other.user, "read", room)
        await must_be_over(brief, "A token expired while the accounts could not be reached; then they were back.")
        await must_hear_no_more(one, other, room, own)


@keeps("origin", "token")
@after("test_compares_the_origin")
@points(2)
@review("which part of a header is compared with what, and what of it is left out")
def test_near_misses(chat, play):
    """Origins and tokens that are nearly right are refused."""

    async def scene():
        token = chat.accounts.issue(name("user"))
        other = chat.accounts.issue(name("user"))
        origins = [
            f"https://{random.randrange(10**9)}.chat.example", f"{ORIGIN}.{random.randrange(10**9)}.example", f"https://x{random.randrange(10**6)}chat.example",
            f"{ORIGIN}:{random.randint(1024, 65_000)}", f"{ORIGIN}/", "https://chat.exampl", "https://pizza.example/?https://chat.example", "file://",
        ]  # fmt: skip
        for origin in origins:
            what = f"A request with a good token came with `Origin: {origin}`"
            await chat.must_refuse(403, what, [*shown(token), ("Origin", origin)])
        for near in (token[:-1], token + "x", token.swapcase(), f"{token}.{other}", token[::-1]):
            await chat.must_refuse(401, "A request came with a token that is nearly a good one", shown(near))
        bad = [
            ("Authorization", f"Basic {token}"),
            ("Cookie", f"xsession={token}"),
            ("Cookie", f"session=x; old-session={token}"),
        ]
        for header in bad:
            await chat.must_refuse(
                401, f"A request had a good token where it counts for nothing ({header[0]})", [header]
            )
        await chat.must_refuse(
            (401, 403), "A request had neither a good token nor a good origin", [("Origin", "https://pizza.example")]
        )
        await chat.client("/", headers=[("Cookie", f"a=b; xsession={other}x; session={token}"), ("Origin", ORIGIN)])

    play(scene())


@keeps("rights", "rooms", "from")
@after("test_asks_for_rights")
@points(2)
@review("whose right is asked for, to do what, and in which room")
def test_rights_of_many(chat, play):
    """Six members with rights drawn for each of four rooms may do just what they may, and hear just what they joined."""

    async def scene():
        chance = random.Random(secrets.randbits(32))
        rooms = [name("ward"), "__class__" + name(""), f"Zimmer {name('ä€🦀')}", name("a/b?c=d&e")]
        members = [await chat.member() for _ in range(6)]
        joined = {room: [] for room in rooms}
        may_write = {room: set() for room in rooms}
        for member in members:
            for room in rooms:
                if chance.random() < 0.6:
                    chat.accounts.allow(member.user, "read", room)
                    await member.joins(room)
                    joined[room].append(member)
                else:
                    member.send(type="join", room=room)
                    await member.must_be_told(FORBIDDEN, "A client without the right to read asked to join.")
                if chance.random() < 0.6:
                    chat.accounts.allow(member.user, "write", room)
                    may_write[room].add(member.user)
        for _ in range(30):
            speaker, room = chance.choice(members), chance.choice(rooms)
            may = speaker.user in may_write[room]
            text = await speaker.says(
                room, to=joined[room] if may else [], what="A member with the right to write said something."
            )
            if not may:
                await speaker.must_be_told(FORBIDDEN, "A client without the right to write said something.")
            waiting = next((member for member in members if member.client.waiting), None)
            if waiting:
                got = short(await waiting.told())
                raise Wrong(
                    f"A text ({text}) reached somebody who had not joined, or twice.", expected="nothing", got=got
                )

    play(scene())


@keeps("rights-change")
@after("test_rights_change")
@points(2)
@review("what is asked anew, and what was remembered from before")
def test_rights_come_and_go(chat, play):
    """A right that comes, goes and comes again counts each time, for one member and not for another."""

    async def scene():
        room, own = name("ward"), name("ward")
        speaker, late, stays = (
            await chat.member(rooms=[room]),
            await chat.member(rooms=[own]),
            await chat.member(rooms=[room, own]),
        )
        for member in (speaker, stays):
            await member.joins(room)
        late.send(type="join", room=room)
        await late.must_be_told(FORBIDDEN, "A client without the right to read asked to join.")
        chat.accounts.allow(late.user, "write", room)
        heard = await must_get_the_word(late, stays, room)
        await speaker.must_be_told(heard, "A client got the right to write, and said something.")
        chat.accounts.allow(late.user, "read", room)

        async def is_in():
            late.asks_to_join(room)
            got = await late.told()
            return got == {"type": "joined", "room": room} or short(got)

        await eventually(is_in, "A client was refused in a room, got the right to read, and asked again.", "joined")
        await speaker.says(room, to=[speaker, stays, late], what="A client got the right to read, and joined.")
        chat.accounts.forbid(late.user, "read", room)
        await must_hear_no_more(speaker, late, room, own)

    play(scene())


@keeps("over", "others-stay")
@after("test_ends_what_is_over")
@points(2)
@review("a token may have several connections, and a user several tokens")
def test_ends_all_of_one_token(scenes, play):
    """All connections of a token that was revoked are closed with 4401; the same user's other ones stay, and members who talk meanwhile notice nothing."""
    play(scenes["crowd"])


@keeps("outage", "afterwards")
@after("test_lives_through_an_outage", "test_rights_change")
@points(2)
@review("what your program remembers of an outage when it is over")
def test_lives_through_two_outages(scenes, play):
    """Also after a second outage, tokens that expired in it end, and rights that were taken away count."""
    play(scenes["outage"])
