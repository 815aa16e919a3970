"""Notices a player that should send and does not, and heals it step by step.

After 3 s without a frame: the track is opened again (if it is the stream that gives nothing), then the voice connection
is made anew, and at last the player is *stuck*: a track that gives nothing has failed, and a connection that takes
nothing is another worker's to try. Every step is logged, counted, and told to the text channel in a sentence.

What it leaves alone: a connection that is being mended (:mod:`~timmybot.adapters.discord_voice.presence` sees to it),
and a stream that has yet to give its first frame, which has time limits of its own: of that one the channel is told.
Nor does it act where frames wait for the keys of other bots and nobody is there to miss them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from timmybot.adapters.discord_voice.player import VoicePlayer
from timmybot.domain.ids import GuildId
from timmybot.ports.voice import Ending

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
SILENT_SECONDS: Final = 3.0
SLOW_SECONDS: Final = 8.0
"""After so long without its first frame a stream is said to be slow; it is not given up for that."""
FIRST_FRAME_SECONDS: Final = 125.0
"""How long a stream may take for its first frame: longer than its own time limits, which say more clearly why. One that
gets nothing gives up after 15 s by itself. But a file without an index is read from its beginning up to where the track
was, and opened again meanwhile it would have to begin anew."""

UNREACHED_SECONDS: Final = 1.5
"""For how long the news counts that nobody listens where the frames go. Every other send, or more, succeeds there all
the same, and the news comes once a second at least (source: Linux, icmp(7), ``icmp_ratelimit``)."""

STUCK_SECONDS: Final = 30.0
"""How often a player that is stuck, and that no other worker has taken, is connected anew."""


class Step(Enum):
    REOPENED = "opened the track again"
    RECONNECTED = "connected to the voice server anew"
    STUCK = "gave up"


_SENTENCES: Final = {
    Step.REOPENED: "The music had stopped because its source sent nothing; I opened it again.",
    Step.RECONNECTED: "The music had stopped although I was connected; I connected to the voice channel again.",
    # Whether another worker is there to take over is not known here, and nothing of it is promised.
    Step.STUCK: "I cannot be heard here although I am connected. I keep trying; another region for the voice channel "
    "may help.",
}
_WAS_LOST: Final = "The music had stopped because I had lost the track; I opened it again."
_SLOW: Final = "The server that this track is on takes long to answer; I am still waiting for it."
_SOURCE_FAILED: Final = "Its source sends nothing any more."
_LOST_AGAIN: Final = "I lost this track again and again."


@dataclass
class _Seen:
    """What a player had done at the last look."""

    sent: int = 0
    underrun: int = 0
    unreached: int = 0
    reached_seconds: float = UNREACHED_SECONDS
    """Since it was last heard that nobody listens."""
    silent_seconds: float = 0.0
    turn: int = -1
    """The player's, to notice another one."""
    has_sounded: bool = False
    """Whether a frame of this turn was heard. What was sent may have been the end of what played before."""
    steps: int = 0
    told_slow: bool = False
    starved: bool = False
    """Whether the stream gave nothing while it was silent."""


class Watchdog:
    def __init__(self) -> None:
        self.steps: Counter[Step] = Counter()
        self._seen: dict[GuildId, _Seen] = {}

    def look(self, players: Iterable[tuple[GuildId, VoicePlayer]], passed_seconds: float) -> None:
        """Look at every player; ``passed_seconds`` is since the last look."""
        for guild_id, player in players:
            player.look_ahead()
            self._count_alone(player, passed_seconds)
            self._look_at(guild_id, player, passed_seconds)

    @staticmethod
    def _count_alone(player: VoicePlayer, passed_seconds: float) -> None:
        others = player.presence.others()
        if others == 0:
            player.alone_seconds += passed_seconds
        elif others is not None:  # what is not known, for a moment or for long, proves nothing
            player.alone_seconds = 0.0

    def _look_at(self, guild_id: GuildId, player: VoicePlayer, passed_seconds: float) -> None:
        if not player.should_sound or player.is_held_for_nobody:
            seen = self._seen.get(guild_id)
            if seen is not None and not player.pursued:
                del self._seen[guild_id]
            return
        counters = player.counters
        seen = self._seen.get(guild_id)
        if seen is None:  # what was sent for what played before tells nothing of this one
            seen = self._seen[guild_id] = _Seen(counters.sent, counters.underrun, counters.unreached)
        if player.turn != seen.turn:
            seen.turn, seen.steps, seen.silent_seconds = player.turn, 0, 0.0
            seen.has_sounded = seen.told_slow = False
        seen.has_sounded = seen.has_sounded or player.has_sounded
        starved = counters.underrun > seen.underrun
        seen.reached_seconds = 0.0 if counters.unreached > seen.unreached else seen.reached_seconds + passed_seconds
        if counters.sent > seen.sent and seen.reached_seconds >= UNREACHED_SECONDS:
            seen.steps, seen.silent_seconds, seen.starved = 0, 0.0, False
            player.stuck = False
        else:
            seen.silent_seconds += passed_seconds
            seen.starved = starved
        seen.sent, seen.underrun, seen.unreached = counters.sent, counters.underrun, counters.unreached
        is_beginning = seen.starved and not seen.has_sounded
        if is_beginning and not seen.told_slow and seen.silent_seconds >= SLOW_SECONDS:
            seen.told_slow = True
            player.tell(_SLOW)
        limit = FIRST_FRAME_SECONDS if is_beginning else SILENT_SECONDS
        if seen.steps >= len(Step):
            limit = STUCK_SECONDS
        if seen.silent_seconds >= limit:
            self._heal(guild_id, player, seen)
            seen.silent_seconds = 0.0

    def _heal(self, guild_id: GuildId, player: VoicePlayer, seen: _Seen) -> None:
        if seen.steps >= len(Step):  # the channel has been told
            player.presence.reconnect()
            return
        step = tuple(Step)[seen.steps]
        is_lost = player.is_lost
        if step is Step.REOPENED and not (seen.starved or is_lost):  # the stream is not what is missing
            seen.steps, step = 1, Step.RECONNECTED
        seen.steps += 1
        self.steps[step] += 1
        log.warning("guild %d: silent for %.0f s although it plays: %s", guild_id, seen.silent_seconds, step.value)
        if step is Step.STUCK and (seen.starved or is_lost):
            if is_lost:
                player.fail(_LOST_AGAIN)
            else:
                player.fail(_SOURCE_FAILED, Ending.AWAY if seen.has_sounded else Ending.FAILED)
            return
        player.tell(_WAS_LOST if is_lost and step is Step.REOPENED else _SENTENCES[step])
        match step:
            case Step.REOPENED:
                player.reopen()
            case Step.RECONNECTED:
                player.presence.reconnect()
            case Step.STUCK:
                player.be_stuck()
