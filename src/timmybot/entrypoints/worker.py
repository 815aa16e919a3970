"""``timmybot worker``: one Fargate task's process."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from timmybot.adapters import dynamodb
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.ecs import seconds_since_pull, task_protection, task_revision
from timmybot.adapters.metrics import EmbeddedMetrics
from timmybot.adapters.secrets import EnvironmentSecrets, SecretsManagerSecrets
from timmybot.adapters.system_clock import SystemClock
from timmybot.entrypoints.assemble import assembled_worker
from timmybot.entrypoints.liveness import shown_alive
from timmybot.ports.clock import Clock
from timmybot.ports.metrics import Metrics
from timmybot.ports.secrets import SecretMissing, Secrets
from timmybot.services.progress import Progress
from timmybot.settings import Settings

log = logging.getLogger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Work until ``stop`` is set."""
    clock = SystemClock()
    progress = Progress(settings.lease_margin_seconds)
    async with shown_alive(settings.alive_file, clock, progress):
        metrics = EmbeddedMetrics(settings.environment, clock)
        manager = SecretsManagerSecrets(settings.names, clock)
        secrets = await secrets_once_set(
            EnvironmentSecrets(), manager, metrics=metrics, settings=settings, clock=clock, stop=stop
        )
        if secrets is not None:
            await _work(settings, secrets, metrics, clock, stop, progress=progress)


async def _work(
    settings: Settings, secrets: Secrets, metrics: Metrics, clock: Clock, stop: asyncio.Event, *, progress: Progress
) -> None:
    rest = DiscordRest(settings.discord_api_url, secrets, clock)
    stores = dynamodb.connect(settings, clock)
    try:
        async with assembled_worker(
            settings,
            stores=stores,
            credentials=await secrets.credentials(),
            rest=rest,
            clock=clock,
            metrics=metrics,
            protection=task_protection(clock),
            progress=progress,
            revision=await asyncio.to_thread(task_revision),
        ) as worker:
            waking = await asyncio.to_thread(seconds_since_pull, clock.now())
            if waking is not None:
                metrics.emit({"WakeSeconds": waking})
            await worker.run(stop)
    finally:
        rest.close()
        stores.close()


async def secrets_once_set(
    injected: Secrets, manager: Secrets, *, metrics: Metrics, settings: Settings, clock: Clock, stop: asyncio.Event
) -> Secrets | None:
    """The secrets this task was started with; or, as long as those are placeholders, ``manager``'s once they are set.

    A first deploy starts a task before anyone could set a secret. It stays healthy, says what is missing, plays
    nothing and idles to zero. To exit instead would have ECS restart it for ever, and fail the deployment; to
    only wait would leave the first ``/play`` waiting for a task that cannot hear. ``None`` if ``stop`` came first.
    """
    try:
        await injected.credentials()
    except SecretMissing as missing:
        log.error("TimmyBot cannot play yet. %s", missing)  # noqa: TRY400  # the sentence is the news
    else:
        return injected
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stopped.done():
            with suppress(SecretMissing):
                await manager.credentials()
                log.info("the secrets are set now")
                return manager
            metrics.emit({"Players": 0, "Active": 0})
            pause = asyncio.create_task(clock.sleep(settings.metrics_seconds))
            await asyncio.wait({stopped, pause}, return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
    finally:
        stopped.cancel()
    return None
