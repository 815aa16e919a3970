"""What each close of a voice connection means.

Source: Discord, Opcodes and Status Codes, "Voice Close Event Codes"; Voice Connections, "Resuming Voice Connection".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timmybot.adapters.discord_voice.machine import Happening


@dataclass(frozen=True)
class Loss:
    """That a connection was lost, or could not be made."""

    happening: Happening
    sentence: str = "The connection to Discord's voice server was lost."
    """For the text channel, should it be given up."""


CUT: Final = Loss(Happening.CUT)
VOID: Final = Loss(Happening.VOID)
HUNG_UP: Final = Loss(Happening.HUNG_UP)

_LOSSES: Final[dict[int, Loss]] = {
    1000: CUT,  # as with other clients: only Discord's own codes end a voice session
    1001: CUT,
    4001: VOID,  # unknown opcode
    4002: VOID,  # could not decode what we sent
    4003: VOID,  # not authenticated
    4004: VOID,  # the voice token is void
    4005: VOID,  # already authenticated
    4006: VOID,  # session no longer valid
    4009: VOID,  # session timed out
    4011: VOID,  # server not found
    4012: Loss(Happening.TURNED_AWAY, "Discord no longer speaks the voice protocol that I know. Update TimmyBot."),
    4014: HUNG_UP,  # kicked, channel deleted, moved, or the gateway session was lost
    4015: CUT,  # the voice server crashed
    4016: Loss(Happening.TURNED_AWAY, "Discord no longer knows the voice encryption that I use. Update TimmyBot."),
    4017: Loss(
        Happening.TURNED_AWAY,
        "Discord refuses the end-to-end encryption (DAVE) that this version speaks. Update TimmyBot; until then, a "
        "stage channel may work.",
    ),
    4020: VOID,  # bad request
    4021: Loss(
        Happening.TURNED_AWAY, "Discord closed the voice connection for too many requests. Try again in a few minutes."
    ),
    4022: HUNG_UP,  # the call was ended for everyone: channel deleted, or server changed
}


def after_close(code: int | None) -> Loss:
    """What a close with ``code`` means; ``None`` is a connection that broke without one."""
    return _LOSSES.get(code, CUT) if code is not None else CUT
