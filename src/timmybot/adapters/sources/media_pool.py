"""The few media children: which stream works where, and what follows when one dies.

One child serves everything until a stream stays in it; from then on another stands by, which looks at links meanwhile
and takes over when the first dies. A suspect, a track that brought a child down, gets a child of its own.

One thread keeps them. The system ends a child when the thread ends that began it, so only this thread begins any.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from timmybot.adapters.sources.children.ready import READY, UNCONFINED
from timmybot.adapters.sources.cpu_quota import CpuQuota
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import Waiting
from timmybot.adapters.sources.media_child import BEGIN_SECONDS, COMMAND, MediaChild
from timmybot.adapters.sources.media_load import Load
from timmybot.adapters.sources.media_messages import Wire
from timmybot.adapters.sources.media_session import DoubtfulRefusal, MediaChildEnded, MediaSession, NoChildFree
from timmybot.adapters.sources.refusal import Refusal, Refused
from timmybot.adapters.sources.slow_start import AWAITED_TURN_SECONDS, TURN_SECONDS, SlowStart

log = logging.getLogger(__name__)

T = TypeVar("T")

STREAMS_A_CHILD: Final = 20
"""A child works for one stream at a time: this many take a quarter of a core."""
MOST_CHILDREN: Final = 8
MOST_ALONE: Final = 2
"""How many suspects may have a child of their own at the same time. Further ones wait."""
RESERVE_BYTES: Final = 400 * 1024**2
"""Where the process may have less memory than this, none stands by."""
PLACE_SECONDS: Final = 10.0
"""How long a stream waits for a child: a quarter of a second on a quiet machine, if one has to be begun."""
ALONE_SECONDS: Final = 3.0
"""The same for one of its own."""
IDLE_SECONDS: Final = 30.0
"""How long a child without streams stays when another stands by. A used one keeps some 15 MiB."""
LOOK_SECONDS: Final = 0.1
_AWAKE_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 8.0
"""How long after a child that could not begin another is begun: doubled from ``_AGAIN_SECONDS`` up to this."""
_CLOSE_SECONDS: Final = 10.0
_RETRIES: Final = 4
"""How often a look is asked of another child when one dies, before the file is given up."""


class MediaPool:
    """From any thread. ``begun`` counts the children that there were."""

    def __init__(
        self,
        *,
        spare: bool | None = None,
        most: int = MOST_CHILDREN,
        command: tuple[str, ...] = COMMAND,
        place_seconds: float = PLACE_SECONDS,
    ) -> None:
        """``spare``: whether one stands by; by default, where there is memory for it. ``command`` begins a child, for
        which a stream waits ``place_seconds``."""
        self._command = command
        self._place_seconds = place_seconds
        self.load = Load()
        self.begun = 0
        self._spare = _has_memory_for_a_spare() if spare is None else spare
        self._most = most
        self._children: list[MediaChild] = []
        self._sessions: set[MediaSession] = set()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wanted = 0
        """How many children are to be begun."""
        self._wanted_alone = 0
        self._failures = 0
        self._begin_after = 0.0
        self._quota = CpuQuota()
        self._slow_start = SlowStart()
        self._numbers = 0
        self._closed = False
        self._keeper: threading.Thread | None = None
        self._asleep = False
        self._awaited_at = 0.0
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)

    @property
    def pids(self) -> list[int]:
        """Of the children that live."""
        with self._lock:
            return [child.pid for child in self._children if not child.ended]

    @property
    def children(self) -> list[MediaChild]:
        """A copy."""
        with self._lock:
            return list(self._children)

    def warm(self) -> None:
        """Have a child begin, so that the first link need not wait for it. Never waits."""
        with self._lock:
            if not self._children and not self._wanted and not self._closed:
                self._want()

    def session(
        self, file: HttpFile | None, waiting: Waiting | None = None, *, alone: bool = False, plays: bool = False
    ) -> MediaSession:
        """A stream of its own in a child; close it. Waits for a child. Raises :class:`NoChildFree`.

        ``alone``: no other stream may be in that child. ``plays``: frames are waited for; else a link is looked at.
        """
        if file is not None:
            with file.awaited():
                return self._session(file, waiting, alone=alone, plays=plays)
        if waiting is not None:
            with waiting():
                return self._session(file, waiting, alone=alone, plays=plays)
        return self._session(file, waiting, alone=alone, plays=plays)

    def _any_session(self, file: HttpFile) -> MediaSession:
        try:
            return self.session(file)
        except NoChildFree:
            raise Refused(Refusal.OUR_FAULT) from None

    def stays(self, session: MediaSession) -> None:
        """``session`` is there for the length of a track."""
        with self._lock:
            session.stays = True
            session.child.stays += 1
            self._stand_by()

    def run(self, file: HttpFile, look: Callable[[MediaSession], T]) -> T:
        """What ``look`` makes of ``file``, in another child if one dies meanwhile. Raises :class:`TrackError`."""
        alone = False
        for retry in range(_RETRIES):
            try:
                session = self.session(file, alone=alone)
            except NoChildFree:
                if not alone:
                    raise Refused(Refusal.OUR_FAULT) from None
                session = self._any_session(file)
            try:
                return look(session)
            except MediaChildEnded as ended:
                if ended.hung and ended.blamed:
                    raise Refused(Refusal.TOO_COSTLY) from None
                if ended.blamed and alone:
                    log.warning("a file brought down the process that looked at it, twice")
                    raise Refused(Refusal.CRASHED_LOOK) from None
                alone = alone or ended.blamed or retry > 0
            except DoubtfulRefusal as doubtful:
                alone = True
                log.info("a child short of memory refused a file: %s", doubtful)
            finally:
                session.close()
            file.begin_anew()
        raise Refused(Refusal.CRASHED_LOOK)

    def close(self) -> None:
        """End the children. Streams that are still open get no more frames."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            keeper = self._keeper
        self._poke()
        if keeper is not None:
            keeper.join(_CLOSE_SECONDS)
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.abort()
            if session.awaited_since is None:  # else whoever uses it closes it
                session.close()
        self._wake.close()
        self._woken.close()
        self._quota.close()

    # Placing streams

    def _session(self, file: HttpFile | None, waiting: Waiting | None, *, alone: bool, plays: bool) -> MediaSession:
        while True:
            child, number = self._place(alone=alone, plays=plays)
            ours, theirs = socket.socketpair()
            session = MediaSession(
                *(child, number, Wire(ours)),
                file=file,
                waiting=waiting,
                load=self.load,
                on_close=self._on_close,
            )
            with self._lock:
                child.sessions[number] = session
                self._sessions.add(session)
            try:
                child.hand_over(number, theirs)
            except OSError:  # it died just now, or takes no more
                session.close()
                child.ended = True
                child.kill()
                self._poke()
                continue
            finally:
                theirs.close()
            return session

    def _place(self, *, alone: bool, plays: bool) -> tuple[MediaChild, int]:
        with self._changed:
            begun_at = time.monotonic()
            while True:
                if self._closed:
                    raise Refused(Refusal.STOPPING)
                child = self._free(alone=alone, plays=plays)
                if child is not None:
                    self._numbers = self._numbers % 0xFFFFFFFF + 1
                    child.reserved = True
                    return child, self._numbers
                now = time.monotonic()
                if self._may_begin(alone=alone) and not self._begins_one(alone=alone) and now >= self._begin_after:
                    self._want(alone=alone)
                if now - begun_at > (ALONE_SECONDS if alone else self._place_seconds):
                    log.warning("no media child is free%s", " for a suspect" if alone else "")
                    raise NoChildFree
                self._changed.wait(_AGAIN_SECONDS)

    def _free(self, *, alone: bool, plays: bool) -> MediaChild | None:
        ready = [child for child in self._children if child.ready and not child.ended and child.alone == alone]
        ready = [child for child in ready if not child.works_for_nobody]
        if alone:
            return next((child for child in ready if not child.reserved), None)
        if not ready:
            return None
        playing = [child for child in ready if child.stays and len(child.sessions) < STREAMS_A_CHILD]
        standing_by = [child for child in ready if not child.stays and len(child.sessions) < STREAMS_A_CHILD]
        preferred = (playing, standing_by) if plays else (standing_by, playing)
        for group in preferred:
            if group:
                return min(group, key=lambda child: len(child.sessions))
        if self._may_begin(alone=False):
            return None
        return min(ready, key=lambda child: len(child.sessions))

    def _begins_one(self, *, alone: bool = False) -> bool:
        """Whether a child of this kind is on its way."""
        wanted = self._wanted_alone if alone else self._wanted
        return wanted > 0 or any(child.alone == alone and not (child.ready or child.ended) for child in self._children)

    def _may_begin(self, *, alone: bool) -> bool:
        if alone:
            doubtful = sum(child.alone and not child.is_cleared for child in self._children) + self._wanted_alone
            return doubtful < MOST_ALONE and sum(child.alone for child in self._children) < self._most
        return sum(not child.alone for child in self._children) + self._wanted < self._most

    def _stand_by(self) -> None:
        """Have one child without streams that stay, if there is memory for it."""
        living = [child for child in self._children if not child.ended and not child.alone]
        idle = any(not child.stays for child in living)
        if self._spare and not idle and not self._begins_one() and self._may_begin(alone=False):
            self._want()

    def _want(self, *, alone: bool = False) -> None:
        if alone:
            self._wanted_alone += 1
        else:
            self._wanted += 1
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._keep, name="media children", daemon=True)
            self._keeper.start()
        self._poke()

    def _on_close(self, session: MediaSession) -> None:
        child = session.child
        with self._changed:
            self._sessions.discard(session)
            child.sessions.pop(session.number, None)
            child.stays -= session.stays
            if not child.sessions:
                child.idle_since = time.monotonic()
            if child.alone:
                child.retire()
            self._changed.notify_all()
        self._poke()

    # The keeper

    def _awaited(self) -> None:
        """A stream waits for a child: from now on look whether that one hangs."""
        self._awaited_at = time.monotonic()
        if self._asleep:
            self._poke()

    def _poke(self) -> None:
        with suppress(OSError):
            self._wake.send(b"!")

    def _keep(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._closed:
                try:
                    self._keep_once(selector)
                except Exception:
                    log.exception("keeping the media children failed")
                    time.sleep(LOOK_SECONDS)
            for child in self.children:
                selector.unregister(child.control)
                child.kill()
                child.reap()
        with self._changed:
            self._children.clear()
            self._changed.notify_all()

    def _keep_once(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(self._nap()):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._woken.recv(4_096)
            else:
                self._hear(selector, key.data)
        self._begin_wanted(selector)
        self._tell_siblings()
        self._let_beginners_run()
        for child in self.children:
            if child.ready:
                child.look_for_hang()
                child.look_for_silence()
            elif time.monotonic() - child.begun_at > BEGIN_SECONDS:
                log.warning("a media child does not begin: it is ended")
                child.kill()
        self._retire_idle()

    def _nap(self) -> float | None:
        """How long nothing has to be looked at, in seconds."""
        self._asleep = time.monotonic() - self._awaited_at > _AWAKE_SECONDS
        if self._unhurried():
            return self._slow_start.seconds_to_turn()
        if not self._asleep or any(self._has_to_be_watched(child) for child in self.children):
            return LOOK_SECONDS
        return IDLE_SECONDS if len(self._children) > 1 else None

    def _has_to_be_watched(self, child: MediaChild) -> bool:
        return not child.ready or child.at_work != 0 or child.is_awaited

    def _tell_siblings(self) -> None:
        living = [child for child in self.children if not child.ended]
        for child in living:
            child.tell_siblings([each.pid for each in living if each is not child])

    def _unhurried(self) -> list[MediaChild]:
        """Children that are begun where there is a quota of CPU, and others play for whom it is to last."""
        beginning = [child for child in self.children if not (child.ready or child.ended)]
        if not beginning or not any(child.ready and not child.alone for child in self.children):
            return []
        return beginning if self._quota.cores() is not None else []

    def _let_beginners_run(self) -> None:
        beginning = self._unhurried()
        is_awaited = any(child.alone for child in beginning)
        self._slow_start.let_run(beginning, AWAITED_TURN_SECONDS if is_awaited else TURN_SECONDS)
        for child in self.children:
            if child.stands_still and child not in beginning:
                child.go_on()

    def _hear(self, selector: selectors.BaseSelector, child: MediaChild) -> None:
        """The child is ready, or dead."""
        try:
            said = child.control.recv(1)
        except OSError:
            said = b""
        if said and (child.ready or said not in (READY, UNCONFINED)):
            log.warning("a media child says what it must not: it is ended")
            child.kill()
            said = b""
        if said:
            if said == UNCONFINED:
                _say_once_that_nothing_confines()
            child.begin_serving()
            with self._changed:
                self._failures = 0
                self._changed.notify_all()
            return
        selector.unregister(child.control)
        child.reap()
        with self._changed:
            self._children.remove(child)
            if not child.ready:
                self._note_failure()
            self._stand_by()
            self._changed.notify_all()

    def _note_failure(self) -> None:
        """A child could not begin: the next one may after an ever longer while."""
        self._begin_after = time.monotonic() + min(_AGAIN_SECONDS * 2**self._failures, _LONGEST_SECONDS)
        self._failures += 1
        self._changed.notify_all()

    def _begin_wanted(self, selector: selectors.BaseSelector) -> None:
        while True:
            with self._lock:
                alone = self._wanted_alone > 0
                if not alone and not self._wanted:
                    return
            child = self._begun(alone=alone)
            if child is not None:
                selector.register(child.control, selectors.EVENT_READ, child)
            with self._changed:
                # Counted as wanted until it is among the children, else whoever comes meanwhile asks for another.
                if alone:
                    self._wanted_alone -= 1
                else:
                    self._wanted -= 1
                if child is not None:
                    self.begun += 1
                    self._children.append(child)
                else:
                    self._note_failure()

    def _begun(self, *, alone: bool) -> MediaChild | None:
        try:
            return MediaChild(self._command, self._awaited, alone=alone)
        except Exception:
            log.exception("a media child could not be begun")
            return None

    def _retire_idle(self) -> None:
        """Of children without streams, all but one go after a while."""
        now = time.monotonic()
        with self._lock:
            idle = [
                child
                for child in self._children
                if child.ready and not child.sessions and not child.ended and not child.alone
            ]
            idle.sort(key=lambda child: child.idle_since)
            for child in idle[:-1]:
                if now - child.idle_since > IDLE_SECONDS:
                    child.retire()


_said_that_nothing_confines = threading.Event()


def _say_once_that_nothing_confines() -> None:
    if not _said_that_nothing_confines.is_set():
        _said_that_nothing_confines.set()
        log.warning("media children run without seccomp or a bound on their memory: this system has none")


def _has_memory_for_a_spare() -> bool:
    limits = []
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            limits.append(int(Path(path).read_text(encoding="ascii")))
    with suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return not limits or min(limits) >= RESERVE_BYTES
