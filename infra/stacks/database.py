"""The tables: what the bot remembers."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from infra.components.tables import TABLES, Table
from infra.environments import Environment


class DatabaseStack(cdk.Stack):
    """Five on-demand tables, named by the environment."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        for shape in TABLES:
            Table(self, shape.name, shape, choices)
