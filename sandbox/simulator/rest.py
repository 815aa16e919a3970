"""Discord's REST API: answers that are edited, messages that are written, and where members are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from sandbox.simulator.catalogue import guild_tag, tags_in
from sandbox.simulator.link import Network
from sandbox.simulator.noted import DISCORD_AWAY
from sandbox.simulator.record import Record
from sandbox.simulator.virtual_time import Process, ProcessClock, VirtualLoop
from timmybot.domain.change import OwedReply
from timmybot.domain.ids import ChannelId, GuildId, InteractionId, UserId
from timmybot.ports.discord import DiscordAway, DiscordError, Members, Replies


@dataclass
class SimulatedRest:
    """The side that is Discord's."""

    loop: VirtualLoop
    random: Random
    network: Network
    record: Record
    down: int = 0
    guild_of_text: dict[ChannelId, GuildId] = field(default_factory=dict)
    guild_of_interaction: dict[InteractionId, GuildId] = field(default_factory=dict)
    whereabouts: dict[tuple[GuildId, UserId], ChannelId] = field(default_factory=dict)

    def of(self, process: Process) -> ProcessRest:
        return ProcessRest(self, process)

    def check_words(self, guild: GuildId, content: str) -> None:
        """What a guild reads, which must be about its own tracks."""
        self.record.told.append((self.loop.now, guild, content))
        if content.startswith("I skipped"):
            self.record.skips_told += [(self.loop.now, guild, tag) for tag in tags_in(content)]
        foreign = [tag for tag in tags_in(content) if not tag.startswith(guild_tag(guild))]
        if foreign:
            self.record.violated("guilds are isolated", self.loop.now, f"guild {guild} reads of {foreign}: {content}")


class ProcessRest(Replies, Members):
    """Discord's REST API as one process sees it."""

    def __init__(self, rest: SimulatedRest, process: Process) -> None:
        self._rest = rest
        self._process = process

    async def edit(self, reply: OwedReply, content: str) -> None:
        await self._wait()
        self._rest.check_words(self._rest.guild_of_interaction[reply.interaction_id], content)
        self._rest.record.edits.setdefault(reply.interaction_id, self._rest.loop.now)

    async def tell(self, channel_id: ChannelId, content: str) -> None:
        await self._wait()
        self._rest.check_words(self._rest.guild_of_text[channel_id], content)

    async def voice_channel_of(self, guild_id: GuildId, user_id: UserId) -> ChannelId | None:
        await self._wait()
        return self._rest.whereabouts.get((guild_id, user_id))

    async def _wait(self) -> None:
        if self._rest.network.over:
            raise asyncio.CancelledError
        rest = self._rest
        await ProcessClock(rest.loop, self._process, rest.random).sleep(0.02 + rest.random.random() * 0.05)
        if self._process.notes.get(DISCORD_AWAY):
            raise DiscordAway("Discord cannot be reached")
        if self._rest.down:
            self._rest.record.tally["REST calls refused"] += 1
            raise DiscordError("Discord is down")
