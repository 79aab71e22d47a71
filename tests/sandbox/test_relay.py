"""The relay: bytes go both ways, connections are bounded, nothing is left."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from labkit.sandbox import Limits, Relay, choose


@contextmanager
def echo() -> Iterator[int]:
    """A server on loopback that sends back what it gets; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(peer: socket.socket) -> None:
            with peer:
                while data := peer.recv(65536):
                    peer.sendall(data)

        def accept() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=[peer], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def connected(relay: Relay) -> socket.socket:
    """A connection through the relay."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(str(relay.socket))
    return client


def test_a_sandboxed_program_reaches_the_server_and_only_by_the_relay():
    box = choose("bubblewrap")
    if box is None:
        pytest.skip("no bubblewrap on this machine")
    with echo() as port, Relay("127.0.0.1", port) as relay:
        program = f"""
import os, socket
client = socket.socket(socket.AF_UNIX)
client.connect("{box.folder_of(relay.socket)}/.s.PGSQL.5432")
client.sendall(b"x" * 1000000)
got = 0
while got < 1000000: got += len(client.recv(65536))
print(got, os.listdir("/run"), os.listdir("/run/pg"))
"""
        done = box.run(["python", "-c", program], sockets=[relay.socket], limits=Limits(seconds=10))
    assert done.stdout == "1000000 ['pg'] ['.s.PGSQL.5432']\n", done.stderr
    assert not relay.socket.parent.parent.exists()


def test_connections_are_bounded_and_freed():
    with echo() as port, Relay("127.0.0.1", port, connections=2) as relay:
        first, second, third = (connected(relay) for _ in range(3))
        for client in (first, second):
            client.sendall(b"a")
            assert client.recv(1) == b"a"
        assert third.recv(1) == b""
        first.close()
        third.close()
        for _ in range(100):  # the place is free as soon as the relay has seen the end
            with connected(relay) as again:
                try:
                    again.sendall(b"b")
                    if again.recv(1) == b"b":
                        break
                except OSError:
                    continue
        else:
            pytest.fail("the place was never free again")
        second.close()


def test_connections_are_cut_and_new_ones_come_through():
    with echo() as port, Relay("127.0.0.1", port, connections=1) as relay:
        with connected(relay) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            relay.hold()
            relay.cut()
            assert client.recv(1) == b""
            assert relay.is_held
        with connected(relay) as held:
            assert held.recv(1) == b""
        relay.let_flow()
        with connected(relay) as again:
            again.sendall(b"b")
            assert again.recv(1) == b"b"
            with connected(relay) as further:
                assert further.recv(1) == b""
        assert (relay.refused, relay.is_held) == (1, False)


def test_a_server_that_is_gone_ends_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with Relay("127.0.0.1", port) as relay, connected(relay) as client:
        assert client.recv(1) == b""
