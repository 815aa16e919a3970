"""Playings that two workers died with, played again a few at a time, so that a third death tells which one it was.

A suspect is marked in its guild's state before it is opened, and cleared once it has got on
(:mod:`~timmybot.domain.crash_record`). Whoever is no suspect is not held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from timmybot.domain.crash_record import GOT_ON_MS, CrashRecord
from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import PlayId
from timmybot.ports.clock import Clock
from timmybot.ports.voice import PlayerStatus

TOGETHER: Final = 8
"""How many are tried at a time that were never marked before: few enough for the guilty one among them to be tried
alone soon, enough for a worker's other guilds not to wait long."""
LOOK_SECONDS: Final = 2.5
LONGEST_SECONDS: Final = 150.0
"""How long the others wait for one that does not get on: longer than a player waits for a stream's first frame."""


class Trials:
    """Those of one worker."""

    def __init__(self) -> None:
        self._running: dict[Trial, bool] = {}
        """Each, and whether it is to be the only one."""
        self._waiting: dict[Trial, None] = {}

    def may_begin(self, trial: Trial, *, alone: bool) -> bool:
        """If not, it is nudged when it is worth asking again."""
        others = [is_alone for each, is_alone in self._running.items() if each is not trial]
        if any(others) or len(others) >= (1 if alone else TOGETHER):
            self._waiting[trial] = None
            return False
        self._waiting.pop(trial, None)
        self._running[trial] = alone
        return True

    def ended(self, trial: Trial) -> None:
        self._waiting.pop(trial, None)
        if self._running.pop(trial, None) is not None:
            waiting, self._waiting = self._waiting, {}
            for each in waiting:
                each.nudge()


@dataclass(frozen=True)
class _Begun:
    play_id: PlayId
    at: float
    position_ms: int


class Trial:
    """What is being tried in one guild, if anything is. ``nudge`` has the guild looked at soon."""

    def __init__(self, trials: Trials, clock: Clock, nudge: Callable[[], None]) -> None:
        self._trials = trials
        self._clock = clock
        self.nudge = nudge
        self._begun: _Begun | None = None
        self._reminder: asyncio.Task[None] | None = None

    def may_begin(self, wanted: GuildState, position_ms: int) -> bool:
        """Whether the suspect may be marked and opened now; if not, the guild is nudged when it may be.

        What is paused is not opened: it could not show that it gets on, and the others would wait for it.
        """
        assert wanted.play_id is not None
        if wanted.paused or not self._trials.may_begin(self, alone=wanted.crashes.is_tried_alone):
            return False
        self._begun = _Begun(wanted.play_id, self._clock.monotonic(), position_ms)
        if self._reminder is None:
            self._reminder = asyncio.create_task(self._remind(), name="look at what is tried")
        return True

    def verdict(self, wanted: GuildState, actual: PlayerStatus) -> CrashRecord | None:
        """What is to be written now that the trial is over; ``None`` while it goes on, or if there is none."""
        begun, crashes = self._begun, wanted.crashes
        if begun is None or not crashes.marked or wanted.play_id != begun.play_id:
            self.close()
            return None
        if actual.play_id == begun.play_id and actual.position_ms >= begun.position_ms + GOT_ON_MS:
            return crashes.cleared()
        is_played = actual.play_id == begun.play_id and wanted.wants_player and not wanted.paused
        if is_played and self._clock.monotonic() - begun.at < LONGEST_SECONDS:
            return None
        return crashes.put_off()

    def close(self) -> None:
        """It is over: let others begin."""
        self._begun = None
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None
        self._trials.ended(self)

    async def _remind(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            self.nudge()
