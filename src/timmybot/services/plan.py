"""What a worker does next for one guild: wanted state against actual state, as a pure function.

Read it from the top: the first line that applies is the next action. Doing it changes what is actual, and the question
is asked again until the answer is :class:`Rest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import ChannelId, OrderKey, PlayId
from timmybot.domain.sound import Loudness, Sound
from timmybot.ports.voice import Ending, PlayerStatus


@dataclass(frozen=True)
class Rest:
    """Wanted and actual agree."""


@dataclass(frozen=True)
class GiveUp:
    """A moderator threw the bot out: the guild no longer wants a player. ``why`` is for the text channel."""

    why: str | None


@dataclass(frozen=True)
class GoAway:
    """The channel cannot be had, or nobody listens: keep the queue, and come back when asked. ``why`` is for the text
    channel."""

    why: str


@dataclass(frozen=True)
class LetGo:
    """The connection was lost for a reason that may pass: leave it, and join again after a while.

    ``away``: Discord cannot be reached, so that trying can wait for it."""

    why: str
    away: bool = False


@dataclass(frozen=True)
class Leave:
    pass


@dataclass(frozen=True)
class Advance:
    """The playing is over: the next entry is wanted."""

    over: PlayId
    trouble: str | None


@dataclass(frozen=True)
class RetryAlone:
    """The playing ended its decoder: record that, then play it once more, with a decoder of its own."""

    play_id: PlayId


@dataclass(frozen=True)
class TryAgain:
    """The playing's source cannot be reached: play it again where it was, after a while."""

    play_id: PlayId
    trouble: str


@dataclass(frozen=True)
class SkipCulprit:
    """The playing brings down what plays it: the next entry is wanted. ``why`` is for the text channel."""

    over: PlayId
    why: str


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


@dataclass(frozen=True)
class Tune:
    """What plays is to sound otherwise."""

    sound: Sound


@dataclass(frozen=True)
class Tell:
    """Something happened to the player that the text channel should hear of."""

    notices: tuple[str, ...]


@dataclass(frozen=True)
class Prepare:
    """What plays is about to end: have what follows begin without a gap."""

    play_id: PlayId


Action = (
    Rest
    | GiveUp
    | GoAway
    | LetGo
    | Leave
    | Advance
    | RetryAlone
    | SkipCulprit
    | TryAgain
    | Join
    | Follow
    | Play
    | Pause
    | Resume
    | Tune
    | Tell
    | Prepare
)

_NOBODY_LISTENS: Final = "Nobody has been listening for a while, so I left."
_CRASHES_DECODER: Final = "it crashes my decoder. Try another file."
_CRASHES_WORKER: Final = "I crashed each time I played it. Try another file."
_SOURCE_AWAY: Final = "Its server cannot be reached."
_LOST: Final = "I lost the voice connection."


def next_action(wanted: GuildState, actual: PlayerStatus, *, loudness: Loudness | None = None) -> Action:
    """The next thing to do so that ``actual`` becomes what is ``wanted``.

    ``loudness`` is that of what plays, if it is known.
    """
    if not wanted.wants_player or wanted.current is None or wanted.play_id is None or wanted.voice_channel_id is None:
        return Leave() if actual != PlayerStatus() else Rest()
    return (
        _about_the_connection(wanted, actual)
        or _about_the_track(wanted, wanted.current, wanted.play_id, actual, wanted.settings.sound(loudness))
        or Rest()
    )


def _about_the_connection(wanted: GuildState, actual: PlayerStatus) -> Action | None:
    if actual.kicked:
        return GiveUp(actual.trouble)
    if actual.given_up:
        why = actual.trouble or _LOST
        return GoAway(why) if actual.lasting else LetGo(why, actual.away)
    if actual.notices:
        return Tell(actual.notices)
    if actual.alone_seconds >= wanted.settings.alone_seconds:
        return GoAway(_NOBODY_LISTENS)
    if actual.moved and actual.channel_id is not None:
        return Follow(actual.channel_id)
    return None


def _about_the_track(
    wanted: GuildState, current: OrderKey, play_id: PlayId, actual: PlayerStatus, sound: Sound
) -> Action | None:
    if wanted.crashes.is_culprit:
        return SkipCulprit(play_id, _CRASHES_WORKER)
    is_there = actual.channel_id == wanted.voice_channel_id
    # A source that cannot be reached is asked again from within the channel: until then the network may be away.
    if actual.play_id == play_id and actual.ending is not None and (is_there or actual.ending is not Ending.AWAY):
        return _after_an_end(wanted, play_id, actual.ending, actual)
    if wanted.voice_channel_id is not None and not is_there:
        return Join(wanted.voice_channel_id)
    if actual.play_id != play_id or actual.muted:
        return Play(current, play_id)
    if actual.paused != wanted.paused:
        return Pause() if wanted.paused else Resume()
    if actual.sound != sound:
        return Tune(sound)
    return Prepare(play_id) if actual.ends_soon else None


def _after_an_end(wanted: GuildState, play_id: PlayId, ending: Ending, actual: PlayerStatus) -> Action:
    match ending:
        case Ending.CRASHED:
            is_second = wanted.crashes.decoder > 0 and actual.alone
            return SkipCulprit(play_id, _CRASHES_DECODER) if is_second else RetryAlone(play_id)
        case Ending.AWAY:
            return TryAgain(play_id, actual.trouble or _SOURCE_AWAY)
        case Ending.FAILED:
            return Advance(play_id, actual.trouble)
        case Ending.FINISHED:
            return Advance(play_id, None)
