"""What each close of a voice connection asks for.

Source: Discord, Opcodes and Status Codes, "Voice Close Event Codes"; Voice Connections, "Resuming Voice Connection".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Next(Enum):
    RESUME = "resume"
    """The same server, the same session."""
    REJOIN = "rejoin"
    """The session is gone: ask for a new one over the gateway (op 4)."""
    LISTEN_THEN_REJOIN = "listen, then rejoin"
    """The gateway may be about to say why (a kick, another server). Only if it says nothing, rejoin."""
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Remedy:
    next: Next
    sentence: str = ""
    """For the text channel, when it is given up."""


_RESUME = Remedy(Next.RESUME)
_REJOIN = Remedy(Next.REJOIN)
_LISTEN = Remedy(Next.LISTEN_THEN_REJOIN)

_REMEDIES: Final[dict[int, Remedy]] = {
    1000: _REJOIN,
    1001: _REJOIN,
    4001: _REJOIN,  # unknown opcode
    4002: _REJOIN,  # could not decode what we sent
    4003: _REJOIN,  # not authenticated
    4004: _REJOIN,  # the voice token is void
    4005: _REJOIN,  # already authenticated
    4006: _REJOIN,  # session no longer valid
    4009: _REJOIN,  # session timed out
    4011: _REJOIN,  # server not found
    4012: Remedy(Next.GIVE_UP, "Discord no longer speaks the voice protocol that I know. Update TimmyBot."),
    4014: _LISTEN,  # kicked, channel deleted, moved, or the gateway session was lost
    4015: _RESUME,  # the voice server crashed
    4016: Remedy(Next.GIVE_UP, "Discord no longer knows the voice encryption that I use. Update TimmyBot."),
    4017: Remedy(
        Next.GIVE_UP,
        "This voice channel requires end-to-end encryption (DAVE), which this version does not speak. "
        "Use a stage channel, or update TimmyBot.",
    ),
    4020: _REJOIN,  # bad request
    4021: Remedy(
        Next.GIVE_UP, "Discord closed the voice connection for too many requests. Try again in a few minutes."
    ),
    4022: _LISTEN,  # the call was ended for everyone: channel deleted, or server changed
}


def after_close(code: int | None) -> Remedy:
    """What to do after a close with ``code``; ``None`` is a connection that broke without one."""
    return _REMEDIES.get(code, _RESUME) if code is not None else _RESUME
