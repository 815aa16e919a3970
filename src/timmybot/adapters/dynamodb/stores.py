"""All stores of one environment on DynamoDB, joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import Session, get_session

from timmybot.adapters.dynamodb.guild_store import DynamoGuildStores
from timmybot.adapters.dynamodb.identify_budget import DynamoIdentifyBudget
from timmybot.adapters.dynamodb.inbox import DynamoInbox
from timmybot.adapters.dynamodb.lease_store import DynamoLeaseStore
from timmybot.adapters.dynamodb.table import Table
from timmybot.adapters.dynamodb.track_cache import DynamoTrackCache
from timmybot.ports.clock import Clock
from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_GUILD_THREADS = 12
_COORDINATION_THREADS = 4
"""Heartbeat, inbox, leases and identify budget: each is one call at a time."""

_TRACK_THREADS = 2
"""Nobody waits for what they do."""


@dataclass(frozen=True)
class Stores:
    """Every store of an environment. Close it when nothing uses it any more."""

    guilds: DynamoGuildStores
    leases: DynamoLeaseStore
    inbox: DynamoInbox
    identify_budget: DynamoIdentifyBudget
    tracks: DynamoTrackCache
    tables: tuple[Table, ...]
    own_client: DynamoDBClient | None = None
    """The client, unless the caller brought one."""

    def close(self) -> None:
        for table in self.tables:
            table.close()
        if self.own_client is not None:
            self.own_client.close()


def dynamodb_client(session: Session | None = None, **where: Any) -> DynamoDBClient:
    """A client that gives up early: a user waits 3 s at most, and a lease margin is 3 s.

    Of botocore's retry modes, only ``legacy`` knows that a DynamoDB retry need wait no longer than 50 ms (source:
    botocore, ``data/_retry.json``); ``standard`` waits up to a second, which beside two time-outs is too much for both.

    ``where`` goes to botocore's ``create_client`` (region, endpoint, credentials); AWS's own environment variables
    hold otherwise.
    """
    config = Config(
        connect_timeout=0.3,
        read_timeout=0.8,
        retries={"total_max_attempts": 2, "mode": "legacy"},
        tcp_keepalive=True,
        max_pool_connections=_GUILD_THREADS + _COORDINATION_THREADS + _TRACK_THREADS,
    )
    # botocore types every client alike; the stubs know which one this is.
    client = (session or get_session()).create_client("dynamodb", config=config, **where)
    return cast("DynamoDBClient", client)


def connect(
    settings: Settings,
    clock: Clock,
    *,
    client: DynamoDBClient | None = None,
    session: Session | None = None,
) -> Stores:
    """The stores of the settings' environment. Calls nothing yet: a missing table shows at the first use."""
    own_client = None
    if client is None:
        client = own_client = dynamodb_client(session)
    guild_queues = Table(client, settings.names.table("guild-queues"), ("guild_id", "item"), threads=_GUILD_THREADS)
    coordination = Table(client, settings.names.table("coordination"), ("pk", "sk"), threads=_COORDINATION_THREADS)
    track_cache = Table(client, settings.names.table("track-cache"), ("track_id", "item"), threads=_TRACK_THREADS)
    return Stores(
        guilds=DynamoGuildStores(guild_queues, clock, settings.shard_count),
        leases=DynamoLeaseStore(coordination, clock),
        inbox=DynamoInbox(coordination),
        identify_budget=DynamoIdentifyBudget(coordination),
        tracks=DynamoTrackCache(track_cache, clock),
        tables=(guild_queues, coordination, track_cache),
        own_client=own_client,
    )
