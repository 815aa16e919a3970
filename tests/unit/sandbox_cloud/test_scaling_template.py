"""Scaling rules are read from the template that was deployed, not from a copy of it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.cloud.scaling_rules import CapacityRange, Step
from sandbox.cloud.scaling_template import scaling_rules

METRIC = {"Namespace": "TimmyBot", "Dimensions": [{"Name": "Environment", "Value": "dev"}]}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "count": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {"ResourceId": "service/c/s", "MinCapacity": 0, "MaxCapacity": 5},
        },
        "track": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "track",
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": {
                    "CustomizedMetricSpecification": {**METRIC, "MetricName": "Players", "Statistic": "Average"},
                    "TargetValue": 100,
                    "ScaleInCooldown": 300,
                },
            },
        },
        "sleep": {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "sleep",
                "PolicyType": "StepScaling",
                "StepScalingPolicyConfiguration": {
                    "AdjustmentType": "ExactCapacity",
                    "StepAdjustments": [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": 0}],
                },
            },
        },
        "idle": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                **METRIC,
                "AlarmName": "idle",
                "AlarmActions": [{"Ref": "sleep"}],
                "MetricName": "Active",
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 10,
                "ComparisonOperator": "LessThanOrEqualToThreshold",
                "Threshold": 0,
                "TreatMissingData": "notBreaching",
            },
        },
    }
}


def test_every_rule_of_the_template_is_read() -> None:
    rules = scaling_rules(TEMPLATE)
    assert rules.service == "service/c/s"
    assert rules.range == CapacityRange(0, 5)
    assert [(policy.metric.name, policy.target) for policy in rules.targets] == [("Players", 100)]
    (sleep,) = rules.steps
    assert sleep.steps == (Step(None, 0, 0),)
    assert (sleep.alarm.metric.name, sleep.alarm.datapoints_to_alarm, sleep.alarm.missing) == (
        "Active",
        10,
        "notBreaching",
    )


def with_math(expression: str) -> dict[str, Any]:
    template = copy.deepcopy(TEMPLATE)
    tracking = template["Resources"]["track"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]
    metric = {**METRIC, "MetricName": "Players"}
    tracking["CustomizedMetricSpecification"] = {
        "Metrics": [
            {"Id": "players", "MetricStat": {"Metric": metric, "Stat": "Average"}, "ReturnData": False},
            {"Id": "e", "Expression": expression, "ReturnData": True},
        ]
    }
    return template


def test_a_metric_with_a_lowest_value_is_read() -> None:
    (policy,) = scaling_rules(with_math("IF(players < 1, 1, players)")).targets
    assert (policy.metric.name, policy.statistic, policy.floor) == ("Players", "Average", 1)


@pytest.mark.parametrize("expression", ["players * 2", "IF(players < 1, 2, players)", "IF(x < 1, 1, x)"])
def test_metric_math_that_is_not_acted_out_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not acted out"):
        scaling_rules(with_math(expression))


def test_a_step_policy_that_no_alarm_invokes_is_refused() -> None:
    orphan = copy.deepcopy(TEMPLATE)
    orphan["Resources"]["idle"]["Properties"]["AlarmActions"] = []
    with pytest.raises(ValueError, match="expected one alarm to invoke sleep, found 0"):
        scaling_rules(orphan)


def test_a_kind_of_policy_that_is_not_acted_out_is_refused() -> None:
    predictive = copy.deepcopy(TEMPLATE)
    predictive["Resources"]["track"]["Properties"]["PolicyType"] = "PredictiveScaling"
    with pytest.raises(ValueError, match="only target tracking and step scaling"):
        scaling_rules(predictive)
