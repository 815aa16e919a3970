"""Transport encryption: the two modes Discord has left.

A datagram is its RTP header, which is authenticated and not encrypted, the ciphertext of the frame with its 16-byte
tag, and the 4 bytes of a counter, which no two datagrams under one key have in common.
Source: Discord, Voice Connections, "Transport Encryption Modes": the counter fills the nonce's first 4 bytes, the rest
is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

AES_GCM: Final = "aead_aes256_gcm_rtpsize"
"""Preferred: a ninth of the other's cost where the CPU has AES. Discord may not offer it."""
XCHACHA20: Final = "aead_xchacha20_poly1305_rtpsize"
"""Always offered."""

KEY_BYTES: Final = 32
COUNTER_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Cipher:
    """One mode under one key."""

    seal: Callable[[bytes, bytes, bytes], bytes]
    """From nonce, frame and header to ciphertext and tag."""
    nonce_rest: bytes
    """What makes a nonce of the counter's bytes, behind them."""


class NoCommonMode(Exception):
    """Discord offers no encryption mode that we know."""


def choose(offered: Sequence[str]) -> str:
    """The mode to use out of those offered. Raises :class:`NoCommonMode`."""
    for mode in (AES_GCM, XCHACHA20):
        if mode in offered:
            return mode
    raise NoCommonMode("Discord no longer offers a voice encryption that I know. Update TimmyBot.")


def cipher(mode: str, key: bytes) -> Cipher:
    """The cipher of ``mode`` under ``key``. Raises ``ValueError`` if that has not 32 bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError("a key of another length")
    if mode == AES_GCM:
        # The object caches the expanded key: making it anew costs more than a frame.
        return Cipher(AESGCM(key).encrypt, bytes(12 - COUNTER_BYTES))

    def seal(nonce: bytes, frame: bytes, header: bytes) -> bytes:
        return crypto_aead_xchacha20poly1305_ietf_encrypt(frame, header, nonce, key)

    return Cipher(seal, bytes(24 - COUNTER_BYTES))
