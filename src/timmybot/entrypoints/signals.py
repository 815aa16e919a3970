"""Stopping on request, and at once on a second one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

HURRY_SECONDS: Final = 1.0
"""How long closing may take after a second Ctrl-C, before the process ends with everything open."""


def stop_on_signals(stop: asyncio.Event, *, interrupted: int) -> None:
    """Set ``stop`` on SIGTERM (ECS, systemd) and on SIGINT (Ctrl-C). Call it from the task that stopping ends.

    A SIGINT that comes once ``stop`` is set cancels that task, and ends the process if that takes longer than
    ``HURRY_SECONDS``, with the status ``interrupted``: whoever presses Ctrl-C twice does not want to wait for a disk, a
    server or a bug. A second SIGTERM changes nothing, for supervisors repeat it.
    """
    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert serving is not None

    def end(*_: object) -> None:
        sys.stdout.flush()
        os._exit(interrupted)

    def hurry(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, end)
        late = threading.Timer(HURRY_SECONDS, end)
        late.daemon = True
        late.start()
        if not loop.is_closed():
            loop.call_soon_threadsafe(serving.cancel)

    def stopping() -> None:
        stop.set()
        # From here on without the loop, which may be what does not get on.
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, hurry)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping)
