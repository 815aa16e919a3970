"""From an Opus frame to a datagram.

Source: RFC 3550, section 5.1 (the header); Discord, Voice Connections, "Voice Packet Structure": 0x80 0x78, then
sequence, timestamp and SSRC, big-endian. The timestamp counts samples: 960 in the 20 ms of a frame at 48 kHz.
"""

from __future__ import annotations

import random as random_module
import struct
from collections.abc import Callable
from typing import Final

from timmybot.adapters.discord_voice.ciphers import Cipher

SAMPLES_PER_FRAME: Final = 960
SILENCE: Final = b"\xf8\xff\xfe"
"""An Opus frame of silence. Source: Discord, Voice Connections, "Voice Data Interpolation"."""
HEADER: Final = struct.Struct(">HHII")
_VERSION_AND_TYPE: Final = 0x8078

KEEP_ALIVE: Final = struct.Struct("<Q")
"""Eight bytes that the voice server echoes: they keep the way back open through NATs while nothing is said.
Source: what Discord's clients send; the documentation does not mention it."""

EndToEnd = Callable[[bytes], bytes]
"""A step before transport encryption, Opus frame to Opus frame: DAVE's."""


class PacketStream:
    """The datagrams of one SSRC, in order. ``send_datagram`` must not block. Used by the pacing thread alone."""

    __slots__ = ("_cipher", "_counter", "_send", "_sequence", "_ssrc", "_timestamp", "end_to_end", "held")

    def __init__(
        self, ssrc: int, cipher: Cipher, send_datagram: Callable[[bytes], object], random: random_module.Random
    ) -> None:
        self._ssrc = ssrc
        self._cipher = cipher
        self._send = send_datagram
        self._sequence = random.getrandbits(16)  # RFC 3550, 5.1: both start at random
        self._timestamp = random.getrandbits(32)
        self._counter = 0
        self.end_to_end: EndToEnd | None = None
        self.held = False
        """Whether frames have to wait. Like ``end_to_end`` it is replaced whole, by the event loop."""

    def send(self, frame: bytes) -> None:
        """Send one frame for the present slot.

        Raises ``OSError`` if the socket does not take it (it counts as sent), and what ``end_to_end`` raises.
        """
        if self.end_to_end is not None:
            frame = self.end_to_end(frame)
        self._send_frame(frame)

    def send_silence(self) -> None:
        """Send a frame of silence, which is never encrypted end to end. Raises ``OSError``."""
        self._send_frame(SILENCE)

    def keep_alive(self) -> None:
        """Show that we are there still. Raises ``OSError``."""
        self._send(KEEP_ALIVE.pack(self._counter))

    def _send_frame(self, frame: bytes) -> None:
        sequence, timestamp, counter = self._sequence, self._timestamp, self._counter
        self._sequence = (sequence + 1) & 0xFFFF
        self._timestamp = (timestamp + SAMPLES_PER_FRAME) & 0xFFFFFFFF
        self._counter = counter + 1
        header = HEADER.pack(_VERSION_AND_TYPE, sequence, timestamp, self._ssrc)
        self._send(header + self._cipher(frame, header, counter))

    def pass_over(self, slots: int = 1) -> None:
        """Nothing is sent in these slots: time goes on, the sequence does not, so nobody takes it for packet loss."""
        self._timestamp = (self._timestamp + SAMPLES_PER_FRAME * slots) & 0xFFFFFFFF
