"""The shape of each DynamoDB table, and the table made from it."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.environments import Environment

ACTIVE_SHARD_INDEX = "active-shard"


@dataclass(frozen=True)
class TableShape:
    """The keys of one table (all strings), its TTL attribute (epoch seconds), and whether it can be lost."""

    name: str
    partition_key: str
    sort_key: str | None = None
    ttl: str | None = None
    rebuildable: bool = False
    """True for what the bot rebuilds by itself: no point-in-time recovery, no retention."""
    active_shard_index: bool = False


GUILD_QUEUES = TableShape("guild-queues", "guild_id", "item", ttl="expires_at", active_shard_index=True)
USER_PREFERENCES = TableShape("user-preferences", "user_id", "item")
TRACK_CACHE = TableShape("track-cache", "track_id", "item", ttl="expires_at", rebuildable=True)
SERVER_ALLOWLIST = TableShape("server-allowlist", "guild_id")
COORDINATION = TableShape("coordination", "pk", "sk", ttl="expires_at", rebuildable=True)
TABLES = (GUILD_QUEUES, USER_PREFERENCES, TRACK_CACHE, SERVER_ALLOWLIST, COORDINATION)


class Table(Construct):
    """One on-demand table. What cannot be rebuilt is recoverable and protected where the environment retains data.

    Encryption is DynamoDB's own key: always on, free, and with no key policy to lock oneself out with.
    """

    def __init__(self, scope: Construct, construct_id: str, shape: TableShape, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        keep = choices.retain_data and not shape.rebuildable
        table = dynamodb.Table(
            self,
            "table",
            table_name=choices.names.table(shape.name),
            partition_key=_string(shape.partition_key),
            sort_key=_string(shape.sort_key) if shape.sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=shape.ttl,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=keep
            ),
            deletion_protection=keep,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else cdk.RemovalPolicy.DESTROY,
        )
        if shape.active_shard_index:
            # Sparse: only guilds that want a player carry the attribute, so a shard's guilds are one small query.
            table.add_global_secondary_index(
                index_name=ACTIVE_SHARD_INDEX,
                partition_key=dynamodb.Attribute(name="active_shard", type=dynamodb.AttributeType.NUMBER),
                sort_key=_string("guild_id"),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
