"""RTP packets of Discord voice, and their transport encryption ("rtpsize" modes).

Source: https://docs.discord.com/developers/topics/voice-connections and RFC 3550. The header stays readable and is the
additional authenticated data; of a header extension only its first four bytes count to it. The 32-bit nonce
counter stands behind the ciphertext, and in front of zeros in the cipher's nonce.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import nacl.exceptions
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

AES_GCM = "aead_aes256_gcm_rtpsize"
XCHACHA = "aead_xchacha20_poly1305_rtpsize"

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960
SILENCE = b"\xf8\xff\xfe"
"""The Opus frame of silence that a client sends five times when it stops."""

DAVE_MARKER = b"\xfa\xfa"
"""Ends every frame that is encrypted end to end."""
DAVE_SUPPLEMENT_BYTES = 12
"""The least that encryption adds: tag, nonce, size and marker (https://daveprotocol.com, "Payload Format")."""

PAYLOAD_OPUS = 0x78
HEADER_BYTES, NONCE_BYTES, TAG_BYTES = 12, 4, 16


class NotRtp(Exception):
    """A datagram that is no RTP packet of Opus audio."""


class NotAuthentic(Exception):
    """A packet that was not sealed with the session's key."""


@dataclass(frozen=True)
class Sealed:
    """A parsed packet before decryption."""

    sequence: int
    timestamp: int
    ssrc: int
    header: bytes
    extension_words: int
    ciphertext: bytes
    nonce: bytes


@dataclass(frozen=True)
class Packet:
    """One audio frame that arrived: what ears and figures are made of. ``at`` is ``time.monotonic()`` seconds."""

    at: float
    ssrc: int
    sequence: int
    timestamp: int
    opus: bytes

    @property
    def is_silence(self) -> bool:
        """One of the silence frames that end a stretch of audio."""
        return self.opus == SILENCE


def is_protocol_frame(frame: bytes) -> bool:
    """Does it look encrypted end to end? What the voice server itself goes by; it cannot decrypt."""
    return frame.endswith(DAVE_MARKER) and len(frame) >= 3 and DAVE_SUPPLEMENT_BYTES <= frame[-3] < len(frame)


def parse(datagram: bytes) -> Sealed:
    """Take a datagram apart. Raises :class:`NotRtp`."""
    if len(datagram) < HEADER_BYTES + NONCE_BYTES + TAG_BYTES:
        raise NotRtp(f"{len(datagram)} bytes")
    flags, payload_type, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", datagram)
    if flags >> 6 != 2 or payload_type & 0x7F != PAYLOAD_OPUS:
        raise NotRtp(f"flags {flags:#x}, payload type {payload_type:#x}")
    size, extension_words = HEADER_BYTES + 4 * (flags & 0x0F), 0
    if flags & 0x10:
        if len(datagram) < size + 4:
            raise NotRtp("cut off in its header extension")
        extension_words = struct.unpack_from(">H", datagram, size + 2)[0]
        size += 4
    if len(datagram) < size + NONCE_BYTES + TAG_BYTES:
        raise NotRtp("cut off")
    body, nonce = datagram[size:-NONCE_BYTES], datagram[-NONCE_BYTES:]
    return Sealed(sequence, timestamp, ssrc, datagram[:size], extension_words, body, nonce)


class Opener:
    """Decrypts the packets of one voice session."""

    def __init__(self, mode: str, key: bytes) -> None:
        self._key = key
        self._gcm = AESGCM(key) if mode == AES_GCM else None

    def open(self, sealed: Sealed) -> bytes:
        """The Opus (or DAVE) frame inside. Raises :class:`NotAuthentic`."""
        try:
            if self._gcm:
                plain = self._gcm.decrypt(sealed.nonce.ljust(12, b"\0"), sealed.ciphertext, sealed.header)
            else:
                plain = crypto_aead_xchacha20poly1305_ietf_decrypt(
                    sealed.ciphertext, sealed.header, sealed.nonce.ljust(24, b"\0"), self._key
                )
        except (InvalidTag, nacl.exceptions.CryptoError) as error:
            raise NotAuthentic(f"packet {sealed.sequence}") from error
        return plain[4 * sealed.extension_words :]
