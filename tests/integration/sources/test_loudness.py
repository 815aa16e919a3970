"""How loud a track is, and how loud it is after the correction."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from tests.integration.sources.hearing import decode, drain, tone
from tests.integration.sources.media_server import MediaServer, content, endless
from tests.integration.sources.test_playing import encoded
from timmybot.adapters.sources import HttpTrackSource
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.loudness import measure
from timmybot.domain.track import Track
from timmybot.ports.track_source import Loudness, Sound


def measured(server: MediaServer, data: bytes) -> tuple[Loudness | None, float]:
    """Without resting, and how many seconds of resting were asked for."""
    asked: list[float] = []
    file = HttpFile(server.serve("/track", content(data)), AddressPolicy(server.allowed))
    try:
        return measure(file, rest=asked.append), sum(asked)
    finally:
        file.close()


def flac(pcm: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> bytes:
    return encoded(pcm, "flac", "flac", "s16", {})


def test_a_known_tone_has_its_known_loudness(server: MediaServer) -> None:
    """EBU Tech 3341, case 1: a stereo sine of 1,000 Hz at -23 dBFS is -23 LUFS, within 0.1."""
    loudness, _ = measured(server, flac(tone(1_000.0, seconds=20, amplitude=10 ** (-23 / 20))))

    assert loudness is not None
    assert loudness.lufs == pytest.approx(-23.0, abs=0.1)
    assert loudness.peak_db == pytest.approx(-23.0, abs=0.1)


def test_silence_between_does_not_count(server: MediaServer) -> None:
    """EBU Tech 3341, case 3: quiet parts are gated out."""
    parts = [
        tone(1_000.0, seconds=seconds, amplitude=10 ** (db / 20)) for seconds, db in ((10, -36), (60, -23), (10, -36))
    ]
    loudness, _ = measured(server, flac(np.concatenate(parts, axis=1)))

    assert loudness is not None
    assert loudness.lufs == pytest.approx(-23.0, abs=0.15)


async def test_after_the_correction_it_is_as_loud_as_wished(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads
) -> None:
    url = server.serve("/loud", content(encoded(tone(1_000.0, seconds=8, amplitude=0.5), "libopus", "ogg", "flt", {})))
    loudness = await source.measure(Track(url))
    assert loudness is not None
    gain = loudness.correction_db(-16.0)
    assert gain == pytest.approx(-10.0, abs=0.2)

    heard = drain(source.open(Track(url), position_ms=0, sound=Sound(gain_db=gain)), filling)

    sound = decode(heard)[None, :] / 32_767
    again, _ = measured(server, flac(np.tile(sound, (2, 1)).astype(np.float32)))
    assert again is not None
    assert again.lufs == pytest.approx(-16.0, abs=0.3)


async def test_what_is_live_or_silent_has_no_loudness(source: HttpTrackSource, server: MediaServer) -> None:
    live = server.serve("/live", endless(bytes(65_536)))
    silent = server.serve("/silent", content(flac(np.zeros((2, 48_000 * 3), np.float32))))

    assert await source.measure(Track(live)) is None
    assert await source.measure(Track(silent)) is None


def test_a_long_track_is_heard_in_excerpts(server: MediaServer) -> None:
    """The cost is bounded: three minutes are heard of forty, and come near to what all of it would say."""
    data = mp3_of_minutes(40)
    loudness, rested = measured(server, data)

    assert loudness is not None
    assert loudness.lufs == pytest.approx(-17.0, abs=1.0)
    assert sum(asked is not None for _, asked in server.requests) <= 40
    assert 0 < rested < 60, "seconds of rest that go with the seconds of work"


def mp3_of_minutes(minutes: int) -> bytes:
    """A quiet and a loud half of every minute, in mono at a low rate, made by repeating one minute's packets."""
    quiet, loud = tone(1_000.0, seconds=30, amplitude=0.01), tone(1_000.0, seconds=30, amplitude=0.142)
    one = io.BytesIO(encoded(np.concatenate([quiet, loud], axis=1), "libmp3lame", "mp3", "fltp", {"b": "64k"}))
    with av.open(one, mode="r") as source:
        body = b"".join(bytes(packet) for packet in source.demux(source.streams.audio[0]) if packet.size)
    return body * minutes
