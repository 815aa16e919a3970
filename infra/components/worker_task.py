"""What one worker is: its container, what it may do, and what it is told."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.components import secrets as secret_names
from infra.components import tables
from infra.components.arns import Arns
from infra.components.image import worker_image
from infra.components.log_names import worker_log_group
from infra.environments import Environment

STOP_TIMEOUT_SECONDS = 120
"""Fargate's longest: what a worker has to hand its players over (``drain_seconds`` stays below it)."""

USER = "10001:10001"

SCRATCH = "/tmp"  # noqa: S108  # the one place in a read-only container that may be written
ALIVE_FILE = f"{SCRATCH}/timmybot-alive"

HEALTH = f'test -n "$(find {ALIVE_FILE} -mmin -1)"'
"""Healthy while the worker's event loop has touched its file within a minute. A shell and find take some milliseconds;
asking in Python would take a quarter core from the music twice a minute."""

READ = ("dynamodb:GetItem", "dynamodb:Query")
WRITE = (
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchWriteItem",
)


class WorkerTask(Construct):
    """A Fargate task definition on ARM64: non-root, read-only, without capabilities.

    The container is told its environment's name and shard count, and given two secrets by ECS itself.
    """

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        self._arns = Arns(self, choices)
        self.definition = ecs.FargateTaskDefinition(
            self,
            "definition",
            family=choices.names.worker_service,
            cpu=choices.task_cpu,
            memory_limit_mib=choices.task_memory,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            execution_role=self._role("execution-role"),
            task_role=self._task_role(choices),
        )
        linux = ecs.LinuxParameters(self, "linux")
        linux.drop_capabilities(ecs.Capability.ALL)
        self.definition.add_volume(name="scratch")
        container = self.definition.add_container(
            "worker",
            container_name="worker",
            image=worker_image(self, choices),
            entry_point=["timmybot"],
            command=["worker"],
            environment={
                "TIMMYBOT_ENVIRONMENT": choices.name,
                "TIMMYBOT_SHARD_COUNT": str(choices.shard_count),
                "TIMMYBOT_ALIVE_FILE": ALIVE_FILE,
                **dict(choices.worker_settings),
            },
            secrets={
                "TIMMYBOT_BOT_TOKEN": self._secret(secret_names.BOT_TOKEN, choices),
                "TIMMYBOT_APPLICATION_ID": self._secret(secret_names.APPLICATION, choices, "application_id"),
            },
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix="worker",
                log_group=logs.LogGroup.from_log_group_name(self, "log-group", worker_log_group(choices)),
            ),
            health_check=ecs.HealthCheck(
                command=["CMD-SHELL", HEALTH],
                interval=cdk.Duration.seconds(30),
                timeout=cdk.Duration.seconds(5),
                retries=3,
                start_period=cdk.Duration.seconds(120),
            ),
            stop_timeout=cdk.Duration.seconds(STOP_TIMEOUT_SECONDS),
            readonly_root_filesystem=True,
            user=USER,
            linux_parameters=linux,
        )
        container.add_mount_points(ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False))

    def _role(self, name: str) -> iam.Role:
        return iam.Role(self, name, assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))

    def _task_role(self, choices: Environment) -> iam.Role:
        role = self._role("task-role")
        own = [self._arns.table(table.name) for table in (tables.GUILD_QUEUES, tables.COORDINATION, tables.TRACK_CACHE)]
        index = self._arns.index(tables.GUILD_QUEUES.name, tables.ACTIVE_SHARD_INDEX)
        role.add_to_policy(iam.PolicyStatement(actions=[*READ, *WRITE], resources=own))
        role.add_to_policy(iam.PolicyStatement(actions=["dynamodb:Query"], resources=[index]))
        # Those that ECS has put into the environment already: a task that was started with placeholders looks for them.
        own_secrets = [self._arns.secret(secret) for secret in (secret_names.BOT_TOKEN, secret_names.APPLICATION)]
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=own_secrets))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
                resources=[
                    cdk.Stack.of(self).format_arn(
                        service="ecs", resource="task", resource_name=f"{choices.names.cluster}/*"
                    )
                ],
            )
        )
        return role

    def _secret(self, secret: str, choices: Environment, field: str | None = None) -> ecs.Secret:
        """Have ECS inject a secret, or one field of it. The execution role may read it: CDK grants that."""
        reference = secretsmanager.Secret.from_secret_name_v2(self, secret, choices.names.secret(secret))
        return ecs.Secret.from_secrets_manager(reference, field)
