"""The schedule: every lane its slot, none in a burst, on a clock that the test owns."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from tests.fakes.voice import FakeStream
from tests.fakes.wire import Wire
from timmybot.adapters.discord_voice.lane import SILENCE_FRAMES, Lane, Playing
from timmybot.adapters.discord_voice.pacer import (
    SLOT_SECONDS,
    SWITCH_INTERVAL_SECONDS,
    Pacer,
    Schedule,
)
from timmybot.adapters.discord_voice.rtp import SILENCE
from timmybot.ports.track_source import Run

FRAMES = [bytes([number, number]) for number in range(200)]


def a_lane(wire: Wire, stream: FakeStream | None = None) -> Lane:
    lane = Lane(lambda playing: None)
    lane.packets = wire
    lane.playing = Playing(stream or FakeStream(FRAMES), paused=False)
    return lane


class Turning:
    """Turns a schedule as the pacer's thread does, on a clock of its own."""

    def __init__(self, schedule: Schedule, wires: list[Wire]) -> None:
        self.schedule, self.wires, self.now = schedule, wires, 0.0

    def until(self, end: float) -> None:
        while (wait := self.schedule.seconds_to_next(self.now)) + self.now < end:
            self.now += max(wait, 0.0)
            self._serve()

    def stall(self, seconds: float) -> None:
        self.now += seconds

    def _serve(self) -> None:
        for wire in self.wires:
            wire.now = self.now
        self.schedule.serve(self.now)


def test_a_lane_is_served_every_20_ms_on_an_absolute_schedule() -> None:
    wire, schedule = Wire(), Schedule()
    schedule.add(a_lane(wire), 0.0)
    Turning(schedule, [wire]).until(1.0)
    assert wire.frames == FRAMES[:50]
    assert set(wire.gaps) == {SLOT_SECONDS}
    assert set(wire.slots_between) == {1}


def test_all_lanes_are_served_in_one_go_and_each_keeps_its_20_ms() -> None:
    wires, schedule = [Wire() for _ in range(4)], Schedule()
    for number, wire in enumerate(wires):
        schedule.add(a_lane(wire), 0.001 * number)
    Turning(schedule, wires).until(1.0)
    assert all(set(wire.gaps) == {SLOT_SECONDS} for wire in wires)
    assert len({tuple(wire.times) for wire in wires}) == 1


def test_a_lane_that_is_taken_out_costs_the_others_nothing() -> None:
    wires, schedule = [Wire() for _ in range(3)], Schedule()
    lanes = [a_lane(wire) for wire in wires]
    for lane in lanes:
        schedule.add(lane, 0.0)
    schedule.remove(lanes[1])
    Turning(schedule, wires).until(0.1)
    assert [len(wire.frames) for wire in wires] == [5, 0, 5]


def test_a_lane_that_comes_later_begins_on_time() -> None:
    wires, schedule = [Wire(), Wire()], Schedule()
    schedule.add(a_lane(wires[0]), 0.0)
    turning = Turning(schedule, wires)
    turning.until(0.1)
    turning.stall(0.011)
    lane = a_lane(wires[1])
    schedule.add(lane, turning.now)
    turning.until(0.2)
    assert lane.counters.late == 0
    assert wires[1].times == wires[0].times[5:]


def test_adding_a_lane_twice_serves_it_once() -> None:
    wire, schedule = Wire(), Schedule()
    lane = a_lane(wire)
    schedule.add(lane, 0.0)
    schedule.add(lane, 0.0)
    assert len(schedule) == 1


def test_a_slot_served_late_does_not_push_the_next_one_back() -> None:
    wire, schedule = Wire(), Schedule()
    lane = a_lane(wire)
    schedule.add(lane, 0.0)
    turning = Turning(schedule, [wire])
    turning.until(0.1)
    turning.stall(0.028)  # the slot at 100 ms is served at 108
    turning.until(0.2)
    assert wire.times[5] == pytest.approx(0.108)
    assert wire.times[6] == pytest.approx(0.12)
    assert (lane.counters.late, lane.counters.skipped) == (1, 0)


