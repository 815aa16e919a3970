"""Metrics as lines of embedded metric format, which CloudWatch Logs turns into metrics by itself.

A line on stdout costs no call and no permission, and is readable where there is no CloudWatch.

Source: Amazon CloudWatch, User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TextIO

from timmybot.ports.clock import Clock

NAMESPACE = "TimmyBot"
DIMENSION = "Environment"

UNITS: Mapping[str, str] = {
    # What scaling is made of.
    "Players": "Count",  # players held by this worker: the load that tasks are spread by
    "Active": "Count",  # above 0 while one is wanted to sound, or a /play was just taken: keeps the service awake
    # What goes on between workers.
    "ShardsTaken": "Count",
    "WakeFailed": "Count",
    "WokenAgain": "Count",  # a task stopped, none was wanted, and a guild still wanted to hear something
    "SessionStartsLow": "Count",  # a gateway session was to be started, and few are left of Discord's day
    "WakeSeconds": "Seconds",  # from the image pull to a worker that can play
    "WorkersFailed": "Count",  # tasks that ended by themselves or never started
    # How well it plays.
    "FramesSent": "Count",
    "FramesLate": "Count",
    "FramesMissing": "Count",  # slots that came before their frame was decoded, or were over before they were served
    "VoiceRefused": "Count",  # connections that Discord closed for good: encryption or protocol too old, or too many
    "PlayersHealed": "Count",  # steps that the watchdog took, for players that should send and did not
}
"""Every metric and its unit, in this one place: the dashboard and the alarms name no other."""

MOST_PER_LINE = 100
"""Metrics in one line. Source: the specification, "Metrics": at most 100 definitions."""


class EmbeddedMetrics:
    """Implements :class:`timmybot.ports.metrics.Metrics`: one JSON line an emit.

    A name that is not in :data:`UNITS` is written with the unit ``None`` rather than lost.
    """

    def __init__(self, environment: str, clock: Clock, out: TextIO | None = None) -> None:
        self._environment = environment
        self._clock = clock
        self._out = out

    def emit(self, figures: Mapping[str, float]) -> None:
        finite = {name: value for name, value in list(figures.items())[:MOST_PER_LINE] if math.isfinite(value)}
        if not finite:
            return
        definitions = [{"Name": name, "Unit": UNITS.get(name, "None")} for name in finite]
        directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": definitions}
        line = {
            "_aws": {"Timestamp": int(self._clock.now() * 1000), "CloudWatchMetrics": [directive]},
            DIMENSION: self._environment,
            **finite,
        }
        try:
            # One write, so that lines of two threads do not mix.
            out = self._out or sys.stdout
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
            out.flush()
        except (OSError, ValueError):
            pass  # A closed or full stdout must not stop the music, and there is nowhere left to say so.
