"""Where tasks live and how they reach the world."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.components.network import Network
from infra.components.network_names import NetworkNames
from infra.environments import Environment


class NetworkingStack(cdk.Stack):
    """The VPC, its way out, and the tasks' security group, published under SSM names.

    Names, not exports: an exported subnet cannot be replaced while another stack imports it, so
    changing the egress would need every stack above to be destroyed first.
    """

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        network = Network(self, "network", choices)
        names = NetworkNames(choices)
        published = {
            names.security_group: network.task_security_group.security_group_id,
            **dict(zip(names.task_subnets, network.task_subnet_ids, strict=True)),
        }
        for name, value in published.items():
            ssm.StringParameter(self, f"published-{name.rsplit('/', 1)[-1]}", parameter_name=name, string_value=value)
