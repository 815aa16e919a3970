"""Tables and secrets: keyed as the bot expects, kept where they must be, and without a secret in sight."""

from __future__ import annotations

import json

import pytest

from tests.infra.templates import Properties, Templates

KEYS = {
    "guild-queues": ["guild_id", "item"],
    "user-preferences": ["user_id", "item"],
    "track-cache": ["track_id", "item"],
    "server-allowlist": ["guild_id"],
    "coordination": ["pk", "sk"],
}
REBUILDABLE = {"track-cache", "coordination"}


def table(templates: Templates, name: str) -> Properties:
    return templates.one("AWS::DynamoDB::Table", TableName=templates.names.table(name))


def test_there_are_the_five_tables_and_no_other(either: Templates) -> None:
    names = {properties["TableName"] for properties in either.all("AWS::DynamoDB::Table")}
    assert names == {either.names.table(name) for name in KEYS}


@pytest.mark.parametrize("name", KEYS)
def test_a_table_has_the_keys_the_store_writes(either: Templates, name: str) -> None:
    schema = table(either, name)["KeySchema"]
    assert [key["AttributeName"] for key in schema] == KEYS[name]
    assert [key["KeyType"] for key in schema] == ["HASH", "RANGE"][: len(schema)]


@pytest.mark.parametrize("name", KEYS)
def test_an_idle_table_costs_nothing(either: Templates, name: str) -> None:
    assert table(either, name)["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", ["guild-queues", "track-cache", "coordination"])
def test_what_is_temporary_expires(either: Templates, name: str) -> None:
    assert table(either, name)["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_guilds_of_a_shard_are_found_by_a_sparse_index(either: Templates) -> None:
    guild_queues = table(either, "guild-queues")
    (index,) = guild_queues["GlobalSecondaryIndexes"]
    assert index["IndexName"] == "active-shard"
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["active_shard", "guild_id"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert {"AttributeName": "active_shard", "AttributeType": "N"} in guild_queues["AttributeDefinitions"]


@pytest.mark.parametrize("name", KEYS)
def test_prod_keeps_what_cannot_be_rebuilt(prod: Templates, name: str) -> None:
    kept = name not in REBUILDABLE
    (whole,) = (
        resource
        for resource in prod.resources("AWS::DynamoDB::Table")
        if resource["Properties"]["TableName"] == prod.names.table(name)
    )
    recovery = whole["Properties"]["PointInTimeRecoverySpecification"]
    assert recovery["PointInTimeRecoveryEnabled"] is kept
    assert whole["Properties"]["DeletionProtectionEnabled"] is kept
    assert whole["DeletionPolicy"] == ("RetainExceptOnCreate" if kept else "Delete")


def test_each_secret_of_the_plan_exists(either: Templates) -> None:
    names = {secret["Name"] for secret in either.all("AWS::SecretsManager::Secret")}
    plan = ("bot-token", "oauth-client", "database", "application")
    assert names == {either.names.secret(name) for name in plan}


def test_a_template_holds_placeholders_that_say_what_to_put_there(either: Templates) -> None:
    for secret in either.all("AWS::SecretsManager::Secret"):
        if "GenerateSecretString" in secret:
            continue
        text = secret["SecretString"]
        values = json.loads(text).values() if text.startswith("{") else [text]
        assert all(value.startswith("PLACEHOLDER-the ") for value in values)


def test_the_key_for_users_tokens_is_generated_by_aws(either: Templates) -> None:
    secret = either.one("AWS::SecretsManager::Secret", Name=either.names.secret("database"))
    generated = secret["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "user_token_key"
    assert generated["PasswordLength"] >= 32