@pytest.mark.parametrize("stall_slots", [3, 50])
def test_after_a_stall_slots_are_skipped_frames_are_not_and_nothing_is_sent_in_a_burst(stall_slots: int) -> None:
    wires, schedule = [Wire() for _ in range(3)], Schedule()
    lanes = [a_lane(wire) for wire in wires]
    for lane in lanes:
        schedule.add(lane, 0.0)
    turning = Turning(schedule, wires)
    turning.until(0.1)
    turning.stall(stall_slots * SLOT_SECONDS)
    turning.until(turning.now + 1.0)
    for wire, lane in zip(wires, lanes, strict=True):
        assert wire.frames == FRAMES[: len(wire.frames)], "no frame is lost or repeated"
        assert min(wire.gaps) > SLOT_SECONDS / 2 - 1e-6, "no burst"
        assert lane.counters.skipped in (stall_slots - 1, stall_slots)
        # Receivers are told by the time stamps that time went on, and by the numbers that nothing was lost.
        assert max(wire.slots_between) == lane.counters.skipped + 1


def test_without_skipping_a_stall_would_end_in_a_burst() -> None:
    """The negative control of the test above."""

    class Catching(Schedule):
        def serve(self, now: float) -> None:
            super().serve(min(now, self._start + self._slots * SLOT_SECONDS))

    wire, schedule = Wire(), Catching()
    schedule.add(a_lane(wire), 0.0)
    turning = Turning(schedule, [wire])
    turning.until(0.1)
    turning.stall(0.2)
    turning.until(0.5)
    assert min(wire.gaps) == 0.0


def test_a_muted_lane_sends_nothing_from_its_next_slot_on() -> None:
    wire, schedule = Wire(), Schedule()
    lane = a_lane(wire)
    schedule.add(lane, 0.0)
    turning = Turning(schedule, [wire])
    turning.until(0.1)
    lane.muted = True
    turning.until(0.5)
    assert wire.frames == FRAMES[:5]


def test_a_pause_ends_in_five_silent_frames_and_reads_nothing() -> None:
    wire, schedule = Wire(), Schedule()
    lane = a_lane(wire)
    assert lane.playing
    schedule.add(lane, 0.0)
    turning = Turning(schedule, [wire])
    turning.until(0.1)
    lane.playing.pause()
    turning.until(0.5)
    assert wire.frames == FRAMES[:5] + [SILENCE] * SILENCE_FRAMES
    assert lane.playing.stream.position_ms == 100
    lane.playing.resume()
    turning.until(0.6)
    assert wire.frames[-5:] == FRAMES[5:10]
    assert wire.slots_between.count(1) == len(wire.frames) - 2, "the pause is in the time stamps, once"


def test_an_underrun_is_counted_and_sounds_like_a_short_pause() -> None:
    wire, schedule = Wire(), Schedule()
    stream = FakeStream(FRAMES)
    lane = a_lane(wire, stream)
    schedule.add(lane, 0.0)
    turning = Turning(schedule, [wire])
    turning.until(0.1)
    stream.behind = True
    turning.until(0.3)
    stream.behind = False
    turning.until(0.4)
    assert wire.frames == FRAMES[:5] + [SILENCE] * SILENCE_FRAMES + FRAMES[5:10]
    assert lane.counters.underrun == 10
    assert lane.counters.sent == 10


def test_a_stream_that_ends_is_told_once_and_ends_in_silence() -> None:
    wire, schedule = Wire(), Schedule()
    ended: list[Playing] = []
    lane = Lane(ended.append)
    lane.packets, lane.playing = wire, Playing(FakeStream(FRAMES[:3]), paused=False)
    schedule.add(lane, 0.0)
    Turning(schedule, [wire]).until(0.5)
    assert wire.frames == FRAMES[:3] + [SILENCE] * SILENCE_FRAMES
    assert ended == [lane.playing]


def test_a_lane_without_a_connection_reads_nothing() -> None:
    wire, schedule = Wire(), Schedule()
    lane = a_lane(wire)
    assert lane.playing
    lane.packets = None
    schedule.add(lane, 0.0)
    Turning(schedule, [wire]).until(0.5)
    assert lane.playing.stream.position_ms == 0


