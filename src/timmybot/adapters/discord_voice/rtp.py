"""From an Opus frame to a datagram: what every way of sending has in common.

Source: RFC 3550, section 5.1 (the header); Discord, Voice Connections, "Voice Packet Structure": 0x80 0x78, then
sequence, timestamp and SSRC, big-endian. The timestamp counts samples: 960 in the 20 ms of a frame at 48 kHz.
"""

from __future__ import annotations

import random as random_module
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

SAMPLES_PER_FRAME: Final = 960
SILENCE: Final = b"\xf8\xff\xfe"
"""An Opus frame of silence. Source: Discord, Voice Connections, "Voice Data Interpolation"."""
HEADER: Final = struct.Struct(">HHII")
VERSION_AND_TYPE: Final = 0x8078
MOST_FRAME_BYTES: Final = 4_000
"""A frame of 20 ms has 1,276 bytes at most (RFC 6716, section 3.4), and end-to-end encryption adds some twenty."""

KEEP_ALIVE: Final = struct.Struct("<Q")
"""Eight bytes that the voice server echoes: they keep the way back open through NATs while nothing is said.
Source: what Discord's clients send; the documentation does not mention it."""

EndToEnd = Callable[[bytes], bytes]
"""A step before transport encryption, Opus frame to Opus frame: DAVE's."""


class Figures(NamedTuple):
    """Of one stream; what the names mean, it says."""

    sent: int = 0
    refused: int = 0
    unreached: int = 0


class PacketStream(ABC):
    """The datagrams of one SSRC, in order. Used by the pacing thread alone, and never waits.

    A hundred streams are served in turn every 20 ms, and by then others have had the caches: each object that a frame
    has to look at costs as much as some lines of Python. So there are few.
    """

    __slots__ = ("_silences", "counted", "end_to_end", "held")

    def __init__(self) -> None:
        self._silences = 0
        self.counted = Figures()
        """What a lane has counted of it already: a connection that is resumed comes back to its lane with it."""
        self.end_to_end: EndToEnd | None = None
        self.held = False
        """Whether frames have to wait. Like ``end_to_end`` it is replaced whole, by the event loop."""

    @abstractmethod
    def send(self, frame: bytes) -> None:
        """Send one frame for the present slot, at the latest when the sender is flushed.

        Raises what ``end_to_end`` raises, and then nothing has happened. What the socket does not take is counted as
        ``refused``. Silence is never encrypted end to end.
        """

    def send_silence(self) -> None:
        """Send a frame of silence."""
        self._silences += 1
        self.send(SILENCE)

    @abstractmethod
    def keep_alive(self) -> None:
        """Show that we are there still. Raises ``OSError``."""

    @abstractmethod
    def pass_over(self, slots: int = 1) -> None:
        """Nothing is sent in these slots: time goes on, the sequence does not, so nobody takes it for packet loss."""

    @property
    @abstractmethod
    def datagrams(self) -> int:
        """How many were made. Each has a number of its own, which is the nonce's: 2^32 last for two years and a half,
        and then it goes no further."""

    @property
    @abstractmethod
    def refused(self) -> int:
        """How many of them the socket did not take, or could not be sent."""

    @property
    @abstractmethod
    def unreached(self) -> int:
        """How many of those refused brought the news that nobody listens any more where an earlier one was sent."""

    @property
    def sent(self) -> int:
        """How many frames of sound went out. (A silence that was refused counts against it, too.)"""
        return self.datagrams - self._silences - self.refused

    @property
    def figures(self) -> Figures:
        return Figures(self.sent, self.refused, self.unreached)


class Sender(Protocol):
    """How the process sends. One for all its streams."""

    def stream(
        self, ssrc: int, mode: str, key: bytes, udp: socket.socket, random: random_module.Random
    ) -> PacketStream:
        """What is sent over ``udp``, which is connected and does not block, encrypted in ``mode`` under ``key``."""
        ...

    def flush(self) -> None:
        """Have everything go out that was sent. Called at the end of each slot; any socket may be closed after it."""
        ...
