"""Checks of who-are-you: visitors with and without tokens, rights that change, tokens that end, and an outage of the accounts."""

import asyncio
import itertools
import json
import random
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.server.desk import PATIENCE, Desk, in_words, must_have_started, player, started
from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence
from labkit.kinds.websocket.instance import DoesNotListen

PATH = "/"
ORIGIN = "https://chat.example"
OVER = 4401
LATEST = 2.0  # seconds for which a token or a right counts once it was taken away
BUSY = 3.0  # seconds more, which a busy machine may take: who is wrong takes for ever
BETWEEN = 0.1  # seconds between two attempts of somebody who tries until it is as it should be
FORBIDDEN, LATER = {"type": "error", "code": "forbidden"}, {"type": "error", "code": "later"}


class Chat(Desk):
    """The answer's server with its accounts, and members whose names nobody knows before. They show their tokens in turn in both ways."""

    def __init__(self, sandbox, text):
        super().__init__(sandbox, text)
        self.ways = itertools.cycle(("cookie", "bearer"))

    async def member(self, user="", rooms=(), actions="read write"):
        """Somebody with a token and with rights, who is let in. Raises Refused."""
        user = user or name("user")
        self.accounts.allow(user, actions, *rooms)
        token = self.accounts.issue(user)
        client = await self.client(PATH, headers=[*shown(token, next(self.ways)), ("Origin", ORIGIN)])
        return Member(client, user, token)

    async def must_refuse(self, status, what, headers=(), target=PATH):
        """Raises Wrong unless a request is answered with one of these statuses; also where the answer has a token in it."""
        wanted = status if isinstance(status, tuple) else (status,)
        expected = f"status {' or '.join(map(str, wanted))}"
        try:
            await self.client(target, headers=headers)
        except Refused as error:
            if error.status not in wanted:
                raise Wrong(f"{what}.", expected=expected, got=error) from None
            self.must_not_tell(str(error.head) + error.body.decode("latin-1"), f"{what}. The answer, {error.status},")
        else:
            raise Wrong(f"{what}, and was let in.", expected=expected, got="status 101")

    def must_not_tell(self, text, where):
        """Raises Wrong where a token is in a text."""
        if told := next((token for token in self.accounts.issued if token in text), ""):
            line = next((line for line in text.splitlines() if told in line), text)
            at = line.find(told)
            got = f"{line[max(0, at - 60) : at]}TOKEN"
            raise Wrong(f"{where} has a token in it.", expected="no token", got=got)


