"""What the first bytes of an Opus packet say. The table is RFC 6716, section 3.1, table 2."""

from __future__ import annotations

import pytest

from timmybot.adapters.sources.packets import duration_ms, is_frame, plain_stereo


def toc(config: int, code: int = 0) -> int:
    return config << 3 | code


@pytest.mark.parametrize(
    ("config", "milliseconds"),
    [
        (0, 10),
        (1, 20),
        (2, 40),
        (3, 60),
        (9, 20),
        (12, 10),
        (13, 20),
        (15, 20),
        (16, 2.5),
        (19, 20),
        (30, 10),
        (31, 20),
    ],
)
def test_a_packet_of_one_frame_sounds_as_long_as_its_configuration_says(config: int, milliseconds: float) -> None:
    assert duration_ms(bytes([toc(config), 1, 2, 3])) == milliseconds


def test_frames_in_a_packet_are_counted() -> None:
    assert duration_ms(bytes([toc(31, 1), 0])) == 40
    assert duration_ms(bytes([toc(30, 2), 0])) == 20
    assert duration_ms(bytes([toc(29, 3), 4, 0])) == 20
    assert duration_ms(bytes([toc(31, 3), 0xC3, 0])) == 60


def test_two_frames_of_ten_milliseconds_make_one_that_can_be_sent() -> None:
    assert is_frame(bytes([toc(30, 1), 0, 0]))
    assert not is_frame(bytes([toc(31, 1), 0, 0]))


def test_a_packet_cut_short_is_no_frame() -> None:
    assert not is_frame(b"")
    assert not is_frame(bytes([toc(31, 3)]))


def head(channels: int = 2, gain: int = 0, mapping: int = 0) -> bytes:
    return b"OpusHead\1" + bytes([channels]) + b"\x38\1\x80\xbb\0\0" + gain.to_bytes(2, "little") + bytes([mapping])


def test_only_one_or_two_channels_without_gain_need_nothing_but_the_packets() -> None:
    assert plain_stereo(head())
    assert plain_stereo(head(channels=1))
    assert not plain_stereo(head(channels=6, mapping=1))
    assert not plain_stereo(head(mapping=255))
    assert not plain_stereo(head(gain=256))
    assert not plain_stereo(head()[:12])
    assert not plain_stereo(None)
