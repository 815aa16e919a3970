"""Where the stands play: the song, the web server that has it, and the sink."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandbox.bench import song
from sandbox.bench.punctuality import Punctuality, punctuality, sounding
from sandbox.bench.quota import Quota
from sandbox.bench.stand import Stand, Usage, cpu_seconds
from sandbox.peers.discord_js import INSTALLED, NODE
from sandbox.radio import Radio

DISCORDJS = Path(__file__).with_name("peer_discordjs.mjs")
SETTLE_SECONDS = 0.6
AFTER_SECONDS = 0.3
"""How much longer than its window the sink listens: what comes later than that is not in time anyway."""


@dataclass(frozen=True)
class Spent:
    """What a window of playing took."""

    cpu_seconds: float
    frames: int
    seconds: float
    usage: Usage
    punctuality: Punctuality

    @property
    def frame_us(self) -> float:
        return self.cpu_seconds / self.frames * 1e6 if self.frames else 0.0


class Room:
    def __init__(self, directory: Path, radio: Radio, sink: asyncio.subprocess.Process, sink_port: int) -> None:
        self.song = song.opus(directory)
        self.song_url = radio.url(self.song.name)
        self.sink_port = sink_port
        self._directory = directory
        self._radio = radio
        self._sink = sink
        self._arrivals = directory / "arrivals.npy"
        self._tree: Path | None = None
        """Where our stands run from, if not here."""

    def of(self, tree: Path) -> Room:
        """The same place, where our stands run from another commit's tree."""
        place = copy.copy(self)
        place._tree = tree.resolve()
        return place

    def mp3_url(self) -> str:
        """The song as something that is not passed through."""
        return self._radio.url(song.mp3(self._directory).name)

    def ours(self) -> Stand:
        return self._python("timmybot", "ours", self.song_url)

    def ours_transcoded(self) -> Stand:
        return self._python("timmybot, transcoding", "ours_transcoded", self.mp3_url())

    def ours_joined(self) -> Stand:
        return self._python("timmybot in calls", "ours_joined", self.song_url)

    def ours_whole(self) -> Stand:
        return self._python("timmybot run", "ours_whole", self.song_url)

    def calls(self) -> Stand:
        return Stand("the fake Discord", (sys.executable, "-m", "sandbox.bench.calls"))

    def discordpy(self) -> Stand | str:
        """Or why not."""
        if importlib.util.find_spec("imageio_ffmpeg") is None:
            return "it wants an ffmpeg: make bench installs one"
        return self._python("discord.py", "peer_discordpy", str(self.song))

    def discordpy_transcoded(self) -> Stand | str:
        """Or why not."""
        if importlib.util.find_spec("imageio_ffmpeg") is None:
            return "it wants an ffmpeg: make bench installs one"
        path = str(song.mp3(self._directory))
        return self._python("discord.py, transcoding", "peer_discordpy_transcoded", path)

    def discordjs(self) -> Stand | str:
        """Or why not."""
        if not (INSTALLED / "node_modules").is_dir():
            return "its packages are not installed: make bench does that"
        command = (str(NODE), str(DISCORDJS), str(self.sink_port), str(self.song.resolve()))
        return Stand("@discordjs/voice", command, directory=INSTALLED)

    def floor(self) -> Stand:
        return self._python("floor", "floor", str(self.song))

    def _python(self, name: str, module: str, what: str) -> Stand:
        command = (sys.executable, "-m", f"sandbox.bench.{module}", str(self.sink_port), what)
        if self._tree is None:
            return Stand(name, command)
        path = f"PYTHONPATH={self._tree / 'src'}:{self._tree}"
        return Stand(name, ("env", path, *command), directory=self._tree)

    @asynccontextmanager
    async def in_calls(
        self, guilds: int, quota: Quota | None = None
    ) -> AsyncIterator[tuple[Stand, Stand, list[list[int]]]]:
        """Ours connected to the fake Discord; the fake Discord; so many guilds, with their voice channels.

        Ours is in ``quota`` before it does anything.
        """
        async with self.calls() as calls, self.ours_joined() as ours:
            if quota is not None:
                quota.take(ours.pid)
            opened = await calls.ask("open", guilds=guilds)
            places = opened.pop("guilds")
            await ours.ask("connect", **opened)
            yield ours, calls, places

    async def listen(self, seconds: float) -> NDArray[np.void]:
        """Every arrival of the next ``seconds``."""
        assert self._sink.stdin is not None
        assert self._sink.stdout is not None
        self._sink.stdin.write(f"{seconds} {self._arrivals}\n".encode())
        await self._sink.stdout.readline()
        arrivals: NDArray[np.void] = np.load(self._arrivals)
        return arrivals

    async def listen_in(self, calls: Stand, seconds: float) -> NDArray[np.void]:
        """The same of what arrives at the fake Discord, which does not listen itself any more."""
        await calls.ask("record", seconds=seconds, path=str(self._arrivals.resolve()))
        arrivals: NDArray[np.void] = np.load(self._arrivals)
        return arrivals

    async def window(self, stand: Stand, streams: int, seconds: float, calls: Stand | None = None) -> Spent:
        """What ``stand``, which plays ``streams`` already, does in the next ``seconds``.

        Heard by the sink or, where it plays in calls, there: see :meth:`listen_in`.
        """
        await asyncio.sleep(SETTLE_SECONDS)
        family = stand.family()  # before, for looking them up may take longer than the sink listens
        listens_for = seconds + 2 * AFTER_SECONDS
        listening = asyncio.create_task(self.listen_in(calls, listens_for) if calls else self.listen(listens_for))
        await asyncio.sleep(AFTER_SECONDS)
        before, begin_ns = cpu_seconds(family), time.time_ns()
        await asyncio.sleep(seconds)
        after, end_ns = cpu_seconds(family), time.time_ns()
        arrivals = await listening
        heard = sounding(arrivals)
        frames = int(((heard["time_ns"] >= begin_ns) & (heard["time_ns"] < end_ns)).sum())
        judged = punctuality(arrivals, begin_ns, end_ns, streams)
        return Spent(after - before, frames, (end_ns - begin_ns) / 1e9, stand.usage(), judged)


@asynccontextmanager
async def room(directory: Path) -> AsyncIterator[Room]:
    """Everything up. All of it is gone when the context ends, but for the songs, which are kept."""
    async with Radio(directory) as radio:
        command = (sys.executable, "-m", "sandbox.bench.sink")
        sink = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert sink.stdin is not None
        assert sink.stdout is not None
        try:
            yield Room(directory, radio, sink, int(await sink.stdout.readline()))
        finally:
            sink.stdin.close()
            await sink.wait()
