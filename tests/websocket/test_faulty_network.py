"""The network: what it does to a connection, the same for the same seed."""

from __future__ import annotations

import time

import pytest

from labkit.kinds.websocket.balancer import Balancer
from labkit.kinds.websocket.connection import Client, Silence
from labkit.kinds.websocket.faulty_network import NONE, Faults, FaultyNetwork
from tests.websocket.conftest import library_server, play


async def through(faults: Faults, path, seed=1):
    network = FaultyNetwork(lambda _: path, faults, seed=seed)
    await network.__aenter__()
    return network, await Client.open(network.socket)


def test_a_good_network_changes_nothing():
    async def scene():
        async with library_server() as path:
            network, client = await through(NONE, path)
            client.send("x" * 300_000)
            assert len((await client.receive()).content) == 300_000
            client.close(4000, "bye")
            assert (await client.ended()).code == 4000
            await network.__aexit__()

    play(scene())


@pytest.mark.parametrize("faults", [Faults(pieces=(1, 3)), Faults(gather=0.05), Faults(delay=(0.01, 0.03))])
def test_messages_arrive_whole_and_in_order_however_bytes_travel(faults):
    async def scene():
        async with library_server() as path:
            network, client = await through(faults, path)
            for number in range(20):
                client.send(f"message {number}")
            assert [(await client.receive()).content for _ in range(20)] == [f"message {n}" for n in range(20)]
            await network.__aexit__()

    play(scene())


def test_delay_takes_its_time():
    async def scene():
        async with library_server() as path:
            network, client = await through(Faults(delay=(0.1, 0.1)), path)
            begun = time.monotonic()
            client.send("there and back")
            await client.receive()
            assert time.monotonic() - begun >= 0.2
            await network.__aexit__()

    play(scene())


def test_a_connection_that_vanished_is_not_told_and_one_that_recovers_lost_nothing():
    async def scene():
        async with library_server() as path:
            network, client = await through(NONE, path)
            network.links[0].vanish()
            client.send("into the dark")
            with pytest.raises(Silence):
                await client.receive(0.1)
            assert client.ending is None
            network.links[0].recover()
            assert (await client.receive()).content == "into the dark"
            network.links[0].cut()
            assert (await client.ended()).code == 1006
            await network.__aexit__()

    play(scene())


def test_where_it_cuts_is_drawn_from_the_seed():
    async def cut_at(seed):
        async with library_server() as path:
            network, client = await through(Faults(cut_after=(1_000, 50_000)), path, seed)
            for _ in range(100):
                client.send("x" * 1_000)
            await client.ended()
            await network.__aexit__()
            return len(client.waiting)

    first, again, other = (play(cut_at(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_slow_reader_is_slow():
    async def scene():
        async with library_server() as path:
            network, client = await through(Faults(pace=20_000), path)
            begun = time.monotonic()
            client.send("x" * 5_000)
            await client.receive()
            assert time.monotonic() - begun >= 0.2
            await network.__aexit__()

    play(scene())


def test_a_balancer_takes_turns_and_one_that_drains_keeps_what_it_has():
    async def scene():
        async def name(connection):
            await connection.send(connection.name)
            await connection.wait_closed()

        async def one(connection):
            connection.name = "one"
            await name(connection)

        async def two(connection):
            connection.name = "two"
            await name(connection)

        async with library_server(one) as first, library_server(two, "other") as second, Balancer() as balancer:
            balancer.add(first)
            balancer.add(second)
            clients = [await Client.open(balancer.socket) for _ in range(4)]
            assert sorted([(await client.receive()).content for client in clients]) == ["one", "one", "two", "two"]
            balancer.drain(first)
            later = await Client.open(balancer.socket)
            assert (await later.receive()).content == "two"
            assert all(client.ending is None for client in clients)

    play(scene())
