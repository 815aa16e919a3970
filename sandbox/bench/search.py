"""The largest number that holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Holds = Callable[[int], Awaitable[bool]]


async def largest(holds: Holds, *, start: int, most: int, grain: float = 0.05) -> int:
    """The largest number up to ``most`` for which ``holds``, to within ``grain`` of itself; 0 if none was found.

    What holds for a number is taken to hold for smaller ones. Doubles or halves from ``start``, then bisects.
    """
    good, bad, number = 0, most + 1, min(start, most)
    while number >= 1 and bad - good > max(1, grain * good):
        if await holds(number):
            good = number
        else:
            bad = number
        if good == 0:
            number = bad // 2
        elif bad > most:
            number = min(good * 2, most)
        else:
            number = (good + bad) // 2
        if number in (good, bad):
            break
    return good


async def confirmed(holds_by_median: Holds, candidate: int, *, step: float = 0.06) -> int:
    """``candidate``, or as many steps below it as it takes for ``holds_by_median``."""
    while candidate >= 1 and not await holds_by_median(candidate):
        candidate = min(candidate - 1, int(candidate * (1 - step)))
    return max(candidate, 0)
