"""The judge hears each fault that is planted in good sound: the negative controls of the matrix."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

from tests.integration.sources.media_server import MediaServer
from tests.matrix.judge import Part, Sound, Tolerance, faults
from tests.matrix.loudness import lufs, peak_db
from tests.matrix.made_files import ffmpeg
from tests.matrix.score import HERTZ, LAYOUTS, LEVEL, MIX, Score
from tests.matrix.trying import tried
from tests.matrix.wave import STEP_SECONDS, wave
from timmybot.ports.track_source import TrackSource

WHOLE: Final = [Part(0.0, 0.0)]
SURROUND: Final = Score("7.1")


def mixed(score: Score) -> Sound:
    """What two ears should hear."""
    mixes = [(1.0, 1.0)] if score.layout == "mono" else [MIX[speaker] for speaker in score.speakers]
    sides: Sound = (score.channels(HERTZ) @ np.array(mixes, dtype=np.float32)).T
    return sides


def without(channel: int) -> Callable[[Sound], Sound]:
    def planted(sound: Sound) -> Sound:
        left, right = MIX[SURROUND.speakers[channel]]
        alone = SURROUND.channels(HERTZ)[:, channel]
        return sound - np.outer((left, right), alone).astype(np.float32)

    return planted


def cut(seconds: float) -> Callable[[Sound], Sound]:
    return lambda sound: np.delete(sound, slice(HERTZ // 2, HERTZ // 2 + int(seconds * HERTZ)), axis=1)


def late(seconds: float) -> Callable[[Sound], Sound]:
    """Late, and as long as it should be."""

    def planted(sound: Sound) -> Sound:
        silence = np.zeros((2, int(seconds * HERTZ)), dtype=np.float32)
        return np.hstack([silence, sound])[:, : sound.shape[1]]

    return planted


def silent(begin_s: float, seconds: float) -> Callable[[Sound], Sound]:
    def planted(sound: Sound) -> Sound:
        sound = sound.copy()
        sound[:, int(begin_s * HERTZ) : int((begin_s + seconds) * HERTZ)] = 0.0
        return sound

    return planted


PLANTED: Final[dict[str, tuple[Callable[[Sound], Sound], str]]] = {
    **{
        f"channel {name} dropped": (without(channel), r"-\d+\.\d dB: ")
        for channel, name in enumerate(LAYOUTS["7.1"])
        if name != "LFE"
    },
    "a second cut": (cut(1.0), r"0\.80 s were heard, of 1\.80 s"),
    "a tenth of a second cut": (cut(0.1), r"changed -100 ms|1\.70 s were heard"),
    "3 dB louder": (lambda sound: sound * 10**0.15, r"\+3\.0 dB: "),
    "3 dB softer": (lambda sound: sound * 10**-0.15, r"-3\.0 dB: "),
    "500 ms late": (late(0.5), r"changed \+\d+ ms|never heard"),
    "100 ms late": (late(0.1), r"changed \+\d+ ms"),
    "a gap of 40 ms": (silent(0.25, 0.04), r"a gap 0\.2\d s in"),
    "silence at the end": (silent(1.5, 0.3), r"a gap 1\.5\d s in"),
    "left and right exchanged": (lambda sound: sound[::-1], r"of what does not belong there"),
    "one side on both": (lambda sound: sound[[0, 0]], r"of what does not belong there"),
    "deep sound mixed in": (
        lambda sound: sound + SURROUND.channels(HERTZ)[:, 3],
        r"of what does not belong there: (60|84|108) Hz",
    ),
    "backwards": (lambda sound: sound[:, ::-1], r"never heard|changed"),
    "the first second again": (lambda sound: np.hstack([sound, sound[:, :HERTZ]]), r"2\.80 s were heard, of 1\.80 s"),
    "nothing": (np.zeros_like, r"never heard"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_good_sound_has_no_fault(layout: str) -> None:
    assert faults(mixed(Score(layout)), Score(layout), WHOLE, Tolerance()) == []


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_heard(fault: str) -> None:
    plant, complaint = PLANTED[fault]
    found = faults(plant(mixed(SURROUND)), SURROUND, WHOLE, Tolerance())
    assert any(re.search(complaint, one) for one in found), found


@pytest.mark.parametrize(
    "part",
    [Part(0.0, 0.0, rate=1.25), Part(0.0, 0.0, pitch=1.25), Part(0.0, 0.3), Part(0.0, 0.0, gain=0.5)],
    ids=["not faster", "not higher", "not from there", "not softer"],
)
def test_sound_that_was_not_changed_is_told_from_what_it_should_be(part: Part) -> None:
    score = Score("stereo")
    assert faults(mixed(score), score, [part], Tolerance())


@pytest.mark.parametrize(
    ("fault", "change"),
    {
        "a channel dropped": lambda samples: samples * np.array([1, 0], dtype=np.int16),
        "a second cut": lambda samples: np.delete(samples, slice(24_000, 72_000), axis=0),
        "3 dB louder": lambda samples: (samples * 10**0.15).astype(np.int16),
        "half a second late": lambda samples: np.vstack([np.zeros((24_000, 2), np.int16), samples])[: len(samples)],
    }.items(),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_with_a_fault_fails_in_each_way_to_play_it(
    fault: str, change: Callable[[np.ndarray], np.ndarray], server: MediaServer, source: TrackSource
) -> None:
    data = wave("stereo", HERTZ)
    begin = data.index(b"data") + 8
    samples = np.frombuffer(data[begin:], np.int16).reshape(-1, 2)
    score = Score("stereo", STEP_SECONDS)
    planted = data[:begin] + change(samples).astype(np.int16).tobytes()

    def found_in(file: bytes, deed: str) -> list[str]:
        return tried(server, source, file, score=score, deed=deed, tolerance=Tolerance())

    for deed in ("as-it-is", "volume", "speed", "filter", "fade", "seek", "restart"):
        assert found_in(data, deed) == []
        assert found_in(planted, deed), f"{fault} was not heard: {deed}"
    assert found_in(data, "measure") == []
    if fault in ("a channel dropped", "3 dB louder"):
        assert found_in(planted, "measure"), fault


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_loudness_is_computed_as_another_meter_measures_it(layout: str) -> None:
    score = Score(layout)
    put_in = ["-f", "f32le", "-ar", str(HERTZ), "-ch_layout", "stereo", "-i", "pipe:0"]
    meter = ["-af", "ebur128=peak=sample:framelog=quiet", "-f", "null", "-"]
    samples = mixed(score).T.tobytes()
    told = subprocess.run([ffmpeg(), "-nostats", *put_in, *meter], input=samples, capture_output=True, check=True)
    summary = told.stderr.decode().split("Summary:")[1]
    measured = [float(re.search(rf"{name}:\s+(-?[\d.]+)", summary).group(1)) for name in ("I", "Peak")]  # type: ignore[union-attr]
    assert lufs(score) == pytest.approx(measured[0], abs=0.3)
    assert peak_db(score) == pytest.approx(measured[1], abs=0.1)


def test_what_is_left_of_a_channel_adds_up() -> None:
    score = Score("5.1")
    assert [tone.left for tone in score.heard(0)] == pytest.approx([LEVEL, 0, LEVEL * 0.5**0.5, 0, LEVEL * 0.5**0.5, 0])
