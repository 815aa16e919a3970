"""Plays a track by the port alone, does something to it, and keeps what is heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from tests.matrix.judge import Part, Sound
from tests.matrix.score import HERTZ
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, FRAME_MS, Effect, FrameStream, Gap, Run, TrackSource
from timmybot.ports.track_source import Sound as Wanted

PATIENCE_S: Final = 20.0
CHANGE_S: Final = 8.0
"""To make the first frames of another sound, on a machine that is busy: nobody reads meanwhile."""
_TURN_FRAMES: Final = 5
"""Within 0.1 s a change is heard: that many frames of the old sound may be left."""
_LET_PLAY: Final = 15
"""Frames before something is done: three tenths of a second."""

FRAME_S: Final = FRAME_MS / 1000
HALF_AS_LOUD: Final = Wanted(volume_percent=50)
FASTER: Final = Wanted(speed_percent=125)
NIGHTCORE: Final = Wanted(effect=Effect.NIGHTCORE)


@dataclass(frozen=True)
class Heard:
    """Opus packets, and what should be in them."""

    packets: list[bytes]
    parts: list[Part]


class Player:
    """Plays ``track`` without waiting for slots. Raises :class:`AssertionError` in a sentence when frames stay away."""

    def __init__(self, source: TrackSource, track: Track, seconds: float) -> None:
        self._source = source
        self._track = track
        self._seconds = seconds
        self._opened: list[FrameStream] = []

    def close(self) -> None:
        """Close what was opened; again does no harm."""
        for stream in self._opened:
            stream.close()

    def as_it_is(self) -> Heard:
        stream = self._open()
        return Heard(self._to_its_end(stream), [Part(0.0, 0.0)])

    def volume(self) -> Heard:
        return self._changed(HALF_AS_LOUD)

    def speed(self) -> Heard:
        return self._changed(FASTER)

    def filter(self) -> Heard:
        return self._changed(NIGHTCORE)

    def fade(self) -> Heard:
        stream = self._open()
        packets = frames_of(stream, _LET_PLAY)
        _await_change(stream, stream.fade_out)
        packets += frames_of(stream)
        assert stream.run() is Gap.FADED, "it did not fall silent"
        heard_ms = len(packets) * FRAME_MS
        place_ms = stream.position_ms
        assert abs(place_ms - heard_ms) <= 3 * FRAME_MS, f"paused at {place_ms} ms after {heard_ms} ms"
        stream.fade_in()
        _await(lambda: stream.run() is not Gap.FADED, "it did not come back")
        parts = [Part(0.0, 0.0), Part(heard_ms / 1000, place_ms / 1000)]
        return Heard(packets + self._to_its_end(stream), parts)

    def seek(self) -> Heard:
        place_ms = int(self._seconds * 500)
        stream = self._open(place_ms)
        return Heard(self._to_its_end(stream), [Part(0.0, place_ms / 1000)])

    def restart(self) -> Heard:
        stream = self._open()
        packets = frames_of(stream, _LET_PLAY)
        place_ms = stream.position_ms
        stream.close()
        assert place_ms == _LET_PLAY * FRAME_MS
        again = self._open(place_ms)
        parts = [Part(0.0, 0.0), Part(place_ms / 1000, place_ms / 1000)]
        return Heard(packets + self._to_its_end(again), parts)

    def _changed(self, sound: Wanted) -> Heard:
        stream = self._open()
        packets = frames_of(stream, _LET_PLAY)
        left = _await_change(stream, lambda: stream.set_sound(sound))
        at_s = (len(packets) + left) * FRAME_S
        pitch = sound.rate if sound.effect is not Effect.NONE else 1.0
        parts = [Part(0.0, 0.0), Part(at_s, at_s, sound.rate, pitch, sound.amplitude)]
        return Heard(packets + self._to_its_end(stream), parts)

    def _open(self, position_ms: int = 0) -> FrameStream:
        stream = self._source.open(self._track, position_ms=position_ms, sound=AS_IT_IS)
        self._opened.append(stream)
        return stream

    def _to_its_end(self, stream: FrameStream) -> list[bytes]:
        packets = frames_of(stream)
        gap, failure = stream.run(), stream.failure
        stream.close()
        assert failure is None, f"after {len(packets) * FRAME_MS} ms: {failure}"
        assert gap is Gap.END
        return packets


ACTIONS: Final[dict[str, Callable[[Player], Heard]]] = {
    "as-it-is": Player.as_it_is,
    "volume": Player.volume,
    "speed": Player.speed,
    "filter": Player.filter,
    "fade": Player.fade,
    "seek": Player.seek,
    "restart": Player.restart,
}
"""What is done while a track plays; to measure it is an action of its own."""


def decoded(packets: list[bytes]) -> Sound:
    """As one who listens hears them: by one decoder, both sides."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate = HERTZ
    decoder.layout = "stereo"
    frames = [frame.to_ndarray() for packet in packets for frame in decoder.decode(av.Packet(packet))]
    sound = np.concatenate(frames, axis=1)
    scaled: Sound = sound.astype(np.float32)
    if sound.dtype == np.int16:
        scaled /= np.float32(32_768)
    return np.stack([scaled[0, ::2], scaled[0, 1::2]]) if scaled.shape[0] == 1 else scaled


def resolved(source: TrackSource, url: str) -> Track:
    return asyncio.run(source.resolve(url))


def frames_of(stream: FrameStream, limit: int = 1_000_000) -> list[bytes]:
    """Frames up to ``limit``, or to where there is none any more."""
    frames: list[bytes] = []
    while len(frames) < limit:
        match _next(stream):
            case Run() as run:
                frames.append(run.take())
            case _:
                break
    return frames


def _next(stream: FrameStream) -> Run | Gap:
    """What comes next; frames that are not there yet are waited for."""
    if (run := stream.run()) is Gap.NOT_YET:
        _await(lambda: stream.run() is not Gap.NOT_YET, "no frame and no end")
        run = stream.run()
    return run


def _await_change(stream: FrameStream, change: Callable[[], None]) -> int:
    """Have it changed, and wait until that is 0.1 s ahead. How many frames come before it."""
    _await(lambda: _coming(stream) > _TURN_FRAMES or stream.failure is not None, "its buffer stayed empty")
    assert stream.failure is None, str(stream.failure)
    change()
    _await(lambda: _coming(stream) <= _TURN_FRAMES, "the sound did not change within 0.1 s", CHANGE_S)
    return _coming(stream)


def _coming(stream: FrameStream) -> int:
    """How many frames may be taken without another look."""
    run = stream.run()
    return run.frames if isinstance(run, Run) else 0


def _await(so: Callable[[], bool], complaint: str, patience_s: float = PATIENCE_S) -> None:
    give_up = time.monotonic() + patience_s
    while not so():
        assert time.monotonic() < give_up, complaint
        Event().wait(0.001)
