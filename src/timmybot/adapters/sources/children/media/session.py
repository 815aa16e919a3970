"""One stream in the media child: answers the worker's requests, and asks it for bytes and packets meanwhile."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice

from timmybot.adapters.sources.children.media import transcode
from timmybot.adapters.sources.children.media.containers import plain_errors
from timmybot.adapters.sources.children.media.loudness import measure
from timmybot.adapters.sources.children.media.opened_track import OpenedTrack
from timmybot.adapters.sources.children.media.opus_encoder import FULL_COMPLEXITY
from timmybot.adapters.sources.children.media.probe import probe
from timmybot.adapters.sources.children.media.remote_file import RemoteFile
from timmybot.adapters.sources.children.media.work import Work
from timmybot.adapters.sources.media_messages import (
    COUNT,
    LONGEST_BODY,
    READ,
    STEP,
    Answer,
    Ask,
    Call,
    ChildGone,
    Reply,
    Run,
    Wire,
    frames_request,
    packed_opened,
    packed_packets,
    packed_run,
    pieces_of,
    text_of,
    value_of,
)
from timmybot.adapters.sources.refusal import Refusal, Refused, Unseekable

_PIECES = 25
"""How many Opus packets are asked for at a time."""

_REST_SECONDS = 0.5

_Message = tuple[Reply, bytes]


class Session:
    """Stream ``number``, served by a thread of its own for as long as its socket is open."""

    def __init__(self, number: int, wire: Wire, work: Work) -> None:
        self._number = number
        self._wire = wire
        self._work = work
        self._track: OpenedTrack | None = None
        self._frames: Iterator[bytes] = iter(())
        self._pending: Refused | None = None
        """What happened behind frames that were sent: told at the next request."""
        self._complexity = FULL_COMPLEXITY
        self._handlers: dict[int, Callable[[bytes], _Message]] = {
            Ask.OPEN: self._open,
            Ask.LOOK: self._look,
            Ask.MEASURE: self._measure,
            Ask.TRANSCODE: lambda body: (Reply.DONE, b""),
            Ask.FRAMES: self._begin_frames,
            Ask.STEP: self._step,
            Ask.PACKETS: self._packets,
        }

    def serve(self) -> None:
        try:
            while True:
                kind, body = self._wire.receive()
                with self._work.of(self._number):
                    reply, answer = self._replied(kind, body)
                if len(answer) > LONGEST_BODY:
                    reply, answer = _refusal(Refusal.TOO_COSTLY)
                self._wire.send(reply, answer)
        except ChildGone:
            pass  # the worker is done with this stream, or gone
        finally:
            with self._work.of(self._number):
                self._frames = iter(())
                if self._track is not None:
                    self._track.close()
                    self._track = None  # freed here, where the stream is marked
            self._wire.close()

    def _replied(self, kind: int, body: bytes) -> _Message:
        try:
            with plain_errors():
                return self._handlers[kind](body)
        except Refused as refused:
            return _refusal(refused.refusal)
        except Unseekable:
            return _refusal(Refusal.UNSEEKABLE)
        except MemoryError:
            return _refusal(Refusal.NO_MEMORY)
        except ChildGone:
            raise
        except Exception:  # whatever a file does to us, its member is answered
            traceback.print_exc(file=sys.stderr)
            return _refusal(Refusal.OUR_FAULT)

    # Requests

    def _open(self, body: bytes) -> _Message:
        value = value_of(body)
        self._track = OpenedTrack(self._file(value), value["position_ms"], seeking=value["seeking"])
        return Reply.OPENED, packed_opened(self._track.told)

    def _look(self, body: bytes) -> _Message:
        return Reply.FOUND, text_of(asdict(probe(self._file(value_of(body)))))

    def _measure(self, body: bytes) -> _Message:
        loudness = measure(self._file(value_of(body)), rest=self._rest)
        return Reply.FOUND, text_of({"loudness": loudness and [loudness.lufs, loudness.peak_db]})

    def _begin_frames(self, body: bytes) -> _Message:
        position_ms, sound, ramp = frames_request(body)
        self._pending = None
        if self._track is not None:
            self._frames = self._track.frames(position_ms, sound, ramp, self._now_complex)
        else:
            decoded = transcode.opus_decoded(self._pieces())
            self._frames = transcode.frames(decoded, position_ms, sound, ramp, self._now_complex)
        return Reply.DONE, b""

    def _step(self, body: bytes) -> _Message:
        count, self._complexity = STEP.unpack(body)
        if self._pending is not None:
            raise self._pending
        frames: list[bytes] = []
        try:
            for frame in islice(self._frames, count):
                frames.append(frame)
                self._work.got_on(self._number)
        except Refused as refused:
            if not frames:
                raise
            self._pending = refused
        over = len(frames) < count and self._pending is None
        begins_ms = 0.0 if self._track is None else self._track.begins_ms
        return Reply.RUN, packed_run(Run(frames, over, begins_ms))

    def _packets(self, body: bytes) -> _Message:
        assert self._track is not None
        (count,) = COUNT.unpack(body)
        packets = self._track.packets(count)
        return Reply.PACKETS, packed_packets(packets, over=len(packets) < count)

    # Calls to the worker

    def _file(self, value: dict[str, object]) -> RemoteFile:
        size = value["size"]
        assert size is None or isinstance(size, int)
        return RemoteFile(self._read, size=size, seekable=bool(value["seekable"]))

    def _read(self, place: int, size: int, earned: int) -> bytes | None:
        kind, body = self._call(Call.READ, READ.pack(place, size, earned))
        return body if kind == Answer.DATA else None

    def _pieces(self) -> Iterator[tuple[float, bytes]]:
        while True:
            kind, body = self._call(Call.PIECES, COUNT.pack(_PIECES))
            if kind != Answer.PIECES:
                raise Refused(Refusal.SOURCE_FAILED)
            pieces = pieces_of(body)
            if not pieces:
                return
            yield from pieces

    def _call(self, call: Call, body: bytes) -> tuple[int, bytes]:
        with self._work.paused(self._number):
            self._wire.send(call, body)
            return self._wire.receive()

    def _rest(self, seconds: float) -> None:
        """In pieces: whoever looks whether this process stands still shall see that it does not."""
        with self._work.paused(self._number):
            while seconds > 0:
                time.sleep(min(seconds, _REST_SECONDS))
                seconds -= _REST_SECONDS
                self._work.got_on(0)

    def _now_complex(self) -> int:
        return self._complexity


def _refusal(refusal: Refusal) -> _Message:
    return Reply.REFUSED, text_of({"refusal": refusal.value})
