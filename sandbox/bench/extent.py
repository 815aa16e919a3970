"""How much is measured: enough to quote, or enough to see that it works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.bench.figures import Figures
from sandbox.bench.room import Room


@dataclass(frozen=True)
class Extent:
    """The defaults are enough to quote."""

    rounds: int = 3
    window_seconds: float = 4.0
    streams: int = 100
    frame_streams: tuple[int, ...] = (100, 150)
    """With how many a frame is measured. The last, which the voice issue has a quarter of a core hold, is what counts:
    waking up costs the same for any number."""
    peer_streams: int = 25
    floor_frames: int = 40_000
    transcoded: int = 19
    """Beside a first one: as many as a quarter of a core is to hold. Waking up costs the same for any number."""
    first_packets: int = 20
    hour_frames: int = 180_000
    cycles: int = 1_000
    linger_seconds: float = 12.0
    """Longer than threads stay that fill buffers and are not needed any more."""
    task_players: int = 150
    task_window_seconds: float = 5.0
    runs: int = 5
    most_streams: int = 1_200
    density_window_seconds: float = 3.0
    transcoded_streams: int = 20
    """What the media children's issue has a quarter of a core hold."""
    transcoded_runs: int = 3
    transcoded_window_seconds: float = 8.0
    transcoded_settle_seconds: float = 15.0
    """Under a quota, before anything is judged: encoders take 2 s to adapt by one step, and there are three; and what
    was buffered before is used up."""
    most_transcoded_streams: int = 120
    crash_rounds: int = 2
    crash_window_seconds: float = 10.0


QUICK = Extent(
    rounds=1,
    window_seconds=1.0,
    streams=10,
    frame_streams=(5, 10),
    peer_streams=4,
    floor_frames=5_000,
    transcoded=2,
    first_packets=3,
    hour_frames=6_000,
    cycles=16,
    linger_seconds=0.5,
    task_players=8,
    task_window_seconds=1.0,
    runs=1,
    most_streams=16,
    density_window_seconds=0.6,
    transcoded_streams=4,
    transcoded_runs=1,
    transcoded_window_seconds=1.0,
    transcoded_settle_seconds=1.0,
    most_transcoded_streams=4,
    crash_rounds=1,
    crash_window_seconds=4.0,
)

Part = Callable[[Room, Figures, Extent], Awaitable[None]]
