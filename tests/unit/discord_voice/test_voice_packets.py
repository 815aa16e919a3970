"""Bytes on the wire: discovery, RTP, both ciphers, opened again by an implementation of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as AnyCipher
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.modes import GCM
from nacl.secret import Aead

from timmybot.adapters.discord_voice.ciphers import AES_GCM, XCHACHA20, NoCommonMode, choose, cipher
from timmybot.adapters.discord_voice.discovery import PACKET, discover, parse, request
from timmybot.adapters.discord_voice.rtp import SILENCE, PacketStream

KEY = bytes(range(32))
FRAME = b"\xfc" + bytes(range(200))


def opened(mode: str, datagram: bytes) -> bytes:
    """Decrypt as the other side would, by other means than ours. Raises if anything is not authentic."""
    header, body, counter = datagram[:12], datagram[12:-4], datagram[-4:]
    if mode == XCHACHA20:
        return Aead(KEY).decrypt(body, header, counter + bytes(20))
    decryptor = AnyCipher(algorithms.AES(KEY), GCM(counter + bytes(8), tag=body[-16:])).decryptor()
    decryptor.authenticate_additional_data(header)
    return decryptor.update(body[:-16]) + decryptor.finalize()


@pytest.mark.parametrize("mode", [AES_GCM, XCHACHA20])
def test_a_frame_comes_out_as_it_went_in(mode: str) -> None:
    sent: list[bytes] = []
    stream = PacketStream(7, cipher(mode, KEY), sent.append, Random(1))
    for frame in (FRAME, SILENCE, FRAME):
        stream.send(frame)
    assert [opened(mode, datagram) for datagram in sent] == [FRAME, SILENCE, FRAME]
    assert [len(datagram) - len(frame) for datagram, frame in zip(sent, (FRAME, SILENCE, FRAME), strict=True)] == [
        12 + 16 + 4
    ] * 3


@pytest.mark.parametrize("mode", [AES_GCM, XCHACHA20])
def test_a_changed_header_is_not_authentic(mode: str) -> None:
    sent: list[bytes] = []
    PacketStream(7, cipher(mode, KEY), sent.append, Random(1)).send(FRAME)
    changed = sent[0][:3] + bytes([sent[0][3] ^ 1]) + sent[0][4:]
    with pytest.raises(Exception):  # noqa: B017, PT011  # each library has an exception of its own
        opened(mode, changed)


@pytest.mark.parametrize("mode", [AES_GCM, XCHACHA20])
def test_no_nonce_is_used_twice(mode: str) -> None:
    sent: list[bytes] = []
    stream = PacketStream(7, cipher(mode, KEY), sent.append, Random(1))
    for _ in range(300):
        stream.send(SILENCE)
    assert [int.from_bytes(datagram[-4:], "big") for datagram in sent] == list(range(300))
    with pytest.raises(OverflowError):
        cipher(mode, KEY)(FRAME, bytes(12), 2**32)


def test_the_header_counts_packets_and_samples_and_wraps_around() -> None:
    sent: list[bytes] = []
    stream = PacketStream(0xDEADBEEF, cipher(AES_GCM, KEY), sent.append, Random(1))
    stream._sequence, stream._timestamp = 0xFFFF, 0xFFFFFFFF - 959
    stream.send(FRAME)
    stream.send(FRAME)
    stream.pass_over(2)
    stream.send(FRAME)
    assert [struct.unpack(">BBHII", datagram[:12]) for datagram in sent] == [
        (0x80, 0x78, 0xFFFF, 0xFFFFFFFF - 959, 0xDEADBEEF),
        (0x80, 0x78, 0, 0, 0xDEADBEEF),
        (0x80, 0x78, 1, 3 * 960, 0xDEADBEEF),
    ]


def test_end_to_end_encryption_has_its_place_before_the_transports() -> None:
    sent: list[bytes] = []
    stream = PacketStream(7, cipher(AES_GCM, KEY), sent.append, Random(1))
    stream.end_to_end = lambda frame: frame[::-1]
    stream.send(FRAME)
    assert opened(AES_GCM, sent[0]) == FRAME[::-1]


def test_the_better_mode_is_chosen_where_it_is_offered() -> None:
    assert choose([XCHACHA20, AES_GCM, "something_new"]) == AES_GCM
    assert choose([XCHACHA20]) == XCHACHA20
    with pytest.raises(NoCommonMode, match="Update TimmyBot"):
        choose(["xsalsa20_poly1305"])


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
