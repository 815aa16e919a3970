"""What each way out of the network costs. Nothing ever comes in by it but answers."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from timmybot.domain.cost import HOURS_PER_MONTH, Line
from timmybot.domain.habits import Habits


class Egress(Enum):
    """As in ``infra/environments.py``, dearest first; a test holds the two together."""

    NAT_PER_AZ = "nat_per_az"
    SINGLE_NAT = "single_nat"
    NAT_INSTANCE = "nat_instance"
    PUBLIC_IP = "public_ip"


def chosen_egress(counted: Mapping[str, int]) -> Egress:
    """The way out that a template has, by how many resources of each type are in it."""
    gateways = counted.get("AWS::EC2::NatGateway", 0)
    if gateways:
        return Egress.NAT_PER_AZ if gateways > 1 else Egress.SINGLE_NAT
    return Egress.NAT_INSTANCE if counted.get("AWS::AutoScaling::AutoScalingGroup") else Egress.PUBLIC_IP


def egress_lines(egress: Egress, habits: Habits, *, zones: int) -> list[Line]:
    """What is paid for a way out beside the traffic itself. A NAT is paid for whether anybody listens or not."""
    if egress is Egress.PUBLIC_IP:
        return [Line("public IPv4 of tasks", "public_ipv4_hour", habits.task_hours, "hours", egress=True)]
    machines = zones if egress is Egress.NAT_PER_AZ else 1
    addresses = Line("public IPv4 of the NAT", "public_ipv4_hour", machines * HOURS_PER_MONTH, "hours", egress=True)
    if egress is Egress.NAT_INSTANCE:
        return [
            Line("NAT instance", "t4g_nano_hour", HOURS_PER_MONTH, "hours", egress=True),
            Line("NAT instance's disk", "gp3_gb_month", NAT_DISK_GB, "GB-months", egress=True),
            addresses,
        ]
    return [
        Line("NAT gateways", "nat_gateway_hour", machines * HOURS_PER_MONTH, "hours", egress=True),
        # What is fetched from media hosts goes through it as well as what is sent to Discord.
        Line("traffic through the NAT gateways", "nat_gateway_gb", 2 * habits.sent_gb, "GB", egress=True),
        addresses,
    ]


NAT_DISK_GB = 8.0
"""More than fck-nat's image needs; the size of Amazon Linux's own."""
