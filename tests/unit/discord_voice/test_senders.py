"""What every way of sending promises: real sockets, both ciphers, opened again by an implementation of its own."""

from __future__ import annotations

import logging
import random
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as AnyCipher
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.modes import GCM
from hypothesis import given
from hypothesis import strategies as st
from nacl.secret import Aead

from timmybot.adapters.discord_voice.batched import BatchedSender, best_sender
from timmybot.adapters.discord_voice.ciphers import AES_GCM, XCHACHA20, NoCommonMode, choose
from timmybot.adapters.discord_voice.direct import DirectSender
from timmybot.adapters.discord_voice.rtp import MOST_FRAME_BYTES, SILENCE, PacketStream, Sender

KEY = bytes(range(32))
FRAME = b"\xfc" + bytes(range(200))
MODES = [AES_GCM, XCHACHA20]
SENDERS: list[Callable[[], Sender]] = [DirectSender, BatchedSender]
PATIENCE_SECONDS = 5.0


class Fixed(random.Random):
    """Gives all ones: both numbers of a stream begin at their last."""

    def getrandbits(self, k: int) -> int:
        return (1 << k) - 1


def datagram_socket() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    return udp


class Wire:
    """One stream over a real socket, and who gets what it sends."""

    def __init__(self, sender: Sender, mode: str, *, ssrc: int = 7, key: bytes = KEY) -> None:
        self.sender = sender
        self.far = datagram_socket()
        self.far.settimeout(PATIENCE_SECONDS)
        self.near = datagram_socket()
        self.near.setblocking(False)
        self.near.connect(self.far.getsockname())
        self.stream = sender.stream(ssrc, mode, key, self.near, Fixed())

    def sends(self, *frames: bytes) -> None:
        for frame in frames:
            self.stream.send(frame)
        self.sender.flush()

    def arrived(self, count: int) -> list[bytes]:
        return [self.far.recv(65_536) for _ in range(count)]

    def nothing_more(self) -> bool:
        self.far.setblocking(False)
        try:
            self.far.recv(65_536)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self.near.close()
        self.far.close()


@pytest.fixture(params=SENDERS, ids=lambda maker: maker.__name__)
def sender(request: pytest.FixtureRequest) -> Sender:
    made: Sender = request.param()
    return made


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def wire(sender: Sender, mode: str) -> Iterator[Wire]:
    with closing(Wire(sender, mode)) as wire:
        yield wire


def opened(mode: str, datagram: bytes, key: bytes = KEY) -> bytes:
    """Decrypt as the other side would, by other means than ours. Raises if anything is not authentic."""
    header, body, counter = datagram[:12], datagram[12:-4], datagram[-4:]
    if mode == XCHACHA20:
        return Aead(key).decrypt(body, header, counter + bytes(20))
    decryptor = AnyCipher(algorithms.AES(key), GCM(counter + bytes(8), tag=body[-16:])).decryptor()
    decryptor.authenticate_additional_data(header)
    return decryptor.update(body[:-16]) + decryptor.finalize()


def test_a_frame_comes_out_as_it_went_in(wire: Wire, mode: str) -> None:
    frames = [FRAME, SILENCE, b"", b"x" * MOST_FRAME_BYTES, FRAME]
    wire.sends(*frames)
    datagrams = wire.arrived(5)
    assert [opened(mode, datagram) for datagram in datagrams] == frames
    assert {len(sent) - len(frame) for sent, frame in zip(datagrams, frames, strict=True)} == {12 + 16 + 4}


def test_a_changed_header_is_not_authentic(wire: Wire, mode: str) -> None:
    wire.sends(FRAME)
    (sent,) = wire.arrived(1)
    with pytest.raises(Exception):  # noqa: B017, PT011  # each library has an exception of its own
        opened(mode, sent[:3] + bytes([sent[3] ^ 1]) + sent[4:])


def test_no_nonce_is_used_twice_and_when_they_are_used_up_nothing_goes_out(wire: Wire) -> None:
    wire.sends(*[SILENCE] * 100)
    assert [int.from_bytes(sent[-4:], "big") for sent in wire.arrived(100)] == list(range(100))
    numbers_made(wire.stream, 2**32 - 1)
    wire.sends(FRAME, FRAME)
    assert wire.arrived(1)[0][-4:] == b"\xff" * 4
    assert wire.nothing_more()
    assert (wire.stream.datagrams, wire.stream.refused) == (2**32, 1)


def numbers_made(stream: PacketStream, count: int) -> None:
    """As if two years and a half had passed."""
    way = getattr(stream, "_way", None)
    if way is not None:
        way.datagrams = count
    else:
        stream._datagrams = count  # type: ignore[attr-defined]


def test_the_header_counts_packets_and_samples_and_wraps_around(sender: Sender) -> None:
    with closing(Wire(sender, AES_GCM, ssrc=0xDEADBEEF)) as wire:
        wire.sends(FRAME, FRAME)
        wire.stream.pass_over(2)
        wire.sends(FRAME)
        assert [struct.unpack(">BBHII", sent[:12]) for sent in wire.arrived(3)] == [
            (0x80, 0x78, 0xFFFF, 0xFFFFFFFF, 0xDEADBEEF),
            (0x80, 0x78, 0, 959, 0xDEADBEEF),
            (0x80, 0x78, 1, 4 * 960 - 1, 0xDEADBEEF),
        ]


