"""Checks of many-rooms: three instances on one database, which is cut off and comes back, and members who do not read."""

import asyncio
import contextlib
import json
import random
import secrets
import time

import psycopg
import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.server.desk import in_words, must_have_started, player, started
from labkit.kinds.server.fleet import CONNECTIONS, NAMES, Fleet
from labkit.kinds.websocket.connection import Ended, Silence
from labkit.kinds.websocket.instance import DoesNotListen

A, B, C = range(3)
PATIENCE = 10.0  # seconds for what takes milliseconds
BACK = 5.0  # seconds after an outage, until all is as it should be
BUSY = 5.0  # seconds more, which a busy machine may take: who is wrong takes for ever
LET_GO = 5.0  # seconds until a client that is too far behind is gone
UNREAD = 5.0  # seconds for which nobody reads what is acknowledged: a reader that waits for what is open
TICK = 0.02  # seconds between two looks at what nobody tells
LARGE, FLOOD, SLOW = 100_000, 80, 20  # bytes of a message, messages, and clients that do not read them


class Chat(Fleet):
    """Three instances of the answer's server, and people whose names nobody knows before."""

    async def person(self, where, *rooms):
        """Somebody at an instance, who joins rooms. Raises Refused, Wrong."""
        person = Person(self, where, await self.client(where))
        for room in rooms:
            await person.joins(room)
        return person

    async def people(self, *rooms):
        """One at each instance."""
        return [await self.person(where, *rooms) for where in (A, B, C)]

    async def why(self, where):
        """Why an instance is gone, where it is."""
        await self.members[where].instance.ended(1.0)
        return self.ended()


class Person:
    """Somebody who is connected, and remembers what came."""

    def __init__(self, chat, where, client):
        self.chat, self.where, self.client = chat, where, client
        self.rooms = set()  # that it has asked to join
        self.joined, self.acknowledged, self.put_off = set(), set(), set()
        self.heard = {}  # room → texts, in their order

    def __str__(self):
        return f"a client of instance {NAMES[self.where]}"

    def send(self, **message):
        """Sends a message."""
        self.client.send(json.dumps(message))

    def says(self, room, text="", number=""):
        """Says something. Returns its id and its text."""
        number, text = number or secrets.token_hex(6), text or name("text")
        self.send(type="say", id=number, room=room, text=text)
        return number, text

    async def joins(self, room):
        """Joins a room. Raises Wrong."""
        self.rooms.add(room)
        self.send(type="join", room=room)
        expected = short({"type": "joined", "room": room})
        await self.until(lambda: room in self.joined, "A client asked to join a room.", expected)

    async def until(self, done, what, expected, seconds=PATIENCE, got=lambda: "no such message"):
        """Takes what comes until it is done. Raises Wrong."""
        until = time.monotonic() + seconds
        while not done():
            try:
                self.take((await self.client.receive(max(0.0, until - time.monotonic()))).content, what)
            except Silence:
                raise Wrong(what, expected=expected, got=got()) from None
            except Ended as error:
                ended = await self.chat.why(self.where) or f"{self}: close code {error.ending}"
                raise Wrong(what, expected=f"{expected}, and the connection stays", got=ended) from None

    def take(self, content, what=""):
        """Remembers a message. Raises Wrong where it is none, or should not have come."""
        match message_of(content):
            case {"type": "joined", "room": str(room)}:
                self.joined.add(room)
            case {"type": "ok", "id": str(number)}:
                self.acknowledged.add(number)
            case {"type": "later", "id": str(number)}:
                self.put_off.add(number)
            case {"type": "said", "room": str(room), "text": str(text)}:
                self.hear(room, text, what)
            case found:
                got = short(found) if found else f"{content[:80]!r}"
                expected = "joined, ok, later or said, with its fields"
                raise Wrong("A message of the server is none of the protocol.", expected=expected, got=got)

    def hear(self, room, text, what):
        """Remembers what was said. Raises Wrong where it is not this client's, or came before."""
        if room not in self.rooms:
            why = "A client heard what was said in a room that it had not joined."
            raise Wrong(why, expected="nothing of it", got=short({"type": "said", "room": room, "text": text}))
        if text in self.heard.setdefault(room, []):
            raise Wrong(f"{what} Then {self} heard a message again.", expected="each message once", got="twice")
        self.heard[room].append(text)

    async def hears(self, room, texts, what, seconds=PATIENCE):
        """Waits until all of these were heard. Raises Wrong."""
        missing = set(texts)

        def done():
            missing.difference_update(self.heard.get(room, ()))
            return not missing

        count = len(missing)
        expected = f"{self} hears {'it' if count == 1 else f'all {count} messages'}"

        def got():
            return "it hears nothing of it" if count == 1 else f"it never hears {len(missing)} of {count}"

        await self.until(done, what, expected, seconds, got)

    async def is_acknowledged(self, numbers, what, seconds=PATIENCE):
        """Waits until all of these are. Raises Wrong."""
        wanted = set(numbers)

        def got():
            late = "`later`" if wanted & self.put_off - self.acknowledged else "no answer"
            return late if len(wanted) == 1 else f"{late} to {len(wanted - self.acknowledged)} of {len(wanted)}"

        expected = short({"type": "ok", "id": next(iter(wanted))})
        await self.until(lambda: wanted <= self.acknowledged, what, expected, seconds, got)

    async def repeats(self, room, said, what, seconds=BACK + BUSY):
        """Says each of these (id → text) again until it is acknowledged. Raises Wrong."""
        until = time.monotonic() + seconds
        while missing := {number: text for number, text in said.items() if number not in self.acknowledged}:
            self.put_off.clear()
            for number, text in missing.items():
                self.says(room, text, number)
            last = time.monotonic() > until
            try:
                await self.until(
                    lambda missing=missing: missing.keys() <= self.acknowledged | self.put_off, what, "ok", 1.0
                )
            except Wrong as wrong:
                if last or wrong.got != "no such message":
                    raise
            if last:
                await self.is_acknowledged(missing, what, 0.1)
            await asyncio.sleep(0.1)


