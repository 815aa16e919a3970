"""What CloudWatch alarms and scaling policies decide from a row of values. Pure: no clock, no I/O.

Sources: "How alarm state is evaluated when data is missing"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html),
"How step scaling works" and "How target tracking scaling works" (Application Auto Scaling user guide).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sandbox.cloud.metrics import Metric

EXTRA_PERIODS = 2
"""How many periods beyond those evaluated are retrieved, so that a late sample does not decide.
AWS promises no number; its examples retrieve five periods to evaluate three."""

TRACKING_PERIOD_SECONDS = 60.0
TRACKING_OUT_PERIODS = 3
TRACKING_IN_PERIODS = 15
TRACKING_IN_SHARE = 0.9
"""The two alarms that target tracking makes: above the target for 3 minutes, below 90 % of it for 15."""


class AlarmState(Enum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@dataclass(frozen=True)
class Alarm:
    """A metric alarm as a template describes it. ``missing`` is one of CloudWatch's four words for it."""

    name: str
    metric: Metric
    statistic: str
    period_seconds: float
    evaluation_periods: int
    datapoints_to_alarm: int
    comparison: str
    threshold: float
    missing: str = "missing"

    @property
    def retrieved_periods(self) -> int:
        return self.evaluation_periods + EXTRA_PERIODS


def alarm_state(alarm: Alarm, retrieved: Sequence[float | None], state: AlarmState) -> AlarmState:
    """The alarm's state after looking at the retrieved periods (oldest first), being in ``state`` before.

    Missing periods count as the alarm says only when fewer values exist than are evaluated;
    otherwise the newest that exist are evaluated.
    """
    breaches = COMPARISONS[alarm.comparison]
    present = [breaches(value, alarm.threshold) for value in retrieved if value is not None]
    evaluated = present[-alarm.evaluation_periods :]
    absent = alarm.evaluation_periods - len(evaluated)
    if absent and alarm.missing == "ignore":
        return state
    if not present and alarm.missing == "missing":
        return AlarmState.INSUFFICIENT_DATA
    breaching = sum(evaluated) + (absent if alarm.missing == "breaching" else 0)
    return AlarmState.ALARM if breaching >= alarm.datapoints_to_alarm else AlarmState.OK


@dataclass(frozen=True)
class Step:
    """One step: applies where ``lower <= value - threshold <= upper`` (None is endless)."""

    lower: float | None
    upper: float | None
    adjustment: int


@dataclass(frozen=True)
class StepPolicy:
    """A step-scaling policy and the alarm that invokes it. ``adjustment_type`` is AWS's word for it."""

    name: str
    alarm: Alarm
    adjustment_type: str
    steps: tuple[Step, ...]
    cooldown_seconds: float = 0.0


def stepped_capacity(policy: StepPolicy, value: float, capacity: int) -> int:
    """The capacity that the policy wants when its alarm fires at ``value``. Raises :class:`ValueError` for an
    adjustment type that is not acted out here."""
    difference = value - policy.alarm.threshold
    for step in policy.steps:
        above = step.lower is None or difference >= step.lower
        below = step.upper is None or difference <= step.upper
        if above and below:
            if policy.adjustment_type == "ExactCapacity":
                return step.adjustment
            if policy.adjustment_type == "ChangeInCapacity":
                return capacity + step.adjustment
            raise ValueError(f"{policy.name}: adjustment type {policy.adjustment_type} is not acted out")
    return capacity


@dataclass(frozen=True)
class TargetPolicy:
    """A target-tracking policy on a metric that counts per task."""

    name: str
    metric: Metric
    statistic: str
    target: float
    out_cooldown_seconds: float = 0.0
    in_cooldown_seconds: float = 0.0
    floor: float = 0.0
    """What the metric counts as where it is lower."""


def tracked_capacity(policy: TargetPolicy, minutes: Sequence[float | None], capacity: int) -> int:
    """The capacity that target tracking wants after these minutes (oldest first, at least 15).

    In proportion to how far the metric is from the target; a missing minute means that nothing is done.
    """
    minutes = [None if value is None else max(value, policy.floor) for value in minutes]
    recent = minutes[-TRACKING_OUT_PERIODS:]
    if all(value is not None and value > policy.target for value in recent):
        return math.ceil(capacity * _last(recent) / policy.target)
    older = minutes[-TRACKING_IN_PERIODS:]
    low = policy.target * TRACKING_IN_SHARE
    if len(older) == TRACKING_IN_PERIODS and all(value is not None and value < low for value in older):
        return min(capacity, math.ceil(capacity * _last(older) / policy.target))
    return capacity


def _last(values: Sequence[float | None]) -> float:
    value = values[-1]
    assert value is not None
    return value


@dataclass(frozen=True)
class CapacityRange:
    """What a scalable target allows."""

    minimum: int
    maximum: int

    def clamp(self, capacity: int) -> int:
        return max(self.minimum, min(self.maximum, capacity))


@dataclass(frozen=True)
class ScalingRules:
    """Every rule that a template sets for one service."""

    service: str
    """``service/<cluster>/<service>``"""
    range: CapacityRange
    targets: tuple[TargetPolicy, ...]
    steps: tuple[StepPolicy, ...]
