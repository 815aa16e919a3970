"""Volume, speed, effects and fades: changed while a track plays, without a gap and without a click."""

from __future__ import annotations

import io
import time
from threading import Event

import av
import pytest

from tests.fakes.reading import read
from tests.integration.sources.hearing import (
    PATIENCE,
    await_buffered,
    click_in,
    decode,
    drain,
    level_db,
    loudest_hz,
    tone,
)
from tests.integration.sources.media_server import MediaServer, content
from tests.integration.sources.test_playing import encoded
from timmybot.adapters.sources.filling import FillingThreads
from timmybot.adapters.sources.http import HttpTrackSource
from timmybot.adapters.sources.stream import BufferedStream
from timmybot.domain.track import Track
from timmybot.ports.track_source import AS_IT_IS, Effect, Gap, Sound

HZ = 440.0
SECONDS = 10
KINDS = {"passed through": ("libopus", "ogg", "flt"), "transcoded": ("libmp3lame", "mp3", "fltp")}
HALF_AS_LOUD = Sound(volume_percent=50)
CLICK_DB = -40.0
"""What a seam may spill."""


@pytest.fixture(params=KINDS)
def tone_url(request: pytest.FixtureRequest, server: MediaServer) -> str:
    codec, container, sample_format = KINDS[request.param]
    data = encoded(tone(HZ, seconds=SECONDS), codec, container, sample_format, {})
    return server.serve("/tone", content(data))


def hear(stream: BufferedStream, filling: FillingThreads, frames: int) -> list[bytes]:
    """So many frames, in slots in which nothing but frames must come."""
    heard: list[bytes] = []
    for _ in range(frames):
        await_buffered(stream, filling)
        frame = read(stream)
        assert isinstance(frame, bytes), f"{frame} after {len(heard)} frames"
        heard.append(frame)
    return heard


def test_a_change_of_volume_is_heard_soon_without_gap_or_click(
    source: HttpTrackSource, filling: FillingThreads, tone_url: str
) -> None:
    stream = source.open(Track(tone_url), position_ms=0)
    before = hear(stream, filling, 100)
    stream.set_sound(HALF_AS_LOUD)
    await_change(stream, filling)
    quieter = hear(stream, filling, 100)
    stream.set_sound(AS_IT_IS)
    await_change(stream, filling)
    after = hear(stream, filling, 100)

    sound = decode(before + quieter + after)

    assert level_db(sound[150 * 960 : 190 * 960]) - level_db(sound[50 * 960 : 90 * 960]) == pytest.approx(-10, abs=0.3)
    assert level_db(sound[-50 * 960 :]) == pytest.approx(level_db(sound[50 * 960 : 90 * 960]), abs=0.2)
    assert click_in(sound[4_800:], HZ) < CLICK_DB
    assert stream.position_ms == 300 * 20
    stream.close()


def test_the_check_for_clicks_hears_a_seam_that_loses_a_frame(
    source: HttpTrackSource, filling: FillingThreads, tone_url: str
) -> None:
    """The negative control."""
    loud = drain(source.open(Track(tone_url), position_ms=0), filling, limit=100)
    quiet = drain(source.open(Track(tone_url), position_ms=2_020, sound=HALF_AS_LOUD), filling, limit=100)

    assert click_in(decode(loud + quiet)[4_800:], HZ) > CLICK_DB + 10


def test_after_a_change_there_and_back_opus_is_passed_through_again(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads
) -> None:
    url = server.serve("/tone", content(encoded(tone(HZ, seconds=SECONDS), "libopus", "ogg", "flt", {})))
    whole = drain(source.open(Track(url), position_ms=0), filling)

    stream = source.open(Track(url), position_ms=0)
    heard = hear(stream, filling, 50)
    for sound in (HALF_AS_LOUD, AS_IT_IS):
        stream.set_sound(sound)
        await_change(stream, filling)
        heard += hear(stream, filling, 50)
    heard += drain(stream, filling)

    assert heard[:50] == whole[:50]
    assert not set(heard[60:100]) & set(whole)
    assert heard[170:] == whole[170:]
    assert len(heard) == len(whole)


