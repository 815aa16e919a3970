"""What Discord calls: a function that answers while every worker sleeps."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.front_door import FrontDoor
from infra.environments import Environment


class FrontDoorStack(cdk.Stack):
    """One function and its URL, which is the application's interactions endpoint."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        door = FrontDoor(self, "front-door", choices)
        cdk.CfnOutput(
            self,
            "InteractionsEndpoint",
            value=door.url,
            description="Set this as the interactions endpoint URL in the Discord developer portal",
        )
