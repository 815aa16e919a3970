"""A stand from inside: reads what it is to do, a line of JSON each, and answers each with a line.

Reading costs no thread, so that the threads of the process are those of what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sandbox.bench.heap import give_back, in_use
from sandbox.bench.stand import usage

Deed = Callable[..., Awaitable[dict[str, Any]]]

SPREAD_SECONDS = 1.0
"""Over how long streams are started, so that they do not all fill their buffers at one moment for ever after."""

LETTING_GO_SECONDS = 0.5


@dataclass(frozen=True)
class Place:
    """Where the stand is: where to send, and what to play."""

    sink_port: int
    song: str
    """A path or a URL, as the stand wants it."""


def place() -> Place:
    """From the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sink_port", type=int)
    parser.add_argument("song")
    options = parser.parse_args()
    return Place(options.sink_port, options.song)


async def held(after_seconds: float = LETTING_GO_SECONDS) -> dict[str, Any]:
    """What this process holds, once what is closed has been let go on other threads.

    Pages that the allocator keeps for later are given back first: how many those are is chance.
    """
    await asyncio.sleep(after_seconds)
    gc.collect()
    used = in_use()
    give_back()
    now = usage(os.getpid())
    return {
        "kib": now.memory_kib,
        "own_kib": now.own_kib,
        "threads": now.threads,
        "descriptors": now.descriptors,
        "heap_kib": used.kib,
        "objects": used.objects,
    }


async def stand(deeds: dict[str, Deed]) -> None:
    """Answer until the input ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        try:
            answer = await deeds[order.pop("do")](**order)
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
