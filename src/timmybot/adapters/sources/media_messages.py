"""The protocol between the worker and a media child, as bytes on one stream's socket.

The worker sends a request (``Ask``). Until the child replies (``Reply``), it may call back (``Call``) for bytes of the
file or for Opus packets, and gets ``Answer``. A message is a kind, a length and a body; small bodies are JSON.

The child is not trusted: the worker refuses what is longer than an honest child sends, and takes codes, not sentences.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from timmybot.adapters.sources.ramp import Ramp
from timmybot.domain.sound import Effect, Sound

LONGEST_BODY: Final = 4 * 1024**2
"""Bytes. A reply of 32 packets of 64 KiB is half of it."""
LONGEST_TEXT: Final = 64 * 1024
"""Bytes of JSON: each may take Python twenty-five times as much memory."""
LONGEST_READ: Final = 256 * 1024
SEND_SECONDS: Final = 5
"""How long the other end may leave a message unread, when there is no more room for it."""
FRAMES_LIMIT: Final = 50
"""Frames a child may send at a time."""
LONGEST_FRAME: Final = 4_000
"""Bytes. Opus has 1,275 a frame of 20 ms."""
PACKETS_LIMIT: Final = 32

HEAD: Final = struct.Struct("<BI")
STEP: Final = struct.Struct("<HB")
"""How many frames, and libopus's complexity (0 to 10)."""
COUNT: Final = struct.Struct("<H")
READ: Final = struct.Struct("<QIH")
"""The place, the most bytes, and how many packets of sound came since the last read."""
_RUN: Final = struct.Struct("<dBH")
"""The earliest place that frames can be made from, whether the sound is over, how many frames."""
_PACKETS: Final = struct.Struct("<BH")
_PACKET: Final = struct.Struct("<qqqI")
_PIECE: Final = struct.Struct("<dI")
_TEXT: Final = struct.Struct("<I")


class Ask(IntEnum):
    """What the worker asks of a child."""

    OPEN = 1
    LOOK = 2
    MEASURE = 3
    TRANSCODE = 4
    """Opus packets that the worker holds are to be decoded: it answers the child's calls for them."""
    FRAMES = 5
    """Make frames from a place on, in a sound."""
    STEP = 6
    PACKETS = 7


class Call(IntEnum):
    """What a child asks of the worker meanwhile."""

    READ = 20
    PIECES = 21


class Answer(IntEnum):
    """What the worker says to that."""

    DATA = 30
    FAILED = 31
    PIECES = 32


class Reply(IntEnum):
    DONE = 40
    OPENED = 41
    FOUND = 42
    RUN = 43
    PACKETS = 44
    REFUSED = 45


class ChildGone(Exception):
    """The other end of a stream's socket is closed, or it sends what it must not."""


class Packet(NamedTuple):
    """One of FFmpeg's packets. Times are in units of the stream's time base."""

    pts: int
    pos: int | None
    """Where it is in the file, in bytes; what exactly that means depends on the container."""
    duration: int
    data: bytes


class Run(NamedTuple):
    """Frames in a row, 20 ms of Opus each."""

    frames: list[bytes]
    over: bool
    begins_ms: float


class Opened(NamedTuple):
    """What a child says of a file that it has opened."""

    plain: bool
    """Whether any Opus decoder plays its packets right: the worker gets these, else the child makes frames."""
    start: int
    """Where the stream's own time begins."""
    unit_ms: float
    shift_ms: float
    """What is added to the file's own times: a stream without end begins where listening does."""
    first: list[Packet]
    """The first packets from shortly before the place on, if they are ``plain``."""


class Wire:
    """One end of a stream's socket. Used by one thread at a time, but for :meth:`shut`."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        if sys.platform != "win32":  # who does not listen shall not be waited for
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))

    def send(self, kind: int, body: bytes = b"") -> None:
        """Raises :class:`ChildGone`."""
        try:
            self._socket.sendall(HEAD.pack(kind, len(body)) + body)
        except OSError as error:
            raise ChildGone from error

    def receive(self) -> tuple[int, bytes]:
        """Raises :class:`ChildGone`."""
        kind, length = HEAD.unpack(self._exactly(HEAD.size))
        if length > LONGEST_BODY:
            raise ChildGone("a message is too long")
        return kind, self._exactly(length)

    def shut(self) -> None:
        """Wake both ends. From any thread; never waits."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        if not size:
            return b""
        try:
            data = self._socket.recv(size, socket.MSG_WAITALL) if hasattr(socket, "MSG_WAITALL") else b""
            while len(data) < size:
                more = self._socket.recv(size - len(data))
                if not more:
                    raise ChildGone
                data += more
        except OSError as error:
            raise ChildGone from error
        return data


