"""What each resource of a template is billed for. A type that is not named here is reported, not taken for free.

Sources: the pricing pages of each service; what is free is so by them, and not because nobody looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from timmybot.domain.cost import HOURS_PER_MONTH, Bill, Doubts, Line, Prices, billed
from timmybot.domain.egress import Egress, chosen_egress, egress_lines
from timmybot.domain.habits import Habits

FREE = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::Budgets::Budget",  # without actions
        "AWS::EC2::FlowLog",  # by what it writes: see the log groups
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::NetworkInterface",
        "AWS::EC2::Route",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "AWS::Events::Rule",  # events of AWS itself
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Url",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SSM::Parameter",  # of the standard tier
    }
)
EGRESS = frozenset({"AWS::EC2::EIP", "AWS::EC2::NatGateway"})
"""Billed as the way out they are part of (:mod:`timmybot.domain.egress`)."""

ALARMS_OF_TARGET_TRACKING = 2
GIVEN: Mapping[str, float] = {"alarms": 10, "dashboards": 3, "metrics of our own": 10}
"""What CloudWatch gives every account each month, for ever: always taken off, as if this were all the account has."""

FREE_TIER: Mapping[str, float] = {
    "log lines": 5,
    "DynamoDB storage": 25,
    "traffic to the internet": 100,
    "Lambda requests": 1,
    "Lambda compute": 400_000,
}
"""What AWS gives each account beside that, today: taken off only when asked for. In each line's own unit."""

INSIGHTS: Mapping[str, tuple[str, float]] = {
    "enabled": ("custom_metric_month", 38),
    "enhanced": ("enhanced_metric_month", 80),
}
"""Price, and metrics while one task runs. Counted from the list of metrics and dimensions in Amazon CloudWatch, User
Guide, "Amazon ECS Container Insights metrics". Asleep there are none: only what has running tasks is measured (Amazon
ECS, Developer Guide, "Monitor Amazon ECS containers using Container Insights with enhanced observability")."""
COUNTED_BY_HAND = "how many metrics there are is counted from AWS's list of them, not from a bill"
INSIGHTS_LOG_GB_PER_TASK_HOUR = 0.0006
"""Five or six events of 2 KB a minute."""


@dataclass(frozen=True)
class Resource:
    """One resource of a synthesised template."""

    stack: str
    logical_id: str
    kind: str
    properties: Mapping[str, Any]


Rule = Callable[[Sequence[Resource], Habits], Iterator[Line]]
"""All resources of some types to what they are billed for."""


def month(
    resources: Sequence[Resource], habits: Habits, prices: Prices, doubts: Doubts, egress: Egress | None = None
) -> Bill:
    """The bill of a month, with the way out that the templates chose or with ``egress`` in its place."""
    lines: list[Line] = []
    for kinds, rule in RULES.items():
        lines += rule([each for each in resources if each.kind in kinds], habits)
    lines += _traffic(habits)
    lines += egress_lines(egress or chosen_egress(_counted(resources)), habits, zones=_zones(resources))
    return billed(_joined(lines), prices, doubts, _unknown(resources))


def _joined(lines: Sequence[Line]) -> list[Line]:
    """Lines of one name as one, less what every account is given, and with what a free tier would take off."""
    joined: dict[str, Line] = {}
    for line in lines:
        so_far = joined.get(line.name)
        quantity = line.quantity + (so_far.quantity if so_far else 0.0)
        given, free_tier = GIVEN.get(line.name, 0.0), FREE_TIER.get(line.name, 0.0)
        joined[line.name] = replace(line, quantity=quantity, given=given, free_tier=free_tier)
    return list(joined.values())


def _unknown(resources: Sequence[Resource]) -> list[str]:
    known = {*FREE, *EGRESS, *(kind for kinds in RULES for kind in kinds)}
    return [f"{each.stack}/{each.logical_id} ({each.kind})" for each in resources if each.kind not in known]


def _counted(resources: Sequence[Resource]) -> Mapping[str, int]:
    kinds = [each.kind for each in resources]
    return {kind: kinds.count(kind) for kind in kinds}


def _zones(resources: Sequence[Resource]) -> int:
    zones = {str(each.properties.get("AvailabilityZone")) for each in resources if each.kind == "AWS::EC2::Subnet"}
    return max(len(zones), 1)


