"""Sending in Python, a datagram at a time: where nothing quicker is to be had (:mod:`batched`)."""

from __future__ import annotations

import random as random_module
import socket

from timmybot.adapters.discord_voice.ciphers import COUNTER_BYTES, cipher
from timmybot.adapters.discord_voice.rtp import (
    HEADER,
    KEEP_ALIVE,
    MOST_FRAME_BYTES,
    SAMPLES_PER_FRAME,
    SILENCE,
    VERSION_AND_TYPE,
    PacketStream,
)


class DirectSender:
    """A ``Sender`` that keeps nothing back."""

    def stream(
        self, ssrc: int, mode: str, key: bytes, udp: socket.socket, random: random_module.Random
    ) -> PacketStream:
        return _Direct(ssrc, mode, key, udp, random)

    def flush(self) -> None:
        pass


class _Direct(PacketStream):
    __slots__ = (
        "_datagrams",
        "_nonce_rest",
        "_refused",
        "_seal",
        "_send",
        "_sequence",
        "_ssrc",
        "_timestamp",
        "_unreached",
    )

    def __init__(self, ssrc: int, mode: str, key: bytes, udp: socket.socket, random: random_module.Random) -> None:
        super().__init__()
        encryption = cipher(mode, key)
        self._seal, self._nonce_rest = encryption.seal, encryption.nonce_rest
        self._send = udp.send
        self._ssrc = ssrc
        self._sequence = random.getrandbits(16)  # RFC 3550, 5.1: both start at random
        self._timestamp = random.getrandbits(32)
        """The first datagram's; later ones are as many frames further, and by as many slots as were passed over."""
        self._datagrams = self._refused = self._unreached = 0

    @property
    def datagrams(self) -> int:
        return self._datagrams

    @property
    def refused(self) -> int:
        return self._refused

    @property
    def unreached(self) -> int:
        return self._unreached

    def send(self, frame: bytes) -> None:
        encrypt, send, seal = self.end_to_end, self._send, self._seal  # found at once in variables
        if encrypt is not None and frame is not SILENCE:
            frame = encrypt(frame)
        number = self._datagrams
        try:
            counter = number.to_bytes(COUNTER_BYTES, "big")
            header = HEADER.pack(
                VERSION_AND_TYPE,
                (self._sequence + number) & 0xFFFF,
                (self._timestamp + number * SAMPLES_PER_FRAME) & 0xFFFFFFFF,
                self._ssrc,
            )
            self._datagrams = number + 1
            if len(frame) > MOST_FRAME_BYTES:
                self._refused += 1
                return
            send(header + seal(counter + self._nonce_rest, frame, header) + counter)
        except ConnectionRefusedError:
            self._refused += 1
            self._unreached += 1
        except (OSError, OverflowError):  # a full buffer, an unreachable host; or the numbers are used up
            self._refused += 1

    def keep_alive(self) -> None:
        self._send(KEEP_ALIVE.pack(self._datagrams))

    def pass_over(self, slots: int = 1) -> None:
        self._timestamp += SAMPLES_PER_FRAME * slots
