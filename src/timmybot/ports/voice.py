"""Players: the bot's presence in a guild's voice channel, and what it plays there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from timmybot.domain.ids import ChannelId, GuildId, PlayId
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Sound


class VoiceError(Exception):
    """The channel could not be joined. ``str()`` is for the channel.

    ``lasting`` if trying again is no use before somebody changes something; ``away`` if Discord cannot be reached, so
    that there is nothing to do but to wait.
    """

    def __init__(self, sentence: str, *, lasting: bool = False, away: bool = False) -> None:
        super().__init__(sentence)
        self.lasting = lasting
        self.away = away


class Ending(Enum):
    """Why a playing is over."""

    FINISHED = "finished"
    FAILED = "failed"
    AWAY = "away"
    """Its source cannot be reached (:class:`~timmybot.ports.track_source.SourceAway`): nothing is known against it."""
    CRASHED = "crashed"
    """It ended the process that decodes it (:class:`~timmybot.ports.track_source.DecoderCrashed`)."""


@dataclass(frozen=True)
class PlayerStatus:
    """What a player actually does, as opposed to what the guild wants."""

    channel_id: ChannelId | None = None
    """Where it is connected."""
    play_id: PlayId | None = None
    """What it was last told to play, over or not."""
    position_ms: int = 0
    sound: Sound = AS_IT_IS
    paused: bool = False
    alone: bool = False
    """Whether it is decoded in a process of its own."""
    ending: Ending | None = None
    """Why ``play_id`` is over, if it is."""
    trouble: str | None = None
    """What went wrong, in a sentence for the text channel."""
    kicked: bool = False
    """A moderator disconnected the bot: the guild's wish is to be cleared, not pursued."""
    connected_seconds: float = 0.0
    """For how long the connection to Discord has been up without a break; none while it is being brought back."""
    moved: bool = False
    """A moderator moved the bot to ``channel_id``: the guild's wish is to follow. Joining that channel accepts it."""
    given_up: bool = False
    """The connection was lost, for the reason in ``trouble``, and is not pursued any more."""
    lasting: bool = False
    """Whether that reason stays until somebody changes something."""
    away: bool = False
    """Whether that reason is that Discord cannot be reached."""
    muted: bool = False
    """It sends nothing until it is told to ``play`` again: the right to this guild was in doubt."""
    stuck: bool = False
    """Nothing that this worker can do makes it heard: another one should try."""
    alone_seconds: float = 0.0
    """For how long nobody else has been in its channel."""
    ends_soon: bool = False
    """What plays is about to end: time to ``prepare`` what follows."""
    notices: tuple[str, ...] = ()
    """What happened that the text channel should be told, a sentence each; ``heard`` takes them off."""

    @property
    def is_transcoded(self) -> bool:
        """Whether what plays is made anew for how it is to sound. (What is not Opus is always made anew.)"""
        return self.play_id is not None and self.ending is None and not self.sound.untouched


class Player(Protocol):
    """The player of the one guild it was opened for."""

    def status(self) -> PlayerStatus: ...

    async def join(self, channel_id: ChannelId) -> None:
        """Be connected to the channel, moving there if connected elsewhere. Raises :class:`VoiceError`."""
        ...

    async def play(
        self,
        play_id: PlayId,
        track: Track,
        *,
        position_ms: int,
        paused: bool,
        sound: Sound = AS_IT_IS,
        alone: bool = False,
    ) -> None:
        """Play ``track`` from ``position_ms`` in place of whatever is playing, which fades out.

        ``alone`` decodes it in a process of its own, also if it was prepared.

        Returns once the source is opening; that it could not be opened is a FAILED ending, and so is a track that gave
        nothing from its beginning to its end. A track that was prepared is not opened again: if the one before has
        ended, it sounds already, or has even been heard to its end. But one that failed or ended before its turn
        without a sound is opened once more, as what was wrong may have passed.
        """
        ...

    def prepare(self, track: Track | None, sound: Sound = AS_IT_IS) -> None:
        """Open ``track``, and begin it in the very slot in which the present one ends. ``play`` then confirms it.

        It replaces what was prepared before; with ``None``, nothing follows by itself. Where nothing plays, it is only
        opened, so that ``play`` need not wait for it.
        """
        ...

    def set_sound(self, sound: Sound) -> None:
        """Have what plays go over to another volume, speed or effect, without a gap."""
        ...

    def heard(self, notices: tuple[str, ...]) -> None:
        """The text channel has been told these."""
        ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def mute(self) -> None:
        """Send nothing from now on, at once and without a word: this worker may no longer be the owner."""
        ...

    async def leave(self) -> None:
        """Disconnect. Does nothing if not connected."""
        ...

    async def close(self) -> None:
        """Let everything go without telling Discord: the guild is another worker's. To Discord all workers are one bot,
        and what one says of leaving throws out whichever of them plays."""
        ...


class Players(Protocol):
    """The players of this worker."""

    def open(self, guild_id: GuildId) -> Player:
        """The guild's player; the same one as long as it is connected."""
        ...

    def statuses(self) -> dict[GuildId, PlayerStatus]:
        """Every player that is connected or was told to play."""
        ...

    def figures(self) -> dict[str, float]:
        """What became of all players' slots since this was last asked, by metric name."""
        ...

    def stalled_seconds(self) -> float:
        """For how long whatever sends for all players has been standing still; 0.0 if it has nothing to send."""
        ...

    def on_change(self, changed: Callable[[GuildId], object]) -> None:
        """Call ``changed`` on the event loop whenever a player's status changed by itself."""
        ...