def message_of(content):
    """A JSON object, else None."""
    with contextlib.suppress(ValueError, RecursionError):
        if isinstance(found := json.loads(content), dict):
            return found
    return None


def name(what):
    """A name that nobody knows before."""
    return f"{what} {secrets.token_hex(4)}"


def short(message):
    """A message as it is told."""
    return json.dumps(message, ensure_ascii=False)[:120]


async def must_talk(people, room, what):
    """One after the other says something, and all hear it, once and in the same order. Raises Wrong."""
    for speaker in people:
        number, text = speaker.says(room)
        told = f"{what} It was said at instance {NAMES[speaker.where]}."
        await speaker.is_acknowledged([number], told)
        for person in people:
            await person.hears(room, [text], told)


def must_agree(people, room, what):
    """Raises Wrong unless everybody heard the same in the same order."""
    first = people[0]
    for other in people[1:]:
        if (one := first.heard.get(room, [])) != (two := other.heard.get(room, [])):
            at = next((n for n, pair in enumerate(zip(one, two, strict=False)) if pair[0] != pair[1]), None)
            got = f"one of them heard {len(one)}, another one {len(two)}"
            if at is not None:
                got = f"message number {at + 1} of {first} is another one than that of {other}"
            raise Wrong(f"{what} Members of one room heard it in different orders.", expected="the same order", got=got)


class Gate:
    """Holds the INSERT of one text into `messages` until it is opened: a trigger waits for a lock that we have."""

    def __init__(self, database, text):
        self.database, self.text = database, text
        self.key = [random.randrange(2**31), random.randrange(2**31)]

    def __enter__(self):
        self.session = self.database.connect(options="-c lock_timeout=5s")
        try:
            self.session.execute("SELECT pg_advisory_lock(%s, %s)", self.key)
            self.session.execute(
                f"""CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF NEW.text = '{self.text}' THEN PERFORM pg_advisory_xact_lock_shared({self.key[0]}, {self.key[1]}); END IF;
                    RETURN NEW; END $$"""
            )
            self.session.execute("CREATE TRIGGER gate AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION gate()")
            self.admin = self.database.admin()
        except psycopg.errors.LockNotAvailable:
            self.session.close()
            why = "A session of the server keeps a lock on `messages`, seconds after its messages were acknowledged."
            raise Wrong(why, expected="its transactions end", got="one that goes on") from None
        except BaseException:
            self.session.close()
            raise
        return self

    def __exit__(self, *_):
        self.open()
        self.session.execute("DROP TRIGGER IF EXISTS gate ON messages")
        self.session.close()
        self.admin.close()

    def open(self):
        """Lets it through."""
        self.session.execute("SELECT pg_advisory_unlock_all()")

    def waiting(self):
        """How many sessions wait for a lock, ours or another one."""
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        return self.admin.execute(asked, [self.database.name]).fetchone()[0]


