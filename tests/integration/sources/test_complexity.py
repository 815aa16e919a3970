"""libopus's complexity changes between two frames of one encoder: neither click nor gap, and the level stays."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.integration.sources.hearing import HERTZ, click_in, decode, level_db, tone
from timmybot.adapters.sources.children.media import opus_encoder, transcode
from timmybot.adapters.sources.children.media.effects import SAMPLES
from timmybot.adapters.sources.media_load import COMPLEXITIES
from timmybot.ports.track_source import AS_IT_IS

SECONDS = 6.0
CHANGED_AT = 150
"""The frame before which the complexity changes, where it does."""


def frames_of(complexities: Iterator[int]) -> list[bytes]:
    sound = tone(440.0, seconds=SECONDS).astype(np.float32)

    def decoded() -> Iterator[transcode.Timed]:
        for begin in range(0, sound.shape[1], SAMPLES):
            piece = np.ascontiguousarray(sound[:, begin : begin + SAMPLES])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base = HERTZ, Fraction(1, HERTZ)
            yield begin * 1000 / HERTZ, frame

    return list(transcode.frames(decoded(), 0.0, AS_IT_IS, None, lambda: next(complexities)))


def changing(before: int, after: int) -> Iterator[int]:
    lead = transcode.LEAD_FRAMES
    for number in range(10_000):
        yield before if number < CHANGED_AT + lead else after


@pytest.mark.parametrize(("before", "after"), [(10, 5), (5, 10), (5, 3), (3, 5), (3, 0), (0, 10)])
def test_a_change_is_neither_heard_nor_missed(before: int, after: int) -> None:
    assert {before, after} <= set(COMPLEXITIES)
    frames = frames_of(changing(before, after))

    assert len(frames) == SECONDS * 50
    sound = decode(frames)[: int(SECONDS * HERTZ)]
    middle = CHANGED_AT * SAMPLES
    assert click_in(sound[middle - HERTZ : middle + HERTZ], 440.0) < -40
    first, second = sound[middle - HERTZ : middle - 4_800], sound[middle + 4_800 : middle + HERTZ]
    assert abs(level_db(first) - level_db(second)) < 0.5


def test_negative_control_an_encoder_that_is_changed_for_another_is_heard() -> None:
    one, other = frames_of(iter(lambda: 10, None)), frames_of(iter(lambda: 5, None))
    missing = [*one[:CHANGED_AT], *other[CHANGED_AT + 1 :]]

    sound = decode(missing)
    middle = CHANGED_AT * SAMPLES
    assert click_in(sound[middle - HERTZ : middle + HERTZ], 440.0) > -40


def test_libopus_itself_encodes_here_and_makes_as_many_frames_as_ffmpegs_wrapper() -> None:
    assert isinstance(opus_encoder.new_encoder(), opus_encoder.LibopusEncoder)
    for samples in (SAMPLES, SAMPLES - opus_encoder.ENCODER_DELAY, SAMPLES - opus_encoder.ENCODER_DELAY + 1, 100):
        counts = []
        for encoder in (opus_encoder.new_encoder(), opus_encoder.FfmpegEncoder()):
            packets = []
            for length in (SAMPLES, SAMPLES, samples):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * length), np.float32), format="flt", layout="stereo")
                frame.sample_rate = HERTZ
                packets += encoder.encode(frame, 10)
            packets += encoder.rest()
            counts.append(len(packets))
        assert counts[0] == counts[1], f"{samples} samples at last"
