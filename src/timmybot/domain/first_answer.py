"""How long Discord still waits for an interaction's first answer.

Source: Discord, Interactions, "Responding to an Interaction": 3 s. They begin when Discord makes the interaction, and
its id tells when that was: a cold start, a slow line or a busy process has used a part of them before our code runs.
"""

from __future__ import annotations

from typing import Final

from timmybot.domain.ids import InteractionId, asked_at

FIRST_ANSWER_SECONDS: Final = 3.0
_FLOOR_SECONDS: Final = 0.5
"""Something is tried all the same: our clock may be ahead of Discord's."""


def seconds_left(interaction_id: InteractionId, now: float) -> float:
    """From ``now`` (Unix time) on. An age that cannot be, as by a clock that is wrong, is not believed: then 3 s."""
    age = now - asked_at(interaction_id)
    if not 0.0 <= age <= FIRST_ANSWER_SECONDS:
        return FIRST_ANSWER_SECONDS
    return max(FIRST_ANSWER_SECONDS - age, _FLOOR_SECONDS)
