"""Discord's REST side and the gateway's sessions, as far as the services see them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from timmybot.domain.change import OwedReply
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, ShardId, UserId
from timmybot.domain.lease import GatewaySession
from timmybot.ports.discord import (
    AlreadyAnswered,
    DiscordAway,
    DiscordError,
    FirstAnswers,
    Members,
    Replies,
    ReplyExpired,
    ReplyNotYet,
)
from timmybot.ports.shard_sessions import ShardSessions


@dataclass
class FakeDiscordRest(Replies, Members):
    """``edits`` and ``told`` are what members see; ``whereabouts`` is where they are."""

    edits: dict[InteractionId, str] = field(default_factory=dict)
    told: list[tuple[ChannelId, str]] = field(default_factory=list)
    whereabouts: dict[tuple[GuildId, UserId], ChannelId] = field(default_factory=dict)
    expired: set[InteractionId] = field(default_factory=set)
    not_yet: dict[InteractionId, int] = field(default_factory=dict)
    """How many edits come before the first answer."""
    down: bool = False
    refusal: DiscordError | None = None
    """Why it does not tell where a member is."""
    slow: asyncio.Event | None = None
    """Until it is set, nobody's whereabouts are told."""
    slow_edit: asyncio.Event | None = None
    """Until it is set, edits are on their way."""

    async def edit(self, reply: OwedReply, content: str) -> None:
        if self.slow_edit is not None:
            await self.slow_edit.wait()
        if reply.interaction_id in self.expired:
            raise ReplyExpired("the token is void")
        if self.not_yet.get(reply.interaction_id, 0) > 0:
            self.not_yet[reply.interaction_id] -= 1
            raise ReplyNotYet("the first answer is on its way")
        self._check_up()
        self.edits[reply.interaction_id] = content

    async def tell(self, channel_id: ChannelId, content: str) -> None:
        self._check_up()
        self.told.append((channel_id, content))

    async def voice_channel_of(self, guild_id: GuildId, user_id: UserId) -> ChannelId | None:
        self._check_up()
        if self.slow is not None:
            await self.slow.wait()
        if self.refusal is not None:
            raise self.refusal
        return self.whereabouts.get((guild_id, user_id))

    def _check_up(self) -> None:
        if self.down:
            raise DiscordAway("Discord is down")


@dataclass
class FakeFirstAnswers(FirstAnswers):
    """``given`` over the callback route, and ``edits`` by token."""

    given: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    edits: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    refuses: bool = False
    answered_before: bool = False
    """By a process that has died since."""
    loses_answers: bool = False
    """First answers are taken in, and nobody hears of it."""

    async def respond(self, interaction_id: InteractionId, token: str, body: Mapping[str, Any]) -> None:
        if self.refuses:
            raise DiscordError("Discord is down")
        if self.answered_before:
            raise AlreadyAnswered("The interaction had its first answer before")
        self.given.append((interaction_id, body))
        if self.loses_answers:
            raise DiscordError("Discord did not answer")

    async def edit_response(
        self, interaction_id: InteractionId, application_id: int, token: str, data: Mapping[str, Any]
    ) -> None:
        if self.refuses:
            raise DiscordError("Discord is down")
        self.edits[token] = data


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
