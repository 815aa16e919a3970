"""``timmybot worker``: one Fargate task's process."""

from __future__ import annotations

import asyncio
import logging

from timmybot.adapters import dynamodb
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.ecs import task_protection, task_revision
from timmybot.adapters.metrics import EmbeddedMetrics
from timmybot.adapters.secrets import EnvironmentSecrets
from timmybot.adapters.system_clock import SystemClock
from timmybot.entrypoints.assemble import assembled_worker
from timmybot.ports.clock import Clock
from timmybot.ports.metrics import Metrics
from timmybot.ports.secrets import SecretMissing
from timmybot.settings import Settings

log = logging.getLogger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Work until ``stop`` is set."""
    clock = SystemClock()
    metrics = EmbeddedMetrics(settings.environment, clock)
    secrets = EnvironmentSecrets()
    try:
        credentials = await secrets.credentials()
    except SecretMissing as missing:
        await _wait_unset(str(missing), metrics, settings, clock, stop)
        return
    rest = DiscordRest(settings.discord_api_url, secrets, clock)
    stores = dynamodb.connect(settings, clock)
    try:
        async with assembled_worker(
            settings,
            stores=stores,
            credentials=credentials,
            rest=rest,
            clock=clock,
            metrics=metrics,
            protection=task_protection(clock),
            revision=await asyncio.to_thread(task_revision),
        ) as worker:
            await worker.run(stop)
    finally:
        rest.close()
        stores.close()


async def _wait_unset(missing: str, metrics: Metrics, settings: Settings, clock: Clock, stop: asyncio.Event) -> None:
    """A first deploy has placeholder secrets: stay healthy, say what is missing, play nothing, idle to zero.

    To exit instead would have ECS restart the task for ever, and fail the deployment.
    """
    log.error("TimmyBot cannot play yet. %s", missing)
    stopped = asyncio.create_task(stop.wait())
    while not stopped.done():
        metrics.emit({"Players": 0, "Active": 0})
        pause = asyncio.create_task(clock.sleep(settings.metrics_seconds))
        await asyncio.wait({stopped, pause}, return_when=asyncio.FIRST_COMPLETED)
        pause.cancel()
