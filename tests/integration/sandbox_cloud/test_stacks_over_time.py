"""What an operator does after the first deploy: change a setting, deploy again, and take everything down.

What changes is told from the templates that were deployed and from the ids of what stands: the emulator runs no
change set, and reports an update of every resource of a stack that it touches.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.cloud import Cloud
from sandbox.cloud.deploy import DeployError
from tests.integration.sandbox_cloud.inventory import inventory
from timmybot.settings import ResourceNames

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEV, PROD = ResourceNames("dev"), ResourceNames("prod")
PARTS = ("networking", "database", "security", "monitoring", "ecs", "front-door")
ONE_AT_A_TIME = ("front-door", "ecs", "monitoring", "security", "database", "networking")
"""The opposite of the order in which they are made."""

RETAINED = {
    *(f"dynamodb:{PROD.table(name)}" for name in ("guild-queues", "user-preferences", "server-allowlist")),
    *(f"secretsmanager:{PROD.secret(name)}" for name in ("bot-token", "oauth-client", "database", "application")),
    *(f"logs:/timmybot/prod/{name}" for name in ("worker", "front-door", "task-stopped")),
}
"""What prod's policy keeps: tables that hold what nobody can rebuild, secrets, and logs."""

Resources = Mapping[tuple[str, str], Any]
"""By part and logical id."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """An account in which prod stands; each test deploys what else it needs."""
    async with Cloud(tmp_path_factory.mktemp("cloud"), task_environment={}, lambda_environment={}) as account:
        await account.deploy("prod", run_tasks=False)
        yield account


async def test_a_changed_setting_changes_the_alarm_it_is_about_and_nothing_else(cloud: Cloud) -> None:
    before = await deploy(cloud)
    after = await deploy(cloud, idle_minutes="20")
    (changed,) = differences(before.templates, after.templates)
    assert changed[0] == "ecs"
    properties = after.templates[changed]["Properties"]
    assert properties["AlarmName"] == f"{DEV.prefix}-idle"
    assert differences(before.templates[changed]["Properties"], properties) == {
        "AlarmDescription",
        "EvaluationPeriods",
        "DatapointsToAlarm",
    }
    assert before.ids == after.ids, "nothing was replaced"
    (alarm,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[f"{DEV.prefix}-idle"])["MetricAlarms"]
    assert alarm["EvaluationPeriods"] == 20


async def test_deploying_the_same_again_touches_no_stack(cloud: Cloud) -> None:
    before = await deploy(cloud)
    again = await deploy(cloud)
    assert again == before


async def test_a_larger_task_is_a_new_revision_and_leaves_as_many_wanted_as_there_were(cloud: Cloud) -> None:
    before = await deploy(cloud)
    want(cloud, 2)
    after = await deploy(cloud, task_memory="1024")
    (changed,) = differences(before.templates, after.templates)
    assert after.templates[changed]["Type"] == "AWS::ECS::TaskDefinition"
    assert differences(before.ids, after.ids) == {changed}
    assert running_revision(cloud) == after.ids[changed]
    assert wanted(cloud) == 2


async def test_a_template_that_gave_a_count_would_reset_it(cloud: Cloud) -> None:
    """Negative control."""
    await deploy(cloud)
    want(cloud, 2)
    stack, client = f"{DEV.prefix}-ecs", cloud.client("cloudformation")
    template = deployed_template(cloud, "ecs")
    (service,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::ECS::Service")
    service["Properties"]["DesiredCount"] = 1
    client.update_stack(StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    await asyncio.to_thread(client.get_waiter("stack_update_complete").wait, StackName=stack)
    assert wanted(cloud) == 1


async def test_dev_is_taken_down_a_stack_at_a_time_and_leaves_nothing(cloud: Cloud) -> None:
    await deploy(cloud)
    assembly = await cloud.cdk.assembly("dev")
    for part in ONE_AT_A_TIME:
        stack = f"{DEV.prefix}-{part}"
        await cloud.cdk.run("destroy", stack, "--exclusively", "--force", "--app", str(assembly))
    without_dev = await asyncio.to_thread(inventory, cloud.client)
    assert [each for each in without_dev if "dev" in each.split(":", 1)[1]] == []
    await deploy(cloud)
    assert await asyncio.to_thread(inventory, cloud.client) > without_dev
    await cloud.cdk.destroy("dev")
    assert await asyncio.to_thread(inventory, cloud.client) == without_dev


async def test_what_no_stack_names_any_more_would_be_noticed(cloud: Cloud) -> None:
    """Negative control."""
    before = await asyncio.to_thread(inventory, cloud.client)
    forgotten, logs = "/timmybot/dev/forgotten", cloud.client("logs")
    logs.create_log_group(logGroupName=forgotten)
    assert await asyncio.to_thread(inventory, cloud.client) - before == {f"logs:{forgotten}"}
    logs.delete_log_group(logGroupName=forgotten)


async def test_prod_is_not_taken_down_by_accident_and_then_leaves_what_its_policy_retains(tmp_path: Path) -> None:
    async with Cloud(tmp_path, task_environment={}, lambda_environment={}) as cloud:
        bare = await asyncio.to_thread(inventory, cloud.client)
        await cloud.deploy("prod", run_tasks=False)
        standing = await asyncio.to_thread(inventory, cloud.client)
        with pytest.raises(DeployError, match="TerminationProtection"):
            await cloud.cdk.destroy("prod")
        assert await asyncio.to_thread(inventory, cloud.client) == standing
        for part in PARTS:
            cloud.client("cloudformation").update_termination_protection(
                StackName=f"{PROD.prefix}-{part}", EnableTerminationProtection=False
            )
        await cloud.cdk.destroy("prod")
        assert await asyncio.to_thread(inventory, cloud.client) - bare == RETAINED


class Standing:
    """What stands of dev: every stack's resources as its template says them, and the ids that they were given."""

    def __init__(self, cloud: Cloud) -> None:
        client = cloud.client("cloudformation")
        self.templates: Resources = {
            (part, logical_id): resource
            for part in PARTS
            for logical_id, resource in deployed_template(cloud, part)["Resources"].items()
        }
        self.ids: Resources = {
            (part, resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for part in PARTS
            for page in client.get_paginator("list_stack_resources").paginate(StackName=f"{DEV.prefix}-{part}")
            for resource in page["StackResourceSummaries"]
        }
        stacks = (client.describe_stacks(StackName=f"{DEV.prefix}-{part}")["Stacks"][0] for part in PARTS)
        self._touched = {stack["StackName"]: stack.get("LastUpdatedTime") for stack in stacks}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Standing) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


async def deploy(cloud: Cloud, **choices: str) -> Standing:
    await cloud.deploy("dev", choices, run_tasks=False)
    return await asyncio.to_thread(Standing, cloud)


def deployed_template(cloud: Cloud, part: str) -> dict[str, Any]:
    body = cloud.client("cloudformation").get_template(StackName=f"{DEV.prefix}-{part}")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def differences(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> set[Any]:
    """The keys that were added, removed, or have another value."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def service(cloud: Cloud) -> Mapping[str, Any]:
    answer = cloud.client("ecs").describe_services(cluster=DEV.cluster, services=[DEV.worker_service])
    found: Mapping[str, Any] = answer["services"][0]
    return found


def wanted(cloud: Cloud) -> int:
    return int(service(cloud)["desiredCount"])


def running_revision(cloud: Cloud) -> str:
    return str(service(cloud)["taskDefinition"])


def want(cloud: Cloud, count: int) -> None:
    cloud.client("ecs").update_service(cluster=DEV.cluster, service=DEV.worker_service, desiredCount=count)
