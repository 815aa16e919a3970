"""What the log groups of one environment are called, and how long they keep a line."""

from __future__ import annotations

from aws_cdk import aws_logs as logs

from infra.environments import Environment


def worker_log_group(choices: Environment) -> str:
    return f"/timmybot/{choices.name}/worker"


def front_door_log_group(choices: Environment) -> str:
    return f"/timmybot/{choices.name}/front-door"


def retention(days: int) -> logs.RetentionDays:
    """CloudWatch Logs keeps lines for one of a few fixed spans. Raises :class:`KeyError` for one we do not use."""
    return {7: logs.RetentionDays.ONE_WEEK, 30: logs.RetentionDays.ONE_MONTH}[days]
