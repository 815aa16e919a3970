"""What ECS knows of a task before it runs: read from the registered task definition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_STOP_TIMEOUT_SECONDS = 30.0
"""What ECS takes when a container says nothing."""


class SecretUnavailableError(RuntimeError):
    """A secret that the container asks for cannot be read; ECS would not start the task."""


@dataclass(frozen=True)
class TaskDefinition:
    """The one container of a task definition, as far as running it as a process needs it."""

    arn: str
    family: str
    revision: int
    command: tuple[str, ...]
    """The entry point and its arguments, as the image would run them."""
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    """Variable to ``valueFrom``: a secret's ARN, or that with ``:json-key::`` behind it."""
    stop_timeout_seconds: float
    task_role_arn: str | None = None
    """Whose rights the container has."""
    execution_role_arn: str | None = None
    """Whose rights ECS uses to pull secrets for it."""

    @classmethod
    def described(cls, definition: Mapping[str, Any]) -> TaskDefinition:
        """From the answer of DescribeTaskDefinition. Raises :class:`ValueError` unless it has one container."""
        (container,) = definition["containerDefinitions"]
        return cls(
            arn=definition["taskDefinitionArn"],
            family=definition["family"],
            revision=int(definition["revision"]),
            command=(*container.get("entryPoint", ()), *container.get("command", ())),
            environment={entry["name"]: entry["value"] for entry in container.get("environment", ())},
            secrets={entry["name"]: entry["valueFrom"] for entry in container.get("secrets", ())},
            stop_timeout_seconds=float(container.get("stopTimeout", DEFAULT_STOP_TIMEOUT_SECONDS)),
            task_role_arn=definition.get("taskRoleArn"),
            execution_role_arn=definition.get("executionRoleArn"),
        )

    def secret_values(self, secretsmanager: Any) -> dict[str, str]:
        """What ECS injects, as its agent reads it. Raises :class:`SecretUnavailableError`."""
        return {name: _secret_value(secretsmanager, source) for name, source in self.secrets.items()}


def _secret_value(secretsmanager: Any, source: str) -> str:
    """``source`` is ``arn:aws:secretsmanager:region:account:secret:name[:json-key:version-stage:version-id]``."""
    parts = source.split(":")
    arn, key = ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""
    try:
        text = str(secretsmanager.get_secret_value(SecretId=arn)["SecretString"])
        return str(json.loads(text)[key]) if key else text
    except (secretsmanager.exceptions.ClientError, ValueError, KeyError) as error:
        raise SecretUnavailableError(f"unable to retrieve secret {source}: {error}") from error
