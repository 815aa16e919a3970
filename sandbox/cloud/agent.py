"""The endpoints that ECS offers inside a task, on loopback: scale-in protection, metadata and the task role.

Sources: "Task scale-in protection endpoint", "Task metadata endpoint version 4" and "Task IAM role" (Amazon ECS
developer guide). Limit: real containers are told a path on 169.254.170.2, these a whole address.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloud.roles import Assume

DEFAULT_PROTECTION_MINUTES = 120
LONGEST_PROTECTION_MINUTES = 2_880


@dataclass
class AgentRecord:
    """What the agent knows of one task."""

    task_arn: str
    family: str
    revision: int
    role_arn: str | None = None
    """The task role."""
    protected_until: float = 0.0
    """On the monotonic clock."""

    @property
    def task_id(self) -> str:
        return self.task_arn.rsplit("/", 1)[-1]

    @property
    def protected(self) -> bool:
        return time.monotonic() < self.protected_until


class Agent:
    """One server for all tasks; each is given addresses that carry its own id.

    ``record_of`` returns None for a task that is unknown.
    """

    def __init__(self, record_of: Callable[[str], AgentRecord | None], assume: Assume) -> None:
        self._record_of = record_of
        self._assume = assume
        self._runner: web.AppRunner | None = None
        self._address = ""

    async def __aenter__(self) -> Agent:
        application = web.Application()
        application.add_routes(
            [
                web.get("/api/{task}/task-protection/v1/state", self._get_protection),
                web.put("/api/{task}/task-protection/v1/state", self._put_protection),
                web.get("/credentials/{task}", self._credentials),
                web.get("/v4/{task}", self._container),
                web.get("/v4/{task}/task", self._task),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0]
        self._address = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def environment(self, task_id: str) -> dict[str, str]:
        """The variables that ECS sets in every container."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self._address}/credentials/{task_id}",
            "ECS_AGENT_URI": f"{self._address}/api/{task_id}",
            "ECS_CONTAINER_METADATA_URI_V4": f"{self._address}/v4/{task_id}",
        }

    def _record(self, request: web.Request) -> AgentRecord:
        record = self._record_of(request.match_info["task"])
        if record is None:
            raise web.HTTPNotFound(text="no such task")
        return record

    async def _get_protection(self, request: web.Request) -> web.Response:
        return _protection(self._record(request))

    async def _put_protection(self, request: web.Request) -> web.Response:
        record = self._record(request)
        try:
            wanted = json.loads(await request.text())
            enabled = wanted["ProtectionEnabled"]
            minutes = wanted.get("ExpiresInMinutes", DEFAULT_PROTECTION_MINUTES)
            valid = isinstance(enabled, bool) and 1 <= minutes <= LONGEST_PROTECTION_MINUTES
        except (ValueError, KeyError, TypeError, AttributeError):
            valid = False
        if not valid:
            error = {"Arn": record.task_arn, "Code": "InvalidParameterException", "Message": "invalid request"}
            return web.json_response({"error": error}, status=400)
        record.protected_until = time.monotonic() + minutes * 60 if enabled else 0.0
        return _protection(record)

    async def _credentials(self, request: web.Request) -> web.Response:
        record = self._record(request)
        if record.role_arn is None:
            raise web.HTTPNotFound(text="the task has no role")
        try:
            given = await asyncio.to_thread(self._assume, record.role_arn, record.task_id)
        except (BotoCoreError, ClientError) as error:
            return web.json_response({"code": "AssumeRoleFailed", "message": str(error)}, status=500)
        return web.json_response(given.for_container())

    async def _container(self, request: web.Request) -> web.Response:
        record = self._record(request)
        return web.json_response({"Name": "worker", "Labels": {"com.amazonaws.ecs.task-arn": record.task_arn}})

    async def _task(self, request: web.Request) -> web.Response:
        record = self._record(request)
        return web.json_response(
            {"TaskARN": record.task_arn, "Family": record.family, "Revision": str(record.revision)}
        )


def _protection(record: AgentRecord) -> web.Response:
    state: dict[str, object] = {"ProtectionEnabled": record.protected, "TaskArn": record.task_arn}
    if record.protected:
        left = record.protected_until - time.monotonic()
        state["ExpirationDate"] = datetime.fromtimestamp(time.time() + left, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return web.json_response({"protection": state})
