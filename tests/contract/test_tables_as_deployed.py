"""The tables that the contract suites run on are those that the infrastructure deploys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.synthesis import synthesise
from tests.contract.tables import TABLES
from timmybot.settings import Settings

SETTINGS = Settings(environment="dev")


@pytest.fixture(scope="module")
def deployed() -> dict[str, dict[str, Any]]:
    """The properties of every table in the templates of an environment, by the table's name."""
    templates = [json.loads(path.read_text()) for path in synthesise(SETTINGS.environment).rglob("*.template.json")]
    resources = [resource for template in templates for resource in template.get("Resources", {}).values()]
    tables = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::DynamoDB::Table"]
    return {table["TableName"]: table for table in tables}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_keys_and_indexes_that_the_stores_use(deployed: dict[str, dict[str, Any]], name: str) -> None:
    table = deployed[SETTINGS.names.table(name)]
    expected = TABLES[name]
    assert {key: table[key] for key in expected if key != "AttributeDefinitions"} == {
        key: value for key, value in expected.items() if key != "AttributeDefinitions"
    }
    assert _by_name(table["AttributeDefinitions"]) == _by_name(expected["AttributeDefinitions"])


@pytest.mark.parametrize("name", TABLES)
def test_what_may_be_forgotten_is_forgotten_by_the_attribute_that_the_stores_write(
    deployed: dict[str, dict[str, Any]], name: str
) -> None:
    ttl = deployed[SETTINGS.names.table(name)]["TimeToLiveSpecification"]
    assert ttl == {"AttributeName": "expires_at", "Enabled": True}


def _by_name(definitions: list[dict[str, str]]) -> dict[str, str]:
    return {definition["AttributeName"]: definition["AttributeType"] for definition in definitions}
