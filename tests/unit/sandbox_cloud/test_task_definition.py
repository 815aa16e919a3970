"""What ECS would give a container, from its task definition."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.cloud.task_definition import SecretUnavailableError, TaskDefinition

ARN = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:timmybot/dev/"
DESCRIBED: dict[str, Any] = {
    "taskDefinitionArn": "arn:aws:ecs:eu-central-1:000000000000:task-definition/timmybot-dev-worker:3",
    "family": "timmybot-dev-worker",
    "revision": 3,
    "containerDefinitions": [
        {
            "entryPoint": ["timmybot"],
            "command": ["worker"],
            "environment": [{"name": "TIMMYBOT_ENVIRONMENT", "value": "dev"}],
            "secrets": [
                {"name": "TIMMYBOT_BOT_TOKEN", "valueFrom": f"{ARN}bot-token"},
                {"name": "TIMMYBOT_APPLICATION_ID", "valueFrom": f"{ARN}application:application_id::"},
            ],
            "stopTimeout": 120,
        }
    ],
}


class FakeSecretsManager:
    """Secrets by ARN."""

    class exceptions:  # boto3's own spelling
        ClientError = ClientError

    def __init__(self, **values: str) -> None:
        self._values = {f"{ARN}{name.replace('_', '-')}": value for name, value in values.items()}

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # AWS's own spelling
        if SecretId not in self._values:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {"SecretString": self._values[SecretId]}


def test_entry_point_and_command_are_one_command_line() -> None:
    definition = TaskDefinition.described(DESCRIBED)
    assert definition.command == ("timmybot", "worker")
    assert definition.environment == {"TIMMYBOT_ENVIRONMENT": "dev"}
    assert (definition.revision, definition.stop_timeout_seconds) == (3, 120)


def test_a_secret_is_injected_whole_or_by_one_of_its_fields() -> None:
    secrets = FakeSecretsManager(bot_token="a-token", application='{"application_id": "42"}')
    assert TaskDefinition.described(DESCRIBED).secret_values(secrets) == {
        "TIMMYBOT_BOT_TOKEN": "a-token",
        "TIMMYBOT_APPLICATION_ID": "42",
    }


@pytest.mark.parametrize(
    "application", ['{"public_key": "k"}', "not JSON"], ids=["the field is missing", "it is no JSON"]
)
def test_a_secret_without_the_field_stops_the_task_from_starting(application: str) -> None:
    secrets = FakeSecretsManager(bot_token="a-token", application=application)
    with pytest.raises(SecretUnavailableError, match="application_id"):
        TaskDefinition.described(DESCRIBED).secret_values(secrets)


def test_a_secret_that_does_not_exist_stops_the_task_from_starting() -> None:
    with pytest.raises(SecretUnavailableError, match="bot-token"):
        TaskDefinition.described(DESCRIBED).secret_values(FakeSecretsManager())
