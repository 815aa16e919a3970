"""Transport encryption: the two modes Discord has left.

A cipher is a function of (frame, header, nonce counter) that gives what follows the header in the datagram: the
ciphertext, its 16-byte tag, and the 4 bytes of the counter. The header is authenticated, not encrypted.
Source: Discord, Voice Connections, "Transport Encryption Modes": the counter fills the nonce's first 4 bytes, the rest
is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

Cipher = Callable[[bytes, bytes, int], bytes]

AES_GCM: Final = "aead_aes256_gcm_rtpsize"
"""Preferred: a ninth of the other's cost where the CPU has AES. Discord may not offer it."""
XCHACHA20: Final = "aead_xchacha20_poly1305_rtpsize"
"""Always offered."""

_COUNTER_BYTES: Final = 4
_GCM_REST: Final = bytes(12 - _COUNTER_BYTES)
_XCHACHA20_REST: Final = bytes(24 - _COUNTER_BYTES)


class NoCommonMode(Exception):
    """Discord offers no encryption mode that we know."""


def choose(offered: Sequence[str]) -> str:
    """The mode to use out of those offered. Raises :class:`NoCommonMode`."""
    for mode in (AES_GCM, XCHACHA20):
        if mode in offered:
            return mode
    raise NoCommonMode("Discord no longer offers a voice encryption that I know. Update TimmyBot.")


def cipher(mode: str, key: bytes) -> Cipher:
    """The cipher of ``mode`` under the 32-byte ``key``. A counter may never be used twice with one key.

    A counter of 2^32 or more raises ``OverflowError``; at 50 frames a second that is in two years and a half.
    """
    return _aes_gcm(key) if mode == AES_GCM else _xchacha20(key)


def _aes_gcm(key: bytes) -> Cipher:
    encrypt = AESGCM(key).encrypt  # the object caches the expanded key: making it anew costs more than a frame

    def encrypt_frame(frame: bytes, header: bytes, counter: int) -> bytes:
        nonce = counter.to_bytes(_COUNTER_BYTES, "big")
        return encrypt(nonce + _GCM_REST, frame, header) + nonce

    return encrypt_frame


def _xchacha20(key: bytes) -> Cipher:
    def encrypt_frame(frame: bytes, header: bytes, counter: int) -> bytes:
        nonce = counter.to_bytes(_COUNTER_BYTES, "big")
        return crypto_aead_xchacha20poly1305_ietf_encrypt(frame, header, nonce + _XCHACHA20_REST, key) + nonce

    return encrypt_frame
