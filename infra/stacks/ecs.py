"""The workers: 0 to 5 tasks that play."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.components.network_names import NetworkNames
from infra.components.task_stopped import TaskStopped
from infra.components.worker_scaling import WorkerScaling
from infra.components.worker_service import PROVIDERS, WorkerService
from infra.components.worker_task import WorkerTask
from infra.environments import Environment, Insights

INSIGHTS = {
    Insights.OFF: ecs.ContainerInsights.DISABLED,
    Insights.STANDARD: ecs.ContainerInsights.ENABLED,
    Insights.ENHANCED: ecs.ContainerInsights.ENHANCED,
}


class EcsStack(cdk.Stack):
    """One cluster, one service, and the policies that let it sleep and spread."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        names = NetworkNames(choices)
        # CDK wants a VPC to make a cluster, and writes nothing of it into the template: tasks are placed by subnet.
        vpc = ec2.Vpc.from_vpc_attributes(
            self, "vpc", vpc_id="known-by-its-subnets", availability_zones=list(choices.zones)
        )
        cluster = ecs.Cluster(
            self,
            "cluster",
            vpc=vpc,
            cluster_name=choices.names.cluster,
            container_insights_v2=INSIGHTS[choices.container_insights],
        )
        providers = ecs.CfnClusterCapacityProviderAssociations(
            self,
            "providers",
            cluster=cluster.cluster_name,
            capacity_providers=[*PROVIDERS.values()],
            default_capacity_provider_strategy=[],
        )
        task = WorkerTask(self, "task", choices)
        service = WorkerService(
            self,
            "service",
            choices,
            cluster=cluster,
            task=task.definition,
            subnet_ids=[self._published(name) for name in names.task_subnets],
            security_group_id=self._published(names.security_group),
        )
        service.service.node.add_dependency(providers)
        WorkerScaling(self, "scaling", choices, service.service)
        TaskStopped(self, "task-stopped", choices)

    def _published(self, name: str) -> str:
        return ssm.StringParameter.value_for_string_parameter(self, name)
