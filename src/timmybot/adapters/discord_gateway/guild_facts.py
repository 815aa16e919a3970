"""The little that is remembered of a guild: what decides whether the bot may enter a channel.

It is filled from GUILD_CREATE and kept up by the events of the GUILDS and GUILD_VOICE_STATES intents. A session that
was resumed from a predecessor brings no GUILD_CREATE: its guilds are unknown here until they are looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from timmybot.adapters.discord_gateway.permissions import Overwrite
from timmybot.domain.ids import ChannelId, GuildId, UserId

VOICE: Final = 2
STAGE: Final = 13
PLAYABLE: Final = (VOICE, STAGE)
"""The channels that have sound. Source: Discord, Channel Resource, "Channel Types"."""


@dataclass(frozen=True)
class Channel:
    kind: int
    user_limit: int = 0
    """0 is no limit."""
    overwrites: tuple[Overwrite, ...] = ()


@dataclass
class GuildFacts:
    """One guild, as its events have told."""

    guild_id: GuildId
    owner_id: int = 0
    roles: dict[int, int] = field(default_factory=dict)
    my_roles: tuple[int, ...] = ()
    timed_out_until: float = 0.0
    """Unix time in seconds until which a moderator has timed the bot out; one that has passed is none."""
    channels: dict[ChannelId, Channel] = field(default_factory=dict)
    afk_channel_id: ChannelId | None = None
    """The channel for those who are away, in which nobody can be heard."""
    voice: dict[UserId, ChannelId] = field(default_factory=dict)
    """Who is in which voice channel."""
    voice_known: bool = True
    """Whether ``voice`` is complete."""
    bots: set[UserId] = field(default_factory=set)
    """Those in voice that are known to be bots."""

    @classmethod
    def from_create(cls, data: Mapping[str, Any], me: UserId | None, *, voice_known: bool = True) -> GuildFacts:
        """Read a GUILD_CREATE. It always lists the bot itself among the members, whatever the intents."""
        facts = cls(GuildId(int(data["id"])), voice_known=voice_known)
        facts.hear("GUILD_UPDATE", data, me)
        facts.roles = {int(role["id"]): int(role["permissions"]) for role in data.get("roles", ())}
        facts.channels = {ChannelId(int(each["id"])): _channel(each) for each in data.get("channels", ())}
        for state in data.get("voice_states", ()):
            facts.hear("VOICE_STATE_UPDATE", state, me)
        for member in data.get("members", ()):
            # The voice states come without the member there, so these tell who of them is a bot.
            if member["user"].get("bot") and (user_id := UserId(int(member["user"]["id"]))) in facts.voice:
                facts.bots.add(user_id)
            facts.hear("GUILD_MEMBER_UPDATE", member, me)
        return facts

    def hear(self, event: str, data: Mapping[str, Any], me: UserId | None) -> None:
        """Take in an event of this guild. Others than those that matter here are passed over."""
        match event:
            case "GUILD_UPDATE":
                self.owner_id = int(data["owner_id"])
                afk = data.get("afk_channel_id")
                self.afk_channel_id = None if afk is None else ChannelId(int(afk))
            case "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE":
                self.roles[int(data["role"]["id"])] = int(data["role"]["permissions"])
            case "GUILD_ROLE_DELETE":
                self.roles.pop(int(data["role_id"]), None)
            case "GUILD_MEMBER_UPDATE":
                if int(data["user"]["id"]) == me:
                    self.my_roles = tuple(int(role) for role in data["roles"])
                    until = data.get("communication_disabled_until")
                    self.timed_out_until = datetime.fromisoformat(until).timestamp() if until else 0.0
            case "CHANNEL_CREATE" | "CHANNEL_UPDATE":
                self.channels[ChannelId(int(data["id"]))] = _channel(data)
            case "CHANNEL_DELETE":
                self.channels.pop(ChannelId(int(data["id"])), None)
            case "VOICE_STATE_UPDATE":
                user_id = UserId(int(data["user_id"]))
                if data.get("channel_id") is None:
                    self.voice.pop(user_id, None)
                    self.bots.discard(user_id)
                else:
                    self.voice[user_id] = ChannelId(int(data["channel_id"]))
                    if ((data.get("member") or {}).get("user") or {}).get("bot"):
                        self.bots.add(user_id)

    def people_in(self, channel_id: ChannelId) -> set[UserId]:
        """Who is in the channel, but for bots as far as they are known."""
        return {user_id for user_id, where in self.voice.items() if where == channel_id} - self.bots


def _channel(data: Mapping[str, Any]) -> Channel:
    kind = int(data["type"])
    if kind not in PLAYABLE:  # of the many other channels it is enough to know that they are others
        return Channel(kind)
    overwrites = tuple(
        Overwrite(int(each["id"]), int(each["allow"]), int(each["deny"]))
        for each in data.get("permission_overwrites") or ()
    )
    return Channel(kind, int(data.get("user_limit") or 0), overwrites)
