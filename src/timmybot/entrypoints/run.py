"""``timmybot run``: the whole bot in one process, with a bot token and a SQLite file, and without AWS.

Commands come in over the gateway and go through the very same services; the worker is the very same worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

from timmybot.adapters import sqlite
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.ecs import NoProtection
from timmybot.adapters.secrets import EnvironmentSecrets
from timmybot.adapters.system_clock import SystemClock
from timmybot.domain.ids import GuildId, InteractionId
from timmybot.entrypoints.assemble import Stores, assembled_worker
from timmybot.entrypoints.new_id import new_id
from timmybot.ports.clock import Clock
from timmybot.ports.discord import AlreadyAnswered, DiscordAway, DiscordError, FirstAnswers
from timmybot.ports.inbox import Inbox, Nudge
from timmybot.ports.secrets import Credentials
from timmybot.services.answering import Answering
from timmybot.services.command_definitions import DEFINITIONS
from timmybot.services.deferring import Deferring
from timmybot.services.interactions import Interactions
from timmybot.services.invocation import BadPayload
from timmybot.services.progress import Progress
from timmybot.services.wake import Waking
from timmybot.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0
"""How long a command may take: nothing but the member's patience bounds it here."""

PASS_ON_SECONDS = 1.5
"""How long the worker's nudge waits for the first answer, which takes a third of a second on a good day."""

STOP_SECONDS = 10.0
"""How long stopping may take: nobody is there to hand music over to, and somebody waits at a terminal."""


_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 15.0
"""Between two attempts to reach Discord at the start."""


class CannotRun(Exception):
    """The bot cannot be started. ``str()`` says what to do."""


class Introductions(Protocol):
    """What of Discord's REST API the start asks for."""

    async def bot_user(self) -> Mapping[str, Any]: ...

    async def interactions_endpoint(self) -> str | None: ...

    async def set_commands(self, application_id: int, commands: Any) -> None: ...


class _AlwaysAwake:
    async def wake(self) -> None:
        pass


class OwnInbox:
    """An inbox whose reader is in this process, and told by :meth:`pass_on` instead of half a look later.

    That comes after the first answer: the reader edits it, and Discord refuses an edit that overtakes it.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._posted: set[GuildId] = set()
        self.tell: Callable[[GuildId], None] = lambda _: None

    async def post(self, nudge: Nudge) -> None:
        await self._inbox.post(nudge)
        self._posted.add(nudge.guild_id)

    def pass_on(self) -> None:
        """Tell the reader of the guilds that something was posted for since the last time."""
        posted, self._posted = self._posted, set()
        for guild_id in posted:
            self.tell(guild_id)

    async def read(self, since: float) -> list[Nudge]:
        return await self._inbox.read(since)


class _NoMetrics:
    def emit(self, figures: Mapping[str, float]) -> None:
        pass


async def run(settings: Settings, database: Path, stop: asyncio.Event) -> None:
    """Play until ``stop`` is set. Raises :class:`CannotRun`, ``SecretMissing`` and ``sqlite.DatabaseRefused``."""
    # One process has every guild, so one shard is enough, and it is what Discord recommends for small bots.
    settings = replace(settings, shard_count=1, drain_seconds=min(settings.drain_seconds, STOP_SECONDS))
    clock = SystemClock()
    secrets = EnvironmentSecrets()
    credentials = await secrets.credentials()
    rest = DiscordRest(settings.discord_api_url, secrets, clock)
    try:
        stores = sqlite.connect(database, settings, clock)
        try:
            await serve(settings, stores=stores, credentials=credentials, rest=rest, clock=clock, stop=stop)
        finally:
            stores.close()
    finally:
        rest.close()


async def serve(
    settings: Settings,
    *,
    stores: Stores,
    credentials: Credentials,
    rest: DiscordRest,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """Introduce the bot to Discord, and play from ``stores`` until ``stop`` is set. Raises :class:`CannotRun`."""
    if not await _unless_stopped(introduce_once_reached(rest, credentials.application_id, clock), stop):
        return
    inbox = OwnInbox(stores.inbox)
    interactions = Deferring(Interactions(_answering(settings, stores, inbox, rest, clock)), rest, clock)

    async def on_interaction(payload: Mapping[str, Any]) -> None:
        answering = asyncio.create_task(answer_one(rest, interactions, payload))
        try:
            await _until(answering, clock, PASS_ON_SECONDS)
            inbox.pass_on()
            await answering
        finally:
            answering.cancel()
            inbox.pass_on()

    async with assembled_worker(
        settings,
        stores=stores,
        credentials=credentials,
        rest=rest,
        clock=clock,
        metrics=_NoMetrics(),
        protection=NoProtection(),
        progress=Progress(settings.lease_margin_seconds),
        on_interaction=on_interaction,
    ) as worker:
        inbox.tell = worker.nudge
        await worker.run(stop)


async def _unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Do the work, or call it off when ``stop`` is set; return whether it was done. Raises what the work raises."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def introduce_once_reached(rest: Introductions, application_id: int, clock: Clock) -> None:
    """Introduce the bot as soon as there is a network. Raises :class:`CannotRun` for what Discord itself refuses."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await _introduce(rest, application_id)
        except DiscordAway as away:
            log.warning("I cannot reach Discord, so I wait for the network and try again in %.0f s: %s", pause, away)
        await clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _introduce(rest: Introductions, application_id: int) -> None:
    """Check the token, see to it that commands come here, and register them."""
    try:
        name = (await rest.bot_user()).get("username")
        if await rest.interactions_endpoint():
            raise CannotRun(
                "This application has an interactions endpoint set, so Discord sends its commands there and not here. "
                "Clear it with `timmybot register --no-endpoint`, or use another application for `timmybot run`."
            )
        await rest.set_commands(application_id, DEFINITIONS)
    except DiscordAway:
        raise
    except DiscordError as error:
        raise CannotRun(f"Discord refused: {error}") from error
    log.info("I am %s. Commands are registered; Ctrl-C stops me.", name)


def _answering(settings: Settings, stores: Stores, inbox: Inbox, rest: DiscordRest, clock: Clock) -> Answering:
    return Answering(
        guilds=stores.guilds,
        leases=stores.leases,
        inbox=inbox,
        members=rest,
        waking=Waking(stores.leases, _AlwaysAwake(), _NoMetrics(), clock, settings),
        clock=clock,
        new_id=new_id,
        settings=settings,
    )


async def _until(task: asyncio.Task[None], clock: Clock, seconds: float) -> None:
    """Wait until the task is done, or the time is over."""
    pause = asyncio.create_task(clock.sleep(seconds))
    try:
        await asyncio.wait({task, pause}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
        await asyncio.gather(pause, return_exceptions=True)


async def answer_one(first: FirstAnswers, interactions: Deferring, payload: Mapping[str, Any]) -> None:
    """Give an interaction that came over the gateway its first answer. Trouble is logged, and not raised."""
    try:
        body = await interactions.respond(payload, patience_seconds=PATIENCE_SECONDS)
        if body is not None:
            await first.respond(InteractionId(int(payload["id"])), str(payload["token"]), body)
    except BadPayload as error:
        log.warning("an interaction was not understood: %s", error)
    except AlreadyAnswered as error:  # as after the death of the process that answered it
        log.info("an interaction was not answered again: %s", error)
    except DiscordError as error:
        log.warning("an interaction was not answered: %s", error)