@pytest.fixture(scope="module")
def entered(stage, sandbox, text, database):
    """A chat, or the error that starting it came to."""
    return started(stage, Chat(sandbox, text, database))


@pytest.fixture
def chat(entered):
    """A chat that is open."""
    return must_have_started(entered)


@pytest.fixture
def play(stage):
    """Plays a scene to its end; what goes wrong in it is told to the server's author."""
    return player(stage, "/")


@keeps("rooms", "once", "promised")
@points(2)
@hint(
    "A broadcast reaches the clients of its own process. What do all three instances have in common?",
    "`LISTEN` on a connection of its own in each instance, with `autocommit=True`: a session in an open transaction is told nothing.",
    "Who hands a message to the speaker's own instance? One way is enough: the same as for the others.",
)
def test_reaches_every_instance(chat, play):
    """What is said at one instance is acknowledged, and reaches the room's members at all three, once; nobody else hears it."""

    async def scene():
        room, other = name("room"), name("room")
        people, strangers = await chat.people(room), await chat.people(other)
        what = "Somebody said something in a room."
        for _ in range(3):
            await must_talk(people, room, f"{what} Members are at all three instances.")
        guest = await chat.person(B)
        number, text = guest.says(room)
        await guest.is_acknowledged([number], "A client said something in a room that it had not joined.")
        for person in people:
            await person.hears(room, [text], what)
        await must_talk(strangers, other, "Somebody said something in another room.")
        await must_talk(people, room, what)
        must_agree(people, room, what)

    play(scene())


class Crowd:
    """Twenty people at each of two instances, who all speak or all listen."""

    what = "Twenty clients of one instance said something at the same time, and twenty of another one listened."

    def __init__(self, chat):
        self.chat, self.room = chat, name("room")
        self.texts = []

    async def speak(self):
        """Everybody says three things, and is acknowledged. Raises Wrong."""
        speakers = [await self.chat.person(A) for _ in range(20)]
        self.listeners = [await self.chat.person(B, self.room) for _ in range(20)]
        self.before = self.chat.relay(B).traffic.now()
        said = [[speaker.says(self.room) for _ in range(3)] for speaker in speakers]
        for speaker, pairs in zip(speakers, said, strict=True):
            await speaker.is_acknowledged([number for number, _ in pairs], self.what)
            speaker.client.cut()
        self.texts = [text for pairs in said for _, text in pairs]

    async def listen(self):
        """Everybody hears all of it. Returns how many rows their instance has read. Raises Wrong."""
        for listener in self.listeners:
            await listener.hears(self.room, self.texts, self.what)
            listener.client.cut()
        return (self.chat.relay(B).traffic.now() - self.before).rows


@pytest.fixture(scope="module")
def busy(stage, sandbox, text, postgres_bench, template):
    """Two more instances with a database of their own, for crowds: what happened to the others is not their fault."""
    with postgres_bench.database(template) as clone:
        try:
            yield stage.enter(Chat(sandbox, text, clone, size=2))
        except DoesNotListen as error:
            yield AnswerError(str(error))


@pytest.fixture(scope="module")
def crowd(busy):
    """A crowd that may not have spoken yet."""
    return Crowd(busy)


@keeps("connections")
@after("test_reaches_every_instance")
@points(1)
@hint(
    "A connection to the database for each client is hundreds. One that listens and one that writes are two, for all."
)
def test_few_connections(busy, crowd, play):
    """Twenty clients at once speak at one instance and listen at another one, and no instance opens more than five connections to the database."""
    if isinstance(busy, AnswerError):
        raise busy
    try:
        play(crowd.speak())
    finally:
        for where in (A, B):
            if busy.relay(where).refused:
                why = f"Instance {NAMES[where]} wanted another connection to the database, when it had {CONNECTIONS}."
                raise Wrong(why, expected=f"at most {CONNECTIONS} at a time", got="more, which were refused")


