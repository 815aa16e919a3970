"""The service that keeps as many workers running as are wanted."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.environments import Capacity, Egress, Environment

PROVIDERS = {Capacity.ON_DEMAND: "FARGATE", Capacity.SPOT: "FARGATE_SPOT"}


class WorkerService(Construct):
    """A Fargate service whose template says nothing about the desired count: a deploy never resets the live one.

    Old tasks stop only when new ones run (leases make the overlap safe); a deployment that keeps failing
    is rolled back.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        choices: Environment,
        *,
        cluster: ecs.ICluster,
        task: ecs.FargateTaskDefinition,
        subnet_ids: Sequence[str],
        security_group_id: str,
    ) -> None:
        super().__init__(scope, construct_id)
        zones = zip(choices.zones, subnet_ids, strict=True)
        self.service = ecs.FargateService(
            self,
            "service",
            cluster=cluster,
            task_definition=task,
            service_name=choices.names.worker_service,
            # A strategy in both cases: going from a launch type to one would replace the service.
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(capacity_provider=PROVIDERS[choices.capacity], weight=1)
            ],
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            enable_execute_command=False,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
            assign_public_ip=choices.egress is Egress.PUBLIC_IP,
            vpc_subnets=ec2.SubnetSelection(
                subnets=[
                    ec2.Subnet.from_subnet_attributes(
                        self, f"subnet-{zone[-1]}", subnet_id=subnet_id, availability_zone=zone
                    )
                    for zone, subnet_id in zones
                ]
            ),
            security_groups=[
                ec2.SecurityGroup.from_security_group_id(self, "security-group", security_group_id, mutable=False)
            ],
        )
        # What the first task needs to read its secrets: CDK waits for the task's own role alone.
        self.service.node.add_dependency(task.obtain_execution_role())
