"""What a worker does next for one guild: wanted state against actual state, as a pure function.

Read it from the top: the first line that applies is the next action. Doing it changes what is actual, and the question
is asked again until the answer is :class:`Rest`.
"""

from __future__ import annotations

from dataclasses import dataclass

from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import ChannelId, OrderKey, PlayId
from timmybot.ports.voice import Ending, PlayerStatus


@dataclass(frozen=True)
class Rest:
    """Wanted and actual agree."""


@dataclass(frozen=True)
class GiveUp:
    """A moderator threw the bot out: the guild no longer wants a player."""


@dataclass(frozen=True)
class Leave:
    pass


@dataclass(frozen=True)
class Advance:
    """The playing is over: the next entry is wanted."""

    over: PlayId
    trouble: str | None


@dataclass(frozen=True)
class Join:
    channel_id: ChannelId


@dataclass(frozen=True)
class Follow:
    """A moderator moved the bot: that is where the guild wants it."""

    channel_id: ChannelId


@dataclass(frozen=True)
class Play:
    key: OrderKey
    play_id: PlayId


@dataclass(frozen=True)
class Pause:
    pass


@dataclass(frozen=True)
class Resume:
    pass


Action = Rest | GiveUp | Leave | Advance | Join | Follow | Play | Pause | Resume


def next_action(wanted: GuildState, actual: PlayerStatus) -> Action:
    """The next thing to do so that ``actual`` becomes what is ``wanted``."""
    if wanted.current is None or wanted.play_id is None or wanted.voice_channel_id is None:
        return Leave() if actual != PlayerStatus() else Rest()
    if actual.kicked:
        return GiveUp()
    if actual.moved and actual.channel_id is not None:
        return Follow(actual.channel_id)
    if actual.play_id == wanted.play_id and actual.ending is not None:
        return Advance(wanted.play_id, actual.trouble if actual.ending is Ending.FAILED else None)
    if actual.channel_id != wanted.voice_channel_id:
        return Join(wanted.voice_channel_id)
    if actual.play_id != wanted.play_id:
        return Play(wanted.current, wanted.play_id)
    if actual.paused != wanted.paused:
        return Pause() if wanted.paused else Resume()
    return Rest()
