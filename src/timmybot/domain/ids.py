"""The identifiers of the domain, each of a type of its own so that none can stand for another."""

from __future__ import annotations

from typing import NewType

GuildId = NewType("GuildId", int)
ChannelId = NewType("ChannelId", int)
UserId = NewType("UserId", int)
RoleId = NewType("RoleId", int)
InteractionId = NewType("InteractionId", int)
ShardId = NewType("ShardId", int)

EntryId = NewType("EntryId", str)
"""Names one entry of a queue for as long as it exists, wherever it is moved."""

OrderKey = NewType("OrderKey", str)
"""Where an entry stands in its queue: entries are played in the lexicographic order of their keys."""

PlayId = NewType("PlayId", str)
"""Names one playing of an entry. Whoever wants to end it must say which playing they mean."""

WorkerId = NewType("WorkerId", str)

Epoch = NewType("Epoch", int)
"""How often a shard has changed hands. It only rises; writes under an older one are refused."""


_DISCORD_EPOCH_MS = 1_420_070_400_000


def shard_of(guild_id: GuildId, shard_count: int) -> ShardId:
    """The shard that gets a guild's events.

    Source: Discord, Gateway, "Sharding": ``shard_id = (guild_id >> 22) % num_shards``.
    """
    return ShardId((guild_id >> 22) % shard_count)


def asked_at(interaction_id: InteractionId) -> float:
    """When Discord made the interaction, in Unix seconds by its own clock.

    Source: Discord, API Reference, "Snowflakes": milliseconds since 2015 in the bits above the lowest 22.
    """
    return ((interaction_id >> 22) + _DISCORD_EPOCH_MS) / 1000
