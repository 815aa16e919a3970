"""Asking the voice server for our own address."""

from __future__ import annotations

import asyncio
import socket

import pytest

from timmybot.adapters.discord_voice.discovery import PACKET, discover, parse, request


def response(ssrc: int, address: bytes = b"203.0.113.9", port: int = 50_004) -> bytes:
    return PACKET.pack(2, 70, ssrc, address, port)


def test_a_discovery_request_is_74_bytes() -> None:
    assert request(0x01020304) == b"\x00\x01\x00\x46\x01\x02\x03\x04" + bytes(66)


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (response(7), ("203.0.113.9", 50_004)),
        (response(8), None),
        (request(7), None),
        (response(7) + b"\0", None),
        (b"", None),
    ],
)
def test_only_the_answer_to_our_own_request_tells_our_address(packet: bytes, found: tuple[str, int] | None) -> None:
    assert parse(packet, 7) == found


async def test_discovery_passes_over_datagrams_that_are_something_else() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        for each in (server, client):
            each.setblocking(False)
            each.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        finding = asyncio.create_task(discover(client, 7))
        asked, address = await asyncio.get_running_loop().sock_recvfrom(server, 100)
        assert asked == request(7)
        server.sendto(b"somebody's voice", address)
        server.sendto(response(7), address)
        assert await finding == ("203.0.113.9", 50_004)
