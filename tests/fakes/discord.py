"""Discord's REST side and the gateway's sessions, as far as the services see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from timmybot.domain.change import OwedReply
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, ShardId, UserId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.discord import DiscordError, Members, Replies, ReplyExpired
from timmybot.ports.shard_sessions import ShardSessions


@dataclass
class FakeDiscordRest(Replies, Members):
    """``edits`` and ``told`` are what members see; ``whereabouts`` is where they are."""

    edits: dict[InteractionId, str] = field(default_factory=dict)
    told: list[tuple[ChannelId, str]] = field(default_factory=list)
    whereabouts: dict[tuple[GuildId, UserId], ChannelId] = field(default_factory=dict)
    expired: set[InteractionId] = field(default_factory=set)
    down: bool = False

    async def edit(self, reply: OwedReply, content: str) -> None:
        if reply.interaction_id in self.expired:
            raise ReplyExpired("the token is void")
        self._check_up()
        self.edits[reply.interaction_id] = content

    async def tell(self, channel_id: ChannelId, content: str) -> None:
        self._check_up()
        self.told.append((channel_id, content))

    async def voice_channel_of(self, guild_id: GuildId, user_id: UserId) -> ChannelId | None:
        self._check_up()
        return self.whereabouts.get((guild_id, user_id))

    def _check_up(self) -> None:
        if self.down:
            raise DiscordError("Discord is down")


@dataclass
class FakeShardSessions(ShardSessions):
    """Sessions that open at once. ``resumed`` and ``identified`` tell which way."""

    sessions: dict[ShardId, GatewaySession] = field(default_factory=dict)
    resumed: list[ShardId] = field(default_factory=list)
    identified: list[ShardId] = field(default_factory=list)

    async def open(self, shard_id: ShardId, session: GatewaySession | None) -> None:
        if shard_id in self.sessions:
            return
        (self.resumed if session else self.identified).append(shard_id)
        self.sessions[shard_id] = session or GatewaySession(f"session of {shard_id}", "wss://gateway.invalid", 1)

    async def close(self, shard_id: ShardId) -> GatewaySession | None:
        return self.sessions.pop(shard_id, None)

    def session(self, shard_id: ShardId) -> GatewaySession | None:
        return self.sessions.get(shard_id)

    def is_open(self, shard_id: ShardId) -> bool:
        return shard_id in self.sessions
