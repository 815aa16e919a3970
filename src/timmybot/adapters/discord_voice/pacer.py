"""One thread that gives every lane of the process its slot, every 20 ms, on an absolute schedule.

Lanes are served in a row, all in one go. Spread over the 20 ms they would be no better heard, as each keeps its own
20 ms either way, and cost more: each go begins with a sleep, after which the interpreter, the ciphers and the kernel's
tables are read into the caches anew (two goes instead of one: 2 to 3 µs more a frame, of some 15). The schedule is
absolute: a slot served late does not push the next one back.

What is late is not caught up. A slot that is over before it could be served (the thread was stalled for 20 ms or more)
is skipped: nothing is sent for it, the RTP time stamp goes on, and the stream's next frame waits for the next slot.
Frames are thus never lost here and never sent in a burst, which receivers' buffers would drop; the music is behind by
as much as the stall was long.

A process that stood still for long may not be the owner of its guilds any more. So after a stall of a lease's margin
the pacer mutes every lane itself, before it sends another frame, and says so: whoever confirms the right to play lifts
it. (The event loop notices a stall, too, but may come to it after the pacer.)

Limits. The thread shares the interpreter lock. ``sys.setswitchinterval`` is lowered, for the whole process and for
good: by default a busy Python thread keeps the lock for 5 ms after it is wanted, a quarter of a slot; at 0.5 ms, late
frames beside one busy thread went from 0.3-1.1 % to about 0.3 % when we measured.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from timmybot.adapters.discord_voice.batched import best_sender
from timmybot.adapters.discord_voice.lane import Lane
from timmybot.adapters.discord_voice.rtp import PacketStream, Sender

log = logging.getLogger(__name__)

SLOT_SECONDS: Final = 0.020
LATE_SECONDS: Final = 0.005
"""A slot served later than this counts as late: receivers buffer more, but five milliseconds is a stutter begun."""
SWITCH_INTERVAL_SECONDS: Final = 0.0005
LONG_STALL_SECONDS: Final = 2.5
"""``Settings.lease_margin_seconds``, unless told otherwise."""


class Schedule:
    """When lanes are due. Times are monotonic seconds. No thread in it: the pacer turns it, or a test does.

    ``flush`` is called when all lanes have been served.
    """

    def __init__(
        self,
        flush: Callable[[], None] = lambda: None,
        on_long_stall: Callable[[], None] = lambda: None,
        long_stall_seconds: float = LONG_STALL_SECONDS,
    ) -> None:
        self._flush = flush
        self._on_long_stall = on_long_stall
        self._long_stall_seconds = long_stall_seconds
        self._start = 0.0
        self._slots = 0
        """Slots that are over since ``start``."""
        self._lanes: tuple[Lane, ...] = ()

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, lane: Lane, now: float) -> None:
        """The lane's first slot is the next one; if it is the only lane, now."""
        if lane in self._lanes:
            return
        if not self._lanes:
            self._start, self._slots = now, 0
        self._lanes = (*self._lanes, lane)

    def remove(self, lane: Lane) -> None:
        self._lanes = tuple(each for each in self._lanes if each is not lane)

    def seconds_to_next(self, now: float) -> float:
        """How long until the next slot; 0.0 or less if it is due."""
        return self._start + self._slots * SLOT_SECONDS - now

    def serve(self, now: float) -> None:
        """Serve the next slot, which must be due, after skipping those that are over."""
        lateness = now - (self._start + self._slots * SLOT_SECONDS)
        if lateness >= SLOT_SECONDS:
            over = int(lateness / SLOT_SECONDS)
            self._skip(over)
            if lateness >= self._long_stall_seconds:
                self._mute_all()
            lateness -= over * SLOT_SECONDS
        for lane in self._lanes:
            try:
                lane.serve()
            except BaseException:  # one broken lane must not silence the others; a panic in native code is no Exception
                log.exception("a player could not send")
                lane.breaks()
        try:
            self._flush()
        except Exception:  # the next slot is another chance; without this thread there is none
            log.exception("a slot could not be sent")
        if lateness > LATE_SECONDS:
            for lane in self._lanes:
                lane.late()
        self._slots += 1

    def _mute_all(self) -> None:
        for lane in self._lanes:
            lane.muted = True
        self._on_long_stall()

    def _skip(self, slots: int) -> None:
        for lane in self._lanes:
            lane.skip(slots)
        self._slots += slots


class Pacer:
    """Runs a :class:`Schedule` on a thread of its own. ``carry`` and ``stop`` are for one thread, the event loop's.

    ``on_long_stall`` is called on the pacing thread.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.perf_counter,
        *,
        sender: Sender | None = None,
        on_long_stall: Callable[[], None] = lambda: None,
        long_stall_seconds: float = LONG_STALL_SECONDS,
    ) -> None:
        self.sender = sender or best_sender()
        """Makes what lanes send over."""
        self._monotonic = monotonic
        self._schedule = Schedule(self.sender.flush, on_long_stall, long_stall_seconds)
        self._lock = threading.Lock()
        """Guards the schedule's shape; held for a slot at most."""
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.last_turn = self._woken_at = monotonic()
        """When the thread last went round, by the same clock."""

    def carry(self, lane: Lane, packets: PacketStream | None) -> None:
        """Have the lane send over ``packets`` from its next slot on.

        With ``None`` it is not served any more: once this returns, whatever it sent over may be closed.
        """
        with self._lock:
            lane.packets = packets
            if packets is None:
                self._schedule.remove(lane)
                return
            self._schedule.add(lane, self._monotonic())
        if self._thread is None:
            self._start()
        if not self._wake.is_set():
            self._woken_at = self._monotonic()
        self._wake.set()

    def hush(self, lane: Lane) -> None:
        """End the sound of a lane on which nothing plays any more, now: it will have no further slot."""
        with self._lock:
            lane.hush()
            self.sender.flush()

    def stalled_seconds(self) -> float:
        """For how long the thread has not gone round although it has lanes to serve; it may be dead. Never blocks."""
        if not self._wake.is_set():
            return 0.0
        return max(self._monotonic() - max(self.last_turn, self._woken_at), 0.0)

    def stop(self) -> None:
        """End the thread. Waits for it, 20 ms at most."""
        if self._thread is None:
            return
        with self._lock:
            self._stopping = True
        self._wake.set()
        self._thread.join()
        self._thread = None

    def _start(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="voice pacer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        monotonic, schedule, lock = self._monotonic, self._schedule, self._lock
        while not self._stopping:
            self.last_turn = now = monotonic()
            wait = 0.0
            with lock:
                if not len(schedule):
                    if not self._stopping:
                        self._wake.clear()
                elif (wait := schedule.seconds_to_next(now)) <= 0:
                    schedule.serve(now)
                    continue
            if wait > 0:
                time.sleep(wait)
            else:
                self._wake.wait()