@dataclass
class Member:
    """Somebody who is connected."""

    client: Client
    user: str
    token: str
    joined: set[str] = field(default_factory=set)  # rooms that it has asked to join

    def send(self, **message):
        """Sends a message."""
        self.client.send(json.dumps(message))

    async def told(self, what="A client waited for a message.", expected="a message"):
        """The next message. Raises Wrong."""
        try:
            message = await self.client.receive(PATIENCE)
        except Silence:
            raise Wrong(what, expected=expected, got="no message") from None
        except Ended as error:
            raise Wrong(
                what, expected=f"{expected}, and the connection stays", got=f"close code {error.ending}"
            ) from None
        try:
            found = json.loads(message.content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            got = f"{message.content[:80]!r}"
            raise Wrong("A message of the server is no JSON object.", expected='{"type": …}', got=got)
        if found.get("type") == "said" and found.get("room") not in self.joined:
            why = "A client heard what was said in a room that it had not joined."
            raise Wrong(why, expected="nothing of it", got=short(found))
        return found

    async def must_be_told(self, expected, what):
        """Raises Wrong unless this is the next message."""
        got = await self.told(what, short(expected))
        if got != expected:
            raise Wrong(what, expected=short(expected), got=short(got))

    def asks_to_join(self, room):
        """Sends the message; whether it may, its caller knows."""
        self.joined.add(room)
        self.send(type="join", room=room)

    async def joins(self, room):
        """Joins a room, in which it may read. Raises Wrong."""
        self.asks_to_join(room)
        await self.must_be_told(
            {"type": "joined", "room": room}, "A client asked to join a room in which it has the right to read."
        )

    async def says(
        self, room, *, to=(), text="", what="A member said something in a room that another one had joined.", **more
    ):
        """Says something, and those must hear it next. Raises Wrong."""
        text = text or name("text")
        self.send(**{**more, "type": "say", "room": room, "text": text})
        for hearer in to:
            await hearer.must_be_told(said(room, self, text), what)
        return text

    async def must_have_heard_nothing(self, room, what):
        """Raises Wrong unless the next message is the answer to its own join of another room, in which it has the right to read."""
        self.asks_to_join(room)
        got = await self.told()
        if got != {"type": "joined", "room": room}:
            raise Wrong(what, expected="nothing", got=short(got))


def said(room, member, text):
    """What everybody hears of a text."""
    return {"type": "said", "room": room, "from": member.user, "text": text}


def shown(token, how=""):
    """The headers that carry a token: one of the two ways."""
    how = how or random.choice(("bearer", "cookie"))
    return [
        ("Authorization", f"Bearer {token}") if how == "bearer" else ("Cookie", f"theme=dark; session={token}; size=2")
    ]


def name(what):
    """A name that nobody knows before."""
    return f"{what} {secrets.token_hex(4)}"


def short(message):
    """A message as it is told."""
    return json.dumps(message, ensure_ascii=False)[:160]


async def eventually(attempt, what, expected):
    """Tries until `attempt()` says that it is so; what it says else is what is told when that is not soon. Raises Wrong."""
    until = time.monotonic() + LATEST + BUSY
    while (got := await attempt()) is not True:
        if time.monotonic() > until:
            raise Wrong(what, expected=f"{expected} within {LATEST:g} s", got=got)
        await asyncio.sleep(BETWEEN)


async def must_be_over(member, what):
    """Raises Wrong unless the client is closed with 4401 in time."""
    expected = f"close code {OVER} within {LATEST:g} s"
    try:
        ending = await member.client.ended(LATEST + BUSY)
    except Silence:
        raise Wrong(what, expected=expected, got=f"it is still connected after {LATEST + BUSY:g} s") from None
    if ending.code != OVER:
        raise Wrong(what, expected=expected, got=f"close code {ending}")


def must_be_there(member, what):
    """Raises Wrong where the client was let go."""
    if member.client.ending:
        raise Wrong(what, expected="it stays", got=f"close code {member.client.ending}")


@dataclass
class Printed:
    """What a server printed, and what it should have."""

    text: str = ""
    wanted: Counter = field(default_factory=Counter)
    wrong: Wrong | None = None


async def over(chat):
    """Tokens that end in two ways, of people who say nothing; and others, which do not."""
    room = name("ward")
    quiet, twin = await chat.member(rooms=[room]), await chat.member()
    await quiet.joins(room)
    ending = await chat.member(user=twin.user)
    brief = await chat.member()
    chat.accounts.revoke(ending.token)
    chat.accounts.lasts(brief.token, 0.5)
    await must_be_over(ending, "A client that said nothing had its token revoked.")
    await must_be_over(brief, "A client that said nothing had a token that expired.")
    must_be_there(twin, "A token was revoked, and the same user had another one.")
    must_be_there(quiet, "Tokens of other users ended.")
    await quiet.says(room, to=[quiet], what="Tokens of other users ended; then a member said something.")


async def outage(sandbox, text):
    """The accounts are gone for a while. Returns what the server printed; raises Wrong."""
    async with Chat(sandbox, text) as chat:
        printed = Printed()
        try:
            with in_words(PATH):
                await live_through_outage(chat, printed)
        except Wrong as error:
            printed.wrong = error
        chat.instance.terminate()
        if not (finished := await chat.instance.ended(PATIENCE)):
            chat.instance.kill()
            finished = await chat.instance.ended(PATIENCE)
        printed.text = finished.stdout + finished.stderr if finished else ""
        for client in chat.clients:
            if client.ending:
                printed.text += f"\nclose reason: {client.ending.reason}"
    return printed, chat


async def live_through_outage(chat, printed):
    """See above."""
    room = name("ward")
    one, other, dismissed = [await chat.member(rooms=[room]) for _ in range(3)]
    for member in (one, other):
        await member.joins(room)
    printed.wanted.update([one.user, other.user, dismissed.user])
    newcomer = chat.accounts.issue(name("user"))
    await chat.must_refuse(401, "A request came with a token that nobody has", shown(secrets.token_urlsafe(24)))

    chat.accounts.is_down = True
    chat.accounts.revoke(dismissed.token)
    down = time.monotonic()
    await chat.must_refuse(503, "A request came while the accounts could not be reached", shown(newcomer))

    async def is_put_off():
        text = await one.says(room)
        got = await one.told()
        if got == said(room, one, text):
            await other.told()  # by what `may` said a moment ago
        return got == LATER or short(got)

    what = "A member said something while the accounts could not be reached."
    await eventually(is_put_off, what, short(LATER))
    await asyncio.sleep(max(0.0, down + LATEST + 0.2 - time.monotonic()))  # so that everybody has asked in vain
    for member in (one, other, dismissed):
        must_be_there(member, "The accounts could not be reached for two seconds, and a client lost its connection.")

    chat.accounts.is_down = False
    await must_be_over(dismissed, "A token was revoked while the accounts could not be reached; then they were back.")

    async def is_heard():
        text = await one.says(room)
        got = await one.told()
        if got == said(room, one, text):
            await other.must_be_told(got, "The accounts are back, and a member said something.")
            return True
        return short(got)

    await eventually(is_heard, "The accounts are back, and a member said something.", "it is heard")
    back = await chat.member(rooms=[room])
    await back.joins(room)
    printed.wanted.update([back.user])


@pytest.fixture(scope="module")
def entered(stage, sandbox, text):
    """A chat, or the error that starting it came to."""
    return started(stage, Chat(sandbox, text))


@pytest.fixture(scope="module")
def scenes(stage, sandbox, text, entered):
    """What takes seconds, begun together."""
    if isinstance(entered, AnswerError):
        return {}
    return {"over": stage.begin(over(entered)), "outage": stage.begin(outage(sandbox, text))}


@pytest.fixture
def chat(entered, scenes):
    """A chat that is open."""
    return must_have_started(entered)


@pytest.fixture
def play(stage):
    """Plays a scene to its end; what goes wrong in it is told to the server's author."""
    return player(stage, PATH)


@keeps("token")
@points(2)
@hint(
    "`process_request=` is called with the connection and the request; it may be `async`, and what `connection.respond(401, text)` returns is the answer.",
    "A cookie header holds several cookies. `http.cookies.SimpleCookie` reads it.",
)
def test_lets_in_by_token(chat, play):
    """A request with a good token, as bearer or in the cookie `session`, is let in; one without, or with an unknown, expired or revoked one, is answered with 401."""

    async def scene():
        token = chat.accounts.issue(name("user"))
        for how in ("bearer", "cookie"):
            try:
                await chat.client(PATH, headers=shown(token, how))
            except Refused as error:
                where = (
                    "Authorization: Bearer TOKEN" if how == "bearer" else "Cookie: theme=dark; session=TOKEN; size=2"
                )
                raise Wrong(
                    f"A request had a good token in `{where}`, and no `Origin`.", expected="status 101", got=error
                ) from None
        gone, expired = chat.accounts.issue(name("user")), chat.accounts.issue(name("user"))
        chat.accounts.revoke(gone)
        chat.accounts.lasts(expired, 0)
        bad = {
            "no token": [],
            "an unknown token": shown(secrets.token_urlsafe(24)),
            "a revoked token": shown(gone),
            "an expired token": shown(expired),
            "an empty cookie": [("Cookie", "session=")],
            "a good token in another cookie": [("Cookie", f"theme={token}")],
        }
        for what, headers in bad.items():
            await chat.must_refuse(401, f"A request came with {what}", headers)

    play(scene())


@keeps("not-in-url")
@after("test_lets_in_by_token")
@points(1)
@hint("Who else reads a URL? The proxy, its log, and whoever keeps that.")
def test_takes_no_token_from_the_url(chat, play):
    """A good token in the URL, and nowhere else, is answered with 401."""

    async def scene():
        token = chat.accounts.issue(name("user"))
        for target in (f"/?token={token}", f"/{token}", f"/?session={token}"):
            await chat.must_refuse(401, "A request had a good token in its URL only", target=target)

    play(scene())


@keeps("origin")
@after("test_lets_in_by_token")
@points(1)
@hint(
    "A header of the request says which page sent it. Compare all of it: what does `startswith` make of `https://chat.example.evil.example`?",
    "No `Origin` at all is another thing than a wrong one.",
)
def test_compares_the_origin(chat, play):
    """A request with a good token from a page of another origin is answered with 403; from the own one, or from no page, it is let in."""

    async def scene():
        token = chat.accounts.issue(name("user"))
        for origin in ("https://pizza.example", "https://chat.example.pizza.example", "http://chat.example", "null"):
            what = f"A request with a good token came with `Origin: {origin}`"
            await chat.must_refuse(403, what, [*shown(token), ("Origin", origin)])
        for headers in ([("Origin", ORIGIN)], []):
            try:
                await chat.client(PATH, headers=[*shown(token), *headers])
            except Refused as error:
                what = f"`Origin: {ORIGIN}`" if headers else "no `Origin`"
                raise Wrong(
                    f"A request with a good token came with {what}.", expected="status 101", got=error
                ) from None

    play(scene())


@keeps("rooms", "from")
@after("test_lets_in_by_token")
@points(2)
@hint(
    "Which connections have joined which room? A dictionary of sets.",
    "Who somebody is, you know from the handshake. `connection.user = …` keeps it.",
)
def test_says_it_to_the_room(chat, play):
    """What is said reaches everybody who joined the room, and nobody else, once and in order; `from` is whose token it is, also when the message says another one."""

    async def scene():
        here, there, own = name("ward"), name("ward"), name("ward")
        ada, bob = [await chat.member(rooms=[here, there, own]) for _ in range(2)]
        outside = await chat.member(rooms=[here, there, own])
        for member in (ada, bob):
            await member.joins(here)
        await bob.joins(there)
        await outside.joins(there)
        for _ in range(5):
            await ada.says(here, to=[ada, bob])
        await ada.says(
            there, to=[bob, outside], what="A client said something in a room that it had not joined, but may write in."
        )
        await outside.says(here, to=[ada, bob])
        what = "A message was sent with a field `from` of another user."
        await ada.says(here, to=[ada, bob], what=what, **{"from": bob.user, "user": bob.user})
        for member in (ada, bob, outside):
            await member.must_have_heard_nothing(
                own, "A client heard something of a room that it had not joined, or twice."
            )

    play(scene())


@keeps("rights")
@after("test_says_it_to_the_room")
@points(2)
@hint("`await may(user, action, room)`: which action does each of the two messages need?")
def test_asks_for_rights(chat, play):
    """To join needs the right to read, to say needs the right to write; without it the answer is the error `forbidden`, nobody hears it, and the connection goes on."""

    async def scene():
        room, own = name("ward"), name("ward")
        member = await chat.member(rooms=[room, own])
        await member.joins(room)
        reader = await chat.member(rooms=[room], actions="read")
        writer = await chat.member(rooms=[room], actions="write")
        nobody = await chat.member(rooms=[own])
        tries = {
            "A client with the right to read, but not to write, said something.": (reader, "say"),
            "A client with the right to write, but not to read, asked to join.": (writer, "join"),
            "A client without a right said something.": (nobody, "say"),
            "A client without a right asked to join.": (nobody, "join"),
        }
        for what, (one, kind) in tries.items():
            one.send(type=kind, room=room, text="hello")
            await one.must_be_told(FORBIDDEN, what)
        await reader.joins(room)
        await writer.says(
            room, to=[member, reader], what="A client with the right to write, but not to read, said something."
        )
        await nobody.must_have_heard_nothing(own, "A client without a right heard what was said.")
        await member.must_have_heard_nothing(own, "A client heard what somebody said who has no right to.")

    play(scene())


@keeps("rights-change")
@after("test_asks_for_rights")
@points(2)
@hint(
    "When did you ask for the right to read: at the join? Now it is an hour later.",
    "Before a text goes out, which of the members may still read?",
)
def test_rights_change(chat, play):
    """A right that is taken away, or given, counts 2 seconds later at the latest: for saying, for joining, and for what a member hears."""

    async def scene():
        room, own = name("ward"), name("ward")
        ada, bob, eve = [await chat.member(rooms=[room, own]) for _ in range(3)]
        for member in (ada, bob, eve):
            await member.joins(room)
        chat.accounts.forbid(bob.user, "write", room)
        await must_lose_the_word(bob, [ada, eve], room)
        await bob.must_have_heard_nothing(own, "A client heard something else than what was said.")
        chat.accounts.forbid(eve.user, "read", room)
        await must_hear_no_more(ada, eve, room, own)
        chat.accounts.forbid(bob.user, "read", room)
        chat.accounts.allow(bob.user, "write", room)
        await must_get_the_word(bob, ada, room)

    play(scene())


async def must_lose_the_word(member, others, room):
    """Raises Wrong unless a member who may no longer write is told so soon, and is heard by the others until then."""

    async def is_forbidden():
        text = await member.says(room)
        got = await member.told()
        if got == said(room, member, text):
            for other in others:
                await other.must_be_told(got, "A member said something.")
        return got == FORBIDDEN or short(got)

    await eventually(is_forbidden, "A member's right to write was taken away, and it said something.", short(FORBIDDEN))


async def must_get_the_word(member, hearer, room):
    """Raises Wrong unless a member who may write again is soon heard by one who has joined. Returns what was heard."""
    heard = {}

    async def is_heard():
        text = await member.says(room)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if hearer.client.waiting:
                heard.update(await hearer.told())
                return heard == said(room, member, text) or short(heard)
            if member.client.waiting and (got := await member.told()).get("type") == "error":
                return short(got)
            await asyncio.sleep(BETWEEN / 5)
        return "nothing"

    await eventually(is_heard, "A member got the right to write, and said something.", "it is heard")
    return heard


async def must_hear_no_more(speaker, member, room, own):
    """Raises Wrong unless a member who may no longer read soon hears nothing more."""
    heard = []

    async def is_deaf():
        text = await speaker.says(room, to=[speaker])
        await speaker.says(room, to=[speaker])  # the one before has reached everybody by now
        member.asks_to_join(own)
        while (got := await member.told()) != {"type": "joined", "room": own}:
            heard.append(got.get("text"))
        return text not in heard or "it hears what is said"

    what = "A member's right to read was taken away, and another one said something."
    for _ in range(2):  # twice in a row: once may be by chance
        await eventually(is_deaf, what, "it hears no more of it")


@keeps("over", "others-stay")
@after("test_lets_in_by_token")
@points(3)
@hint(
    "Who asks for a client that says nothing? Something must, while its handler waits for a message.",
    "A task for each connection, or one for all of them, that asks `identify` again, more than once in two seconds.",
    "`connection.close(4401)` can be called from any task.",
)
def test_ends_what_is_over(scenes, play):
    """A client whose token expired or was revoked is closed with 4401 within 2 seconds, also when it says nothing; all others stay, the same user's other connection, too."""
    play(scenes["over"])


@keeps("outage", "afterwards")
@after("test_ends_what_is_over", "test_says_it_to_the_room")
@points(3)
@hint(
    "`ConnectionError` may come out of each `await identify(…)` and `await may(…)`. What happens to the task that asks again and again when it is not caught?",
    "In `process_request`, an exception is answered with 500.",
)
def test_lives_through_an_outage(scenes, play):
    """While the accounts cannot be reached, requests are answered with 503 and messages with `later`, and nobody is let go; when they are back, so is all else, and what was revoked meanwhile ends."""
    printed, _ = play(scenes["outage"])
    if printed.wrong:
        raise printed.wrong


@keeps("log", "no-token")
@after("test_lets_in_by_token")
@points(2)
@hint(
    '`print("in", connection.user, flush=True)`.',
    "What does the library write to stderr when `process_request` or a handler raises? And what is in the text of that error?",
)
def test_keeps_tokens_to_itself(scenes, play):
    """For each client that is let in it prints `in USER`; and no token is in what it prints, also when the accounts cannot be reached."""
    printed, chat = play(scenes["outage"])
    found = Counter(line.strip() for line in printed.text.splitlines())
    for user, count in printed.wanted.items():
        if (got := found[f"in {user}"]) != count:
            raise Wrong(f"A client of {user!r} was let in.", expected=f"{count} × `in {user}`", got=f"{got} ×")
    chat.must_not_tell(printed.text, "What the server prints, or tells as a reason,")
