"""The function that hears when a worker's task has stopped, and wakes the service again if it is still wanted."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components import tables
from infra.components.arns import Arns
from infra.components.function import PythonFunction
from infra.components.function_bundle import TASK_STOPPED
from infra.components.log_names import task_stopped_log_group
from infra.environments import Environment

TIMEOUT_SECONDS = 30
"""Sixteen small queries, one after the other, and nobody waits for them."""


class TaskStopped(Construct):
    """May look at who wants to play and wake one service; nothing else."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        arns = Arns(self, choices)
        handler = PythonFunction(
            self,
            "function",
            choices,
            name="task-stopped",
            description="Wakes the workers again when one stopped and somebody still wants to play",
            handler_module=TASK_STOPPED,
            log_group=task_stopped_log_group(choices),
            timeout_seconds=TIMEOUT_SECONDS,
            rights={
                ("dynamodb:GetItem",): [arns.table(tables.GUILD_QUEUES.name)],
                ("dynamodb:Query",): [arns.index(tables.GUILD_QUEUES.name, tables.ACTIVE_SHARD_INDEX)],
                ("ecs:DescribeServices", "ecs:UpdateService"): [arns.worker_service()],
            },
        )
        rule = events.CfnRule(
            self,
            "rule",
            name=f"{choices.names.prefix}-task-stopped",
            description="A worker's task has stopped",
            event_pattern={
                "source": ["aws.ecs"],
                "detail-type": ["ECS Task State Change"],
                "detail": {
                    "lastStatus": ["STOPPED"],
                    "group": [f"service:{choices.names.worker_service}"],
                    "clusterArn": [arns.cluster()],
                },
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="function",
                    arn=handler.function.function_arn,
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=3_600, maximum_retry_attempts=8
                    ),
                )
            ],
        )
        handler.function.add_permission(
            "rule", principal=iam.ServicePrincipal("events.amazonaws.com"), source_arn=rule.attr_arn
        )
