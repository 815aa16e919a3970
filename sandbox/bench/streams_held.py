"""How many streams are held under a quota: ours and the peers', one after another, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.bench.density import Density
from sandbox.bench.extent import Extent
from sandbox.bench.figures import Figures
from sandbox.bench.quota import NoQuota, Quota
from sandbox.bench.room import Room
from sandbox.bench.stand import Stand

CORES = {"quarter": 0.25, "full": 1.0}


@dataclass(frozen=True)
class Sender:
    prefix: str
    """Of its figures' names."""
    make: Callable[[], Stand | str]
    """Or why it cannot be made."""
    start: int
    """With how many streams on a quarter core its search begins: near the answer it is short, and finds no other."""


async def density(room: Room, figures: Figures, extent: Extent) -> None:
    """Of those that can be started here; of the others, why they cannot."""
    for sender in (
        Sender("", room.ours, start=160),
        Sender("peer_discordpy_", room.discordpy, start=28),
        Sender("peer_discordjs_", room.discordjs, start=28),
    ):
        for core, cores in CORES.items():
            name = f"{sender.prefix}streams_{core}_core"
            if why_not := await _add(room, figures, extent, sender, name=name, cores=cores):
                figures.not_measured[name] = why_not


async def _add(room: Room, figures: Figures, extent: Extent, sender: Sender, *, name: str, cores: float) -> str | None:
    """Measure in a process that has not been overloaded before. Returns why not."""
    stand = sender.make()
    if not isinstance(stand, Stand):
        return stand
    try:
        async with Quota(stand.name) as quota, stand:
            measure = Density(room, stand, quota, runs=extent.runs, window_seconds=extent.density_window_seconds)
            start = int(sender.start * cores / CORES["quarter"])
            held = await measure.held(cores, start=min(start, extent.most_streams), most=extent.most_streams)
    except NoQuota as error:
        return str(error)
    figures.add(name, held.within_20_ms, "streams")
    figures.add(f"{name}_10_ms", held.within_10_ms, "streams")
    return None
