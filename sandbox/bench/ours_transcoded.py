"""TimmyBot's players with sound that FFmpeg works on: as ``ours``, with a look at buffers, load and media children."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

from sandbox.bench.ours import Players
from sandbox.bench.standing import Deed, Place, place, stand
from timmybot.adapters.sources.media_child import MediaChild
from timmybot.adapters.sources.media_load import Load
from timmybot.adapters.sources.stream import BufferedStream
from timmybot.domain.sound import Sound
from timmybot.entrypoints.memory import hold_little

LOOK_SECONDS = 0.02
RECOVERY_SECONDS = 20.0


class SameLoad(Load):
    """Always of the same complexity, whatever the load is."""

    def __init__(self, complexity: int) -> None:
        super().__init__()
        self._same = complexity

    @property
    def complexity(self) -> int:
        return self._same


class TranscodedPlayers(Players):
    def __init__(self, at: Place) -> None:
        super().__init__(at)
        self._killed: asyncio.Task[dict[str, Any]] | None = None

    async def begin(self, volume_percent: int = 100, complexity: int | None = None) -> dict[str, Any]:
        """How everything sounds that is played from now on, and whether always at the same complexity."""
        self.sound = Sound(volume_percent=volume_percent)
        if complexity is not None:
            self._source.media.load = SameLoad(complexity)
        return {}

    async def look(self) -> dict[str, Any]:
        """The emptiest buffer, frames that were made, slots without a frame until now, and what encoders spend."""
        return {
            "lowest_ms": min((stream.buffered_ms for stream in self._streams().values()), default=0),
            "made": sum(_made(stream) for stream in self._streams().values()),
            "underruns": sum(player.counters.underrun for player, _ in self._players),
            "complexity": self._source.media.load.complexity,
            "children": self._source.media.pids,
        }

    async def kill(self, number: int) -> dict[str, Any]:
        """Have signal ``number`` end the child that most streams are in. What becomes of it tells :meth:`killed`."""
        child = max(self._source.media.children, key=lambda child: len(child.sessions))
        streams = len(child.sessions)
        os.kill(child.pid, signal.Signals(number))
        self._killed = asyncio.create_task(self._recovery(child))
        return {"streams": streams}

    async def killed(self) -> dict[str, Any]:
        """After how long each stream had a frame from another child, in milliseconds since the death. A buffer that is
        full asks for none until it has come down to its mark: that time is in it. ``blamed`` are the SSRCs of streams
        that were taken for the cause, ``lost`` how many never went on."""
        assert self._killed is not None
        return await self._killed

    async def _recovery(self, child: MediaChild) -> dict[str, Any]:
        while not child.ended:  # noqa: ASYNC110  # the pool's thread hears of it
            await asyncio.sleep(LOOK_SECONDS / 4)
        died = time.monotonic()
        streams = self._streams()
        had = {number: _made(stream) for number, stream in streams.items()}
        after: list[float] = []
        while had and time.monotonic() - died < RECOVERY_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            for number in [number for number, before in had.items() if _made(streams[number]) != before]:
                del had[number]
                after.append((time.monotonic() - died) * 1000)
            had = {number: before for number, before in had.items() if streams[number].failure is None}
        blamed = [number for number, stream in streams.items() if stream.failure is not None]
        return {"after_ms": after, "blamed": blamed, "lost": len(had)}

    def _streams(self) -> dict[int, BufferedStream]:
        """By SSRC."""
        playing = {ssrc: player.lane.playing for ssrc, (player, _) in enumerate(self._players, 1)}
        streams = {ssrc: one.stream for ssrc, one in playing.items() if one is not None}
        return {ssrc: stream for ssrc, stream in streams.items() if isinstance(stream, BufferedStream)}


def _made(stream: BufferedStream) -> int:
    """How many frames it has had."""
    return stream._filled.filled


async def run() -> None:
    hold_little()  # as the worker does
    players = TranscodedPlayers(place())
    deeds: dict[str, Deed] = {
        "begin": players.begin,
        "play": players.play,
        "look": players.look,
        "kill": players.kill,
        "killed": players.killed,
    }
    try:
        await stand(deeds)
    finally:
        await players.close()


if __name__ == "__main__":
    asyncio.run(run())