def text_of(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def value_of(body: bytes) -> dict[str, Any]:
    """Raises :class:`ChildGone`."""
    if len(body) > LONGEST_TEXT:
        raise ChildGone("too long a text")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ChildGone("no JSON") from error
    if not isinstance(value, dict):
        raise ChildGone("no JSON object")
    return value


def packed_frames_request(position_ms: float, sound: Sound, ramp: Ramp | None) -> bytes:
    return text_of(
        {
            "position_ms": position_ms,
            "sound": [sound.gain_db, sound.volume_percent, sound.speed_percent, sound.effect.value],
            "ramp": None if ramp is None else [ramp.begin, ramp.end],
        }
    )


def frames_request(body: bytes) -> tuple[float, Sound, Ramp | None]:
    value = value_of(body)
    gain_db, volume, speed, effect = value["sound"]
    ramp = value["ramp"] and Ramp(*value["ramp"])
    sound = Sound(gain_db=gain_db, volume_percent=volume, speed_percent=speed, effect=Effect(effect))
    return value["position_ms"], sound, ramp


def packed_run(run: Run) -> bytes:
    lengths = struct.pack(f"<{len(run.frames)}H", *map(len, run.frames))
    return _RUN.pack(run.begins_ms, run.over, len(run.frames)) + lengths + b"".join(run.frames)


def run_of(body: bytes) -> Run:
    """Raises :class:`ChildGone`."""
    try:
        begins_ms, over, count = _RUN.unpack_from(body)
        lengths = struct.unpack_from(f"<{count}H", body, _RUN.size)
    except struct.error as error:
        raise ChildGone("no run of frames") from error
    if count > FRAMES_LIMIT or any(not 0 < length <= LONGEST_FRAME for length in lengths):
        raise ChildGone("frames that nobody sends")
    return Run(_cut(body, _RUN.size + 2 * count, lengths), bool(over), begins_ms)


def packed_packets(packets: Sequence[Packet], *, over: bool) -> bytes:
    heads = b"".join(
        _PACKET.pack(each.pts, -1 if each.pos is None else each.pos, each.duration, len(each.data)) for each in packets
    )
    return _PACKETS.pack(over, len(packets)) + heads + b"".join(each.data for each in packets)


def packets_of(body: bytes) -> tuple[list[Packet], bool]:
    """Packets, and whether these are the last. Raises :class:`ChildGone`."""
    try:
        over, count = _PACKETS.unpack_from(body)
        if count > PACKETS_LIMIT:
            raise ChildGone("more packets than were asked for")
        heads = [_PACKET.unpack_from(body, _PACKETS.size + number * _PACKET.size) for number in range(count)]
    except struct.error as error:
        raise ChildGone("no packets") from error
    bodies = _cut(body, _PACKETS.size + count * _PACKET.size, [head[3] for head in heads])
    found = [
        Packet(pts, None if pos < 0 else pos, duration, data)
        for (pts, pos, duration, _), data in zip(heads, bodies, strict=True)
    ]
    return found, bool(over)


def packed_opened(opened: Opened) -> bytes:
    told = text_of({"plain": opened.plain, "start": opened.start, "unit": opened.unit_ms, "shift": opened.shift_ms})
    return _TEXT.pack(len(told)) + told + packed_packets(opened.first, over=False)


def opened_of(body: bytes) -> Opened:
    """Raises :class:`ChildGone`."""
    try:
        (length,) = _TEXT.unpack_from(body)
        told = value_of(body[_TEXT.size : _TEXT.size + length])
        first, _ = packets_of(body[_TEXT.size + length :])
        unit_ms = float(told["unit"])
        if not unit_ms > 0:
            raise ChildGone("no unit of time")
        return Opened(bool(told["plain"]), int(told["start"]), unit_ms, float(told["shift"]), first)
    except (struct.error, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ChildGone("nothing that was opened") from error


def packed_pieces(pieces: Sequence[tuple[float, bytes]]) -> bytes:
    """Opus packets and their places in milliseconds; none when there are no more."""
    heads = b"".join(_PIECE.pack(place_ms, len(data)) for place_ms, data in pieces)
    return COUNT.pack(len(pieces)) + heads + b"".join(data for _, data in pieces)


def pieces_of(body: bytes) -> list[tuple[float, bytes]]:
    (count,) = COUNT.unpack_from(body)
    heads = [_PIECE.unpack_from(body, COUNT.size + number * _PIECE.size) for number in range(count)]
    bodies = _cut(body, COUNT.size + count * _PIECE.size, [length for _, length in heads])
    return [(place_ms, data) for (place_ms, _), data in zip(heads, bodies, strict=True)]


def _cut(body: bytes, place: int, lengths: Sequence[int]) -> list[bytes]:
    """The pieces of ``body`` from ``place`` on, which end where it does. Raises :class:`ChildGone`."""
    if place + sum(lengths) != len(body):
        raise ChildGone("lengths that do not add up")
    pieces = []
    for length in lengths:
        pieces.append(body[place : place + length])
        place += length
    return pieces
