"""Figures, the targets they are held against, the table, and the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """``name`` is to be at most, or at least, ``limit``, in the figure's own unit."""

    name: str
    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


TARGETS = {
    target.name: target
    for target in (
        Target("frame_cpu_to_floor", 1.5),
        Target("frame_cpu_to_discordpy", 0.4),
        Target("streams_quarter_core", 150, at_least=True),
        Target("streams_full_core", 500, at_least=True),
        Target("transcoded_stream_cpu_percent", 1.6),
        Target("transcoded_stream_loaded_cpu_percent", 1.1),
        Target("transcoded_streams_quarter_core", 15, at_least=True),
        Target("transcoded_streams_to_discordpy", 2, at_least=True),
        Target("task_512_mb_transcoded_peak_mib", 350),
        Target("media_child_crash_late_frames", 0),
        Target("player_kib", 512),
        Target("player_threads", 0.1),  # none; the threads that fill buffers come and go, and are for all players
        Target("first_packet_ms", 150),
        Target("players_in_512_mb", 150, at_least=True),
        Target("task_512_mb_players", 150, at_least=True),
        Target("task_512_mb_in_time_percent", 99.9, at_least=True),
        Target("task_512_mb_oom_kills", 0),
        Target("hour_growth_kib", 1024),
        Target("cycles_leaked_kib", 1024),
        Target("cycles_leaked_objects", 5),
        Target("cycles_leaked_descriptors", 0),
        Target("cycles_leaked_threads", 0),
    )
}
"""Source: the voice issue and, for what is transcoded, the media children's, "What must hold"."""


@dataclass
class Figures:
    """What was measured, in the order in which it was, and what could not be."""

    values: dict[str, tuple[float, str]] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)
    """Why, by name."""

    def add(self, name: str, value: float, unit: str) -> None:
        self.values[name] = (value, unit)

    def __getitem__(self, name: str) -> float:
        return self.values[name][0]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def missed(self) -> list[str]:
        """Names of those that miss their target."""
        return [name for name, (value, _) in self.values.items() if name in TARGETS and not TARGETS[name].met(value)]

    def lines(self) -> Iterator[str]:
        """The table."""
        width = max((len(name) for name in (*self.values, *self.not_measured)), default=0)
        for name, (value, unit) in self.values.items():
            line = f"{name:<{width}}  {_shown(value):>10} {unit:<18}"
            if name in TARGETS:
                target = TARGETS[name]
                line += f" {'met   ' if target.met(value) else 'MISSED'} ({target})"
            yield line.rstrip()
        for name, why in self.not_measured.items():
            yield f"{name:<{width}}  {'-':>10} not measured: {why}"

    def write(self, path: Path) -> None:
        """Write ``{"figures": {name: {"value", "unit"}}, "not_measured": {name: why}}``."""
        figures = {name: {"value": _rounded(value), "unit": unit} for name, (value, unit) in self.values.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"figures": figures, "not_measured": self.not_measured}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n")


def _rounded(value: float) -> float:
    return int(value) if value == int(value) else round(value, 4)


def _shown(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:.2f}"
