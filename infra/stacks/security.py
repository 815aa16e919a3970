"""The secrets. Who may read each is said where the reader is made (ECS and front door)."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.secrets import Secrets
from infra.environments import Environment


class SecurityStack(cdk.Stack):
    """Four secrets, each holding a placeholder that says what to put there."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        Secrets(self, "secrets", choices)