def test_a_fade_falls_silent_keeps_the_place_and_comes_back(
    source: HttpTrackSource, filling: FillingThreads, tone_url: str
) -> None:
    stream = source.open(Track(tone_url), position_ms=0)
    heard = hear(stream, filling, 100)
    stream.fade_out()
    await_change(stream, filling)
    while isinstance(frame := read(stream), bytes):
        heard.append(frame)
    place = stream.position_ms
    assert frame is Gap.FADED
    assert read(stream) is Gap.FADED
    assert len(heard) <= 110, "within a tenth of a second or two"
    fading = decode(heard)
    assert level_db(fading[-200:]) < level_db(fading[96_000 - 4_800 : 96_000]) - 12
    assert click_in(fading[4_800:-400], HZ) < CLICK_DB

    stream.fade_in()
    await_change(stream, filling)
    assert stream.position_ms == place
    back = decode(hear(stream, filling, 50))
    assert level_db(back[:400]) < level_db(back[-9_600:]) - 12
    assert level_db(back[-9_600:]) == pytest.approx(level_db(fading[9_600:48_000]), abs=0.5)
    assert stream.position_ms == place + 50 * 20
    stream.close()


@pytest.mark.parametrize(
    ("sound", "hz", "rate"),
    [
        (Sound(speed_percent=150), 440, 1.5),
        (Sound(speed_percent=50), 440, 0.5),
        (Sound(effect=Effect.NIGHTCORE), 550, 1.25),
        (Sound(effect=Effect.SLOWED), 352, 0.8),
        (Sound(effect=Effect.BASS), 440, 1.0),
        (Sound(speed_percent=200, effect=Effect.NIGHTCORE, volume_percent=120), 550, 2.5),
    ],
    ids=str,
)
def test_speed_and_pitch_are_as_wished_and_the_place_is_the_tracks(
    *, source: HttpTrackSource, filling: FillingThreads, tone_url: str, sound: Sound, hz: float, rate: float
) -> None:
    stream = source.open(Track(tone_url), position_ms=1_000, sound=sound)

    heard = hear(stream, filling, 100)

    assert stream.position_ms == 1_000 + 100 * 20 * rate
    assert loudest_hz(decode(heard)[9_600:]) == pytest.approx(hz, rel=0.01)
    rest = drain(stream, filling)
    assert len(rest) * 20 * rate == pytest.approx((SECONDS - 1) * 1_000 - 100 * 20 * rate, abs=150)
    assert stream.position_ms == pytest.approx(SECONDS * 1_000, abs=150)


def test_a_change_of_speed_goes_on_from_the_place_it_was_made_at(
    source: HttpTrackSource, filling: FillingThreads, tone_url: str
) -> None:
    stream = source.open(Track(tone_url), position_ms=0)
    hear(stream, filling, 100)
    stream.set_sound(Sound(speed_percent=200))
    await_change(stream, filling)

    hear(stream, filling, 50)

    assert stream.position_ms == pytest.approx(2_000 + 2 * 50 * 20, abs=6 * 20)
    rest = drain(stream, filling)
    assert len(rest) * 40 == pytest.approx(SECONDS * 1_000 - 4_000, abs=250)


