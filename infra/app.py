"""The CDK application: ``cdk deploy --all`` (dev), ``cdk deploy --all -c env=prod``.

Needs no credentials, no network but the package index (once, for the front door's wheels) and, with
``-c image=…``, no Docker: account-agnostic stacks in a fixed region, with zones pinned by name.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.acknowledged import acknowledge
from infra.environments import DEFAULT, ChoiceError, Environment, environment
from infra.stacks.database import DatabaseStack
from infra.stacks.deploy_role import DeployRoleStack
from infra.stacks.ecs import EcsStack
from infra.stacks.frontdoor import FrontDoorStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.networking import NetworkingStack
from infra.stacks.security import SecurityStack

_CHOICE = re.compile(r"[a-z_]+")
"""How choices are written. The CDK's own context has hyphens, colons and slashes in its names."""

_TEMPORARY = re.compile(r"[^\s\"']*/jsii-kernel-\w+/")
"""Where jsii unpacks the CDK: traces name it."""


def chosen_environment(app: cdk.App) -> Environment:
    """The environment that the context (``-c``) asks for. Raises :class:`ChoiceError`, also for a word nobody knows:
    a choice misspelt would otherwise be one that was silently not made."""
    context = {name: str(text) for name, text in app.node.get_all_context().items() if _CHOICE.fullmatch(name)}
    return environment(context.pop("env", DEFAULT), context)


def build(app: cdk.App, choices: Environment) -> None:
    """Add the environment's stacks to the app. They refer to each other by name only, so what must
    exist first is said here: each can then be updated or destroyed alone, in the opposite order."""

    def add(stack: Callable[..., cdk.Stack], part: str) -> cdk.Stack:
        return stack(
            app,
            f"{choices.names.prefix}-{part}",
            choices,
            env=cdk.Environment(region=choices.region),
            termination_protection=choices.retain_data,
        )

    networking = add(NetworkingStack, "networking")
    database = add(DatabaseStack, "database")
    security = add(SecurityStack, "security")
    monitoring = add(MonitoringStack, "monitoring")
    ecs = add(EcsStack, "ecs")
    front_door = add(FrontDoorStack, "front-door")
    for needed in (networking, database, security, monitoring):
        ecs.add_stack_dependency(needed)
    for needed in (database, security, monitoring):
        front_door.add_stack_dependency(needed)
    if choices.github_repository is not None:
        add(DeployRoleStack, "deploy-role")
    acknowledge(app, choices)
    cdk.Tags.of(app).add("application", "timmybot")
    cdk.Tags.of(app).add("environment", choices.name)


def main() -> int:
    app = cdk.App(analytics_reporting=False)
    try:
        build(app, chosen_environment(app))
    except ChoiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    assembly = Path(app.synth().directory)
    forget_this_run(assembly)
    prune(assembly)
    return 0


def forget_this_run(assembly: Path) -> None:
    """Take this run's temporary directory out of the assembly, or no two would be the same."""
    for file in assembly.glob("*.json"):
        text = file.read_text()
        neutral = _TEMPORARY.sub("", text)
        if neutral != text:
            file.write_text(neutral)


def prune(assembly: Path) -> None:
    """Remove the assets of earlier runs, which nothing in this assembly names any more."""
    named = "".join(file.read_text() for file in assembly.glob("*.assets.json"))
    for asset in assembly.glob("asset.*"):
        if asset.name not in named:
            shutil.rmtree(asset, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
