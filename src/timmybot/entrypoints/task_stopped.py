"""The Lambda function that hears when a worker's task has stopped, and wakes the service again if it is still wanted.

Its events are ECS task state changes. A call that fails is tried again by Lambda, twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from timmybot import settings as configuration
from timmybot.adapters import dynamodb
from timmybot.adapters.ecs import EcsServiceScaler
from timmybot.adapters.metrics import EmbeddedMetrics
from timmybot.adapters.system_clock import SystemClock
from timmybot.entrypoints.logs import set_up_logging
from timmybot.services.task_stopped import TaskStopped

FAILURES = frozenset({"EssentialContainerExited", "TaskFailedToStart"})
"""Stop codes of a task that nobody told to stop. Source: Amazon ECS, Developer Guide, "Stopped task error codes"."""


def handler(event: Mapping[str, Any], context: object) -> None:
    """Lambda's entry: one task that stopped."""
    set_up_logging()
    asyncio.run(handle(event))


async def handle(event: Mapping[str, Any]) -> None:
    settings = configuration.load()
    clock = SystemClock()
    stores = dynamodb.connect(settings, clock)
    try:
        metrics = EmbeddedMetrics(settings.environment, clock)
        stopped = TaskStopped(stores.guilds, EcsServiceScaler(settings.names), metrics, settings)
        await stopped.handle(failed=has_failed(event))
    finally:
        stores.close()


def has_failed(event: Mapping[str, Any]) -> bool:
    """Whether the event tells of a task that ended by itself or never started."""
    detail = event.get("detail")
    return isinstance(detail, Mapping) and detail.get("stopCode") in FAILURES
