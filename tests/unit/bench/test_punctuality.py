"""What the bench takes for a frame in its slot."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sandbox.bench.punctuality import SAMPLES_PER_SLOT, SLOT_NS, punctuality
from sandbox.bench.sink import ARRIVAL

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000
SLOTS = 50


def arrivals(
    *, late_ms: dict[int, float] | None = None, missing: tuple[int, ...] = (), first_timestamp: int = 0, ssrc: int = 1
) -> NDArray[np.void]:
    """Two seconds of a stream, of which some frames are late or never sent."""
    slots = [slot for slot in range(2 * SLOTS) if slot not in missing]
    stream = np.zeros(len(slots), ARRIVAL)
    stream["ssrc"], stream["bytes"] = ssrc, 360
    stream["timestamp"] = [(first_timestamp + slot * SAMPLES_PER_SLOT) & 0xFFFFFFFF for slot in slots]
    stream["time_ns"] = [slot * SLOT_NS + int((late_ms or {}).get(slot, 0) * MS_NS) for slot in slots]
    return stream


def test_a_sender_that_keeps_its_schedule_is_in_time() -> None:
    judged = punctuality(arrivals(), 0, SECOND_NS, 1)
    assert (judged.slots, judged.within_20_ms, judged.within_10_ms, judged.worst_ms) == (SLOTS, 1.0, 1.0, 0.0)


def test_a_frame_is_late_by_what_it_came_after_its_own_slot() -> None:
    judged = punctuality(arrivals(late_ms={7: 12.0, 9: 25.0}), 0, SECOND_NS, 1)
    assert judged.within_20_ms == pytest.approx(1 - 1 / SLOTS)
    assert judged.within_10_ms == pytest.approx(1 - 2 / SLOTS)
    assert judged.worst_ms == 25.0


def test_a_slot_for_which_nothing_came_was_not_in_time() -> None:
    assert punctuality(arrivals(missing=(3, 4)), 0, SECOND_NS, 1).within_20_ms == pytest.approx(1 - 2 / SLOTS)


def test_what_falls_behind_for_good_is_late_for_good() -> None:
    behind = {slot: 30.0 for slot in range(10, 2 * SLOTS)}
    assert punctuality(arrivals(late_ms=behind), 0, SECOND_NS, 1).within_20_ms == pytest.approx(10 / SLOTS)


def test_silence_does_not_pass_for_sound() -> None:
    stream = arrivals()
    stream["bytes"][5] = 47
    assert punctuality(stream, 0, SECOND_NS, 1).within_20_ms == pytest.approx(1 - 1 / SLOTS)


def test_a_stream_of_which_nothing_came_has_missed_all_its_slots() -> None:
    judged = punctuality(arrivals(), 0, SECOND_NS, 2)
    assert (judged.streams, judged.slots, judged.within_20_ms) == (1, 2 * SLOTS, 0.5)


def test_time_stamps_that_wrap_are_no_lateness() -> None:
    wrapping = arrivals(first_timestamp=0xFFFFFFFF - 10 * SAMPLES_PER_SLOT)
    assert punctuality(wrapping, 0, SECOND_NS, 1).within_10_ms == 1.0


def test_each_stream_has_a_schedule_of_its_own() -> None:
    other = arrivals(ssrc=2)
    other["time_ns"] += 13 * MS_NS
    judged = punctuality(np.concatenate([arrivals(), other]), 0, SECOND_NS, 2)
    assert (judged.slots, judged.within_10_ms) == (2 * SLOTS, 1.0)
