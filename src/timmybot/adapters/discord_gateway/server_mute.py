"""A moderator may mute the bot on the whole server: Discord then drops what it sends, and closes nothing.

The mute belongs to the member, not to the channel: it outlasts leaving, so a bot may come into a channel muted. It does
not unmute itself, whatever it may: a moderator meant it. Meanwhile the queue goes on, as it does where nobody listens.

Source: Discord, Voice Resource, Voice State Object: ``mute``, "whether this user is muted by the guild".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from timmybot.domain.ids import GuildId
from timmybot.ports.voice_signalling import Muted

_SENTENCE: Final = (
    "A moderator has muted me on this server, so nobody hears me. The queue goes on: take the server mute off me, or "
    "use `/pause` or `/stop`."
)


class ServerMutes:
    """In which guilds the bot's own voice states have shown it muted."""

    def __init__(self) -> None:
        self._muted: set[GuildId] = set()

    def hear(self, guild_id: GuildId, state: Mapping[str, Any]) -> Muted | None:
        """Take in a voice state of the bot itself; it is news once for each mute, and again for who comes in muted."""
        if state.get("channel_id") is None or not state.get("mute"):
            self.forget(guild_id)
            return None
        if guild_id in self._muted:
            return None
        self._muted.add(guild_id)
        return Muted(_SENTENCE)

    def forget(self, guild_id: GuildId) -> None:
        """Nothing is known of the guild any more."""
        self._muted.discard(guild_id)
