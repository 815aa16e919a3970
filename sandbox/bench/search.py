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
    """``candidate``, or the largest number below it for which ``holds_by_median``, to within ``step`` of itself.

    Goes down by one step, by two, by four; then bisects what it overstepped: asking costs several runs each time.
    """
    number, bad, stride = candidate, candidate + 1, step
    while number >= 1 and not await holds_by_median(number):
        number, bad, stride = min(number - 1, int(number * (1 - stride))), number, min(2 * stride, 0.5)
    good = max(number, 0)
    while bad - good > max(1, step * bad):
        middle = (good + bad) // 2
        if await holds_by_median(middle):
            good = middle
        else:
            bad = middle
    return good
