"""What a file leaves in the heap that is not read to its end. On the main thread, whose heap is the one that tells."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import pytest

from sandbox.bench.heap import in_use
from sandbox.melody import compose
from sandbox.recording import Format, record
from timmybot.adapters.sources.children.media import demux

TIMES = 200
LOST_BYTES = 100
"""PyAV loses 140, and measuring is off by some 20."""

pytestmark = pytest.mark.skipif(in_use().kib == 0.0, reason="the C library does not tell what is in use")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(compose("morning", voice=1, seconds=2.0), tmp_path_factory.mktemp("music"), Format.WEBM_OPUS)


def left_of_each(deed: Callable[[], None]) -> float:
    """Bytes, after as many times before."""
    for _ in range(TIMES):
        deed()
    gc.collect()
    before_kib = in_use().kib
    for _ in range(TIMES):
        deed()
    gc.collect()
    return (in_use().kib - before_kib) * 1024 / TIMES


def test_packets_that_are_closed_before_their_file_leave_nothing(file: Path) -> None:
    def look() -> None:
        with av.open(str(file)) as container:
            packets = demux.packets(container, container.streams.audio[0])
            list(islice(packets, demux.LOOKED_AT))
            packets.close()

    assert left_of_each(look) < LOST_BYTES


def test_what_pyav_loses_of_packets_that_are_not(file: Path) -> None:
    """The negative control."""

    def look() -> None:
        with av.open(str(file)) as container:
            packets = container.demux(container.streams.audio[0])
            list(islice(packets, demux.LOOKED_AT))

    assert left_of_each(look) > LOST_BYTES