def test_a_change_behind_a_hole_in_a_file_leaves_nothing_out_and_repeats_nothing(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads
) -> None:
    url = server.serve("/hole", content(with_hole(5, 9)))
    whole = drain(source.open(Track(url), position_ms=0), filling)
    assert len(whole) == pytest.approx(20 * 50, abs=1)
    assert level_db(decode(whole[260:440])) < level_db(decode(whole[:240])) - 60

    stream = source.open(Track(url), position_ms=0)
    heard = hear(stream, filling, 600)  # 12 s
    for sound in (HALF_AS_LOUD, AS_IT_IS):
        stream.set_sound(sound)
        await_change(stream, filling)
        heard += hear(stream, filling, 50)
    heard += drain(stream, filling)

    assert len(heard) == len(whole)
    assert heard[720:] == whole[720:]
    assert stream.position_ms == pytest.approx(20_000, abs=20), "so it is known when it ends"
    later = source.open(Track(url), position_ms=15_000)
    assert drain(later, filling) == whole[750:], "a place is the file's own"
    quieter = drain(source.open(Track(url), position_ms=0, sound=HALF_AS_LOUD), filling)
    assert len(quieter) == pytest.approx(len(whole), abs=1)
    assert level_db(decode(quieter[260:440])) < level_db(decode(quieter[:240])) - 60


def with_hole(begin: int, end: int) -> bytes:
    """Twenty seconds of WebM that is passed through, without those from ``begin`` to ``end``."""
    out = io.BytesIO()
    whole = io.BytesIO(encoded(tone(HZ, seconds=20), "libopus", "matroska", "flt", {}))
    with av.open(whole, "r") as source, av.open(out, "w", format="webm") as holed:
        stream = holed.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and not begin * 1_000 <= packet.pts < end * 1_000:
                packet.stream = stream
                holed.mux(packet)
    return out.getvalue()


def test_many_changes_at_once_end_with_the_last(
    source: HttpTrackSource, filling: FillingThreads, tone_url: str
) -> None:
    stream = source.open(Track(tone_url), position_ms=0)
    heard = hear(stream, filling, 50)
    for percent in (90, 10, 200, 30, 50):
        stream.set_sound(Sound(volume_percent=percent))
        heard += hear(stream, filling, 1)
    for _ in range(3):  # the first change is there already, and the last only after it
        await_change(stream, filling)
        heard += hear(stream, filling, 20)
    heard += hear(stream, filling, 40)

    sound = decode(heard)
    assert level_db(sound[-20 * 960 :]) - level_db(sound[9_600:48_000]) == pytest.approx(-10, abs=0.3)
    stream.close()


def test_the_end_of_a_track_can_still_be_changed(
    source: HttpTrackSource, filling: FillingThreads, tone_url: str
) -> None:
    """Its file is read to the end long before it is heard to the end."""
    stream = source.open(Track(tone_url), position_ms=(SECONDS - 2) * 1_000)
    heard = hear(stream, filling, 20)
    stream.set_sound(HALF_AS_LOUD)
    await_change(stream, filling)
    heard += drain(stream, filling)

    assert stream.failure is None
    assert len(heard) * 20 == pytest.approx(2_000, abs=100)
    sound = decode(heard)
    assert level_db(sound[40 * 960 : 80 * 960]) - level_db(sound[9_600:19_200]) == pytest.approx(-10, abs=0.5)


def test_the_next_track_begins_in_the_slot_after_the_last_frame(
    source: HttpTrackSource, server: MediaServer, filling: FillingThreads, tone_url: str
) -> None:
    ending = source.open(Track(tone_url), position_ms=(SECONDS - 1) * 1_000)
    following = source.open(Track(tone_url), position_ms=0)
    await_buffered(following, filling, ms=1_000)
    drain(ending, filling)

    assert read(ending) is Gap.END
    assert isinstance(read(following), bytes)

    late = source.open(Track(tone_url), position_ms=0)
    assert read(late) is Gap.NOT_YET, "the negative control: opened only when the other has ended"
    for stream in (ending, following, late):
        stream.close()


def await_change(stream: BufferedStream, filling: FillingThreads) -> None:
    """Wait until a change that was asked for is there to be read, as the 80 ms ahead of it make sure of."""
    give_up = time.monotonic() + PATIENCE
    while stream._following is None and stream._wanted != stream._stretch.wanted:
        turn = Event()
        filling.submit(turn.set)
        turn.wait(PATIENCE)
        assert time.monotonic() < give_up, "the sound never changed"
