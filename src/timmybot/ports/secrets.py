"""The secrets a process needs, and how it knows that the operator has not set them yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

PLACEHOLDER = "PLACEHOLDER-"
"""What every secret starts with until the operator sets it; the rest says what to put there."""


class SecretMissing(Exception):
    """A secret is not set. The message names it and says what to put there."""


@dataclass(frozen=True)
class Credentials:
    """What Discord knows the application by. The token is kept out of every ``repr``."""

    bot_token: str = field(repr=False)
    application_id: int
    public_key: str
    """Hex of the Ed25519 key that Discord signs interactions with."""


class Secrets(Protocol):
    async def credentials(self) -> Credentials:
        """Raises :class:`SecretMissing` if one is absent or still a placeholder."""
        ...
