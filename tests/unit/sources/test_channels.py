"""Sound of one to eight channels, whatever is done with it: the frames have the shape that docstrings promise."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest

from timmybot.adapters.sources.children.media import transcode
from timmybot.adapters.sources.children.media.channels import safe
from timmybot.adapters.sources.children.media.effects import HERTZ, SAMPLES, applied
from timmybot.adapters.sources.children.media.loudness import _Meter
from timmybot.adapters.sources.children.media.stereo import resampled
from timmybot.adapters.sources.children.media.transcode import Timed
from timmybot.adapters.sources.packets import is_frame
from timmybot.adapters.sources.ramp import Ramp
from timmybot.ports.track_source import AS_IT_IS, Effect, Sound

LAYOUTS = ["mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1", "7 channels", "8 channels", "ambisonic 1"]
FORMATS = ["fltp", "s16p", "s16", "flt"]
RATES = [8_000, 44_100, 48_000, 192_000]
ACTIONS = {
    "as it is": (AS_IT_IS, None),
    "volume": (Sound(volume_percent=50), None),
    "louder": (Sound(volume_percent=150), None),
    "speed": (Sound(speed_percent=150), None),
    "filter": (Sound(effect=Effect.BASS), None),
    "fade": (AS_IT_IS, Ramp(0.0, 1.0)),
}
HZ = 440.0
SECONDS = 0.5


@cache
def tone(rate: int, kind: type[np.float32] | type[np.int16]) -> np.ndarray:
    wave = 0.1 * np.sin(2 * np.pi * HZ * np.arange(int(rate * SECONDS)) / rate)
    return (wave * (32_767 if kind is np.int16 else 1)).astype(kind)


def sounding(layout: str, form: str = "fltp", rate: int = 48_000) -> Iterator[Timed]:
    """Half a second of a tone in all channels, in frames of 1,024 samples."""
    channels = av.AudioLayout(layout).nb_channels
    kind = np.int16 if form.startswith("s16") else np.float32
    for begin in range(0, int(rate * SECONDS), 1_024):
        one = tone(rate, kind)[begin : begin + 1_024]
        samples = len(one)
        frame = av.AudioFrame(format=form, layout=layout, samples=samples)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        planes = frame.planes[: channels if frame.format.is_planar else 1]
        for plane in planes:
            plane.update((one if frame.format.is_planar else np.repeat(one, channels)).tobytes())
        yield begin * 1000 / rate, frame


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("rate", RATES)
def test_sound_of_any_channels_becomes_float_stereo_at_48_khz(layout: str, form: str, rate: int) -> None:
    frames = list(resampled(frame for _, frame in sounding(layout, form, rate)))

    assert {(f.format.name, f.layout.name, f.sample_rate) for f in frames} == {("flt", "stereo", HERTZ)}
    assert sum(frame.samples for frame in frames) == pytest.approx(HERTZ * SECONDS, abs=SAMPLES)
    pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    assert 0.03 < float(np.sqrt(np.mean(np.square(pcm)))) < 0.5, "it is heard, and does not overflow"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("action", ACTIONS)
def test_sound_of_any_channels_can_be_changed_in_any_way(layout: str, action: str) -> None:
    sound, ramp = ACTIONS[action]
    pcm = resampled(frame for _, frame in sounding(layout))

    changed = list(applied(pcm, sound, ramp, 0))

    assert {(f.format.name, f.layout.name, f.sample_rate) for f in changed} == {("flt", "stereo", HERTZ)}
    assert sum(f.samples for f in changed) == pytest.approx(HERTZ * SECONDS / sound.rate, abs=4 * SAMPLES)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("position_ms", [0.0, 310.0])
def test_sound_of_any_channels_is_encoded_from_any_place(layout: str, action: str, position_ms: float) -> None:
    sound, ramp = ACTIONS[action]

    frames = list(transcode.frames(sounding(layout), position_ms, sound, ramp, lambda: 5))

    assert all(is_frame(frame) for frame in frames)
    assert len(frames) * 20 == pytest.approx((SECONDS * 1000 - position_ms) / sound.rate, abs=80)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sound_of_any_channels_is_measured(layout: str) -> None:
    meter = _Meter()
    for frame in resampled(frame for _, frame in sounding(layout)):
        meter.hear(frame)

    loudness = meter.loudness()

    assert loudness is not None
    assert -30 < loudness.lufs < 0


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", FORMATS)
def test_silence_before_a_late_beginning_touches_the_frame_and_nothing_behind_it(layout: str, form: str) -> None:
    """PyAV hands out a ninth plane of frames of eight planar channels, which is somebody else's memory."""
    _, frame = next(sounding(layout, form))
    for _ in range(50):
        silence = transcode._silence_like(frame, 960)
        assert (silence.samples, silence.layout.nb_channels) == (960, frame.layout.nb_channels)
        used = frame.layout.nb_channels if frame.format.is_planar else 1
        assert not any(any(bytes(plane)) for plane in silence.planes[:used])


@pytest.mark.parametrize(
    ("layout", "is_safe"),
    [
        *((name, True) for name in LAYOUTS),
        ("3 channels (FL+FR+SL)", True),
        ("2 channels (FR+FL)", False),
        ("6 channels (FC+FL+FR+SL+SR+LFE)", False),
        ("2 channels (FL+FL)", False),
        ("2 channels (USR12+FL)", False),
        ("1 channels (FL@left)", False),
    ],
)
def test_an_order_of_channels_that_pyav_would_free_twice_is_told_by_its_name(layout: str, is_safe: bool) -> None:
    assert safe(layout) == is_safe
