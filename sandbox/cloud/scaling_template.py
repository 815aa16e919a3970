"""Reads the scaling rules out of a CloudFormation template. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.cloud.metrics import Metric
from sandbox.cloud.scaling_rules import Alarm, CapacityRange, ScalingRules, Step, StepPolicy, TargetPolicy

FLOOR = re.compile(r"IF\((?P<metric>\w+) < (?P<floor>\d+), (?P=floor), (?P=metric)\)")
"""The one form of metric math that is acted out."""

Resources = Mapping[str, Mapping[str, Any]]


def scaling_rules(template: Mapping[str, Any]) -> ScalingRules:
    """The rules of the template's one scalable target. Raises :class:`ValueError` if there is not exactly one,
    or if a policy is of a kind that is not acted out."""
    resources: Resources = template["Resources"]
    targets = _of_type(resources, "AWS::ApplicationAutoScaling::ScalableTarget")
    if len(targets) != 1:
        raise ValueError(f"expected one scalable target in the template, found {len(targets)}")
    (target,) = targets.values()
    policies = _of_type(resources, "AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = [p for p in policies.values() if p["PolicyType"] == "TargetTrackingScaling"]
    stepped = {name: p for name, p in policies.items() if p["PolicyType"] == "StepScaling"}
    if len(tracking) + len(stepped) != len(policies):
        raise ValueError("only target tracking and step scaling are acted out")
    return ScalingRules(
        service=target["ResourceId"],
        range=CapacityRange(int(target["MinCapacity"]), int(target["MaxCapacity"])),
        targets=tuple(_target_policy(policy) for policy in tracking),
        steps=tuple(_step_policy(resources, name, policy) for name, policy in stepped.items()),
    )


def _of_type(resources: Resources, kind: str) -> dict[str, Mapping[str, Any]]:
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def _target_policy(policy: Mapping[str, Any]) -> TargetPolicy:
    """From a metric alone, or from one whose lowest value is set by :data:`FLOOR`."""
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    described = tracking["CustomizedMetricSpecification"]
    floor = 0.0
    if "Metrics" in described:
        plain, expression = described["Metrics"]
        match = FLOOR.fullmatch(expression["Expression"])
        if match is None or match["metric"] != plain["Id"]:
            raise ValueError(f"the metric math {expression['Expression']!r} is not acted out")
        floor = float(match["floor"])
        described = {**plain["MetricStat"]["Metric"], "Statistic": plain["MetricStat"]["Stat"]}
    return TargetPolicy(
        name=policy["PolicyName"],
        metric=_metric(described),
        statistic=described["Statistic"],
        floor=floor,
        target=float(tracking["TargetValue"]),
        out_cooldown_seconds=float(tracking.get("ScaleOutCooldown", 0)),
        in_cooldown_seconds=float(tracking.get("ScaleInCooldown", 0)),
    )


def _step_policy(resources: Resources, logical_id: str, policy: Mapping[str, Any]) -> StepPolicy:
    alarms = [
        alarm
        for alarm in _of_type(resources, "AWS::CloudWatch::Alarm").values()
        if {"Ref": logical_id} in alarm.get("AlarmActions", [])
    ]
    if len(alarms) != 1:
        raise ValueError(f"expected one alarm to invoke {policy['PolicyName']}, found {len(alarms)}")
    steps = policy["StepScalingPolicyConfiguration"]
    return StepPolicy(
        name=policy["PolicyName"],
        alarm=_alarm(alarms[0]),
        adjustment_type=steps["AdjustmentType"],
        steps=tuple(
            Step(
                step.get("MetricIntervalLowerBound"),
                step.get("MetricIntervalUpperBound"),
                int(step["ScalingAdjustment"]),
            )
            for step in steps["StepAdjustments"]
        ),
        cooldown_seconds=float(steps.get("Cooldown", 0)),
    )


def _alarm(alarm: Mapping[str, Any]) -> Alarm:
    return Alarm(
        name=alarm["AlarmName"],
        metric=_metric(alarm),
        statistic=alarm["Statistic"],
        period_seconds=float(alarm["Period"]),
        evaluation_periods=int(alarm["EvaluationPeriods"]),
        datapoints_to_alarm=int(alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])),
        comparison=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        missing=alarm.get("TreatMissingData", "missing"),
    )


def _metric(described: Mapping[str, Any]) -> Metric:
    dimensions = frozenset((d["Name"], d["Value"]) for d in described.get("Dimensions", []))
    return Metric(described["Namespace"], described["MetricName"], dimensions)
