"""A track that ends as soon as it begins is not repeated for ever: each round would cost a write and make no music."""

from __future__ import annotations

from typing import Final

from timmybot.domain.guild_state import GuildState, Loop
from timmybot.domain.ids import PlayId

AT_ONCE_MS: Final = 1_000
"""What is shorter is no music."""
ROUNDS: Final = 3
"""How often in a row that may happen: a server that hangs up early is given another chance or two."""
STOPPED_REPEATING: Final = "This track ends as soon as it begins, so I don't repeat it any more."


class Spinning:
    """Counts the playings in a row that ended at once while a loop was on."""

    def __init__(self) -> None:
        self._at_once: tuple[PlayId, ...] = ()

    def is_out_of_hand(self, state: GuildState, over: PlayId, position_ms: int) -> bool:
        """Whether what has just ended, ``over`` at ``position_ms``, should not be played again."""
        if state.loop is Loop.OFF or position_ms >= AT_ONCE_MS:
            self._at_once = ()
        elif over not in self._at_once:  # else its end is written once more, after a lost race
            self._at_once = (*self._at_once, over)[-ROUNDS:]
        return len(self._at_once) == ROUNDS
