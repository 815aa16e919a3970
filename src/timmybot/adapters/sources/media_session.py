"""The worker's half of one stream in a media child: requests, and the answers to what the child asks meanwhile."""

from __future__ import annotations

import contextlib
import logging
import struct
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import Waiting
from timmybot.adapters.sources.media_load import Load
from timmybot.adapters.sources.media_messages import (
    COUNT,
    LONGEST_READ,
    READ,
    STEP,
    Answer,
    Ask,
    Call,
    ChildGone,
    Opened,
    Packet,
    Reply,
    Run,
    Wire,
    opened_of,
    packed_frames_request,
    packed_pieces,
    packets_of,
    run_of,
    text_of,
    value_of,
)
from timmybot.adapters.sources.ramp import Ramp
from timmybot.adapters.sources.refusal import Refusal, Refused, Unseekable
from timmybot.domain.sound import Loudness, Sound
from timmybot.ports.track_source import TrackError

if TYPE_CHECKING:
    from timmybot.adapters.sources.media_child import MediaChild

log = logging.getLogger(__name__)

T = TypeVar("T")

Pieces = Iterator[tuple[float, bytes]]
_PIECES_LIMIT: Final = 32
SILENT_SECONDS: Final = 60.0
"""How long a request may be in a child's hands, the waits for bytes not counted."""
MEASURE_SECONDS: Final = 300.0
"""How long hearing a track may take in all. Nobody waits for it, but others' tracks do."""
_MOST_READS_BEHIND_THE_END: Final = 1_000
_GRACE_SECONDS: Final = 0.2
"""How long a child takes to be dead once its sockets are closed, at most."""


class MediaChildEnded(Exception):
    """The media child died. ``blamed``: it was working for this stream, and for no other, when it crashed or hung."""

    def __init__(self, number: int, *, blamed: bool, hung: bool = False) -> None:
        """``number`` is that of the stream which learned of it."""
        super().__init__("the media child ended")
        self.number = number
        self.blamed = blamed
        self.hung = hung


class NoChildFree(Exception):
    """No media child can be had now: none can be begun, or the places for suspects are taken. Ask again later."""


