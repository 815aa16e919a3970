"""The metrics that DynamoDB emits about the table that commands write
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html)."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.components import tables
from infra.environments import Environment


def throttled_writes(choices: Environment) -> cloudwatch.Metric:
    """Writes to guild-queues that were turned away.

    Of coordination nobody is told: a worker that cannot write there loses its leases, and that is noticed. One metric,
    and not both in a sum: an alarm is billed by the metrics it looks at.
    """
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name="WriteThrottleEvents",
        dimensions_map={"TableName": choices.names.table(tables.GUILD_QUEUES.name)},
        statistic="Sum",
        period=cdk.Duration.minutes(1),
    )
