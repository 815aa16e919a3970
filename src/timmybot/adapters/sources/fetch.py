"""A file over HTTP that FFmpeg can read and seek in, so that FFmpeg itself never opens a connection."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence

from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.allowance import Allowance
from timmybot.adapters.sources.answers import Opened
from timmybot.adapters.sources.content import MOST_SKIPPED_BYTES, PAUSES, Content
from timmybot.adapters.sources.filling import Waiting
from timmybot.ports.track_source import TrackError

REREAD_BYTES = MOST_SKIPPED_BYTES
"""Up to this size a file is sought in although its server gives no parts: from its beginning again, skipping."""


class HttpFile(io.RawIOBase):
    """A read-only file over HTTP. Not for two threads at once, but for :meth:`abort`, which any thread may call.

    A connection that breaks is taken up where it broke. Reading and opening raise :class:`TrackError`, in a
    sentence for the member.
    """

    def __init__(
        self, url: str, policy: AddressPolicy, waiting: Waiting | None = None, *, pauses: Sequence[float] = PAUSES
    ) -> None:
        """``waiting`` is told when this thread waits for the network. ``pauses``, in seconds, precede its attempts to
        go on after a break."""
        super().__init__()
        self._content = Content(url, policy, self._skipped, pauses)
        self._waiting = waiting
        self.on_abort: Callable[[], None] | None = None
        """Called by :meth:`abort`, on its thread: for who waits for something else meanwhile."""
        self._awaiting = False
        self._position = 0
        self._over = False
        self._allowance = Allowance(times=2)

    @property
    def host(self) -> str:
        """The host of the URL that was given."""
        return self._content.host

    @property
    def received(self) -> int:
        """How many bytes have come so far, those that were skipped too. Any thread may look."""
        return self._content.received

    def open(self) -> Opened:
        """Connect, if not connected yet, and say what the server said."""
        if self._content.opened is not None:
            return self._content.opened
        with self.awaited():
            return self._content.open()

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Inside, this thread is not at work: others may be."""
        if self._waiting is None or self._awaiting:
            yield
            return
        self._awaiting = True
        try:
            with self._waiting():
                yield
        finally:
            self._awaiting = False

    def begin_anew(self) -> None:
        """Go back to the beginning, as if nothing had been read or gone wrong."""
        self._over = False
        self._allowance = Allowance(times=2)
        self._position = 0

    def rest(self) -> None:
        """Let the connection go until more is asked for."""
        self._content.rest()

    # io.RawIOBase, as far as PyAV asks for it

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        """Whether going back is affordable: by asking for a part, or by reading a small file again."""
        opened = self.open()
        return opened.size is not None and (opened.ranges or opened.size <= REREAD_BYTES)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Only notes the place: the connection follows at the next read."""
        size = self.open().size
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            if size is None:
                raise OSError("the size is not known")
            offset += size
        self._position = max(offset, 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, at least one; none at the end of the file. After an error, none."""
        if self._over:
            return b""
        self._allowance.at_work()
        try:
            data = self._read(size if size > 0 else 64 * 1024)
            self._allowance.spend(len(data), self._position)
        except TrackError:
            self._over = True  # FFmpeg tries again and would have the same error many times over
            raise
        finally:
            self._allowance.off_work()  # the child counts what it computes; threads here work for many files
        return data

    def grant(self) -> None:
        """Sound came out of what was read: allow as much again."""
        self._allowance.earn()

    def in_a_row(self, most: int | None) -> None:
        """From here on allow ``most`` bytes to be read in a row without sound: ``None`` for any number."""
        self._allowance.in_a_row(most)

    def abort(self) -> None:
        """Have whatever waits on the network stop waiting, now and for good. From any thread; never waits."""
        self._content.abort()
        if self.on_abort is not None:
            self.on_abort()

    def close(self) -> None:
        self._content.close()
        super().close()

    def _read(self, wanted: int) -> bytes:
        size = self.open().size
        if size is not None and self._position >= size:
            return b""
        with self.awaited():
            data = self._content.read(self._position, wanted)
        self._position += len(data)
        if not data:
            self._over = True  # a body without a length ends where the server ends it
        return data

    def _skipped(self, place: int) -> None:
        self._allowance.spend(0, place)