class DoubtfulRefusal(Exception):
    """A child that has hardly any memory left refused a file: that may be for want of memory. Ask one that has."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refused = refused


class Tags:
    """What a file says of itself."""

    def __init__(self, title: str, artist: str, duration_ms: int | None) -> None:
        self.title = title
        self.artist = artist
        self.duration_ms = duration_ms


class MediaSession:
    """Used by one thread at a time, but for :meth:`abort`. All requests wait, and raise :class:`TrackError`,
    :class:`MediaChildEnded` and :class:`DoubtfulRefusal`."""

    def __init__(
        self,
        child: MediaChild,
        number: int,
        wire: Wire,
        *,
        file: HttpFile | None,
        waiting: Waiting | None,
        load: Load,
        on_close: Callable[[MediaSession], None],
    ) -> None:
        self.child = child
        self.number = number
        self._wire = wire
        self._file = file
        self._waiting = waiting
        self._load = load
        self._on_close = on_close
        self._pieces: Pieces = iter(())
        self._trouble: TrackError | None = None
        """Why the file could not be read, which the child does not know."""
        self._aborted = False
        self._closed = False
        if file is not None:
            file.on_abort = self.abort
        self._reads_behind_the_end = 0
        self._waited_seconds = 0.0
        self.stays = False
        """Whether it is there for the length of a track."""
        self.silent_seconds = SILENT_SECONDS
        """How long the child may owe an answer."""
        self.awaited_since: float | None = None
        """Since when the child owes something; ``None`` if it does not. Any thread may look."""

    def open(self, position_ms: float, *, seeking: bool) -> Opened:
        """Open the file at ``position_ms``. Raises :class:`Unseekable` if it has to be read from its beginning."""
        body = self._ask(Ask.OPEN, self._about_file({"position_ms": position_ms, "seeking": seeking}), Reply.OPENED)
        return self._understood(opened_of, body)

    def look(self) -> Tags:
        found = self._understood(value_of, self._ask(Ask.LOOK, self._about_file({}), Reply.FOUND))
        duration_ms = found.get("duration_ms")
        title, artist = (str(found.get(name, "")) for name in ("title", "artist"))
        return Tags(title, artist, duration_ms if isinstance(duration_ms, int) else None)

    def measure(self) -> Loudness | None:
        """Takes seconds, at a small share of a core: the rests are the child's."""
        self.silent_seconds = MEASURE_SECONDS
        found = self._understood(value_of, self._ask(Ask.MEASURE, self._about_file({}), Reply.FOUND)).get("loudness")
        if found is None:
            return None
        lufs, peak_db = found
        return Loudness(float(lufs), float(peak_db))

    def transcode(self) -> None:
        """Say that frames are to be made of Opus packets that the worker has."""
        self._ask(Ask.TRANSCODE, b"", Reply.DONE)

    def begin(self, position_ms: float, sound: Sound, ramp: Ramp | None, pieces: Pieces | None = None) -> None:
        """Make frames from ``position_ms`` on; of ``pieces``, which are asked for as they are wanted, if there are."""
        self._pieces = pieces if pieces is not None else iter(())
        self._ask(Ask.FRAMES, packed_frames_request(position_ms, sound, ramp), Reply.DONE)

    def step(self, frames: int) -> Run:
        self._waited_seconds = 0.0
        body = self._ask(Ask.STEP, STEP.pack(frames, self._load.complexity), Reply.RUN)
        run = self._understood(run_of, body)
        if run.frames:
            self._earn()
            self._load.note(self._waited_seconds / len(run.frames))
        return run

    def packets(self, count: int) -> tuple[list[Packet], bool]:
        """The next packets, and whether they are the last."""
        found = self._understood(packets_of, self._ask(Ask.PACKETS, COUNT.pack(count), Reply.PACKETS))
        if found[0]:
            self._earn()
        return found

    def abort(self) -> None:
        """Wake a request that waits. From any thread; never waits."""
        self._aborted = True
        self._wire.shut()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if self._file is not None:
                self._file.on_abort = None
            self._wire.shut()
            self._wire.close()
            self._on_close(self)

    def _about_file(self, more: dict[str, object]) -> bytes:
        assert self._file is not None
        opened = self._file.open()
        return text_of({"size": opened.size, "seekable": self._file.seekable(), **more})

    def _earn(self) -> None:
        if self._file is not None:
            self._file.grant()

    def _ask(self, ask: Ask, body: bytes, expected: Reply) -> bytes:
        say: int = ask
        try:
            while True:
                kind, body = self._exchanged(say, body)
                if kind == expected:
                    return body
                if kind == Call.READ:
                    say, body = self._read(body)
                elif kind == Call.PIECES:
                    say, body = self._give_pieces(body)
                elif kind == Reply.REFUSED:
                    raise self._refused(body)
                else:
                    raise ChildGone(f"message {kind} was not asked for")  # noqa: TRY301
        except ChildGone as gone:
            raise self._ended(gone) from gone

    def _exchanged(self, say: int, body: bytes) -> tuple[int, bytes]:
        """Send and receive, while other steps are at work."""
        with self._not_at_work():
            begun = time.monotonic()
            self.awaited_since = begun
            self.child.on_awaited()
            try:
                self._wire.send(say, body)
                return self._wire.receive()
            finally:
                self.awaited_since = None
                self._waited_seconds += time.monotonic() - begun

    def _not_at_work(self) -> contextlib.AbstractContextManager[None]:
        if self._file is not None:
            return self._file.awaited()
        return self._waiting() if self._waiting is not None else contextlib.nullcontext()

    def _read(self, body: bytes) -> tuple[Answer, bytes]:
        file = self._file
        try:
            place, size, earned = READ.unpack(body)
            if file is None:
                raise ChildGone("a stream without a file is read")
            if earned:
                file.grant()
            if file.tell() != place:
                file.seek(place)
            data = file.read(min(size, LONGEST_READ))
        except struct.error as error:
            raise ChildGone("no place to read at") from error
        except TrackError as trouble:
            self._trouble = trouble
            return Answer.FAILED, b""
        self._reads_behind_the_end = 0 if data else self._reads_behind_the_end + 1
        if self._reads_behind_the_end > _MOST_READS_BEHIND_THE_END:
            raise ChildGone("a file is read behind its end, over and over")
        return Answer.DATA, data

    def _give_pieces(self, body: bytes) -> tuple[Answer, bytes]:
        try:
            (count,) = COUNT.unpack(body)
            pieces = list(islice(self._pieces, min(count, _PIECES_LIMIT)))
        except struct.error as error:
            raise ChildGone("no count of packets") from error
        except TrackError as trouble:
            self._trouble = trouble
            return Answer.FAILED, b""
        return Answer.PIECES, packed_pieces(pieces)

    def _refused(self, body: bytes) -> Exception:
        try:
            refusal = Refusal(value_of(body).get("refusal"))
        except ValueError as error:
            raise ChildGone("a refusal that nobody knows") from error
        if refusal is Refusal.UNSEEKABLE:
            return Unseekable()
        if self._trouble is not None:
            return self._trouble
        refused = Refused(refusal)
        if not self.child.alone and self.child.is_short_of_memory():
            return DoubtfulRefusal(refused)
        return refused

    def _understood(self, read: Callable[[bytes], T], body: bytes) -> T:
        try:
            return read(body)
        except ChildGone as gone:
            raise self._ended(gone) from gone

    def _ended(self, gone: ChildGone) -> Exception:
        if self._aborted:
            return Refused(Refusal.SOURCE_FAILED)
        with self._not_at_work():
            if str(gone):
                log.warning("a media child sent nonsense: %s", gone)
                self.child.kill()
                self.child.verdict()
                return MediaChildEnded(self.number, blamed=True)
            if not self.child.dies_within(_GRACE_SECONDS):
                # It lives, and had no memory for this stream.
                refused = Refused(Refusal.NO_MEMORY)
                return refused if self.child.alone else DoubtfulRefusal(refused)
            verdict = self.child.verdict()
        return MediaChildEnded(self.number, blamed=verdict.stream == self.number, hung=verdict.hung)
