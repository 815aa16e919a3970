"""The metrics that DynamoDB emits about the tables that commands and leases write
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html)."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.components import tables
from infra.environments import Environment

WATCHED = (tables.GUILD_QUEUES, tables.COORDINATION)


def throttled_writes(choices: Environment) -> cloudwatch.MathExpression:
    """Writes turned away by either of the two tables that the bot cannot do without."""
    each = {f"table{number}": _metric(choices, shape.name) for number, shape in enumerate(WATCHED)}
    return cloudwatch.MathExpression(
        label="Writes turned away",
        expression=" + ".join(f"FILL({name}, 0)" for name in each),
        using_metrics=each,
        period=cdk.Duration.minutes(1),
    )


def _metric(choices: Environment, table: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name="WriteThrottleEvents",
        dimensions_map={"TableName": choices.names.table(table)},
        statistic="Sum",
        period=cdk.Duration.minutes(1),
    )
