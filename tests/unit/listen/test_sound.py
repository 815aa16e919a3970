"""What is said of sound that is known: its tone, its level, its gaps, and what came late."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import av
import numpy as np
import pytest

from sandbox.discord import Packet
from sandbox.discord.rtp import SILENCE
from sandbox.listen.sound import Heard, heard

FRAME = 960
SINE_DBFS = -3.01


def encoded(*tones: tuple[float, float, float], channels: tuple[float, float] = (1.0, 1.0)) -> list[bytes]:
    """Opus packets of 20 ms: (Hz, amplitude, seconds) one after another, each channel at its share of the amplitude."""
    pieces = [
        amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * 48_000)) / 48_000)
        for hz, amplitude, seconds in tones
    ]
    mono = np.concatenate(pieces).astype(np.float32)
    stereo = np.stack([share * mono for share in channels])
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", av.AudioFormat("flt")
    encoder.bit_rate = 128_000
    packets: list[bytes] = []
    for begin in range(0, stereo.shape[1], FRAME):
        part = np.ascontiguousarray(stereo[:, begin : begin + FRAME].T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, begin
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def sent(opus: Iterable[bytes], *, at: float = 100.0, timestamp: int = 2**32 - 48_000, ssrc: int = 7) -> list[Packet]:
    """In time; the counters wrap on the way."""
    return [
        Packet(at + 0.02 * index, ssrc, index & 0xFFFF, (timestamp + FRAME * index) & 0xFFFFFFFF, each)
        for index, each in enumerate(opus)
    ]


def later(packets: Iterable[Packet], seconds: float, *, slots: int = 0) -> list[Packet]:
    """The same, arriving later; with ``slots``, belonging later as well."""
    return [
        replace(each, at=each.at + seconds, timestamp=(each.timestamp + FRAME * slots) & 0xFFFFFFFF) for each in packets
    ]


def gaps(found: Heard) -> list[int]:
    return [row.gap_ms for row in found.seconds]


def late(found: Heard) -> list[int]:
    return [row.late_frames for row in found.seconds]


@pytest.mark.parametrize("amplitude", [0.5, 0.02])
def test_a_tone_is_heard_at_its_frequency_and_level(amplitude: float) -> None:
    found = heard(sent(encoded((440.0, amplitude, 1.0), (980.0, amplitude, 1.0))))
    assert [row.at_s for row in found.seconds] == [0, 1]
    for row, hz in zip(found.seconds, (440.0, 980.0), strict=True):
        assert row.hz == pytest.approx(hz, abs=5)
        assert row.dbfs == pytest.approx(20 * math.log10(amplitude) + SINE_DBFS, abs=0.5)
    assert (gaps(found), late(found)) == ([0, 0], [0, 0])
    assert found.sounding_s == pytest.approx(2.0, abs=0.05)


def test_a_tone_in_one_channel_alone_is_heard_3_db_softer() -> None:
    both, one = (heard(sent(encoded((440.0, 0.4, 1.0), channels=shares))) for shares in ((1.0, 1.0), (0.0, 1.0)))
    assert one.seconds[0].hz == pytest.approx(440.0, abs=5)
    assert both.seconds[0].dbfs is not None
    assert one.seconds[0].dbfs == pytest.approx(both.seconds[0].dbfs - 3.0, abs=0.5)


def test_channels_that_cancel_each_other_out_are_heard_all_the_same() -> None:
    found = heard(sent(encoded((440.0, 0.4, 1.0), channels=(1.0, -1.0))))
    assert found.seconds[0].hz == pytest.approx(440.0, abs=5)


def test_a_cut_is_a_gap_where_it_is() -> None:
    packets = sent(encoded((440.0, 0.5, 3.0)))
    found = heard(packets[:60] + packets[85:])
    assert gaps(found) == [0, 500, 0]
    assert late(found) == [0, 0, 0]
    assert found.seconds[1].dbfs == pytest.approx(-9.0, abs=0.5), "the level is that of what sounds"


def test_silence_inside_the_sound_is_a_gap_too() -> None:
    found = heard(sent(encoded((440.0, 0.5, 1.0), (440.0, 0.0, 1.0), (440.0, 0.5, 1.0))))
    assert found.seconds[1].gap_ms >= 800, "Opus needs some frames to become silent"
    assert found.seconds[0].gap_ms + found.seconds[2].gap_ms <= 60


def test_a_pause_is_a_gap_and_nothing_of_it_is_late() -> None:
    opus = encoded((440.0, 0.5, 2.0))
    packets = sent(opus)
    hush = sent([SILENCE] * 5, at=packets[50].at, timestamp=packets[50].timestamp)
    burst = [replace(each, at=hush[0].at) for each in hush]
    found = heard([*packets[:50], *burst, *later(packets[50:], 1.5, slots=5)])
    assert gaps(found) == [0, 1000, 500, 0][: len(found.seconds)]
    assert sum(late(found)) == 0


def test_a_frame_that_comes_late_is_counted_and_is_no_gap() -> None:
    packets = sent(encoded((440.0, 0.5, 2.0)))
    found = heard([*packets[:70], *later(packets[70:73], 0.05), *packets[73:]])
    assert (gaps(found), late(found)) == ([0, 0], [0, 3])


def test_frames_that_keep_to_their_places_within_20_ms_are_not_late() -> None:
    packets = sent(encoded((440.0, 0.5, 2.0)))
    found = heard([*packets[:70], *later(packets[70:73], 0.015), *packets[73:]])
    assert late(found) == [0, 0]


def test_a_sender_that_stalls_and_goes_on_where_it_was_leaves_a_gap_and_is_late_once() -> None:
    packets = sent(encoded((440.0, 0.5, 2.0)))
    found = heard([*packets[:50], *later(packets[50:], 0.5)])
    assert gaps(found) == [0, 500, 0]
    assert late(found) == [0, 1, 0]


def test_another_stream_of_the_same_bot_goes_on_after_the_gap() -> None:
    opus = encoded((440.0, 0.5, 1.0))
    found = heard([*sent(opus), *sent(opus, at=103.0, timestamp=5_000, ssrc=8)])
    assert gaps(found) == [0, 1000, 1000, 0]


def test_the_rows_end_where_the_listening_does() -> None:
    packets = sent(encoded((440.0, 0.5, 2.0)))
    assert gaps(heard(packets, 1.5)) == [0, 0]
    assert gaps(heard(packets, 4.0)) == [0, 0, 1000, 1000]
    assert heard(packets, 1.5).sounding_s == pytest.approx(1.5, abs=0.05)


def test_where_times_count_from_an_earlier_moment_the_wait_is_a_gap() -> None:
    found = heard(sent(encoded((440.0, 0.5, 1.0))), zero=99.0)
    assert gaps(found) == [1000, 0]


def test_nothing_and_what_is_no_opus_is_heard_as_nothing() -> None:
    assert heard([]) == Heard((), 0.0)
    assert heard(sent([SILENCE] * 5)) == Heard((), 0.0)
    assert heard(sent([b"\xff\xff\xff"] * 5)).sounding_s == 0.0
