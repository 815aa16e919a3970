"""What lies between a process and what it calls: time, and the faults that a plan has in store.

A call takes effect at one moment of its own, between its invocation and its answer. The caller may be stopped or dead
by then, or may have given up waiting: the effect comes all the same, as it would over a network.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from sandbox.simulator.virtual_time import Process, VirtualLoop, at_once
from timmybot.ports.guild_store import StoreUnavailable

T = TypeVar("T")

WAIT_SECONDS = 2.2
"""How long an adapter waits for AWS: one retry, each with 0.3 s to connect and 0.8 s to read."""


HELD_BACK = 0.3
"""How many of the calls that a process makes as it is stopped have not left it yet: they take effect when it goes on,
however long after it had the right to make them."""


@dataclass
class Weather:
    """What is wrong with the calls of one process, or of all, right now. The shares are of 1."""

    down: int = 0
    fail_before: float = 0.0
    fail_after: float = 0.0
    slow: float = 0.0


@dataclass
class Network:
    """The weather everywhere, and the tally of what it did."""

    loop: VirtualLoop
    random: Random
    everywhere: Weather = field(default_factory=Weather)
    local: dict[Process, Weather] = field(default_factory=dict)
    tally: Counter[str] = field(default_factory=Counter)
    over: bool = False
    """The life has ended: whoever still calls is to end, too."""

    def weather_at(self, process: Process) -> Weather:
        return self.local.setdefault(process, Weather())


class Link:
    """One process's way to the stores."""

    def __init__(self, network: Network, process: Process) -> None:
        self._network = network
        self._process = process
        self._weather = network.weather_at(process)

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have ``work`` done at the other end. Raises what it raises, and ``StoreUnavailable``."""
        network, random = self._network, self._network.random
        if network.over:
            raise asyncio.CancelledError
        network.tally["calls"] += 1
        loop = network.loop
        answer: asyncio.Future[T] = loop.create_future()
        there, back = 0.002 + random.random() * 0.012, 0.001 + random.random() * 0.006
        local, everywhere = self._weather, network.everywhere
        if local.down or everywhere.down:
            network.tally["calls to a store that was down"] += 1
            loop.after(random.choice((there, 0.3, WAIT_SECONDS)), lambda: _fail(answer))
            return await answer
        if random.random() < local.slow + everywhere.slow:
            network.tally["slow calls"] += 1
            there, back = random.choice(((0.5, 0.1), (1.5, 0.1), (0.1, 1.5), (2.5, 0.1), (0.1, 2.5), (4.0, 0.1)))
            loop.after(WAIT_SECONDS, lambda: _fail(answer))
        if random.random() < local.fail_before + everywhere.fail_before:
            network.tally["calls that failed before their effect"] += 1
            loop.after(there + back, lambda: _fail(answer))
            return await answer
        lost = random.random() < local.fail_after + everywhere.fail_after
        network.tally["calls whose answer was lost"] += lost
        held_back = random.random() < HELD_BACK

        def arrive() -> None:
            holds = held_back or self._process.notes.get("holds back")
            if holds and self._process.paused:
                loop.after(0.05, arrive)
            elif not (holds and self._process.dead):
                self._take_effect(work, answer, back, lost)

        loop.after(there, arrive)
        return await answer

    def _take_effect(
        self, work: Callable[[], Coroutine[Any, Any, T]], answer: asyncio.Future[T], back: float, lost: bool
    ) -> None:
        loop = self._network.loop
        try:
            result = at_once(work())
        except Exception as error:
            refusal = error
            loop.after(back, lambda: _fail(answer) if lost else _raise(answer, refusal))
        else:
            loop.after(back, lambda: _fail(answer) if lost else _give(answer, result))


def _give(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _raise(answer: asyncio.Future[T], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _fail(answer: asyncio.Future[T]) -> None:
    _raise(answer, StoreUnavailable("the store did not answer"))
