"""Metrics: figures that alarms, scaling and the dashboard are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Metrics(Protocol):
    def emit(self, figures: Mapping[str, float]) -> None:
        """Write one line of figures, by metric name. Never raises, never waits."""
        ...
