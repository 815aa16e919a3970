"""What a month costs: usage times prices, item by item.

A price that is not established is ``None`` and never counts as zero: its item is listed as unpriced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOURS_PER_MONTH = 730.0

Prices = Mapping[str, float | None]
"""USD by the name of what is bought, in one region."""


@dataclass(frozen=True)
class Usage:
    """What one environment uses in a month. Hours are those in which a task runs, summed over tasks."""

    task_hours: float
    task_vcpu: float
    task_gb: float
    public_ip: bool
    nat_gateways: int
    secrets: int
    alarms: int
    dashboards: int
    writes_per_task_hour: float
    reads_per_task_hour: float
    egress_gb_per_task_hour: float


@dataclass(frozen=True)
class Item:
    """One line of the bill. ``usd`` is ``None`` when no price is established."""

    name: str
    quantity: float
    unit: str
    usd: float | None


def month(usage: Usage, prices: Prices) -> list[Item]:
    """The bill of a month before tax and free tiers, dearest first; what has no price comes last."""
    hours = usage.task_hours
    lines = [
        ("Fargate vCPU", "fargate_arm_vcpu_hour", hours * usage.task_vcpu, "vCPU-hours"),
        ("Fargate memory", "fargate_arm_gb_hour", hours * usage.task_gb, "GB-hours"),
        ("public IPv4 of tasks", "public_ipv4_hour", hours if usage.public_ip else 0.0, "hours"),
        ("NAT gateways", "nat_gateway_hour", usage.nat_gateways * HOURS_PER_MONTH, "hours"),
        ("secrets", "secret_month", usage.secrets, "secrets"),
        ("alarms", "alarm_month", usage.alarms, "alarms"),
        ("dashboards", "dashboard_month", usage.dashboards, "dashboards"),
        ("DynamoDB writes", "dynamodb_write_million", hours * usage.writes_per_task_hour / 1e6, "million units"),
        ("DynamoDB reads", "dynamodb_read_million", hours * usage.reads_per_task_hour / 1e6, "million units"),
        ("traffic to the internet", "egress_gb", hours * usage.egress_gb_per_task_hour, "GB"),
    ]
    items = [Item(name, quantity, unit, _times(quantity, prices.get(price))) for name, price, quantity, unit in lines]
    used = [item for item in items if item.quantity]
    return sorted(used, key=lambda item: (item.usd is None, -(item.usd or 0.0)))


def total(items: list[Item]) -> float:
    """USD of the items that have a price."""
    return sum(item.usd for item in items if item.usd is not None)


def _times(quantity: float, price: float | None) -> float | None:
    return None if price is None else quantity * price
