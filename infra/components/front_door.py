"""The front door: a function behind a public URL, with the right to write wanted state and to wake one service."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components import secrets, tables
from infra.components.arns import Arns
from infra.components.function_bundle import HANDLER_MODULE, PYTHON_VERSION, front_door_bundle
from infra.components.log_names import front_door_log_group
from infra.environments import Environment

TABLE_ACTIONS = (
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
)


class FrontDoor(Construct):
    """A Lambda function on ARM64 with a URL. ``url`` ends in a slash."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        self._choices = choices
        log_group = logs.LogGroup.from_log_group_name(self, "log-group", front_door_log_group(choices))
        function = lambda_.Function(
            self,
            "function",
            function_name=f"{choices.names.prefix}-front-door",
            description="Answers Discord's interactions and wakes the workers",
            runtime=lambda_.Runtime(f"python{PYTHON_VERSION}", lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{HANDLER_MODULE}.handler",
            code=lambda_.Code.from_asset(str(front_door_bundle(choices.wheels))),
            memory_size=choices.function_memory,
            timeout=cdk.Duration.seconds(choices.function_timeout_seconds),
            environment={"TIMMYBOT_ENVIRONMENT": choices.name},
            role=self._role(),
            log_group=log_group,
        )
        # Discord signs each request, and the function refuses what is not signed: AWS has no one to authenticate.
        url = function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        self.url = url.url

    def _role(self) -> iam.Role:
        arns = Arns(self, self._choices)
        role = iam.Role(self, "role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{front_door_log_group(self._choices)}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        rights = {
            ("logs:CreateLogStream", "logs:PutLogEvents"): [log_group],
            TABLE_ACTIONS: [arns.table(table.name) for table in (tables.GUILD_QUEUES, tables.COORDINATION)],
            ("dynamodb:GetItem",): [arns.table(tables.SERVER_ALLOWLIST.name)],
            ("secretsmanager:GetSecretValue",): [
                arns.secret(secret) for secret in (secrets.BOT_TOKEN, secrets.APPLICATION)
            ],
            ("ecs:DescribeServices", "ecs:UpdateService"): [arns.worker_service()],
        }
        for actions, resources in rights.items():
            role.add_to_policy(iam.PolicyStatement(actions=[*actions], resources=resources))
        return role
