"""How loud a track is, and how loud it is after the correction."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from tests.integration.sources.hearing import HERTZ, click_in, decode, drain, level_db, tone
from tests.integration.sources.media_here import remote
from tests.integration.sources.media_server import MediaServer, content, endless
from tests.integration.sources.test_playing import encoded
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.children.media.loudness import measure
from timmybot.adapters.sources.fetch import HttpFile
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.domain.track import Track
from timmybot.ports.track_source import Loudness, Sound


def measured(server: MediaServer, data: bytes) -> tuple[Loudness | None, float]:
    """Without resting, and how many seconds of resting were asked for."""
    asked: list[float] = []
    file = HttpFile(server.serve("/track", content(data)), AddressPolicy(server.allowed))
    try:
        return measure(remote(file), rest=asked.append), sum(asked)
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


@pytest.mark.parametrize(("codec", "container", "samples"), [("libopus", "ogg", "flt"), ("flac", "flac", "s16")])
def test_one_channel_is_heard_and_measured_on_both_sides(
    *, source: HttpTrackSource, server: MediaServer, filling: FillingThreads, codec: str, container: str, samples: str
) -> None:
    """As whoever listens hears mono Opus that is passed through."""
    both = tone(1_000.0, seconds=8, amplitude=10 ** (-23 / 20))
    lufs, heard_db = [], []
    for pcm in (both, both[:1]):
        data = encoded(pcm, codec, container, samples, {})
        loudness, _ = measured(server, data)
        assert loudness is not None
        lufs.append(loudness.lufs)
        frames = drain(source.open(Track(server.serve("/tone", content(data))), position_ms=0), filling)
        heard_db.append(level_db(decode(frames)[HERTZ:-HERTZ]))
    assert lufs == pytest.approx([-23.0, -23.0], abs=0.3)
    assert heard_db[1] == pytest.approx(heard_db[0], abs=0.3)


def test_six_channels_at_once_are_not_cut_off(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads
) -> None:
    """Front, centre and surround in phase add up to twice as much as there is room for."""
    hz = 440.0
    sound = tone(hz, seconds=8, amplitude=0.8)
    data = encoded(np.tile(sound[:1], (6, 1)), "flac", "flac", "s16", {})

    heard = decode(drain(source.open(Track(server.serve("/six", content(data))), position_ms=0), filling))

    assert click_in(heard[HERTZ:-HERTZ], hz) < -40
    assert click_in(np.clip(2 * sound[0], -1, 1), hz) > -25, "the control: what is cut off is heard"


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
