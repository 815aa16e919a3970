"""What AWS says of the workers' tasks: how many there are, and what the account has spent."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.environments import Environment, Insights


def counts(choices: Environment) -> list[cloudwatch.Metric]:
    """Tasks running, and wanted where Container Insights says so.

    Without it they are counted by the samples of a free metric: Fargate sends one a task and minute
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html, "Service RUNNING task count").
    """
    if choices.container_insights is Insights.OFF:
        return [_metric(choices, "AWS/ECS", "CPUUtilization", "SampleCount", "running")]
    insights = "ECS/ContainerInsights"
    return [
        _metric(choices, insights, "DesiredTaskCount", "Average", "wanted"),
        _metric(choices, insights, "RunningTaskCount", "Average", "running"),
    ]


def cpu(choices: Environment) -> cloudwatch.Metric:
    """Per cent of what the tasks were given."""
    return _metric(choices, "AWS/ECS", "CPUUtilization", "Maximum", "CPU %")


def memory(choices: Environment) -> cloudwatch.Metric:
    return _metric(choices, "AWS/ECS", "MemoryUtilization", "Maximum", "memory %")


def spend() -> cloudwatch.Metric:
    """USD of the whole account this month. AWS emits it in one region only, once billing alerts are switched on
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html)."""
    return cloudwatch.Metric(
        namespace="AWS/Billing",
        metric_name="EstimatedCharges",
        dimensions_map={"Currency": "USD"},
        statistic="Maximum",
        period=cdk.Duration.hours(6),
        region="us-east-1",
        label="USD this month, all of the account",
    )


def _metric(choices: Environment, namespace: str, name: str, statistic: str, label: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map={"ClusterName": choices.names.cluster, "ServiceName": choices.names.worker_service},
        statistic=statistic,
        period=cdk.Duration.minutes(1),
        label=label,
    )
