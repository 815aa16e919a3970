"""Turns rules and metrics into one wanted capacity a minute, with cooldowns. Pure: time is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.cloud.metrics import MetricStore
from sandbox.cloud.scaling_rules import (
    TRACKING_IN_PERIODS,
    TRACKING_PERIOD_SECONDS,
    AlarmState,
    ScalingRules,
    StepPolicy,
    TargetPolicy,
    alarm_state,
    stepped_capacity,
    tracked_capacity,
)


@dataclass(frozen=True)
class ScalingActivity:
    """One change of capacity: when (seconds of the scaling clock), from what to what, and which policy wanted it."""

    at: float
    before: int
    after: int
    policy: str


@dataclass
class ScalingDecisions:
    """The memory between evaluations: alarm states, and when each policy last acted."""

    rules: ScalingRules
    metrics: MetricStore
    activities: list[ScalingActivity] = field(default_factory=list)
    _states: dict[str, AlarmState] = field(default_factory=dict)
    _acted: dict[str, float] = field(default_factory=dict)

    def decide(self, now: float, capacity: int) -> int:
        """The capacity to set now, being at ``capacity``. To be called once each minute of the scaling clock.

        Where policies disagree the largest capacity wins, as Application Auto Scaling chooses; one that
        wants no change does not take part.
        """
        wanted = {policy.name: self._tracked(policy, now, capacity) for policy in self.rules.targets}
        wanted |= {policy.name: self._stepped(policy, now, capacity) for policy in self.rules.steps}
        changes = {name: self.rules.range.clamp(count) for name, count in wanted.items() if count != capacity}
        if not changes:
            return capacity
        policy = max(changes, key=lambda name: changes[name])
        if changes[policy] == capacity:
            return capacity
        self._acted[policy] = now
        self.activities.append(ScalingActivity(now, capacity, changes[policy], policy))
        return changes[policy]

    def _tracked(self, policy: TargetPolicy, now: float, capacity: int) -> int:
        minutes = self.metrics.periods(
            policy.metric,
            statistic=policy.statistic,
            period=TRACKING_PERIOD_SECONDS,
            count=TRACKING_IN_PERIODS,
            now=now,
        )
        wanted = tracked_capacity(policy, minutes, capacity)
        cooldown = policy.out_cooldown_seconds if wanted > capacity else policy.in_cooldown_seconds
        return wanted if self._is_cool(policy.name, cooldown, now) else capacity

    def _stepped(self, policy: StepPolicy, now: float, capacity: int) -> int:
        alarm = policy.alarm
        periods = self.metrics.periods(
            alarm.metric,
            statistic=alarm.statistic,
            period=alarm.period_seconds,
            count=alarm.retrieved_periods,
            now=now,
        )
        before = self._states.get(alarm.name, AlarmState.INSUFFICIENT_DATA)
        state = self._states[alarm.name] = alarm_state(alarm, periods, before)
        present = [value for value in periods if value is not None]
        if state is not AlarmState.ALARM or not present:
            return capacity
        wanted = stepped_capacity(policy, present[-1], capacity)
        return wanted if self._is_cool(policy.name, policy.cooldown_seconds, now) else capacity

    def _is_cool(self, policy: str, cooldown: float, now: float) -> bool:
        return policy not in self._acted or now - self._acted[policy] >= cooldown
