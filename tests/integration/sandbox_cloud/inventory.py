"""Everything of ours that stands in an account, by listing it: what no stack names any more is seen too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

BOOTSTRAP = "hnb659fds"
"""What is in the name of everything that ``cdk bootstrap`` makes: it outlives every stack."""

LISTED: tuple[tuple[str, str, str, str | None], ...] = (
    ("dynamodb", "list_tables", "TableNames", None),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("events", "list_rules", "Rules", "Name"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
)
"""Service, call, the list in its answer, and what an element of it is known by."""


def inventory(client: Callable[[str], Any]) -> frozenset[str]:
    """``service:name`` of all that stands, as far as a call lists it. Blocking.

    Limit: what the emulator only records (scaling, NAT gateways, budgets) is told by its stack alone.
    """
    return frozenset(found for found in _found(client) if BOOTSTRAP not in found)


def _found(client: Callable[[str], Any]) -> Iterator[str]:
    for service, call, answer, name in LISTED:
        arguments: Mapping[str, str] = {"Scope": "Local"} if call == "list_policies" else {}
        for each in getattr(client(service), call)(**arguments).get(answer, []):
            yield f"{service}:{each if name is None else each[name]}"
    ecs = client("ecs")
    clusters = ecs.list_clusters()["clusterArns"]
    for cluster in ecs.describe_clusters(clusters=clusters)["clusters"] if clusters else ():
        if cluster["status"] == "ACTIVE":
            yield f"ecs:{cluster['clusterName']}"
            yield from (f"ecs:{arn}" for arn in ecs.list_services(cluster=cluster["clusterName"])["serviceArns"])
