"""How a number of streams is judged: by the median of runs, each in a process that never had more players."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from sandbox.bench.density import Density
from sandbox.bench.punctuality import Punctuality
from sandbox.bench.quota import Quota
from sandbox.bench.room import Room
from sandbox.bench.stand import Stand


class Sender:
    """Holds up to ``limit``, but less once it has had more players; and is the room that listens to it, too."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._most = 0
        self.pid = 1
        self.taken: list[int] = []
        self.allowed: list[float | None] = []

    async def ask(self, what: str, streams: int) -> dict[str, Any]:
        assert what == "play"
        self._most = max(self._most, streams)
        return {}

    async def restart(self) -> None:
        self.pid += 1
        self._most = 0

    def take(self, pid: int) -> None:
        self.taken.append(pid)

    def allow(self, cores: float | None) -> None:
        self.allowed.append(cores)

    async def window(self, _stand: object, streams: int, _seconds: float) -> SimpleNamespace:
        share = 1.0 if streams <= self._limit and self._most <= streams else 0.9
        return SimpleNamespace(punctuality=Punctuality(streams, 100, share, share, 0.0))


def density(sender: Sender) -> Density:
    room, stand, quota = cast(Room, sender), cast(Stand, sender), cast(Quota, sender)
    return Density(room, stand, quota, runs=5, window_seconds=1.0)


async def test_one_that_had_too_many_is_started_anew_and_put_under_the_quota_again() -> None:
    sender = Sender(100)
    held = await density(sender).held(0.25, start=160, most=1_200)
    assert 90 <= held.within_20_ms <= 100
    assert held.within_10_ms == held.within_20_ms
    assert sender.taken == list(range(1, sender.pid + 1)), "each of its processes once"
    assert sender.allowed[::2] == [0.25] * (len(sender.allowed) // 2)
    assert sender.allowed[1::2] == [None] * (len(sender.allowed) // 2), "it starts without a quota"
