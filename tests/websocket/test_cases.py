"""The cases: a server of the library gets all of them right, and one that does not is found out by the case that is meant."""

from __future__ import annotations

import pytest

from labkit.kinds.websocket.cases import cases
from tests.websocket.conftest import library_server, play


def test_the_library_gets_all_of_them_right():
    async def scene():
        async with library_server(max_size=2**21) as path:
            return {case.name: failure for case in cases() if (failure := await case.failure(path))}

    assert play(scene()) == {}


def test_each_has_a_name_of_its_own_and_says_what_it_expects():
    every = cases()
    assert len({case.name for case in every}) == len(every) >= 100
    assert all(case.says and case.expects for case in every)


async def shouts(connection):
    async for message in connection:
        await connection.send(message.upper())


async def says_nothing(connection):
    await connection.wait_closed()


async def closes(connection):
    await connection.close(1011)


@pytest.mark.parametrize(
    ("handler", "name", "failure"),
    [
        (shouts, "in-two", "another message came back"),
        (says_nothing, "in-two", "a message did not come"),
        (says_nothing, "utf8-alone", "the end of the connection did not come"),
        (closes, "text-1", "the connection ended with 1011"),
    ],
)
def test_a_server_that_gets_one_wrong_is_found_out(handler, name, failure):
    async def scene():
        async with library_server(handler) as path:
            (case,) = [case for case in cases() if case.name == name]
            return await case.failure(path, seconds=0.3)

    assert failure in play(scene())
