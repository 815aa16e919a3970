"""Tells whether an interaction came from Discord.

Source: Discord, Interactions, "Security and Authorization": Ed25519 over the ``X-Signature-Timestamp`` header
followed by the raw body.
"""

from __future__ import annotations

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

FRESH_SECONDS = 300.0
"""How old a signed request may be. Discord delivers within seconds; what is older is somebody's recording."""


class Signature:
    def __init__(self, public_key: str) -> None:
        """``public_key`` is hex, as the developer portal shows it. Raises ``ValueError`` if it is not a key."""
        self._key = VerifyKey(bytes.fromhex(public_key))

    def is_discords(self, *, signature: str, timestamp: str, body: bytes, now: float) -> bool:
        """Whether ``body`` was signed by Discord at ``timestamp``, which is Unix seconds near ``now``."""
        try:
            fresh = abs(now - float(timestamp)) <= FRESH_SECONDS
            self._key.verify(timestamp.encode() + body, bytes.fromhex(signature))
        except (BadSignatureError, ValueError):
            return False
        return fresh
