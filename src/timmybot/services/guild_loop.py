"""Keeps one guild reconciled for as long as this worker has business there.

The loop sleeps until it is nudged: by a command, a scan, or its player. Reconciling and answering run beside each
other, so that looking at a slow link does not keep a skip waiting.
"""

from __future__ import annotations

import asyncio
import logging

from timmybot.domain.guild_state import GuildState
from timmybot.domain.ids import GuildId
from timmybot.ports.clock import Clock
from timmybot.ports.guild_store import Fenced, StoreUnavailable, VersionConflict
from timmybot.ports.shard_sessions import GatewayRefused
from timmybot.services.reconcile import Reconciler
from timmybot.services.resolve import Resolving
from timmybot.services.right import NoRight

log = logging.getLogger(__name__)

_RETRY_SECONDS = 2.0
"""How long to let a store or gateway that fails alone."""


class GuildLoop:
    def __init__(self, guild_id: GuildId, reconciler: Reconciler, resolving: Resolving, clock: Clock) -> None:
        self.guild_id = guild_id
        self._reconciler = reconciler
        self._resolving = resolving
        self._clock = clock
        self._nudged = asyncio.Event()
        self._answering: asyncio.Task[None] | None = None
        self._answers_asked = False

    def nudge(self) -> None:
        """Look again, soon."""
        self._nudged.set()

    def silence(self) -> None:
        """Send nothing until the right to this guild is confirmed."""
        self._reconciler.silence()

    async def save_position(self) -> None:
        await self._reconciler.save_position()

    async def run(self) -> None:
        """Reconcile at every nudge; return when the guild wants nothing more, or belongs to someone else."""
        try:
            while True:
                await self._nudged.wait()
                self._nudged.clear()
                if await self._once():
                    return
        finally:
            self._reconciler.close()
            await self._stop_answering()

    async def _once(self) -> bool:
        """Return whether there is nothing left to do here."""
        try:
            wanted = await self._reconciler.reconcile()
            self._answers_asked = True
            if self._answering is None or self._answering.done():
                self._answering = asyncio.create_task(self._answer(wanted))
            if wanted.wants_player:
                return False
            await self._answered_or_nudged(self._answering)
            return not self._nudged.is_set()
        except NoRight:
            return False  # The player goes on under its soft right; renewing the lease nudges every loop.
        except Fenced:
            log.warning("guild %d is another worker's now", self.guild_id)
            await self._reconciler.let_go()  # nobody else will: a guild that is not looked after is not thought of
            return True
        except (StoreUnavailable, VersionConflict, GatewayRefused) as error:
            log.warning("guild %d: trying again in %.0f s: %s", self.guild_id, _RETRY_SECONDS, error)
            await self._clock.sleep(_RETRY_SECONDS)
            self.nudge()
            return False

    async def _answer(self, wanted: GuildState) -> None:
        """Give the answers that are owed. What cannot be given now stays owed, and the next scan finds the guild."""
        try:
            while self._answers_asked:
                self._answers_asked = False
                if await self._resolving.settle_all():
                    self.nudge()
                await self._resolving.sweep(wanted)
        except (Fenced, NoRight, StoreUnavailable, VersionConflict) as error:
            log.info("guild %d: answers stay owed: %s", self.guild_id, error)
        except Exception:  # A bug. The music goes on, and the next nudge tries again.
            log.exception("guild %d: answers stay owed", self.guild_id)

    async def _answered_or_nudged(self, answering: asyncio.Task[None]) -> None:
        nudged = asyncio.create_task(self._nudged.wait())
        try:
            await asyncio.wait({answering, nudged}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nudged.cancel()

    async def _stop_answering(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
        await self._resolving.close()
