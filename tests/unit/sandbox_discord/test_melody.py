"""A listener can say which melody it is, and where in it one is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from sandbox.discord.ear import WINDOW_SAMPLES, Hearing, dominant_hz
from sandbox.discord.rtp import FRAME_SAMPLES, SILENCE, Packet
from sandbox.melody import SAMPLE_RATE, VOICES, Melody, compose, recognise
from sandbox.recording import Format, opus_packets, record

MELODY = compose("song", voice=0, seconds=48)
OTHER = compose("other", voice=1, seconds=48)


@dataclass(frozen=True)
class Heard:
    """A window of a perfect listener."""

    time: float
    hz: float
    media: float
    stream: int = 1
    is_silent: bool = False


def listen(melody: Melody, begin: float, seconds: float, *, at: float = 100.0, stream: int = 1) -> list[Heard]:
    return [
        Heard(at + index * 0.1, melody.hz_at(begin + index * 0.1 + 0.05), index * 0.1, stream)
        for index in range(round(seconds * 10))
    ]


@pytest.mark.parametrize("voice", range(VOICES))
def test_two_neighbouring_notes_tell_the_place(voice: int) -> None:
    tones = [hz for hz, _ in compose("song", voice=voice, seconds=52).notes]
    pairs = list(pairwise(tones))
    assert len(set(pairs)) == len(pairs)
    assert all(one != next_one for one, next_one in pairs)


def test_melodies_of_different_voices_share_no_tone() -> None:
    tones = [compose("song", voice=voice).tones for voice in range(VOICES)]
    assert len(frozenset.union(*tones)) == sum(len(some) for some in tones)


@pytest.mark.parametrize("begin", [0.0, 0.3, 7.7, 12.4, 31.05, 44.0])
def test_every_position_is_found_within_a_fifth_of_a_second(begin: float) -> None:
    heard = recognise(listen(MELODY, begin, 3.0), MELODY)
    assert heard.start == pytest.approx(begin, abs=0.2)
    assert heard.position == pytest.approx(begin + 3.0, abs=0.2)
    assert heard.matched_share == 1.0
    assert heard.foreign_share == 0.0


def test_another_melody_is_foreign_altogether() -> None:
    heard = recognise(listen(OTHER, 5.0, 3.0), MELODY)
    assert (heard.foreign_share, heard.matched_share, heard.position) == (1.0, 0.0, None)


def test_a_mixture_of_two_melodies_shows_in_the_foreign_share() -> None:
    mixed = [*listen(MELODY, 0, 3.0), *listen(OTHER, 0, 1.0, at=103.0, stream=2)]
    heard = recognise(mixed, MELODY)
    assert heard.foreign_share == pytest.approx(0.25)
    assert heard.matched_share == pytest.approx(0.75)


def test_an_interruption_shows_where_it_died_and_where_it_came_back() -> None:
    before = listen(MELODY, 0.0, 12.4, at=100.0, stream=1)
    after = listen(MELODY, 11.0, 5.0, at=116.0, stream=2)
    first, second = recognise([*before, *after], MELODY).segments
    assert first.to_position == pytest.approx(12.4, abs=0.2)
    assert second.from_position == pytest.approx(11.0, abs=0.2)
    assert second.began_at - first.ended_at == pytest.approx(3.6, abs=0.2)


def test_a_jump_without_a_pause_is_two_segments() -> None:
    there = listen(MELODY, 0.0, 4.0)
    back = [Heard(w.time + 4.0, w.hz, w.media + 4.0) for w in listen(MELODY, 20.0, 4.0)]
    segments = recognise([*there, *back], MELODY).segments
    assert [round(segment.from_position) for segment in segments] == [0, 20]


def test_tones_in_another_order_do_not_pass_for_the_melody() -> None:
    tones = sorted(MELODY.tones)
    scale = Melody("scale", tuple((hz, 0.4) for hz in tones * 3))
    assert recognise(listen(scale, 0, 10.0), MELODY).matched_share < 0.5


def test_a_pure_tone_is_measured_to_a_hertz() -> None:
    time = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE
    for hz in (320.0, 1234.5, 2900.0):
        assert dominant_hz(np.sin(2 * np.pi * hz * time).astype(np.float32)) == pytest.approx(hz, abs=1.0)


def test_silence_is_heard_as_silence() -> None:
    hearing = Hearing()
    for index in range(10):
        hearing.receive(Packet(index * 0.02, 1, index, index * FRAME_SAMPLES, SILENCE))
    assert [window.is_silent for window in hearing.windows] == [True, True]


def test_what_is_not_opus_is_no_sound() -> None:
    hearing = Hearing()
    for index in range(10):
        hearing.receive(Packet(index * 0.02, 1, index, index * FRAME_SAMPLES, b"\xff" * 30))
    assert len(hearing.packets) == 10
    assert all(window.is_silent for window in hearing.windows)


@pytest.mark.parametrize("format", Format)
def test_a_recording_is_a_real_file_of_the_right_length(tmp_path: Path, format: Format) -> None:
    melody = compose("short", voice=3, seconds=4)
    path = record(melody, tmp_path, format)
    with av.open(str(path)) as source:
        rate = source.streams.audio[0].rate
        samples = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])
    assert rate == SAMPLE_RATE
    assert len(samples) / SAMPLE_RATE == pytest.approx(melody.seconds, abs=0.15) or format is Format.OGG_OPUS


def test_an_opus_recording_is_heard_at_its_place(tmp_path: Path) -> None:
    melody = compose("short", voice=3, seconds=12)
    packets = list(opus_packets(record(melody, tmp_path, Format.WEBM_OPUS)))
    hearing = Hearing()
    for index, opus in enumerate(packets[250:]):
        hearing.receive(Packet(50 + index * 0.02, 1, index, index * FRAME_SAMPLES, opus))
    heard = recognise(list(hearing.windows), melody)
    assert heard.start == pytest.approx(5.0, abs=0.2)
    assert heard.foreign_share == 0.0
