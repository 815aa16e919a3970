"""What an operator sees and is told."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.alarms import Alarms
from infra.components.budget import Budget
from infra.components.dashboard import Dashboard
from infra.components.log_names import (
    front_door_log_group,
    insights_log_group,
    retention,
    task_stopped_log_group,
    worker_log_group,
)
from infra.environments import Environment, Insights


class MonitoringStack(cdk.Stack):
    """Log groups, alarms, a dashboard and a budget. Deployed before what it watches: a task whose log group
    does not exist never starts, and everything here refers to metrics by name."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        for name in (worker_log_group(choices), front_door_log_group(choices), task_stopped_log_group(choices)):
            logs.LogGroup(
                self,
                f"{name.rsplit('/', 1)[-1]}-log",
                log_group_name=name,
                retention=retention(choices.log_retention_days),
                removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
                if choices.retain_data
                else cdk.RemovalPolicy.DESTROY,
            )
        if choices.container_insights is not Insights.OFF:
            logs.LogGroup(
                self,
                "insights-log",
                log_group_name=insights_log_group(choices),
                retention=logs.RetentionDays.ONE_DAY,
                removal_policy=cdk.RemovalPolicy.DESTROY,
            )
        alarms = Alarms(self, "alarms", choices)
        Dashboard(self, "dashboard", choices)
        Budget(self, "budget", choices, alarms.topic)
