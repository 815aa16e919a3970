"""The small ports: track source, metrics, scaler, protection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from timmybot.domain.track import Track
from timmybot.ports.metrics import Metrics
from timmybot.ports.service_scaler import ScaleInProtection, ScalerUnavailable, ServiceScaler
from timmybot.ports.track_source import AS_IT_IS, FrameStream, Loudness, Sound, SourceAway, TrackError, TrackSource


@dataclass
class FakeSource(TrackSource):
    """Knows what is at a few URLs. One in ``slow`` is not told before its event is set."""

    tracks: dict[str, Track] = field(default_factory=dict)
    slow: dict[str, asyncio.Event] = field(default_factory=dict)
    looked_at: list[str] = field(default_factory=list)
    loudness: dict[str, Loudness] = field(default_factory=dict)
    measured: list[str] = field(default_factory=list)
    away: bool = False
    """Whether no server answers."""
    unknown_name: bool = False
    slow_to_measure: dict[str, asyncio.Event] = field(default_factory=dict)

    def has(self, url: str, title: str, duration_ms: int = 60_000) -> str:
        self.tracks[url] = Track(url, title, duration_ms)
        return url

    async def resolve(self, url: str) -> Track:
        self.looked_at.append(url)
        if url in self.slow:
            await self.slow[url].wait()
        if self.away:
            trouble = SourceAway("radio.example cannot be reached.")
            trouble.unknown_name = self.unknown_name
            raise trouble
        if url not in self.tracks:
            raise TrackError("There is nothing at that address.")
        return self.tracks[url]

    async def measure(self, track: Track) -> Loudness | None:
        self.measured.append(track.url)
        if track.url in self.slow_to_measure:
            await self.slow_to_measure[track.url].wait()
        return self.loudness.get(track.url)

    def open(self, track: Track, *, position_ms: int, sound: Sound = AS_IT_IS, alone: bool = False) -> FrameStream:
        raise AssertionError("the services leave this to the players")


@dataclass
class FakeMetrics(Metrics):
    lines: list[Mapping[str, float]] = field(default_factory=list)

    def emit(self, figures: Mapping[str, float]) -> None:
        self.lines.append(dict(figures))

    def last(self, name: str) -> float | None:
        return next((line[name] for line in reversed(self.lines) if name in line), None)


@dataclass
class FakeScaler(ServiceScaler):
    woken: int = 0
    refuses: bool = False

    async def wake(self) -> None:
        if self.refuses:
            raise ScalerUnavailable("ecs:UpdateService was refused")
        self.woken += 1


@dataclass
class FakeProtection(ScaleInProtection):
    protected: bool = False

    async def protect(self, wanted: bool) -> None:
        self.protected = wanted