def test_what_was_sent_is_counted_once_however_often_its_connection_is_resumed() -> None:
    wires, schedule = [Wire(), Wire()], Schedule()
    lane = a_lane(wires[0])
    schedule.add(lane, 0.0)
    turning = Turning(schedule, wires)
    for carried in (wires[0], wires[0], wires[1], wires[1]):
        lane.packets = None
        before = lane.counters
        lane.packets = carried
        assert lane.counters == before
        turning.until(turning.now + 0.1)
        carried.refuses = True
        turning.until(turning.now + 0.1)
        carried.refuses = False
    lane.packets = None
    assert (lane.counters.sent, lane.counters.refused) == (
        sum(len(wire.frames) for wire in wires),
        sum(wire.refused for wire in wires),
    )


def test_a_datagram_that_the_socket_refuses_is_counted_and_costs_nobody_else_anything() -> None:
    wire, schedule = Wire(), Schedule()
    lane = a_lane(wire)
    schedule.add(lane, 0.0)
    wire.refuses = True
    Turning(schedule, [wire]).until(0.1)
    assert (lane.counters.refused, wire.frames) == (5, [])


class PanicException(BaseException):
    """What a panic in native code is to Python (PyO3)."""


@pytest.mark.parametrize("kind", [RuntimeError, PanicException])
def test_a_playing_that_breaks_is_over_and_the_others_play_on(kind: type[BaseException]) -> None:
    class Broken(FakeStream):
        def run(self) -> Run:
            raise kind("a stream broke its promise")

    wires, schedule = [Wire() for _ in range(3)], Schedule()
    broken = a_lane(wires[0], Broken(FRAMES))
    schedule.add(broken, 0.0)
    for wire in wires[1:]:
        schedule.add(a_lane(wire), 0.0)
    Turning(schedule, wires).until(0.1)
    assert broken.playing
    assert broken.playing.broken
    assert all(wire.frames == FRAMES[:5] for wire in wires[1:])


def test_what_lanes_sent_goes_out_at_the_end_of_each_slot_and_a_slot_that_fails_is_not_the_last() -> None:
    wire, flushed = Wire(), list[int]()

    def flush() -> None:
        flushed.append(len(wire.frames))
        if len(flushed) == 2:
            raise MemoryError

    schedule = Schedule(flush)
    schedule.add(a_lane(wire), 0.0)
    Turning(schedule, [wire]).until(0.1)
    assert flushed == [1, 2, 3, 4, 5]


def test_the_thread_serves_its_lanes_goes_on_after_a_rest_and_ends() -> None:
    wire, over = Wire(), threading.Event()
    lane = Lane(lambda playing: over.set())
    lane.playing = Playing(FakeStream(FRAMES[:5]), paused=False)
    pacer = Pacer()
    pacer.carry(lane, wire)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_SECONDS)
    assert over.wait(5)
    pacer.carry(lane, None)
    pacer.carry(lane, wire)  # after a time without lanes it goes on
    pacer.stop()
    assert wire.frames[:5] == FRAMES[:5]
    assert not [thread for thread in threading.enumerate() if thread.name == "voice pacer"]
    pacer.stop()


class Clogged(Wire):
    """Does not return from sending until it is let."""

    def __init__(self) -> None:
        self.entered, self.let = threading.Event(), threading.Event()
        super().__init__()

    def send(self, frame: bytes) -> None:
        self.entered.set()
        self.let.wait(5)


def test_a_thread_that_hangs_with_lanes_to_serve_says_for_how_long() -> None:
    wire, passed = Clogged(), [0.0]
    lane = Lane(lambda playing: None)
    lane.playing = Playing(FakeStream(FRAMES), paused=False)
    pacer = Pacer(lambda: time.perf_counter() + passed[0])
    assert pacer.stalled_seconds() == 0.0
    passed[0] = 3_600.0
    assert pacer.stalled_seconds() == 0.0, "it has nothing to do"
    pacer.carry(lane, wire)
    assert pacer.stalled_seconds() < 1.0, "it has just been asked"
    assert wire.entered.wait(5)
    passed[0] += 60.0
    assert pacer.stalled_seconds() >= 60.0
    wire.let.set()
    pacer.stop()
