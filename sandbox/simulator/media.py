"""Media children on virtual time: the processes that decode for a worker's streams, which die, or stand still.

A worker's streams share one child. What is decoded ahead is heard meanwhile, and another child goes on from there.
Shipped are: who is blamed for a child's death, how one that stands still is found, and where a stream goes on. Modelled
are: the processes, how long another takes to go on, and what buffers hold.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from random import Random
from typing import Any, cast

from sandbox.simulator.noted import CHILD_HUNG, WENT_ON_ELSEWHERE
from sandbox.simulator.record import Record
from sandbox.simulator.virtual_time import Process, VirtualLoop
from timmybot.adapters.sources.media_child import MediaChild
from timmybot.adapters.sources.media_mark import MARK, MARK_BYTES
from timmybot.adapters.sources.media_messages import ChildGone
from timmybot.adapters.sources.media_pool import LOOK_SECONDS
from timmybot.adapters.sources.media_session import MediaSession
from timmybot.adapters.sources.playback import Playback
from timmybot.adapters.sources.reel import Reel
from timmybot.domain.sound import Sound
from timmybot.ports.track_source import FRAME_MS, TrackError

BUFFERED_SECONDS, REFILLED_SECONDS = 5.0, 1.0
"""What a buffer holds when it is full, and by how much it falls before more is asked for."""
TAKES_OVER_SECONDS = (0.2, 1.8)
"""How long a child's streams take to go on in another. Source: measured, of 10 streams and of 20 on a quarter core."""


class Wire:
    """Where a socket would be."""

    def shut(self) -> None: ...

    def close(self) -> None: ...


class SimulatedChild(MediaChild):
    """The shipped record of a child, without a process."""

    def __init__(self, killed: Callable[[SimulatedChild], None]) -> None:
        self.alone = self.ended = self.hangs = self.is_looked_at = False
        self.ready = False
        self.sessions = {}
        self.pid = 0
        self._killed = killed
        self._memory = bytearray(MARK_BYTES)  # type: ignore[assignment]  # shared with nobody
        self._process = self  # type: ignore[assignment]  # asked only how it ended
        self._lock = threading.Lock()
        self._verdict = self._hung_stream = self._look = None
        self.code = 0

    def works_for(self, stream: int) -> None:
        MARK.pack_into(self._memory, 0, stream, 1)

    def wait(self, timeout: float | None = None) -> int:
        return self.code

    def cpu_seconds(self) -> float:
        return 0.0

    def kill(self) -> None:
        self.die(signal.SIGKILL)

    def die(self, how: signal.Signals) -> None:
        if not self.ended:
            self.code = -how
            self.ended = True
            self._killed(self)


class MediaChildren:
    """Of one worker's process."""

    def __init__(self, loop: VirtualLoop, random: Random, record: Record, process: Process) -> None:
        self._loop = loop
        self._random = random
        self._record = record
        self._process = process
        self.feeds: list[Feed] = []
        self.child = SimulatedChild(self._is_dead)
        self.child.ready = True
        self._numbers = 0

    def die(self, how: signal.Signals, *, at_work: bool) -> None:
        """A child that is killed from outside may be at work; one that crashes by nobody's fault is not."""
        child = self.child
        if not child.ready or child.hangs:
            return
        child.works_for(next(iter(child.sessions), 0) if at_work else 0)
        self._record.child_ends.append((self._loop.now, self._process))
        for feed in list(self.feeds):
            feed.starves(BUFFERED_SECONDS - self._random.uniform(0.0, REFILLED_SECONDS))
        child.die(how)

    def hang(self) -> None:
        child = self.child
        if not child.ready or child.hangs or not self.feeds:
            return
        child.hangs = True
        self._record.child_ends.append((self._loop.now, self._process))
        fallen = self._random.uniform(0.0, REFILLED_SECONDS)
        for feed in list(self.feeds):
            feed.starves(BUFFERED_SECONDS - fallen)
        self._loop.after(REFILLED_SECONDS - fallen, lambda: self._await(child))

    def session(self) -> MediaSession:
        self._numbers += 1
        session = MediaSession(
            *(self.child, self._numbers, cast("Any", Wire())),
            file=None,
            waiting=None,
            load=cast("Any", None),
            on_close=self._close,
        )
        self.child.sessions[session.number] = session
        if self.child.hangs:
            session.awaited_since = self._loop.now
            self._begin_to_look(self.child)  # as the worker does from the moment in which somebody waits
        return session

    @staticmethod
    def _close(session: MediaSession) -> None:
        session.child.sessions.pop(session.number, None)

    def _await(self, child: SimulatedChild) -> None:
        """Its streams ask for more. From then on, the worker looks whether it hangs."""
        for session in child.sessions.values():
            session.awaited_since = self._loop.now
        self._begin_to_look(child)

    def _begin_to_look(self, child: SimulatedChild) -> None:
        if not child.is_looked_at:
            child.is_looked_at = True
            self._look(child)

    def _look(self, child: SimulatedChild) -> None:
        if child.ended or self._process.dead:
            return
        if self._process.running:
            child.look_for_hang()
        if not child.ended:
            self._loop.after(LOOK_SECONDS, lambda: self._look(child))

    def _is_dead(self, child: SimulatedChild) -> None:
        if child.hangs:
            self._record.tally[CHILD_HUNG] += 1
        self.child = SimulatedChild(self._is_dead)
        for feed in list(self.feeds):
            feed.loses_child()
        self._loop.after(self._random.uniform(*TAKES_OVER_SECONDS), lambda: self._takes_over(self.child))

    def _takes_over(self, child: SimulatedChild) -> None:
        child.ready = True
        for feed in list(self.feeds):
            if feed.failure is None:
                self._record.tally[WENT_ON_ELSEWHERE] += 1
                feed.is_fed()


