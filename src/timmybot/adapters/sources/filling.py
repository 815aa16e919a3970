"""The few threads that fill all buffers.

A thread per player would cost memory and the pacer's punctuality, so a process has a fixed number of them. What they
run are short steps: fill a little, then stand in line again.

**The limit**: a step may wait for the network as long as the fetcher's time-outs let it, so as many hanging servers as
there are threads hold up everybody's filling for those seconds, which the buffers are there to bridge.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

_log = logging.getLogger(__name__)

Step = Callable[[], None]


class FillingThreads:
    """Runs steps in the order they were submitted. The threads are daemons: they hold up no exit."""

    def __init__(self, count: int, name: str) -> None:
        self._steps: SimpleQueue[Step | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, step: Step) -> None:
        """Have ``step`` run soon. Never waits."""
        self._steps.put(step)

    def close(self) -> None:
        """Let the threads end after what is submitted so far. Does not wait for them."""
        for _ in self._threads:
            self._steps.put(None)

    def join(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            try:
                step()
            except Exception:
                _log.exception("a step failed")
