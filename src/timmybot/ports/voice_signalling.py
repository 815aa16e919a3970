"""How a voice connection is arranged over a guild's gateway session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from timmybot.domain.ids import ChannelId, GuildId, UserId


class SignallingError(Exception):
    """Discord did not arrange the connection. ``str()`` is for the channel.

    ``lasting`` if trying again is no use before somebody changes something; ``away`` if Discord cannot be reached, so
    that nothing can be said of the channel.
    """

    def __init__(self, sentence: str, *, lasting: bool = False, away: bool = False) -> None:
        super().__init__(sentence)
        self.lasting = lasting
        self.away = away


@dataclass(frozen=True)
class VoiceServer:
    """Where a guild's audio is to be sent, and the credentials for it. ``token`` and ``session_id`` are secret."""

    guild_id: GuildId
    channel_id: ChannelId
    user_id: UserId
    endpoint: str
    """Host and port without scheme, as Discord sends it."""
    session_id: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class ServerChanged:
    """Discord moved the call to another voice server (or the bot to another channel): connect there."""

    server: VoiceServer


@dataclass(frozen=True)
class ServerGone:
    """The voice server is unavailable (``endpoint: null``): drop the connection and wait for the next one."""


@dataclass(frozen=True)
class Kicked:
    """The bot is no longer in voice although nobody here asked for it: a moderator disconnected it."""


@dataclass(frozen=True)
class ChannelGone:
    """The channel that the bot was in was deleted."""


@dataclass(frozen=True)
class MayNotSpeak:
    """The bot may not speak where it is: it lost the right, or was moved there. ``sentence`` says what to change."""

    sentence: str


@dataclass(frozen=True)
class InAudience:
    """The bot is on a stage, where nobody hears it until it is let speak. ``sentence`` says what to do."""

    sentence: str


@dataclass(frozen=True)
class Muted:
    """A moderator has muted the bot, and nobody hears it until it is unmuted. ``sentence`` says what to do."""

    sentence: str


@dataclass(frozen=True)
class SessionRenewed:
    """The gateway session was lost. The new one has joined nothing; what is left of the old one may end unannounced."""


VoiceEvent = ServerChanged | ServerGone | Kicked | ChannelGone | MayNotSpeak | InAudience | Muted | SessionRenewed


class VoiceSignalling(Protocol):
    """Arranges voice connections for the guilds whose shards are open on this worker."""

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> VoiceServer:
        """Ask for the channel, and return once both VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE have come.

        Raises :class:`SignallingError`, naming the missing permission where that is why.
        """
        ...

    async def leave(self, guild_id: GuildId) -> None:
        """Ask to be in no channel. Does nothing when the shard's session is not open."""
        ...

    def others_in(self, guild_id: GuildId, channel_id: ChannelId) -> int | None:
        """How many people, bots not counted, are in the channel besides the bot; ``None`` if that is not known."""
        ...

    def subscribe(self, guild_id: GuildId, heard: Callable[[VoiceEvent], None]) -> Callable[[], None]:
        """Call ``heard`` on the event loop for what happens unasked; the returned function ends it."""
        ...