class _Reel:
    """A track opened in a child. It gives what it is told to have made, and ends as its child does."""

    begins_ms = 0.0

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._session = feed.children.session()

    def frames(self, position_ms: float, sound: Sound, ramp: object) -> Iterator[Sequence[bytes]]:
        self._feed.place_ms = position_ms
        yield ()
        yield cast("Sequence[bytes]", range(self._feed.made))
        raise self._session._ended(ChildGone())

    def close(self) -> None:
        self._session.close()


class _Playback(Playback):
    """The shipped one, which decides what a stream does when its child dies."""

    def __init__(self, url: str, feed: Feed) -> None:
        super().__init__(url, cast("Any", None), cast("Any", None))
        self._feed = feed

    def _opened(self, position_ms: float) -> Reel:
        return cast("Reel", _Reel(self._feed))


class Feed:
    """What keeps one player's buffer full. ``place`` says where the player is; ``on_change`` is called when the buffer
    begins to run dry, and when it is filled again."""

    def __init__(
        self, children: MediaChildren, url: str, place: Callable[[], float], sound: Sound, on_change: Callable[[], None]
    ) -> None:
        self.children = children
        self.made = 0
        """Frames since it was opened last."""
        self.place_ms = place()
        """Where it was opened last, and goes on when what was buffered has been heard."""
        self.dry_ms: float | None = None
        """Where what is buffered ends; ``None`` as long as more is made."""
        self.fed = True
        self.failure: TrackError | None = None
        self._place = place
        self._rate = sound.rate
        self._on_change = on_change
        self._frames: Generator[Sequence[bytes] | None, None, None] = _Playback(url, self).frames(self.place_ms, sound)
        next(self._frames)
        children.feeds.append(self)
        self._begins_late = not children.child.ready or children.child.hangs
        """Whether nothing is made yet: its sound begins where the player is by then, as ``BufferedStream`` has it."""
        if self._begins_late:
            self.fed, self.dry_ms = False, self.place_ms

    def takes_over(self, before: Feed) -> None:
        """It is the same track in another sound. What is buffered of the old one is heard until there is more.

        The player counts its place at the new rate meanwhile, so that what is left is so long a time at that rate.
        """
        if not self.fed:
            left_seconds = BUFFERED_SECONDS - REFILLED_SECONDS
            if before.dry_ms is not None:
                left_seconds = max(0.0, before.dry_ms - self.place_ms) / 1000 / before._rate
            self.dry_ms = self.place_ms + left_seconds * 1000 * self._rate

    def starves(self, seconds: float) -> None:
        """For so long there is sound yet."""
        if self.fed:
            self.fed, self.dry_ms = False, self._place() + seconds * 1000 * self._rate
            self._on_change()

    def loses_child(self) -> None:
        """Go on from where the buffer ends, or fail: as the shipped code has it."""
        if self.failure is not None:
            return
        assert self.dry_ms is not None
        made_ms = 0.0 if self._begins_late else self.dry_ms - self.place_ms
        self.made = max(0, int(made_ms / (FRAME_MS * self._rate)))
        try:
            next(self._frames)
            next(self._frames)
        except TrackError as failure:
            self.failure = failure

    def is_fed(self) -> None:
        self.fed = True
        if self._begins_late:
            self._begins_late, self.place_ms, self.dry_ms = False, self._place(), None
        self._on_change()

    def close(self) -> None:
        if self in self.children.feeds:
            self.children.feeds.remove(self)
        self._frames.close()