def _tasks(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    """A service's tasks, by the size that their definition gives them."""
    spot = any("FARGATE_SPOT" in str(each.properties.get("CapacityProviderStrategy")) for each in found)
    for task in found:
        if task.kind == "AWS::ECS::TaskDefinition":
            arm = task.properties.get("RuntimePlatform", {}).get("CpuArchitecture") == "ARM64"
            price = f"fargate_{'spot_' if spot else ''}{'arm' if arm else 'x86'}"
            vcpu, gb = float(task.properties["Cpu"]) / 1024, float(task.properties["Memory"]) / 1024
            yield Line("Fargate vCPU", f"{price}_vcpu_hour", habits.task_hours * vcpu, "vCPU-hours")
            yield Line("Fargate memory", f"{price}_gb_hour", habits.task_hours * gb, "GB-hours")
            yield Line("container image", "ecr_gb_month", habits.image_gb, "GB-months")


def _tables(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    if not found:
        return
    millions = habits.task_hours / 1e6
    yield Line("DynamoDB writes", "dynamodb_write_million", habits.writes_per_task_hour * millions, "million units")
    yield Line("DynamoDB reads", "dynamodb_read_million", habits.reads_per_task_hour * millions, "million units")
    yield Line("DynamoDB storage", "dynamodb_storage_gb_month", habits.stored_gb, "GB-months")
    if any(_recoverable(table) for table in found):
        yield Line("DynamoDB point-in-time recovery", "dynamodb_pitr_gb_month", habits.stored_gb, "GB-months")


def _recoverable(table: Resource) -> bool:
    return bool(table.properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"))


def _secrets(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    yield Line("secrets", "secret_month", len(found), "secrets")
    # A warm front door reads two of them every five minutes.
    reads = 24 * habits.task_hours if found else 0.0
    yield Line("reads of secrets", "secret_10k_calls", reads / 1e4, "ten thousand calls")


def _alarms(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    stats = [[query for query in each.properties.get("Metrics", ()) if "MetricStat" in query] for each in found]
    watched = sum(max(len(each), 1) for each in stats)
    yield Line("alarms", "alarm_month", watched, "metrics watched")


def _policies(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    tracking = [each for each in found if each.properties.get("PolicyType") == "TargetTrackingScaling"]
    yield Line("alarms", "alarm_month", ALARMS_OF_TARGET_TRACKING * len(tracking), "metrics watched")


def _dashboards(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    yield Line("dashboards", "dashboard_month", len(found), "dashboards")


def _clusters(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    yield Line("metrics of our own", "custom_metric_month", habits.own_metrics * habits.awake, "metric-months")
    for cluster in found:
        for setting in cluster.properties.get("ClusterSettings", ()):
            if setting["Value"] in INSIGHTS:
                price, metrics = INSIGHTS[setting["Value"]]
                months = metrics * habits.awake
                yield Line("Container Insights metrics", price, months, "metric-months", doubt=COUNTED_BY_HAND)
                yield Line("log lines", "logs_ingest_gb", INSIGHTS_LOG_GB_PER_TASK_HOUR * habits.task_hours, "GB")


def _log_groups(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    if not found:
        return
    gigabytes = habits.task_hours * habits.log_mb_per_task_hour / 1e3 + habits.commands * 1e-6
    if any(str(each.properties.get("LogGroupName", "")).endswith("/network") for each in found):
        gigabytes += habits.flow_log_gb
    yield Line("log lines", "logs_ingest_gb", gigabytes, "GB")
    yield Line("stored log lines", "logs_storage_gb_month", gigabytes, "GB-months")


def _functions(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    memory = max((float(each.properties.get("MemorySize", 128)) for each in found), default=0.0) / 1024
    yield Line("Lambda requests", "lambda_million_requests", habits.commands / 1e6 if found else 0.0, "million")
    yield Line(
        "Lambda compute", "lambda_arm_gb_second", habits.commands * habits.seconds_per_command * memory, "GB-seconds"
    )


def _topics(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    yield Line("mails", "sns_mail_100k", habits.mails * len(found) / 1e5, "hundred thousand")


def _endpoints(found: Sequence[Resource], habits: Habits) -> Iterator[Line]:
    zones = sum(len(each.properties.get("SubnetIds", ())) for each in found if _is_interface(each))
    yield Line("interface endpoints", "interface_endpoint_az_hour", zones * HOURS_PER_MONTH, "zone-hours")


def _is_interface(endpoint: Resource) -> bool:
    return bool(endpoint.properties.get("VpcEndpointType") == "Interface")


def _traffic(habits: Habits) -> list[Line]:
    return [Line("traffic to the internet", "egress_gb", habits.sent_gb, "GB")]


RULES: Mapping[tuple[str, ...], Rule] = {
    ("AWS::ECS::Service", "AWS::ECS::TaskDefinition"): _tasks,
    ("AWS::ECS::Cluster",): _clusters,
    ("AWS::DynamoDB::Table",): _tables,
    ("AWS::SecretsManager::Secret",): _secrets,
    ("AWS::CloudWatch::Alarm",): _alarms,
    ("AWS::ApplicationAutoScaling::ScalingPolicy",): _policies,
    ("AWS::CloudWatch::Dashboard",): _dashboards,
    ("AWS::Logs::LogGroup",): _log_groups,
    ("AWS::Lambda::Function",): _functions,
    ("AWS::SNS::Topic",): _topics,
    ("AWS::EC2::VPCEndpoint",): _endpoints,
}
