"""The project's own templates, deployed by the real cdk command to an emulated AWS whose service really runs tasks.

The tests share one account, deployed once, and leave the service at zero; each says how many tasks it wants.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import urllib3
from botocore.exceptions import ClientError

from sandbox.cloud import Cloud, Deployment, Pace, Task
from sandbox.cloud.metrics import Metric
from sandbox.cloud.roles import RoleCredentials
from tests.integration.sandbox_cloud.role_table import DENIED, FRONT_DOOR, ROLES, WORKER, Call, RoleTable

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEED = 120.0
"""Ten idle minutes are five seconds."""

ACTIVE = Metric("TimmyBot", "Active", frozenset({("Environment", "dev")}))

STAND_IN = Path(__file__).with_name("stand_in.py")
PARTS = ("networking", "database", "security", "monitoring", "ecs", "front-door")
TABLES = ("guild-queues", "user-preferences", "track-cache", "server-allowlist", "coordination")


class Account:
    """What the tests share: the cloud, what was deployed, and how busy the stand-in tasks say they are."""

    def __init__(self, cloud: Cloud, directory: Path, activity: Path) -> None:
        self.cloud = cloud
        self.deployments: dict[str, Deployment] = {}
        self._directory = directory
        self._activity = activity

    def tasks_are_active(self, players: int) -> None:
        replacement = self._activity.with_suffix(".new")
        replacement.write_text(str(players))
        replacement.rename(self._activity)

    async def scale_to(self, count: int) -> list[Task]:
        await self.cloud.set_desired_count(count)
        await self.cloud.wait_for_tasks(count, timeout=30)
        return self.cloud.scheduler.running

    async def told(self, task: Task) -> dict[str, Any]:
        """What the task was told, once it is up."""
        await self.until(lambda: task.log.exists() and "up" in task.log.read_text())
        told: dict[str, Any] = json.loads((self._directory / "tasks" / task.id / "told.json").read_text())
        return told

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(30):
            await self.cloud.scheduler.wait_until(holds)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def deployed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Account]:
    directory = tmp_path_factory.mktemp("cloud")
    activity = directory / "active"
    activity.write_text("1")
    async with Cloud(
        directory,
        speed=SPEED,
        task_environment={"STAND_IN_ACTIVE": str(activity)},
        lambda_environment={},
        programs={"timmybot": [sys.executable, str(STAND_IN)]},
        pace=Pace(restart=0.1),
    ) as cloud:
        account = Account(cloud, directory, activity)
        account.deployments["dev"] = await cloud.deploy("dev")
        account.deployments["prod"] = await cloud.deploy("prod", run_tasks=False)
        yield account


@pytest_asyncio.fixture(loop_scope="module")
async def account(deployed: Account) -> AsyncIterator[Account]:
    deployed.tasks_are_active(1)
    yield deployed
    deployed.tasks_are_active(1)
    await deployed.scale_to(0)


async def test_a_first_deploy_starts_one_task_that_is_told_what_the_template_says(account: Account) -> None:
    """Placeholders and all: the first thing to happen after ``cdk deploy --all``."""
    (task,) = await account.scale_to(1)
    told = await account.told(task)
    assert told["argv"] == ["worker"]
    assert told["TIMMYBOT_ENVIRONMENT"] == "dev"
    assert told["TIMMYBOT_BOT_TOKEN"].startswith("PLACEHOLDER-")
    assert told["TIMMYBOT_APPLICATION_ID"].startswith("PLACEHOLDER-")
    assert told["AWS_ENDPOINT_URL"] == account.cloud.endpoint_url
    assert "SSH_AUTH_SOCK" not in told
    assert "VIRTUAL_ENV" not in told


@pytest.mark.parametrize("environment", ["dev", "prod"])
async def test_every_stack_of_an_environment_stands(account: Account, environment: str) -> None:
    stacks = account.deployments[environment].stacks
    assert sorted(stacks) == sorted(f"timmybot-{environment}-{part}" for part in PARTS)


@pytest.mark.parametrize("environment", ["dev", "prod"])
async def test_what_the_bot_looks_for_is_there(account: Account, environment: str) -> None:
    cloud = account.cloud
    tables = cloud.client("dynamodb").list_tables()["TableNames"]
    assert {f"timmybot-{environment}-{table}" for table in TABLES} <= set(tables)
    secrets = {secret["Name"] for secret in cloud.client("secretsmanager").list_secrets()["SecretList"]}
    assert {f"timmybot/{environment}/bot-token", f"timmybot/{environment}/application"} <= secrets
    cluster = f"timmybot-{environment}"
    answer = cloud.client("ecs").describe_services(cluster=cluster, services=[f"{cluster}-worker"])
    assert answer["services"][0]["status"] == "ACTIVE"


async def test_a_new_secret_reaches_the_next_task(account: Account) -> None:
    await account.cloud.put_secret("application", json.dumps({"application_id": "4711", "public_key": "k"}))
    (task,) = await account.scale_to(1)
    assert (await account.told(task))["TIMMYBOT_APPLICATION_ID"] == "4711"


async def test_as_many_processes_run_as_are_wanted(account: Account) -> None:
    tasks = await account.scale_to(3)
    assert len({task.pid for task in tasks}) == 3
    await account.scale_to(1)
    assert [task.exit_code for task in tasks].count(0) == 2


async def test_a_task_that_dies_is_replaced(account: Account) -> None:
    (dead,) = await account.scale_to(1)
    await account.cloud.scheduler.kill(dead)
    assert dead.exit_code == -signal.SIGKILL
    await account.cloud.wait_for_tasks(1, timeout=30)
    (successor,) = account.cloud.scheduler.running
    assert successor.id != dead.id


async def test_a_function_hears_of_a_task_that_stopped(account: Account) -> None:
    (dead,) = await account.scale_to(1)
    since = int(time.time() * 1000)
    await account.cloud.scheduler.kill(dead)
    logs, group = account.cloud.client("logs"), "/timmybot/dev/task-stopped"
    await account.until(lambda: bool(logs.filter_log_events(logGroupName=group, startTime=since)["events"]))
    said = [event["message"] for event in logs.filter_log_events(logGroupName=group, startTime=since)["events"]]
    assert not [line for line in said if "Error" in line or "Traceback" in line]


async def test_a_task_is_asked_to_leave_before_it_is_made_to(account: Account) -> None:
    (task,) = await account.scale_to(1)
    await account.told(task)
    await account.scale_to(0)
    assert "asked to leave" in task.log.read_text()
    assert task.exit_code == 0
    assert task.stopped_at is not None


async def test_metrics_are_taken_out_of_the_log(account: Account) -> None:
    (task,) = await account.scale_to(1)
    await account.told(task)
    await account.scale_to(0)
    assert task.log.read_text() == "up\nasked to leave\n"


async def test_a_protected_task_stays_when_others_are_scaled_in(account: Account) -> None:
    tasks = await account.scale_to(2)
    protected, other = tasks
    state = await agent(await account.told(protected), "PUT", ProtectionEnabled=True, ExpiresInMinutes=5)
    assert state["protection"]["ProtectionEnabled"] is True
    assert protected.protected
    await account.cloud.set_desired_count(0)
    await account.until(lambda: not other.running)
    assert protected.running
    assert not protected.stopping
    await agent(await account.told(protected), "PUT", ProtectionEnabled=False)
    await account.cloud.wait_for_tasks(0, timeout=30)


async def test_a_task_can_ask_who_it_is(account: Account) -> None:
    (task,) = await account.scale_to(1)
    told = await account.told(task)
    metadata = await request("GET", f"{told['ECS_CONTAINER_METADATA_URI_V4']}/task")
    assert metadata["TaskARN"].endswith(task.id)
    assert (metadata["Family"], metadata["Revision"]) == ("timmybot-dev-worker", str(task.revision))
    assert (await agent(told, "GET"))["protection"]["ProtectionEnabled"] is False


async def test_a_request_for_protection_that_makes_no_sense_is_refused(account: Account) -> None:
    (task,) = await account.scale_to(1)
    answer = await agent(await account.told(task), "PUT", ProtectionEnabled=True, ExpiresInMinutes=0)
    assert answer["error"]["Code"] == "InvalidParameterException"
    assert not task.protected


async def test_a_new_deployment_replaces_tasks_without_a_gap(account: Account) -> None:
    (old,) = await account.scale_to(1)
    await account.told(old)
    await account.cloud.replace_tasks()
    await account.until(lambda: not old.running)
    (new,) = account.cloud.scheduler.running
    assert old.stopped_at is not None
    assert new.started_at < old.stopped_at
    assert old.exit_code == 0


async def test_an_idle_service_goes_to_sleep_by_its_own_policy(account: Account) -> None:
    await account.scale_to(1)
    account.tasks_are_active(0)
    await account.cloud.wait_for_tasks(0, timeout=60)
    last = account.cloud.scaling.activities[-1]
    assert (last.before, last.after) == (1, 0)
    assert "sleep" in last.policy


async def test_a_crowded_service_grows_by_its_own_policy(account: Account) -> None:
    await account.scale_to(1)
    account.tasks_are_active(150)
    await account.until(lambda: len(account.cloud.scheduler.running) >= 2)
    assert account.cloud.scaling.activities[-1].after == 2


async def test_a_service_just_asleep_can_be_woken(account: Account) -> None:
    await account.scale_to(1)
    account.tasks_are_active(0)
    await account.cloud.wait_for_tasks(0, timeout=60)
    account.tasks_are_active(1)
    (task,) = await account.scale_to(1)
    evaluated = len(account.cloud.scaling.activities)
    await account.until(lambda: account.cloud.scaling.metrics.latest(ACTIVE) == 1)
    assert task.running
    assert len(account.cloud.scaling.activities) == evaluated


async def test_what_the_front_door_logs_counts_as_a_metric(account: Account) -> None:
    await account.scale_to(0)
    logs = account.cloud.client("logs")
    where = {"logGroupName": "/timmybot/dev/front-door", "logStreamName": "a-request"}
    directive = {
        "Namespace": ACTIVE.namespace,
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": ACTIVE.name}],
    }
    line = {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, "Environment": "dev", "Active": 42}
    logs.create_log_stream(**where)
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(line)}
    logs.put_log_events(**where, logEvents=[event])
    await account.until(lambda: account.cloud.scaling.metrics.latest(ACTIVE) == 42)


async def test_the_front_door_answers_at_its_url_from_its_own_bundle(account: Account) -> None:
    """It is not set up: its answer says so, and shows that it was reached and could be imported."""
    answer = await asyncio.to_thread(
        urllib3.request, "POST", account.cloud.function_url, body=b'{"type": 1}', retries=False
    )
    assert answer.status in (401, 503)
    assert "error" in answer.json()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
async def test_a_role_may_do_what_its_table_allows_and_nothing_that_it_forbids(
    account: Account, role: RoleTable
) -> None:
    arn = await asyncio.to_thread(role_arn, account, role)
    credentials = await asyncio.to_thread(account.cloud.assume, arn)
    refused = [str(one) for one in role.allowed if await is_denied(account, one, credentials)]
    carried_out = [str(one) for one in role.forbidden if not await is_denied(account, one, credentials)]
    assert (refused, carried_out) == ([], [])


async def test_no_role_of_the_template_is_without_a_table(account: Account) -> None:
    names = await asyncio.to_thread(role_names, account)
    unknown = [name for name in names if not any(name.startswith(role.prefix) for role in ROLES)]
    assert unknown == []


async def test_a_task_acts_under_its_own_role(account: Account) -> None:
    (task,) = await account.scale_to(1)
    told = await account.told(task)
    assert "AWS_ACCESS_KEY_ID" not in told
    given = await request("GET", told["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    assert given["RoleArn"].rsplit("/", 1)[-1].startswith(WORKER.prefix)
    assert given["Expiration"] > datetime.now(UTC).isoformat()


async def test_a_front_door_that_loses_its_rights_answers_nobody(account: Account) -> None:
    """Negative control: it acts under its role, and under no other right of this machine."""
    iam = account.cloud.client("iam")
    name = next(name for name in await asyncio.to_thread(role_names, account) if name.startswith(FRONT_DOOR.prefix))
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    iam.delete_role_policy(RoleName=name, PolicyName=policy)
    try:
        answer = await asyncio.to_thread(
            urllib3.request, "POST", account.cloud.function_url, body=b'{"type": 1}', retries=False
        )
        assert answer.status == 503
        group = "/timmybot/dev/front-door"
        events = account.cloud.client("logs").filter_log_events(logGroupName=group)["events"]
        assert any("not authorized to perform: secretsmanager:GetSecretValue" in event["message"] for event in events)
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def role_names(account: Account) -> list[str]:
    pages = account.cloud.client("iam").get_paginator("list_roles").paginate()
    names = [role["RoleName"] for page in pages for role in page["Roles"]]
    return [name for name in names if name.startswith("timmybot-dev-")]


def role_arn(account: Account, table: RoleTable) -> str:
    """The role, which nobody but its own service may assume."""
    (name,) = [name for name in role_names(account) if name.startswith(table.prefix)]
    role = account.cloud.client("iam").get_role(RoleName=name)["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": table.trusts}
    return str(role["Arn"])


async def is_denied(account: Account, call: Call, role: RoleCredentials) -> bool:
    """Whether IAM refuses the call; any other refusal comes after IAM let it through."""
    client = account.cloud.client(call.service, role)
    try:
        await asyncio.to_thread(getattr(client, call.operation), **call.arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


async def agent(told: dict[str, Any], method: str, **wanted: object) -> dict[str, Any]:
    return await request(method, f"{told['ECS_AGENT_URI']}/task-protection/v1/state", **wanted)


async def request(method: str, url: str, **wanted: object) -> dict[str, Any]:
    body = json.dumps(wanted) if wanted else None
    answer = await asyncio.to_thread(urllib3.request, method, url, body=body, retries=False)
    parsed: dict[str, Any] = answer.json()
    return parsed
