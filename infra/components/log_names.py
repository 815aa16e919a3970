"""What the log groups of one environment are called, and how long they keep a line."""

from __future__ import annotations

from aws_cdk import aws_logs as logs

from infra.environments import Environment


def worker_log_group(choices: Environment) -> str:
    return f"/timmybot/{choices.name}/worker"


def front_door_log_group(choices: Environment) -> str:
    return f"/timmybot/{choices.name}/front-door"


def task_stopped_log_group(choices: Environment) -> str:
    return f"/timmybot/{choices.name}/task-stopped"


def insights_log_group(choices: Environment) -> str:
    """Where Container Insights writes what its metrics are made of. ECS makes the group if nobody has, and then it
    stays when the stacks go (Amazon CloudWatch, User Guide, "Container Insights performance log events for Amazon
    ECS")."""
    return f"/aws/ecs/containerinsights/{choices.names.cluster}/performance"


def retention(days: int) -> logs.RetentionDays:
    """CloudWatch Logs keeps lines for one of a few fixed spans, ``infra.nonsense.RETENTIONS``."""
    return {
        1: logs.RetentionDays.ONE_DAY,
        3: logs.RetentionDays.THREE_DAYS,
        5: logs.RetentionDays.FIVE_DAYS,
        7: logs.RetentionDays.ONE_WEEK,
        14: logs.RetentionDays.TWO_WEEKS,
        30: logs.RetentionDays.ONE_MONTH,
        60: logs.RetentionDays.TWO_MONTHS,
        90: logs.RetentionDays.THREE_MONTHS,
        180: logs.RetentionDays.SIX_MONTHS,
        365: logs.RetentionDays.ONE_YEAR,
    }[days]
