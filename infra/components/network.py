"""A VPC in which tasks reach out and nothing reaches in."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from cdk_fck_nat import FckNatInstanceProvider
from constructs import Construct

from infra.components.log_names import retention
from infra.environments import Egress, Environment

PUBLIC, PRIVATE = "public", "private"

UNPRIVILEGED = (1024, 65535)
TASK_EGRESS = (
    (ec2.Port.tcp(80), "media over HTTP"),
    (ec2.Port.tcp(443), "Discord, AWS and media over TLS"),
    (ec2.Port.tcp_range(*UNPRIVILEGED), "Discord voice gateways on the port they name, and stations"),
    (ec2.Port.udp_range(*UNPRIVILEGED), "Discord voice"),
)
"""What a task opens, and why. Discord names the port of each voice server and promises none: its gateways are met on
443, 2053, 2083, 2087, 2096 and 8443 (disnake #1301; discord-api-docs #7716 has an example), its media on 50000 and
above. Stations listen where a member's URL says. The fetcher, and not a port, keeps members out of private networks."""

NAT_INSTANCE_TYPE = "t4g.nano"
"""5 Gb/s in bursts, far more than 500 players of 128 kb/s need."""


class Network(Construct):
    """Public and private subnets over the environment's zones, with the egress it chose.

    ``task_subnet_ids`` are the subnets (one a zone) that tasks are placed in.
    """

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        nat_gateways = {
            Egress.NAT_PER_AZ: choices.availability_zones,
            Egress.SINGLE_NAT: 1,
            Egress.NAT_INSTANCE: 1,
            Egress.PUBLIC_IP: 0,
        }[choices.egress]
        nat_instance = self._nat_instance(choices) if choices.egress is Egress.NAT_INSTANCE else None
        self.vpc = ec2.Vpc(
            self,
            "vpc",
            ip_addresses=ec2.IpAddresses.cidr(choices.vpc_cidr),
            availability_zones=list(choices.zones),
            nat_gateways=nat_gateways,
            nat_gateway_provider=nat_instance,
            # CDK's own resource for this is a function with the right to edit security groups.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name=PUBLIC, subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                ec2.SubnetConfiguration(name=PRIVATE, subnet_type=_private(nat_gateways), cidr_mask=24),
            ],
            gateway_endpoints={
                "dynamodb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
                "s3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
            },
        )
        if nat_instance is not None:
            # From the private subnets, whose traffic it carries, and from nowhere else.
            nat_instance.security_group.add_ingress_rule(
                ec2.Peer.ipv4(choices.vpc_cidr), ec2.Port.all_traffic(), "the network's own traffic, on its way out"
            )
        if choices.flow_logs:
            self._log_refused_traffic(choices)
        group = PUBLIC if choices.egress is Egress.PUBLIC_IP else PRIVATE
        self.task_subnet_ids = self.vpc.select_subnets(subnet_group_name=group).subnet_ids
        self.task_security_group = self._task_security_group()

    def _nat_instance(self, choices: Environment) -> FckNatInstanceProvider:
        image = choices.nat_image
        if image is None:
            image = cdk.CfnParameter(
                cdk.Stack.of(self),
                "NatImage",
                type="AWS::EC2::Image::Id",
                description="The fck-nat AMI for ARM64: aws ec2 describe-images --owners 568608671756 "
                "--filters Name=name,Values=fck-nat-al2023-*-arm64-ebs",
            ).value_as_string
        return FckNatInstanceProvider(
            instance_type=ec2.InstanceType(NAT_INSTANCE_TYPE),
            machine_image=ec2.MachineImage.generic_linux({choices.region: image}),
            enable_ssm=False,
        )

    def _log_refused_traffic(self, choices: Environment) -> None:
        group = logs.LogGroup(
            self,
            "flow-log-group",
            log_group_name=f"/timmybot/{choices.name}/network",
            retention=retention(choices.log_retention_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log(
            "flow-log",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )

    def _task_security_group(self) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "task-security-group",
            vpc=self.vpc,
            description="Workers reach out and nothing reaches in",
            allow_all_outbound=False,
        )
        for port, purpose in TASK_EGRESS:
            group.add_egress_rule(ec2.Peer.any_ipv4(), port, purpose)
        return group


def _private(nat_gateways: int) -> ec2.SubnetType:
    return ec2.SubnetType.PRIVATE_WITH_EGRESS if nat_gateways else ec2.SubnetType.PRIVATE_ISOLATED
