"""A host with dead addresses before the one where a server listens."""

from __future__ import annotations

import socket
import time
from threading import Thread

import pytest

from tests.integration.sources.media_server import MediaServer, content
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.connecting import CONNECT_SECONDS, SystemDialler
from timmybot.adapters.sources.exchange import Exchange
from timmybot.adapters.sources.urls import checked_url
from timmybot.ports.track_source import TrackError

DEAD, DEAD_TOO = "127.0.0.2", "127.0.0.3"


class SomeAreDead(SystemDialler):
    """A real one, but for addresses where nothing comes back."""

    def __init__(self, *dead: str) -> None:
        self._dead = dead
        self.begun: list[str] = []
        self.sockets: list[socket.socket] = []

    def begin(self, address: str, port: int) -> socket.socket:
        self.begun.append(address)
        never_writable = address in self._dead
        self.sockets.append(socket.create_server(("127.0.0.1", 0)) if never_writable else super().begin(address, port))
        return self.sockets[-1]


def exchange_with(server: MediaServer, dialler: SystemDialler, *addresses: str) -> Exchange:
    policy = AddressPolicy(
        (f"music.example:{server.port}",), resolve=lambda host, port: list(addresses), dialler=dialler
    )
    return Exchange(policy)


def test_dead_addresses_cost_a_head_start_each_and_the_next_request_nothing(server: MediaServer) -> None:
    server.serve("/song", content(b"music"))
    url = checked_url(f"http://music.example:{server.port}/song")
    dialler = SomeAreDead(DEAD, DEAD_TOO)
    exchange = exchange_with(server, dialler, DEAD, DEAD_TOO, "127.0.0.1")

    began = time.monotonic()
    _, answer = exchange.get(url, 0)
    assert answer.read1() == b"music"
    assert time.monotonic() - began < CONNECT_SECONDS, "less than one dead address took; 0.5 s on an idle machine"
    assert dialler.begun == [DEAD, DEAD_TOO, "127.0.0.1"]
    assert [one.fileno() for one in dialler.sockets[:2]] == [-1, -1], "the others are closed"

    dialler.begun.clear()
    _, answer = exchange.get(url, 2)
    assert answer.read1() == b"sic"
    assert dialler.begun == ["127.0.0.1"], "it is remembered"
    exchange.close()


def test_an_address_that_breaks_off_is_passed_over(server: MediaServer) -> None:
    """Whoever listens there takes the connection and says nothing fit."""
    server.serve("/song", content(b"music"))
    with socket.create_server((DEAD, server.port)) as other:
        other.settimeout(20.0)

        def hang_up() -> None:
            taken, _ = other.accept()
            taken.recv(1_000)
            taken.close()

        hanging_up = Thread(target=hang_up)
        hanging_up.start()
        exchange = exchange_with(server, SystemDialler(), DEAD, "127.0.0.1")
        _, answer = exchange.get(checked_url(f"http://music.example:{server.port}/song"), 0)
        assert answer.read1() == b"music"
        hanging_up.join()
    exchange.close()


def test_an_abort_ends_the_connecting(server: MediaServer) -> None:
    """From any thread, long before an address is given up."""
    dialler = SomeAreDead(DEAD, DEAD_TOO)
    exchange = exchange_with(server, dialler, DEAD, DEAD_TOO)

    def abort() -> None:
        while len(dialler.begun) < 2:
            time.sleep(0.01)
        exchange.abort()

    aborting = Thread(target=abort)
    aborting.start()
    began = time.monotonic()
    with pytest.raises(TrackError, match="took too long"):
        exchange.get(checked_url(f"http://music.example:{server.port}/song"), 0)
    assert time.monotonic() - began < 3.0
    aborting.join()
    assert all(one.fileno() == -1 for one in dialler.sockets)
    exchange.close()


def test_an_address_of_the_other_family_without_a_way_there_costs_nothing(server: MediaServer) -> None:
    server.serve("/song", content(b"music"))
    exchange = exchange_with(server, SystemDialler(), "::1", "127.0.0.1")

    _, answer = exchange.get(checked_url(f"http://music.example:{server.port}/song"), 0)
    assert answer.read1() == b"music"
    exchange.close()