@keeps("size")
@after("test_few_connections")
@points(1)
@hint("The payload of a notification has fewer than 8,000 bytes. Where is the message itself, if it is stored already?")
def test_any_size(chat, play):
    """A text of up to 200,000 bytes is heard like any other."""

    async def scene():
        room = name("room")
        people = await chat.people(room)
        for text in ("é" * 4_100, "x" * 8_000, "🦀" * 25_000, "y" * 200_000):
            text, size = name(text)[-len(text) :], len(text.encode())
            number, _ = people[A].says(room, text)
            what = f"A text of {size:,} bytes was said."
            await people[A].is_acknowledged([number], what)
            for person in people:
                await person.hears(room, [text], what)

    play(scene())


@keeps("promised", "once")
@after("test_few_connections")
@points(2)
@hint(
    "Several notifications may arrive together. Who leaves the loop over `notifies()` has seen one of them.",
    "Is a notification the message, or does it say that there is something to read?",
)
def test_many_at_once(chat, play):
    """An instance's network to the database stands still for a moment, and all that was said meanwhile comes at once: everybody hears all of it, once."""

    async def scene():
        room = name("room")
        people = await chat.people(room)
        chat.relay(A).hold()
        texts = []
        for turn in range(30):
            number, text = people[B if turn % 2 else C].says(room)
            texts.append(text)
            await people[B if turn % 2 else C].is_acknowledged([number], "The network of another instance stood still.")
        chat.reconnect(A)
        what = "An instance's network stood still, 30 messages were acknowledged at others, and then all came at once."
        for person in people:
            await person.hears(room, texts, what)
        must_agree(people, room, what)
        await must_talk(people, room, what)

    play(scene())


@keeps("read-once")
@after("test_few_connections", "test_many_at_once")
@points(1)
@hint("Who needs to ask the database when a notification comes: each of the clients, or the instance for all of them?")
def test_reads_once(crowd, play):
    """An instance with twenty members of a room reads what is said there once, and not for each of them."""

    async def scene():
        if not crowd.texts:
            await crowd.speak()
        messages, rows = len(crowd.texts), await crowd.listen()
        if rows > 4 * messages + 20:
            why = f"{messages} messages were said in a room that has twenty members at one instance."
            raise Wrong(why, expected=f"it reads about {messages} rows", got=f"{rows:,} rows")

    play(scene())


@keeps("again", "once")
@after("test_few_connections")
@points(1)
@hint("The id is unique in the table. What does `INSERT … ON CONFLICT (id) DO NOTHING` do the second time?")
def test_said_again(chat, play):
    """A message that is said again with its id, at the same instance or at another one, is acknowledged, and heard once."""

    async def scene():
        room = name("room")
        people = await chat.people(room)
        number, text = people[A].says(room)
        what = "A message was said again, with the same id."
        await people[A].is_acknowledged([number], "A message was said.")
        for person in people:
            person.acknowledged.discard(number)
            person.says(room, text, number)
            await person.is_acknowledged([number], what)
        for person in people:
            await person.hears(room, [text], what)
        await must_talk(people, room, what)

    play(scene())


@keeps("order", "promised")
@after("test_many_at_once")
@points(3)
@hint(
    "`seq` is drawn when the row is inserted, and the row is seen when its transaction commits. Which message does `seq > last` skip?",
    "Two transactions: 7 is drawn, 8 is drawn, 8 commits and is read, 7 commits. Let nobody draw a number before the one before has committed.",
    "`SELECT pg_advisory_xact_lock(1)` before the INSERT, in the same transaction.",
)
def test_skips_nothing(chat, database, play):
    """Two messages are said at the same time, and the one with the smaller number is committed later: everybody hears both."""

    async def scene():
        room, text = name("room"), name("held")
        people = await chat.people(room)
        with Gate(database, text) as gate:
            held, _ = people[A].says(room, text)
            until = time.monotonic() + PATIENCE
            while not gate.waiting():
                if time.monotonic() > until:
                    raise Wrong("A message was said.", expected="an INSERT into messages", got="none")
                await asyncio.sleep(TICK)
            number, second = people[B].says(room)
            await read_or_wait(gate, people, number, room, second)
            gate.open()
            what = "Two messages were said at the same time, and the one with the smaller `seq` was committed later."
            await people[A].is_acknowledged([held], what)
            await people[B].is_acknowledged([number], what)
            for person in people:
                await person.hears(room, [text, second], what)
        must_agree(people, room, what)
        await must_talk(people, room, what)

    play(scene())


