"""Findings of cdk-nag that we have looked at and keep, each with its reason. Any other fails synthesis.

Each names one construct, and of a policy one resource: what is added later is looked at anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import aws_cdk as cdk
from constructs import IConstruct

from infra.components.log_names import front_door_log_group, task_stopped_log_group, worker_log_group
from infra.components.tables import TABLES
from infra.environments import Egress, Environment, Insights
from infra.nonsense import PYTHONS


@dataclass(frozen=True)
class Finding:
    """``rule`` at ``path`` (stack's part, then the constructs below it)."""

    path: str
    rule: str
    reason: str


def acknowledge(app: cdk.App, choices: Environment) -> None:
    """Acknowledge what the environment's choices make of the stacks. Raises :class:`LookupError` for a lost path."""
    for finding in _findings(choices):
        construct = _construct(app, f"{choices.names.prefix}-{finding.path}")
        cdk.Validations.of(construct).acknowledge(
            cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding.rule}", reason=finding.reason)
        )


def _findings(choices: Environment) -> Iterator[Finding]:
    yield from _of_logs_and_tasks(choices)
    for secret in ("bot-token", "oauth-client", "application"):
        yield Finding(
            f"security/secrets/{secret}", "SMG4", "Discord gives it out by hand only; there is no call to rotate"
        )
    yield Finding("security/secrets/database", "SMG4", "a new key could not read what the old one encrypted")
    for shape in TABLES:
        if shape.rebuildable:
            yield Finding(f"database/{shape.name}", "DDB3", "a cache, or state of seconds: the bot rebuilds it")
        elif not choices.retain_data:
            yield Finding(
                f"database/{shape.name}", "DDB3", "this environment keeps nothing: its data is for trying out"
            )
    if not choices.flow_logs:
        yield Finding(
            "networking/network/vpc", "VPC7", "this environment does not pay for flow logs; nothing listens in it"
        )
    if choices.container_insights is Insights.OFF:
        yield Finding(
            "ecs/cluster", "ECS4", "billed by the metric; tasks are counted by a free one and players by our own"
        )
    if choices.runtime != PYTHONS[-1]:
        reason = "the Python that synthesised and tested it, whose bytecode is shipped; AWS supports it (ADR 0009)"
        yield Finding("ecs/task-stopped", "L1", reason)
        yield Finding("front-door/front-door", "L1", reason)
    if choices.egress is Egress.NAT_INSTANCE:
        yield from _of_nat_instance()


def _of_logs_and_tasks(choices: Environment) -> Iterator[Finding]:
    streams = "every stream of this one log group: their names are made up as they are opened"
    for path, group in (
        ("ecs/task/execution-role", worker_log_group(choices)),
        ("ecs/task-stopped", task_stopped_log_group(choices)),
        ("front-door/front-door", front_door_log_group(choices)),
    ):
        yield Finding(path, _wildcard(choices, "logs", f"log-group:{group}:*"), streams)
    yield Finding(
        "ecs/task/execution-role",
        "IAM5[Resource::*]",
        "AWS lets ecr:GetAuthorizationToken name no resource: a token is for all of the registry",
    )
    tasks = f"task/{choices.names.cluster}/*"
    own = "a task protects itself; its id is made up as it starts, and the cluster has only this service"
    yield Finding("ecs/task/task-role", _wildcard(choices, "ecs", tasks), own)
    plain = "environment, shard count and a file's name: nothing secret; secrets come from Secrets Manager"
    yield Finding("ecs/task/definition", "ECS2", plain)


def _of_nat_instance() -> Iterator[Finding]:
    vpc = "networking/network/vpc"
    yield Finding(vpc, "IAM5[Resource::*]", "fck-nat attaches its own interface and turns off its source check")
    yield Finding(vpc, "AS3", "what it would notify of is seen as players that fall silent, which has an alarm")
    yield Finding(vpc, "EC26", "the instance stores nothing: it forwards packets that are encrypted already")


def _wildcard(choices: Environment, service: str, resource: str) -> str:
    return f"IAM5[Resource::arn:aws:{service}:{choices.region}:<AWS::AccountId>:{resource}]"


def _construct(app: cdk.App, path: str) -> IConstruct:
    construct: IConstruct = app
    for name in path.split("/"):
        child = construct.node.try_find_child(name)
        if child is None:
            raise LookupError(f"{path} is acknowledged, and there is no such construct")
        construct = child
    return construct
