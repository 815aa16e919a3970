"""A Python function on ARM64 with a role of its own: what the two functions have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.function_bundle import function_bundle
from infra.environments import Environment

Rights = Mapping[Sequence[str], Sequence[str]]
"""Actions to the resources they are allowed on."""


class PythonFunction(Construct):
    """``function`` may do what ``rights`` say, and write its own log group, which exists already."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        choices: Environment,
        *,
        name: str,
        description: str,
        handler_module: str,
        log_group: str,
        rights: Rights,
        timeout_seconds: int,
        reserved_concurrency: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._log_group = log_group
        self.function = lambda_.Function(
            self,
            "function",
            function_name=f"{choices.names.prefix}-{name}",
            description=description,
            runtime=lambda_.Runtime(f"python{choices.runtime}", lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{handler_module}.handler",
            code=lambda_.Code.from_asset(str(function_bundle(handler_module, choices.wheels, choices.runtime))),
            memory_size=choices.function_memory,
            timeout=cdk.Duration.seconds(timeout_seconds),
            reserved_concurrent_executions=reserved_concurrency,
            environment={"TIMMYBOT_ENVIRONMENT": choices.name, "TIMMYBOT_SHARD_COUNT": str(choices.shard_count)},
            role=self._role(rights),
            log_group=logs.LogGroup.from_log_group_name(self, "log-group", log_group),
        )

    def _role(self, rights: Rights) -> iam.Role:
        role = iam.Role(self, "role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{self._log_group}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        for actions, resources in {("logs:CreateLogStream", "logs:PutLogEvents"): [log_group], **rights}.items():
            role.add_to_policy(iam.PolicyStatement(actions=[*actions], resources=[*resources]))
        return role
