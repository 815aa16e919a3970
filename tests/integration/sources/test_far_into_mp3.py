"""Going far into a large MP3, which has no index."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import av
import numpy as np
import pytest

from tests.integration.sources.hearing import HERTZ, decode, drain, loudest_hz, tone
from tests.integration.sources.media_here import MediaHere
from tests.integration.sources.media_server import MediaServer, content
from tests.integration.sources.test_loudness import measured
from tests.integration.sources.test_playing import encoded
from timmybot.adapters.sources.addresses import AddressPolicy
from timmybot.adapters.sources.children.media import mp3
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.media_pool import MediaPool
from timmybot.adapters.sources.playback import Playback
from timmybot.adapters.sources.stream import BufferedStream

HZ = (440, 660)
MINUTE = 60
BYTES_A_MINUTE = 320_000 // 8 * MINUTE


def song(hz: float, *, seconds: int = 30, kbits: int = 320, amplitude: float = 0.3) -> bytes:
    """As it is when it is saved: with a head that says how long it is."""
    return encoded(tone(hz, seconds=seconds, amplitude=amplitude), "libmp3lame", "mp3", "fltp", {"b": f"{kbits}k"})


def bare(song: bytes) -> bytes:
    """The sound alone."""
    with av.open(io.BytesIO(song), "r") as source:
        return b"".join(bytes(packet) for packet in source.demux(source.streams.audio[0]) if packet.size)


@pytest.fixture(scope="module")
def mix() -> bytes:
    """Five minutes of one tone, and five of another: 24 MB."""
    return b"".join(bare(song(hz)) * 10 for hz in HZ)


@pytest.fixture
def playing(server: MediaServer, filling: FillingThreads, media: MediaPool) -> Iterator[Play]:
    yield from plays(server, filling, media)


@pytest.fixture
def playing_here(server: MediaServer, filling: FillingThreads) -> Iterator[Play]:
    """In this process, where something can be put in the place of what a media child does."""
    media = MediaHere()
    yield from plays(server, filling, media)
    media.close()


def plays(server: MediaServer, filling: FillingThreads, media: MediaPool) -> Iterator[Play]:
    begun: list[Playing] = []

    def play(data: bytes, position_ms: int) -> Playing:
        url = server.serve("/mix.mp3", content(data))
        begun.append(Playing(url, server.allowed, filling, media, position_ms))
        return begun[-1]

    yield play
    for each in begun:
        each.stream.close()


class Playing:
    def __init__(
        self, url: str, allowed: tuple[str, ...], filling: FillingThreads, media: MediaPool, position_ms: int
    ) -> None:
        self._filling = filling
        self.playback = Playback(url, AddressPolicy(allowed), media, filling.waiting)
        self.stream = BufferedStream(self.playback, filling, position_ms=position_ms)

    def hear(self, seconds: int) -> list[bytes]:
        return drain(self.stream, self._filling, limit=seconds * 50)


Play = Callable[[bytes, int], Playing]


def test_a_far_place_is_gone_to_without_what_lies_before_it(playing: Play, mix: bytes) -> None:
    one = playing(mix, 298_000)

    heard = decode(one.hear(4))

    assert one.playback.received < BYTES_A_MINUTE / 2
    assert loudest_hz(heard[: 2 * HERTZ - 4_800]) == pytest.approx(HZ[0], rel=0.01)
    assert loudest_hz(heard[2 * HERTZ + 4_800 :]) == pytest.approx(HZ[1], rel=0.01)


def test_negative_control_the_exact_way_takes_all_of_it(
    playing_here: Play, mix: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp3, "LARGE_BYTES", len(mix) + 1)
    one = playing_here(mix, 298_000)
    one.hear(4)
    assert one.playback.received > 4.9 * BYTES_A_MINUTE


MIXED = {
    "joined, the first saying how long it is": lambda: song(HZ[0]) * 4 + song(HZ[1]) * 4,
    "of two bit rates": lambda: bare(song(HZ[0], kbits=192)) * 2 + bare(song(HZ[0])) * 2 + bare(song(HZ[1])) * 4,
}
CHANGES_MS = 120_000


@pytest.mark.parametrize("kind", MIXED)
def test_where_the_same_share_of_the_file_is_another_place_it_is_read_up_to_there(playing: Play, kind: str) -> None:
    data = MIXED[kind]()
    assert len(data) > mp3.LARGE_BYTES

    one = playing(data, CHANGES_MS - 2_000)
    heard = decode(one.hear(4))

    assert loudest_hz(heard[: 2 * HERTZ - 9_600]) == pytest.approx(HZ[0], rel=0.01)
    assert loudest_hz(heard[2 * HERTZ + 9_600 :]) == pytest.approx(HZ[1], rel=0.01)
    assert one.stream.failure is None


@pytest.mark.parametrize("kind", MIXED)
def test_negative_control_without_a_look_at_where_it_came_to_another_place_is_heard(
    playing_here: Play, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp3, "came_there", lambda begun, here: True)

    heard = decode(playing_here(MIXED[kind](), CHANGES_MS - 2_000).hear(4))

    hz = [loudest_hz(heard[begin : begin + HERTZ]) for begin in (0, 3 * HERTZ)]
    assert hz != pytest.approx(HZ, rel=0.01)


def test_a_quiet_beginning_does_not_stand_for_a_long_mix(server: MediaServer) -> None:
    """Nor is all of it fetched: 72 MB, of which the whole is to be known."""
    quiet, loud = (bare(song(HZ[0], amplitude=amplitude)) for amplitude in (0.005, 0.3))

    loudness, _ = measured(server, quiet + loud * 59)

    assert loudness is not None
    assert loudness.lufs == pytest.approx(-10.5, abs=1.0)
    asked = sorted(int(span.removeprefix("bytes=").removesuffix("-")) for _, span in server.requests if span)
    assert asked[-2] > 0.85 * len(loud) * 60, "the last excerpt"


def quiet_then_loud() -> bytes:
    """Joined, of which the first says its size: that is where all excerpts would lie, but for the end of the last."""
    quiet = song(HZ[0], seconds=90, amplitude=0.005)
    return quiet + bare(quiet) + bare(song(HZ[0])) * 6


def test_what_cannot_be_gone_about_in_has_no_loudness(server: MediaServer) -> None:
    assert measured(server, quiet_then_loud())[0] is None


def test_negative_control_excerpts_of_the_first_of_joined_files_say_what_that_one_is(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp3, "reaches_its_end", lambda container, sound, size: True)
    loudness, _ = measured(server, quiet_then_loud())
    assert loudness is not None
    assert loudness.lufs < -30


def test_a_long_ogg_flac_whose_places_cannot_be_gone_to_has_no_loudness(server: MediaServer) -> None:
    """Rather than that of its beginning: a quiet one would have all of it played at twice its loudness."""
    assert measured(server, flac_in_ogg(240))[0] is None


def flac_in_ogg(seconds: int) -> bytes:
    """Noise, of which the first half minute is quiet."""
    out, random = io.BytesIO(), np.random.default_rng(1)
    with av.open(out, "w", format="ogg") as container:
        stream = container.add_stream("flac", rate=HERTZ)
        stream.layout, stream.codec_context.format = "stereo", av.AudioFormat("s16")
        fifo = av.AudioFifo()
        for second in range(seconds):
            noise = random.integers(-32_000, 32_000, (1, 2 * HERTZ), np.int16) // (100 if second < 30 else 5)
            frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = HERTZ, None
            fifo.write(frame)
            for place, piece in enumerate(fifo.read_many(4_800), second * 10):
                piece.pts = place * 4_800
                container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return out.getvalue()
