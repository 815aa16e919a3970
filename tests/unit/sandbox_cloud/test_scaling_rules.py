"""What alarms and policies decide, minute by minute."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.cloud.metrics import Metric, MetricStore, Sample
from sandbox.cloud.scaling_decisions import ScalingDecisions
from sandbox.cloud.scaling_rules import (
    Alarm,
    AlarmState,
    CapacityRange,
    ScalingRules,
    Step,
    StepPolicy,
    TargetPolicy,
    alarm_state,
    stepped_capacity,
    tracked_capacity,
)

ACTIVE = Metric("TimmyBot", "Active", frozenset({("Environment", "dev")}))
PLAYERS = Metric("TimmyBot", "Players", frozenset({("Environment", "dev")}))
IDLE = Alarm("idle", ACTIVE, "Maximum", 60, 10, 10, "LessThanOrEqualToThreshold", 0, missing="notBreaching")
SLEEP = StepPolicy("sleep", IDLE, "ExactCapacity", (Step(None, 0, 0),))
TRACK = TargetPolicy("track", PLAYERS, "Average", 100, out_cooldown_seconds=60, in_cooldown_seconds=300)
OK, ALARM = AlarmState.OK, AlarmState.ALARM


class TestIdleAlarm:
    def test_ten_quiet_minutes_raise_it(self) -> None:
        assert alarm_state(IDLE, [None, None, *[0] * 10], OK) is ALARM

    def test_nine_quiet_minutes_do_not(self) -> None:
        assert alarm_state(IDLE, [None, None, 1, *[0] * 9], OK) is OK

    def test_a_sleeping_service_emits_nothing_and_is_not_idle(self) -> None:
        assert alarm_state(IDLE, [None] * 12, ALARM) is OK

    def test_were_missing_data_breaching_a_service_just_woken_would_be_put_back_to_sleep(self) -> None:
        careless = replace(IDLE, missing="breaching")
        assert alarm_state(careless, [None] * 12, OK) is ALARM

    def test_a_late_sample_does_not_keep_the_service_awake(self) -> None:
        assert alarm_state(IDLE, [0, 0, *[0] * 9, None], OK) is ALARM

    def test_a_play_half_a_minute_after_falling_asleep_lowers_it(self) -> None:
        assert alarm_state(IDLE, [*[0] * 11, 1], ALARM) is OK


class TestMissingData:
    def test_ignore_keeps_the_state(self) -> None:
        assert alarm_state(replace(IDLE, missing="ignore"), [None] * 12, ALARM) is ALARM

    def test_missing_says_that_there_is_too_little_to_tell(self) -> None:
        assert alarm_state(replace(IDLE, missing="missing"), [None] * 12, OK) is AlarmState.INSUFFICIENT_DATA


class TestStepPolicy:
    def test_exact_capacity_sets_it(self) -> None:
        assert stepped_capacity(SLEEP, 0, 3) == 0

    def test_a_value_outside_every_step_changes_nothing(self) -> None:
        assert stepped_capacity(SLEEP, 2, 3) == 3

    def test_change_in_capacity_adds(self) -> None:
        grow = replace(SLEEP, adjustment_type="ChangeInCapacity", steps=(Step(0, None, 2),))
        assert stepped_capacity(grow, 5, 1) == 3

    def test_an_adjustment_not_acted_out_is_named(self) -> None:
        with pytest.raises(ValueError, match="PercentChangeInCapacity"):
            stepped_capacity(replace(SLEEP, adjustment_type="PercentChangeInCapacity"), 0, 1)


class TestTargetTracking:
    def test_three_minutes_above_the_target_grow_in_proportion(self) -> None:
        assert tracked_capacity(TRACK, [None] * 12 + [150, 150, 250], 2) == 5

    def test_two_minutes_are_not_enough(self) -> None:
        assert tracked_capacity(TRACK, [50] * 13 + [150, 150], 2) == 2

    def test_fifteen_minutes_well_below_it_shrink(self) -> None:
        assert tracked_capacity(TRACK, [20.0] * 15, 4) == 1

    def test_a_little_below_it_is_left_alone(self) -> None:
        assert tracked_capacity(TRACK, [95.0] * 15, 4) == 4

    def test_nothing_is_done_about_missing_minutes(self) -> None:
        assert tracked_capacity(TRACK, [None] * 15, 4) == 4
        assert tracked_capacity(TRACK, [20.0] * 14 + [None], 4) == 4

    def test_a_worker_restarted_in_mid_song_is_not_put_to_sleep_for_holding_no_player_yet(self) -> None:
        restarted = [3.0] * 14 + [0.0]
        assert tracked_capacity(replace(TRACK, floor=1), restarted, 1) == 1
        assert tracked_capacity(TRACK, restarted, 1) == 0, "without the floor it would be"

    def test_one_player_needs_one_task(self) -> None:
        assert tracked_capacity(TRACK, [1.0] * 15, 1) == 1


def emitting(minutes: int, metric: Metric, value: float, into: MetricStore, start: int = 0) -> None:
    for minute in range(start, start + minutes):
        into.add(minute * 60 + 5, Sample(metric, value))


def decisions(metrics: MetricStore, sleep: StepPolicy = SLEEP) -> ScalingDecisions:
    rules = ScalingRules("service/timmybot-dev/timmybot-dev-worker", CapacityRange(0, 5), (TRACK,), (sleep,))
    return ScalingDecisions(rules, metrics)


class TestAService:
    def test_sleeps_after_ten_idle_minutes_and_not_before(self) -> None:
        metrics = MetricStore()
        emitting(10, ACTIVE, 0, metrics)
        service = decisions(metrics)
        assert service.decide(9 * 60 + 10, 1) == 1
        assert service.decide(10 * 60 + 10, 1) == 0
        assert [activity.policy for activity in service.activities] == ["sleep"]

    def test_just_asleep_can_be_woken_before_any_metric_says_so(self) -> None:
        """A raised alarm repeats its action; the policy's cooldown is what keeps a wake from being undone."""
        metrics = MetricStore()
        emitting(10, ACTIVE, 0, metrics)
        rested = replace(SLEEP, cooldown_seconds=300)
        for sleep, woken in ((rested, 1), (SLEEP, 0)):
            service = decisions(metrics, sleep)
            assert service.decide(610, 1) == 0
            assert service.decide(670, 1) == woken

    def test_stays_awake_while_one_player_sounds(self) -> None:
        metrics = MetricStore()
        emitting(20, ACTIVE, 1, metrics)
        assert decisions(metrics).decide(20 * 60 + 10, 1) == 1

    def test_never_grows_past_its_range(self) -> None:
        metrics = MetricStore()
        emitting(3, PLAYERS, 900, metrics)
        assert decisions(metrics).decide(3 * 60 + 10, 1) == 5

    def test_waits_for_the_cooldown_between_two_growths(self) -> None:
        metrics = MetricStore()
        emitting(3, PLAYERS, 150, metrics)
        service = decisions(metrics)
        assert service.decide(190, 1) == 2
        assert service.decide(230, 2) == 2
        assert service.decide(239, 2) == 2
        emitting(1, PLAYERS, 150, metrics, start=3)
        assert service.decide(260, 2) == 3

    def test_grows_although_another_policy_would_let_it_sleep(self) -> None:
        metrics = MetricStore()
        emitting(10, ACTIVE, 0, metrics)
        emitting(10, PLAYERS, 150, metrics)
        assert decisions(metrics).decide(610, 1) == 2
