"""Lines that CloudWatch understands. The format is AWS's, "Specification: Embedded metric format"."""

from __future__ import annotations

import ast
import gc
import io
import json
import math
from pathlib import Path

import timmybot
from tests.fakes.clock import FakeClock
from timmybot.adapters.metrics import UNITS, EmbeddedMetrics


def test_figures_are_one_line_with_their_units_and_environment() -> None:
    out = io.StringIO()

    EmbeddedMetrics("prod", FakeClock(now=1_800_000_000.5), out).emit({"Players": 3, "FramesLate": 0.5})

    assert out.getvalue().endswith("\n")
    assert out.getvalue().count("\n") == 1
    assert json.loads(out.getvalue()) == {
        "_aws": {
            "Timestamp": 1_800_000_000_500,
            "CloudWatchMetrics": [
                {
                    "Namespace": "TimmyBot",
                    "Dimensions": [["Environment"]],
                    "Metrics": [{"Name": "Players", "Unit": "Count"}, {"Name": "FramesLate", "Unit": "Count"}],
                }
            ],
        },
        "Environment": "prod",
        "Players": 3,
        "FramesLate": 0.5,
    }


def test_what_json_cannot_say_is_left_out() -> None:
    out = io.StringIO()
    metrics = EmbeddedMetrics("dev", FakeClock(), out)

    metrics.emit({"Players": math.nan, "Active": 1})
    metrics.emit({"Players": math.inf})
    metrics.emit({})

    assert [json.loads(line).get("Active") for line in out.getvalue().splitlines()] == [1]
    assert "Players" not in out.getvalue()


def test_a_closed_stdout_stops_nothing() -> None:
    out = io.StringIO()
    out.close()

    EmbeddedMetrics("dev", FakeClock(), out).emit({"Players": 1})


def test_every_metric_that_the_code_emits_has_a_unit() -> None:
    names = emitted_names()
    assert names <= UNITS.keys()
    assert "Players" in names, "the search finds something"


def emitted_names() -> set[str]:
    """The keys of all dict displays that are handed to something called ``emit``."""
    # Python 3.11 fails to parse when what is collected meanwhile logs a traceback, which parses, too (gh-106905).
    gc.collect()
    source = Path(timmybot.__file__).parent
    calls = [
        node
        for path in source.rglob("*.py")
        if "emit(" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "emit"
    ]
    figures = [argument for call in calls for argument in call.args if isinstance(argument, ast.Dict)]
    return {str(key.value) for figure in figures for key in figure.keys if isinstance(key, ast.Constant)}
