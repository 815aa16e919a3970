"""A tiny slice of the bench, so that it is known to run: real senders, real sockets, no figure to quote."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.bench.__main__ import measure
from sandbox.bench.extent import QUICK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench is for Linux")

TINY = replace(
    QUICK,
    window_seconds=0.4,
    streams=2,
    peer_streams=1,
    floor_frames=500,
    first_packets=1,
    hour_frames=600,
    task_players=2,
    task_window_seconds=0.4,
    transcoded=1,
    transcoded_streams=2,
    transcoded_window_seconds=2.5,  # a full buffer is filled again every two seconds
    transcoded_settle_seconds=0.2,
    crash_window_seconds=4.0,
)


async def test_our_players_are_heard_by_the_sink_and_cost_something(tmp_path: Path) -> None:
    figures = await measure(["first-packet", "hour"], TINY, tmp_path)
    assert 0 < figures["first_packet_ms"] < 5_000
    assert "hour_growth_kib" in figures


async def test_a_command_is_heard_through_the_whole_bot(tmp_path: Path) -> None:
    figures = await measure(["command"], TINY, tmp_path)
    assert 0 < figures["command_to_first_packet_ms"] < 10_000
    assert 0 < figures["resume_to_first_packet_ms"] < 10_000


async def test_a_task_is_filled_or_it_is_said_why_it_cannot_be_had(tmp_path: Path) -> None:
    figures = await measure(["task"], TINY, tmp_path)
    if "task_512_mb_players" in figures.not_measured:
        assert "cgroup" in figures.not_measured["task_512_mb_players"]
    else:
        assert figures["task_512_mb_players"] == 2
        assert figures["task_512_mb_peak_mib"] > 0


async def test_a_transcoded_stream_costs_something_in_the_worker_and_more_in_its_child(tmp_path: Path) -> None:
    figures = await measure(["transcoding"], TINY, tmp_path)
    assert 0 < figures["transcoded_stream_worker_cpu_percent"] < figures["transcoded_stream_cpu_percent"]


async def test_all_streams_of_a_media_child_that_dies_go_on_or_it_is_said_why_nobody_can_tell(tmp_path: Path) -> None:
    figures = await measure(["crash"], TINY, tmp_path)
    if "media_child_crash_late_frames" in figures.not_measured:
        assert "cgroup" in figures.not_measured["media_child_crash_late_frames"]
    else:
        assert figures["media_child_crash_lost_full_core"] == 0
        assert 0 < figures["media_child_recovery_ms"] < 15_000