async def read_or_wait(gate, people, number, room, text):
    """Until the second message was heard by everybody, or waits for the first one; or is acknowledged, and nobody reads it for long."""
    until, is_acknowledged = time.monotonic() + PATIENCE, False
    while time.monotonic() < until:
        for person in people:
            while person.client.waiting:
                person.take(person.client.waiting.pop(0).content)
        if gate.waiting() > 1 or all(text in person.heard.get(room, ()) for person in people):
            return
        if not is_acknowledged and number in people[B].acknowledged:
            until, is_acknowledged = time.monotonic() + UNREAD, True
        await asyncio.sleep(TICK)


@keeps("outage", "afterwards", "promised", "once")
@after("test_many_at_once", "test_said_again")
@points(3)
@hint(
    "Which exception comes out of a psycopg connection that was lost, and where? Whoever does not catch it stops listening for good.",
    "A notification that nobody listens to is gone. The table is not: where did this instance stop reading it?",
    "First LISTEN, then read what is new, then wait: in the other order something falls in between.",
)
def test_lives_through_an_outage(chat, play):
    """An instance loses its database: its clients stay, and nothing is acknowledged. When it is back, they hear all that was acknowledged elsewhere meanwhile, once."""

    async def scene():
        room = name("room")
        a, b, c = people = await chat.people(room)
        await must_talk(people, room, "Somebody said something.")
        chat.cut_off(A)
        number, text = a.says(room)
        texts = []
        for _ in range(10):
            for person in (b, c):
                told, new = person.says(room)
                texts.append(new)
                await person.is_acknowledged([told], "Another instance had lost its database.")
        for person in (b, c):
            await person.hears(room, texts, "Another instance had lost its database.")
        await asyncio.sleep(0.6)
        await must_not_be_promised(a, number)
        chat.reconnect(A)
        what = "An instance had lost its database, and 20 messages were acknowledged at the others. Then it was back."
        await a.hears(room, texts, what, BACK + BUSY)
        what = "A client got no `ok` while its instance had lost its database. Then it was back, and the client said it again."
        await a.repeats(room, {number: text}, what)
        for person in people:
            await person.hears(room, [text], what)
        await must_talk(people, room, "An instance had lost its database, and had it back.")
        must_agree(people, room, what)

    play(scene())


async def must_not_be_promised(person, number):
    """Raises Wrong where something was acknowledged that cannot be stored, or the client was let go."""
    what = "An instance had lost its database, and a client of it said something."
    while person.client.waiting:
        person.take(person.client.waiting.pop(0).content, what)
    if number in person.acknowledged:
        raise Wrong(what, expected="`later`, or nothing until it is stored", got=short({"type": "ok", "id": number}))
    if person.client.ending:
        got = await person.chat.why(person.where) or f"close code {person.client.ending}"
        raise Wrong(what, expected="it stays connected", got=got)


@keeps("slow", "bounded")
@after("test_few_connections", "test_any_size")
@points(3)
@hint(
    "`await connection.send(…)` waits for a client that does not read, and everybody behind it waits, too. `broadcast` does not wait.",
    "`broadcast` keeps what is not read. `connection.transport.get_write_buffer_size()` says how much that is.",
    "`await connection.close(…)` wants to send a close frame, behind all the rest, to somebody who does not read. `connection.transport.abort()` does not.",
)
def test_slow_readers(busy, play):
    """Twenty clients of an instance do not read while 80 messages of 100 kB are said. All others hear them, the instance stays within its memory, and the twenty are let go within 5 seconds."""

    async def scene():
        room = name("room")
        people = [await busy.person(where, room) for where in (A, B)]
        slow = [await busy.person(A, room) for _ in range(SLOW)]
        for person in slow:
            person.client.pause()
        what = f"{SLOW} clients of instance A did not read, and messages of {LARGE // 1000} kB were said."
        for _ in range(FLOOD):
            _, text = people[B].says(room, name("x" * LARGE))
            for person in people:
                await person.hears(room, [text], what)
        until = time.monotonic() + LET_GO + BUSY
        for number, person in enumerate(slow):
            try:
                await person.client.let_go(max(0.1, until - time.monotonic()))
            except Silence:
                if ended := busy.ended():
                    raise Wrong(what, expected="an instance keeps at most 2 MB for each", got=ended) from None
                got = f"{SLOW - number} are connected after {LET_GO + BUSY:g} s"
                why = f"{what} {FLOOD * LARGE // 10**6} MB wait for each of them."
                raise Wrong(why, expected=f"it is let go within {LET_GO:g} s", got=got) from None
        await must_talk(people, room, what)

    play(scene())
