"""What is at the links that members play. A link's tag names its guild and command wherever it turns up."""

from __future__ import annotations

import re
from random import Random

from sandbox.simulator import plan
from sandbox.simulator.noted import SOURCES_AWAY
from sandbox.simulator.virtual_time import Process, ProcessClock
from timmybot.domain.ids import GuildId
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, FrameStream, Loudness, Sound, SourceAway, TrackError

_TAG = re.compile(r"g\d+n\d+(?:x\d+)?")
_KINDS = (plan.Track.SHORT, plan.Track.LONG, plan.Track.SLOW, plan.Track.BROKEN, plan.Track.NOTHING)
_WEIGHTS = (10, 4, 2, 1, 2)


def tags_in(text: str) -> list[str]:
    return _TAG.findall(text)


def guild_tag(guild: GuildId) -> str:
    """How every tag of a guild begins."""
    return f"g{guild & 0xFF}n"


class Catalogue:
    """Every link has one track, which follows from the seed and the link alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: dict[str, tuple[plan.Track, int]] = {}

    @staticmethod
    def tag(guild: GuildId, command: int) -> str:
        """Of what a command plays; each track of a list has an ``x`` and its number added."""
        return f"{guild_tag(guild)}{command}"

    @staticmethod
    def link(tag: str) -> str:
        return f"https://radio.example/{tag}"

    @staticmethod
    def tag_of(url: str) -> str:
        return url.rsplit("/", 1)[-1]

    def kind(self, url: str) -> plan.Track:
        return self._look_up(url)[0]

    def length_ms(self, url: str) -> int:
        return self._look_up(url)[1]

    def breaks(self, url: str) -> bool:
        return self.kind(url) is plan.Track.BROKEN

    def _look_up(self, url: str) -> tuple[plan.Track, int]:
        if url not in self._known:
            random = Random(f"track {self._seed} {url}")
            kind = random.choices(_KINDS, _WEIGHTS)[0]
            seconds = random.uniform(60, 300) if kind is plan.Track.LONG else random.uniform(3, 15)
            self._known[url] = kind, round(seconds * 1000)
        return self._known[url]


class SimulatedSource:
    """``TrackSource`` of one process."""

    def __init__(self, catalogue: Catalogue, process: Process, clock: ProcessClock, random: Random) -> None:
        self._process = process
        self._catalogue = catalogue
        self._clock = clock
        self._random = random

    async def resolve(self, url: str) -> Track:
        kind = self._catalogue.kind(url)
        slow = kind is plan.Track.SLOW
        await self._clock.sleep(self._random.uniform(2.0, 6.0) if slow else self._random.uniform(0.05, 0.5))
        if self._process.notes.get(SOURCES_AWAY):
            raise SourceAway("radio.example cannot be reached.")
        if kind is plan.Track.NOTHING:
            raise TrackError("There is nothing at that address.")
        return Track(url, self._catalogue.tag_of(url), self._catalogue.length_ms(url))

    async def measure(self, track: Track) -> Loudness | None:
        return None

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> FrameStream:
        raise AssertionError("the services leave this to the players")
