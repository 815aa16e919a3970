"""Sending a slot's frames all in one call of a compiled function, ``sender.c``, without the interpreter's lock.

Why: what Python needs for header, transport encryption and ``send`` is a quarter of a frame's cost, most of it for
objects that have gone from the caches since the stream's last slot (docs/decisions/0020-batched-sender.md).

**Limits**: it has to be compiled (``make setup`` and the image do) and found beside this file; the CPU has to have
instructions for AES, or that mode is sent directly; it is known to work on Linux. Anything else is
:class:`~timmybot.adapters.discord_voice.direct.DirectSender`'s, which is heard no worse.
"""

from __future__ import annotations

import ctypes
import logging
import random as random_module
import socket
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import nacl.bindings  # noqa: F401  # makes libsodium ready for use
from nacl import _sodium  # the library itself, of which PyNaCl shows a part

from timmybot.adapters.discord_voice.ciphers import AES_GCM, KEY_BYTES, XCHACHA20
from timmybot.adapters.discord_voice.direct import DirectSender
from timmybot.adapters.discord_voice.rtp import KEEP_ALIVE, SAMPLES_PER_FRAME, SILENCE, PacketStream, Sender

log = logging.getLogger(__name__)

LIBRARY: Final = Path(__file__).with_name("sender.so")
_KEY_BYTES: Final = 512
"""What libsodium keeps of an expanded AES key, as far as it goes; the other mode's key has 32."""
_ALIGNMENT: Final = 64
"""It asks for 16 bytes; a line of the cache is no worse."""


class _Way(ctypes.Structure):
    """``struct way`` of sender.c."""

    _fields_ = (
        ("key", ctypes.c_ubyte * _KEY_BYTES),
        ("encrypt", ctypes.c_void_p),
        ("datagrams", ctypes.c_uint64),
        ("refused", ctypes.c_uint64),
        ("unreached", ctypes.c_uint64),
        ("ssrc", ctypes.c_uint32),
        ("timestamp", ctypes.c_uint32),
        ("sequence", ctypes.c_uint16),
        ("fd", ctypes.c_int),
    )


def best_sender(library: Path = LIBRARY) -> Sender:
    """The quickest that is to be had here. Logs which, as nothing else would show it."""
    try:
        sender = BatchedSender(library)
    except (OSError, AttributeError) as error:  # not compiled, for another machine, or no such libsodium
        log.info("voice is sent frame by frame, at a higher price: %s", error)
        return DirectSender()
    log.info("voice is sent in batches")
    return sender


class BatchedSender:
    """A ``Sender``. Raises ``OSError`` or ``AttributeError`` where it does not work."""

    def __init__(self, library: Path = LIBRARY) -> None:
        compiled = ctypes.CDLL(str(library))
        if compiled.way_bytes() != ctypes.sizeof(_Way):
            raise OSError(f"{library.name} was compiled from another version; make setup compiles it anew")
        self._send_all = compiled.send_all
        self._send_all.restype = None
        self._send_all.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)
        self._sodium = ctypes.CDLL(_sodium.__file__)
        if self._sodium.crypto_aead_aes256gcm_statebytes() > _KEY_BYTES:
            raise OSError("this libsodium keeps more of a key than there is room for")
        self._seals = {XCHACHA20: self._sodium.crypto_aead_xchacha20poly1305_ietf_encrypt_detached}
        if self._sodium.crypto_aead_aes256gcm_is_available():
            self._seals[AES_GCM] = self._sodium.crypto_aead_aes256gcm_encrypt_detached_afternm
        self._direct = DirectSender()
        self._ways: list[int] = []
        self._frames: list[bytes] = []

    def stream(
        self, ssrc: int, mode: str, key: bytes, udp: socket.socket, random: random_module.Random
    ) -> PacketStream:
        if len(key) != KEY_BYTES:
            raise ValueError("a key of another length")
        if mode not in self._seals:
            return self._direct.stream(ssrc, mode, key, udp, random)
        way = _aligned_way()
        way.encrypt = ctypes.cast(self._seals[mode], ctypes.c_void_p)
        way.ssrc, way.fd = ssrc, udp.fileno()
        way.sequence, way.timestamp = random.getrandbits(16), random.getrandbits(32)  # RFC 3550, 5.1: both at random
        if mode == AES_GCM:
            self._sodium.crypto_aead_aes256gcm_beforenm(ctypes.byref(way), key)
        else:
            ctypes.memmove(ctypes.byref(way), key, len(key))
        return _Batched(way, udp, self._ways.append, self._frames.append)

    def flush(self) -> None:
        ways, frames = self._ways, self._frames
        if not ways:
            return
        try:
            pointers, lengths = array("Q", ways), array("I", map(len, frames))
            self._send_all(pointers.buffer_info()[0], b"".join(frames), lengths.buffer_info()[0], len(ways))
        finally:
            ways.clear()
            frames.clear()


def _aligned_way() -> Any:
    """Zeros, where libsodium wants expanded keys to lie."""
    memory = ctypes.create_string_buffer(ctypes.sizeof(_Way) + _ALIGNMENT)
    return _Way.from_buffer(memory, -ctypes.addressof(memory) % _ALIGNMENT)


class _Batched(PacketStream):
    __slots__ = ("_add_frame", "_add_way", "_address", "_udp", "_way")

    def __init__(
        self, way: Any, udp: socket.socket, add_way: Callable[[int], None], add_frame: Callable[[bytes], None]
    ) -> None:
        super().__init__()
        self._way = way
        self._address = ctypes.addressof(way)
        self._udp = udp
        self._add_way = add_way
        self._add_frame = add_frame

    @property
    def datagrams(self) -> int:
        return int(self._way.datagrams)

    @property
    def refused(self) -> int:
        return int(self._way.refused)

    @property
    def unreached(self) -> int:
        return int(self._way.unreached)

    def send(self, frame: bytes) -> None:
        encrypt, add_frame, add_way = self.end_to_end, self._add_frame, self._add_way  # found at once in variables
        if encrypt is not None and frame is not SILENCE:
            frame = encrypt(frame)
        add_frame(frame)
        add_way(self._address)

    def keep_alive(self) -> None:
        self._udp.send(KEEP_ALIVE.pack(self.datagrams))

    def pass_over(self, slots: int = 1) -> None:
        self._way.timestamp = (self._way.timestamp + SAMPLES_PER_FRAME * slots) & 0xFFFFFFFF
