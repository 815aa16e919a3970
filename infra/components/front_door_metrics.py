"""The metrics that Lambda emits about the front door
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html)."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.environments import Environment


def errors(choices: Environment) -> cloudwatch.Metric:
    return _metric(choices, "Errors", "Sum")


def throttles(choices: Environment) -> cloudwatch.Metric:
    return _metric(choices, "Throttles", "Sum")


def failures(choices: Environment) -> cloudwatch.MathExpression:
    """Commands that failed or were turned away: to the member they look alike."""
    return cloudwatch.MathExpression(
        label="Failed commands",
        expression="FILL(errors, 0) + FILL(throttles, 0)",
        using_metrics={"errors": errors(choices), "throttles": throttles(choices)},
        period=cdk.Duration.minutes(1),
    )


def invocations(choices: Environment) -> cloudwatch.Metric:
    return _metric(choices, "Invocations", "Sum")


def duration(choices: Environment, statistic: str) -> cloudwatch.Metric:
    """Milliseconds of the handler, without the cold start's own."""
    return _metric(choices, "Duration", statistic)


def _metric(choices: Environment, name: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": f"{choices.names.prefix}-front-door"},
        statistic=statistic,
        period=cdk.Duration.minutes(1),
    )
