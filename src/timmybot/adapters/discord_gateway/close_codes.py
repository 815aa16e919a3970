"""What each close of a gateway connection asks for.

Source: Discord, Opcodes and Status Codes, "Gateway Close Event Codes"; and Gateway, "Resuming": a session that was
closed with 1000 or 1001 is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

RESUMABLE_CLOSE: Final = 4000
"""What we close with ourselves: any code but 1000 and 1001 leaves the session resumable for minutes."""


class Next(Enum):
    RESUME = "resume"
    IDENTIFY = "identify anew"
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Remedy:
    """What to do after a close. ``sentence`` says what an operator has to do, where it is up to one."""

    next: Next
    sentence: str = ""


_RESUME = Remedy(Next.RESUME)
_IDENTIFY = Remedy(Next.IDENTIFY)

_REMEDIES: Final[dict[int, Remedy]] = {
    1000: _IDENTIFY,
    1001: _IDENTIFY,
    4000: _RESUME,  # unknown error
    4001: _RESUME,  # unknown opcode
    4002: _RESUME,  # decode error
    4003: _IDENTIFY,  # not authenticated, or the session was invalidated
    4004: Remedy(
        Next.GIVE_UP,
        "Discord refuses the bot token. Copy the token from the Bot page of your application in Discord's developer "
        "portal (reset it there if you no longer have it), store it again, and restart.",
    ),
    4005: _RESUME,  # already authenticated
    4007: _IDENTIFY,  # the sequence we resumed with is invalid
    4008: _RESUME,  # rate limited
    4009: _IDENTIFY,  # session timed out
    4010: Remedy(
        Next.GIVE_UP,
        "Discord refuses the shard number. Every process must use the same TIMMYBOT_SHARD_COUNT; correct it and "
        "restart.",
    ),
    4011: Remedy(
        Next.GIVE_UP,
        "The bot is in more guilds than this many shards may hold (2,500 each). Raise TIMMYBOT_SHARD_COUNT as the "
        "operations guide says.",
    ),
    4012: Remedy(Next.GIVE_UP, "Discord no longer speaks gateway v10. Update TimmyBot."),
    4013: Remedy(Next.GIVE_UP, "Discord does not know the intents that were asked for. Update TimmyBot."),
    4014: Remedy(
        Next.GIVE_UP,
        "Discord does not allow the bot an intent it asked for. TimmyBot needs no privileged one: update it, and look "
        "at the Bot page of your application in Discord's developer portal.",
    ),
}


def after_close(code: int | None) -> Remedy:
    """What to do after a close with ``code``; ``None`` is a connection that broke without one."""
    return _REMEDIES.get(code, _RESUME) if code is not None else _RESUME
