"""How loud tracks are, as this worker knows it: looked up where somebody measured them, else measured, out of the way.

Nobody waits for a measurement. What is known when a track begins is what it is played by: a level that changes in the
middle of a song disturbs more than one that is off.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from timmybot.domain.sound import Loudness, Measured
from timmybot.domain.track import Track
from timmybot.ports.guild_store import StoreError
from timmybot.ports.track_cache import TrackCache
from timmybot.ports.track_source import TrackError, TrackSource

log = logging.getLogger(__name__)

REMEMBERED: Final = 2_000
"""Tracks. What is forgotten is looked up again."""
WAITING: Final = 16
"""Tracks that wait to be measured, one at a time and at a share of a core: minutes of work. Of more, the oldest go
without; they are measured when they are played again."""


class KnownLoudness:
    """For all guilds of a worker: how loud a track is depends on nobody who listens.

    ``transcoded`` says how many of its players are being transcoded. A correction ends pass-through, and that costs
    some twenty times the CPU: beyond ``most_transcoded``, tracks play as loud as they are rather than that all of them
    stutter.
    """

    def __init__(
        self,
        cache: TrackCache,
        source: TrackSource,
        *,
        transcoded: Callable[[], int] = lambda: 0,
        most_transcoded: int = 20,
    ) -> None:
        self._cache = cache
        self._source = source
        self._transcoded = transcoded
        self._most_transcoded = most_transcoded
        self._known: OrderedDict[Track, Measured | None] = OrderedDict()
        """``None``: looked up, and nobody has measured it."""
        self._waiting: deque[Track] = deque(maxlen=WAITING)
        self._measuring: asyncio.Task[None] | None = None
        self._heard_now: Track | None = None
        """What is being measured."""
        self._looking: set[asyncio.Task[None]] = set()

    def of(self, track: Track) -> Loudness | None:
        """What is known of it now."""
        measured = self._known.get(track)
        return measured.loudness if measured is not None else None

    def find_out(self, track: Track) -> None:
        """Look it up, and have it measured if nobody has. Never waits."""
        looking = asyncio.create_task(self._find_out(track), name="look up loudness")
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def look_up(self, track: Track) -> Loudness | None:
        """Find out what others have measured, unless that has been looked up."""
        if track not in self._known:
            try:
                self._remember(track, await self._cache.measured(track))
            except StoreError as error:
                log.info("the loudness of a track was not looked up: %s", error)
        return self.of(track)

    def may_correct(self, *, is_transcoded: bool) -> bool:
        """Whether one more player may be transcoded for nothing else; ``is_transcoded``: it is one of them already."""
        return self._transcoded() - is_transcoded < self._most_transcoded

    async def close(self) -> None:
        """Stop measuring."""
        tasks = [*self._looking, *([self._measuring] if self._measuring else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _find_out(self, track: Track) -> None:
        await self.look_up(track)
        if self._known.get(track) is not None or track in (self._heard_now, *self._waiting):
            return
        self._waiting.append(track)
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure_all(), name="measure loudness")

    async def _measure_all(self) -> None:
        while self._waiting:
            track = self._heard_now = self._waiting.pop()  # the latest: the oldest may be played already
            try:
                measured = Measured(await self._source.measure(track))
                self._remember(track, measured)
                await self._cache.keep(track, measured)
            except TrackError as trouble:
                log.info("a track could not be measured: %s", trouble)
                self._remember(track, Measured(None))
            except StoreError as error:
                log.info("what was measured of a track was not kept: %s", error)
            except Exception:  # a bug of ours must not end the measuring of all others
                log.exception("measuring a track failed")
            finally:
                self._heard_now = None

    def _remember(self, track: Track, measured: Measured | None) -> None:
        self._known[track] = measured
        self._known.move_to_end(track)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
