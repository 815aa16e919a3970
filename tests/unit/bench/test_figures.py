"""What the bench prints and writes."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.bench.figures import Figures


def test_the_file_has_values_with_their_units_and_says_what_is_missing(tmp_path: Path) -> None:
    figures = Figures()
    figures.add("streams_quarter_core", 151.0, "streams")
    figures.not_measured["peer"] = "no Node here"
    figures.write(tmp_path / "build" / "bench.json")
    written = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert written["figures"] == {"streams_quarter_core": {"value": 151, "unit": "streams"}}
    assert written["not_measured"] == {"peer": "no Node here"}
    assert any("not measured: no Node here" in line for line in figures.lines())


def test_a_missed_target_is_said_in_its_line() -> None:
    figures = Figures()
    figures.add("player_kib", 700.0, "KiB")
    figures.add("streams_full_core", 500.0, "streams")
    missed, met = figures.lines()
    assert "MISSED (≤ 512)" in missed
    assert "met    (≥ 500)" in met
    assert figures.missed() == ["player_kib"]
