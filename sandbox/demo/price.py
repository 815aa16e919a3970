"""What a month of what just ran would cost on AWS."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from infra.environments import DEV, Egress
from infra.synthesis import ASSEMBLIES
from timmybot.adapters.price_table import prices
from timmybot.domain.cost import HOURS_PER_MONTH, Usage, month, total
from timmybot.settings import Settings

LISTENING_HOURS = 60.0
"""Two hours a day."""
FREE_ALARMS, FREE_DASHBOARDS = 10, 3
"""What CloudWatch gives every account each month."""
BIT_RATE = 128_000
DEFAULTS = Settings()
COMMANDS_SHARE = 1.2
"""Writes beside the heartbeat: commands, and a gateway session saved now and then."""


def price_of(assembly: Path = ASSEMBLIES / "sandbox-dev") -> list[str]:
    """Sentences with the month's price: asleep, with some listening, and always on."""
    resources = _resources(assembly)
    sentences = []
    for label, hours in (
        ("asleep all month", 0.0),
        (f"{LISTENING_HOURS:.0f} listening hours", LISTENING_HOURS),
        ("awake all month", HOURS_PER_MONTH),
    ):
        items = month(_usage(hours, resources), prices(DEV.region))
        dearest = ", ".join(f"{item.name} {item.usd:.2f}" for item in items[:3] if item.usd)
        sentences.append(f"a month of dev, {label}: {total(items):.2f} USD before tax ({dearest})")
    return sentences


def _usage(hours: float, resources: Counter[str]) -> Usage:
    return Usage(
        task_hours=hours,
        task_vcpu=DEV.task_cpu / 1024,
        task_gb=DEV.task_memory / 1024,
        public_ip=DEV.egress is Egress.PUBLIC_IP,
        nat_gateways=resources["AWS::EC2::NatGateway"],
        secrets=resources["AWS::SecretsManager::Secret"],
        alarms=max(resources["AWS::CloudWatch::Alarm"] - FREE_ALARMS, 0),
        dashboards=max(resources["AWS::CloudWatch::Dashboard"] - FREE_DASHBOARDS, 0),
        writes_per_task_hour=3_600 / DEFAULTS.heartbeat_seconds * COMMANDS_SHARE,
        reads_per_task_hour=3_600 * _reads_per_second(),
        egress_gb_per_task_hour=BIT_RATE / 8 * 3_600 / 1e9,
    )


def _reads_per_second() -> float:
    """Of a worker that holds every shard: strongly consistent looks at heartbeats, leases and inbox, and the scan."""
    looks = 2 * 1.0 / DEFAULTS.heartbeat_seconds
    inbox = 1.0 / DEFAULTS.inbox_poll_seconds
    scan = 0.5 * DEFAULTS.shard_count / DEFAULTS.scan_seconds
    return looks + inbox + scan


def _resources(assembly: Path) -> Counter[str]:
    templates = [json.loads(path.read_text()) for path in assembly.glob("*.template.json")]
    return Counter(resource["Type"] for template in templates for resource in template["Resources"].values())
