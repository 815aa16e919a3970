"""The front door: a function behind a public URL, with the right to write wanted state and to wake one service."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.components import secrets, tables
from infra.components.arns import Arns
from infra.components.function import PythonFunction
from infra.components.function_bundle import FRONT_DOOR
from infra.components.log_names import front_door_log_group
from infra.environments import Environment

TABLE_ACTIONS = (
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
)


class FrontDoor(Construct):
    """A Lambda function with a URL. ``url`` ends in a slash."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        arns = Arns(self, choices)
        door = PythonFunction(
            self,
            "function",
            choices,
            name="front-door",
            description="Answers Discord's interactions and wakes the workers",
            handler_module=FRONT_DOOR,
            log_group=front_door_log_group(choices),
            timeout_seconds=choices.function_timeout_seconds,
            reserved_concurrency=choices.function_concurrency or None,
            rights={
                TABLE_ACTIONS: [arns.table(table.name) for table in (tables.GUILD_QUEUES, tables.COORDINATION)],
                ("secretsmanager:GetSecretValue",): [
                    arns.secret(secret) for secret in (secrets.BOT_TOKEN, secrets.APPLICATION)
                ],
                ("ecs:DescribeServices", "ecs:UpdateService"): [arns.worker_service()],
            },
        )
        # Discord signs each request, and the function refuses what is not signed: AWS has no one to authenticate.
        self.url = door.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE).url
