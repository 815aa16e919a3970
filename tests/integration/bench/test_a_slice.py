"""A tiny slice of the bench, so that it is known to run: real senders, real sockets, no figure to quote."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.bench.__main__ import measure
from sandbox.bench.extent import QUICK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench is for Linux")

TINY = replace(QUICK, window_seconds=0.4, streams=2, peer_streams=1, floor_frames=500, first_packets=1, hour_frames=600)


async def test_our_players_are_heard_by_the_sink_and_cost_something(tmp_path: Path) -> None:
    figures = await measure(["first-packet", "hour"], TINY, tmp_path)
    assert 0 < figures["first_packet_ms"] < 5_000
    assert "hour_growth_kib" in figures
