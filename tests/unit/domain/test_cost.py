"""A month's bill: nothing unknown is free, and nothing is counted twice."""

from __future__ import annotations

from typing import Any

import pytest

from timmybot.domain.cost import Line, billed
from timmybot.domain.egress import Egress
from timmybot.domain.habits import Habits
from timmybot.domain.resources import Resource, month

PRICES = {
    "secret_month": 0.4,
    "alarm_month": 0.1,
    "nat_gateway_hour": 0.05,
    "public_ipv4_hour": 0.005,
    "nat_gateway_gb": 0.05,
    "egress_gb": 0.09,
    "secret_10k_calls": 0.05,
    "fargate_arm_vcpu_hour": 0.04,
    "fargate_arm_gb_hour": 0.004,
    "ecr_gb_month": 0.1,
}
NO_DOUBTS: dict[str, str] = {}


def of(kind: str, number: int = 1, **properties: Any) -> list[Resource]:
    return [Resource("stack", f"r{each}", kind, properties) for each in range(number)]


def used(hours: float) -> Habits:
    return Habits(task_hours=hours, writes_per_task_hour=0.0, reads_per_task_hour=0.0)


def test_a_resource_that_nobody_knows_is_named_and_not_free() -> None:
    bill = month([*of("AWS::Kinesis::Stream"), *of("AWS::EC2::VPC")], used(0), PRICES, NO_DOUBTS)
    assert bill.unpriced == ("stack/r0 (AWS::Kinesis::Stream)",)


def test_a_price_that_is_not_established_is_named_and_not_zero() -> None:
    bill = billed([Line("dreams", "dream_month", 3, "dreams")], {"dream_month": None}, NO_DOUBTS)
    assert bill.items[0].usd is None
    assert bill.unpriced == ("dreams: no price is established",)


def test_ten_alarms_are_given_to_every_account_and_the_eleventh_is_paid() -> None:
    def usd(alarms: int) -> float:
        return month(of("AWS::CloudWatch::Alarm", alarms), used(0), PRICES, NO_DOUBTS).total

    assert usd(10) == 0.0
    assert usd(11) == pytest.approx(0.1)


def test_an_alarm_that_watches_two_metrics_is_paid_as_two() -> None:
    stats = [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a + b"}]
    assert month(of("AWS::CloudWatch::Alarm", 6, Metrics=stats), used(0), PRICES, NO_DOUBTS).total == pytest.approx(0.2)


def test_target_trackings_own_alarms_count() -> None:
    tracking = of("AWS::ApplicationAutoScaling::ScalingPolicy", PolicyType="TargetTrackingScaling")
    assert month([*of("AWS::CloudWatch::Alarm", 9), *tracking], used(0), PRICES, NO_DOUBTS).total == pytest.approx(0.1)


def test_a_nat_gateway_is_paid_while_nobody_listens_and_a_tasks_address_is_not() -> None:
    zones = [Resource("stack", zone, "AWS::EC2::Subnet", {"AvailabilityZone": zone}) for zone in ("a", "b")]
    assert month(zones, used(0), PRICES, NO_DOUBTS, Egress.PUBLIC_IP).total == 0.0
    assert month(zones, used(0), PRICES, NO_DOUBTS, Egress.NAT_PER_AZ).total == pytest.approx(2 * 730 * 0.055)
    awake = month(zones, used(100), PRICES, NO_DOUBTS, Egress.PUBLIC_IP).total
    assert awake == pytest.approx(100 * 0.005 + used(100).sent_gb * 0.09)


def test_a_task_is_paid_by_its_size_and_its_hours() -> None:
    task = of("AWS::ECS::TaskDefinition", Cpu="256", Memory="512", RuntimePlatform={"CpuArchitecture": "ARM64"})
    bill = month(task, used(10), PRICES, NO_DOUBTS)
    paid = {item.name: item.usd for item in bill.items}
    assert paid["Fargate vCPU"] == pytest.approx(10 * 0.01)
    assert paid["Fargate memory"] == pytest.approx(10 * 0.002)


def test_a_task_on_spot_has_no_price_that_is_established() -> None:
    task = of("AWS::ECS::TaskDefinition", Cpu="256", Memory="512", RuntimePlatform={"CpuArchitecture": "ARM64"})
    spot = of("AWS::ECS::Service", CapacityProviderStrategy=[{"CapacityProvider": "FARGATE_SPOT"}])
    assert "Fargate vCPU: no price is established" in month([*task, *spot], used(10), PRICES, NO_DOUBTS).unpriced


def test_free_tiers_are_shown_and_not_taken_off() -> None:
    bill = month([], used(730), PRICES, NO_DOUBTS)
    (traffic,) = (item for item in bill.items if item.name == "traffic to the internet")
    assert traffic.usd == pytest.approx(traffic.free_tier_usd)
    assert bill.total - bill.total_with_free_tier == pytest.approx(traffic.free_tier_usd)


def test_what_is_known_from_hearsay_counts_and_is_named() -> None:
    lines = [Line("dreams", "dream_month", 3, "dreams"), Line("sleep", "sleep_month", 1, "nights")]
    bill = billed(lines, {"dream_month": 2.0, "sleep_month": 1.0}, {"dream_month": "somebody said so"})
    assert bill.total == pytest.approx(7.0)
    assert bill.estimated == ("dreams: somebody said so",)


def test_what_is_counted_by_hand_is_named() -> None:
    cluster = of("AWS::ECS::Cluster", ClusterSettings=[{"Name": "containerInsights", "Value": "enabled"}])
    (told,) = month(cluster, used(730), {**PRICES, "custom_metric_month": 0.3}, NO_DOUBTS).estimated
    assert told.startswith("Container Insights metrics: ")


def test_container_insights_measures_nothing_while_nothing_runs() -> None:
    cluster = of("AWS::ECS::Cluster", ClusterSettings=[{"Name": "containerInsights", "Value": "enhanced"}])
    assert month(cluster, used(0), {**PRICES, "enhanced_metric_month": 0.07}, NO_DOUBTS).total == 0.0
