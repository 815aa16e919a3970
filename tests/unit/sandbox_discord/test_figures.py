"""The figures of a play: what counts as late, lost and repeated."""

from __future__ import annotations

from sandbox.discord import Packet, measure
from sandbox.discord.rtp import SILENCE


def steady(count: int, *, at: float = 10.0, sequence: int = 65_530, timestamp: int = 2**32 - 1920) -> list[Packet]:
    """Packets exactly every 20 ms; the counters wrap on the way."""
    return [
        Packet(at + index * 0.02, 7, (sequence + index) & 0xFFFF, (timestamp + index * 960) & 0xFFFFFFFF, b"x")
        for index in range(count)
    ]


def later(packet: Packet, seconds: float) -> Packet:
    return Packet(packet.at + seconds, packet.ssrc, packet.sequence, packet.timestamp, packet.opus)


def test_a_steady_stream_has_nothing_to_report() -> None:
    figures = measure(steady(100), since=9.5)
    assert figures.packets == 100
    assert figures.first_packet_after_seconds == 0.5
    assert (figures.late_over_10_ms, figures.late_over_20_ms, figures.lost, figures.duplicated) == (0, 0, 0, 0)
    assert figures.worst_late_ms < 0.01


def test_late_packets_are_counted_by_how_late_they_are() -> None:
    packets = steady(100)
    packets[40], packets[50] = later(packets[40], 0.012), later(packets[50], 0.025)
    figures = measure(packets)
    assert (figures.late_over_10_ms, figures.late_over_20_ms, figures.worst_late_ms) == (2, 1, 25.0)


def test_gaps_and_repetitions_are_counted() -> None:
    packets = steady(100)
    figures = measure([*packets[:20], *packets[23:60], packets[59], *packets[60:]])
    assert (figures.lost, figures.duplicated) == (3, 1)


def test_a_pause_that_ends_with_silence_makes_nothing_late() -> None:
    first = steady(50)
    end = first[-1]
    silence = [
        Packet(end.at + 0.001, 7, (end.sequence + n) & 0xFFFF, end.timestamp + n * 960, SILENCE) for n in range(1, 6)
    ]
    after = steady(50, at=60.0, sequence=(end.sequence + 6) & 0xFFFF, timestamp=end.timestamp + 6 * 960)
    figures = measure([*first, *silence, *after])
    assert (figures.late_over_10_ms, figures.lost) == (0, 0)


def test_a_stall_without_silence_frames_does_make_packets_late() -> None:
    packets = steady(100)
    stalled = [*packets[:60], *(later(packet, 1.0) for packet in packets[60:])]
    assert measure(stalled).late_over_20_ms == 40


def test_nothing_heard_gives_empty_figures() -> None:
    figures = measure([], since=1.0)
    assert (figures.packets, figures.first_packet_after_seconds) == (0, None)
