"""A media child's half of a stream on a thread of the test's own process, where a test can put something in its place.

What a test does to a module of the child's reaches no child: that is another process.
"""

from __future__ import annotations

import mmap
import socket
from collections.abc import Callable
from itertools import count
from threading import Thread
from typing import TypeVar, cast

from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.session import Session
from timmybot.adapters.sources.children.media.work import Work
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import Waiting
from timmybot.adapters.sources.media_child import MediaChild, Verdict
from timmybot.adapters.sources.media_mark import MARK_BYTES
from timmybot.adapters.sources.media_messages import Wire
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.media_session import MediaSession

T = TypeVar("T")


class _ChildHere:
    """As much of a :class:`MediaChild` as a stream's half in the worker asks for."""

    alone = False

    def on_awaited(self) -> None:
        pass

    def is_short_of_memory(self) -> bool:
        return False

    def verdict(self) -> Verdict:
        return Verdict(0, hung=False)


class MediaHere(MediaPool):
    """No process is begun. A stream's thread ends when the stream is closed."""

    def __init__(self) -> None:
        super().__init__(spare=False)
        self._work_here = Work(mmap.mmap(-1, MARK_BYTES))
        self._numbers_here = count(1)

    def session(
        self, file: HttpFile | None, waiting: Waiting | None = None, *, alone: bool = False, plays: bool = False
    ) -> MediaSession:
        ours, theirs = socket.socketpair()
        number = next(self._numbers_here)
        session = Session(number, Wire(theirs), self._work_here)
        Thread(target=session.serve, name=f"stream {number}", daemon=True).start()
        return MediaSession(
            *(cast(MediaChild, _ChildHere()), number, Wire(ours)),
            file=file,
            waiting=waiting,
            load=self.load,
            on_close=lambda closed: None,
        )

    def stays(self, session: MediaSession) -> None:
        session.stays = True

    def run(self, file: HttpFile, look: Callable[[MediaSession], T]) -> T:
        session = self.session(file)
        try:
            return look(session)
        finally:
            session.close()


def remote(file: HttpFile) -> RemoteFile:
    """``file`` as a media child has it. What reading raises, comes through."""

    def read(place: int, size: int, earned: int) -> bytes:
        if earned:
            file.grant()
        if file.tell() != place:
            file.seek(place)
        return file.read(size)

    return RemoteFile(read, size=file.open().size, seekable=file.seekable())