def test_end_to_end_encryption_comes_before_the_transports_and_leaves_silence_alone(wire: Wire, mode: str) -> None:
    wire.stream.end_to_end = lambda frame: frame[::-1]
    wire.sends(FRAME)
    wire.stream.send_silence()
    wire.sender.flush()
    assert [opened(mode, sent) for sent in wire.arrived(2)] == [FRAME[::-1], SILENCE]
    assert wire.stream.sent == 1, "silence is no sound"


def test_where_keys_have_gone_nothing_has_happened(wire: Wire) -> None:
    def gone(frame: bytes) -> bytes:
        raise ValueError("no keys")

    wire.stream.end_to_end = gone
    with pytest.raises(ValueError, match="no keys"):
        wire.stream.send(FRAME)
    wire.sender.flush()
    assert wire.nothing_more()
    assert (wire.stream.datagrams, wire.stream.refused) == (0, 0)


def test_each_stream_has_its_own_key_and_numbers(sender: Sender, mode: str) -> None:
    """Also when all of them go out at once, in any order and each as often as it likes."""
    keys = [bytes([number] * 32) for number in range(5)]
    wires = [Wire(sender, mode, ssrc=number, key=key) for number, key in enumerate(keys)]
    order = [0, 3, 1, 1, 4, 0, 2, 0]
    for number in order:
        wires[number].stream.send(FRAME + bytes([number]))
    sender.flush()
    for number, wire in enumerate(wires):
        datagrams = wire.arrived(order.count(number))
        assert {opened(mode, sent, keys[number]) for sent in datagrams} == {FRAME + bytes([number])}
        assert [int.from_bytes(sent[-4:], "big") for sent in datagrams] == list(range(order.count(number)))
        assert {int.from_bytes(sent[8:12], "big") for sent in datagrams} == {number}
        assert wire.nothing_more()
        wire.close()


def test_a_frame_that_is_none_is_refused_and_those_around_it_go_out(wire: Wire, mode: str) -> None:
    wire.sends(FRAME, bytes(MOST_FRAME_BYTES + 1), bytes(70_000), FRAME)
    assert [opened(mode, sent) for sent in wire.arrived(2)] == [FRAME, FRAME]
    assert wire.nothing_more()
    assert (wire.stream.refused, wire.stream.unreached, wire.stream.sent) == (2, 0, 2)


def test_what_the_socket_does_not_take_is_counted(wire: Wire) -> None:
    wire.far.close()
    for _ in range(4):
        wire.sends(FRAME)  # the first is answered with "nobody there", of which the next one hears
    assert 1 <= wire.stream.unreached == wire.stream.refused
    assert wire.stream.sent + wire.stream.refused == 4
    wire.near.close()
    with pytest.raises(OSError, match="descriptor"):
        wire.stream.keep_alive()


def test_the_way_back_is_kept_open_with_eight_bytes(wire: Wire) -> None:
    wire.stream.keep_alive()
    assert [len(datagram) for datagram in wire.arrived(1)] == [8]


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_none(sender: Sender, mode: str, length: int) -> None:
    with pytest.raises(ValueError, match="length"), closing(datagram_socket()) as udp:
        sender.stream(7, mode, bytes(length), udp, Fixed())


@given(st.lists(st.one_of(st.binary(max_size=400), st.integers(1, 3)), max_size=20), st.sampled_from(MODES))
def test_both_send_the_same_bytes(deeds: list[bytes | int], mode: str) -> None:
    """Whatever frames come, and slots without."""
    wires = [Wire(maker(), mode) for maker in SENDERS]
    for deed in deeds:
        for wire in wires:
            if isinstance(deed, int):
                wire.stream.pass_over(deed)
            else:
                wire.sends(deed)
    frames = len([deed for deed in deeds if isinstance(deed, bytes)])
    direct, batched = (wire.arrived(frames) for wire in wires)
    for wire in wires:
        wire.close()
    assert direct == batched


@pytest.mark.skipif(sys.platform != "linux", reason="it is known to work on Linux")
def test_here_voice_is_sent_in_batches() -> None:
    """Else whoever runs this would pay more and not know it."""
    assert isinstance(best_sender(), BatchedSender)


def test_without_the_compiled_part_voice_is_sent_all_the_same(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    broken = tmp_path / "sender.so"
    broken.write_bytes(b"from another machine")
    with caplog.at_level(logging.INFO):
        for library in (tmp_path / "missing.so", broken):
            assert isinstance(best_sender(library), DirectSender)
    assert caplog.text.count("at a higher price") == 2


def test_the_better_mode_is_chosen_where_it_is_offered() -> None:
    assert choose([XCHACHA20, AES_GCM, "something_new"]) == AES_GCM
    assert choose([XCHACHA20]) == XCHACHA20
    with pytest.raises(NoCommonMode, match="Update TimmyBot"):
        choose(["xsalsa20_poly1305"])
