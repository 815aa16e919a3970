"""The metrics our own code emits, as embedded-format log lines. Alarms and policies name no others of ours."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.environments import Environment

NAMESPACE = "TimmyBot"


def players(choices: Environment) -> cloudwatch.Metric:
    """Players held by a worker. Each worker writes its own, so the average is players per task."""
    return _metric(choices, "Players", "Average")


def active(choices: Environment) -> cloudwatch.Metric:
    """Above 0 while any worker has a player that wants to sound, or the front door has just taken a ``/play``."""
    return _metric(choices, "Active", "Maximum")


def _metric(choices: Environment, name: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"Environment": choices.name},
        statistic=statistic,
        period=cdk.Duration.minutes(1),
    )
