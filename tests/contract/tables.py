"""The two DynamoDB tables that the stores use, in the words that CreateTable and CloudFormation share."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from timmybot.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TABLES: dict[str, dict[str, Any]] = {
    "guild-queues": {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "guild_id", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "guild_id", "AttributeType": "S"},
            {"AttributeName": "item", "AttributeType": "S"},
            {"AttributeName": "active_shard", "AttributeType": "N"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "active-shard",
                "KeySchema": [
                    {"AttributeName": "active_shard", "KeyType": "HASH"},
                    {"AttributeName": "guild_id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    },
    "track-cache": {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "track_id", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "track_id", "AttributeType": "S"},
            {"AttributeName": "item", "AttributeType": "S"},
        ],
    },
    "coordination": {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    },
}


def create_tables(client: DynamoDBClient, settings: Settings) -> None:
    for name, description in TABLES.items():
        # On a busy machine the adapter's short time-out has botocore ask twice.
        with suppress(client.exceptions.ResourceInUseException):
            client.create_table(TableName=settings.names.table(name), **description)
