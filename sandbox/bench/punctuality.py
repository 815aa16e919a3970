"""Which frames were in their slots, from what arrived.

A stream's RTP time stamps number its slots, 20 ms each. Its schedule is fixed by its most punctual frame of the
window; every other is late by as much as it came after its own place on that schedule. A slot for which nothing came
counts as not in time, so a sender that skips is judged like one that is late.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLOT_NS = 20_000_000
SAMPLES_PER_SLOT = 960
SILENCE_BYTES = 64
"""Datagrams below this are silence: a frame of it has 3 bytes, and encryption adds some 44."""


@dataclass(frozen=True)
class Punctuality:
    """Shares of the slots, over all streams: 1.0 is every one."""

    streams: int
    slots: int
    within_20_ms: float
    within_10_ms: float
    worst_ms: float
    """The latest arrival."""


def sounding(arrivals: NDArray[np.void]) -> NDArray[np.void]:
    """Without silence frames."""
    return arrivals[arrivals["bytes"] >= SILENCE_BYTES]


def punctuality(arrivals: NDArray[np.void], begin_ns: int, end_ns: int, streams: int) -> Punctuality:
    """Judge the slots between two times.

    ``arrivals`` must go on past the end for what is late to be seen. Of ``streams`` that should have sent, those
    of which nothing came have all their slots missing.
    """
    heard = sounding(arrivals)
    slots, on_20, on_10, worst = 0, 0, 0, 0.0
    order = np.argsort(heard["ssrc"], kind="stable")
    heard = heard[order]
    _, starts = np.unique(heard["ssrc"], return_index=True)
    each = np.split(heard, starts[1:]) if len(heard) else []
    for stream in each:
        late, due = _lateness(stream, begin_ns, end_ns)
        slots += due
        on_20 += int((late <= SLOT_NS).sum())
        on_10 += int((late <= SLOT_NS // 2).sum())
        worst = max(worst, float(late.max(initial=0)) / 1e6)
    silent = max(0, streams - len(each))
    slots += silent * ((end_ns - begin_ns) // SLOT_NS)
    return Punctuality(len(each), slots, on_20 / slots if slots else 0.0, on_10 / slots if slots else 0.0, worst)


def _lateness(stream: NDArray[np.void], begin_ns: int, end_ns: int) -> tuple[NDArray[np.int64], int]:
    """Of the frames whose slots lie in the window, in nanoseconds; and how many slots lie in it."""
    ticks = (stream["timestamp"] - stream["timestamp"][0]).astype(np.int32).astype(np.int64)  # wraps like RTP's
    offsets = ticks * SLOT_NS // SAMPLES_PER_SLOT
    start = int((stream["time_ns"] - offsets).min())
    due_at = start + offsets
    inside = (due_at >= begin_ns) & (due_at < end_ns)
    first = -(-(begin_ns - start) // SLOT_NS)
    last = -(-(end_ns - start) // SLOT_NS)
    return stream["time_ns"][inside] - due_at[inside], last - first
