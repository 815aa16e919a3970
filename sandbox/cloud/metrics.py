"""What processes emit, and what CloudWatch would make of it: embedded-format lines in, statistics by period out.

Pure: time is a number of seconds that the caller gives.
Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KEPT_SECONDS = 3 * 60 * 60.0


@dataclass(frozen=True)
class Metric:
    """One CloudWatch metric: dimensions are part of its identity."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Sample:
    """One value of a metric."""

    metric: Metric
    value: float


STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "Sum": math.fsum,
    "SampleCount": len,
}


def embedded_samples(line: str) -> list[Sample] | None:
    """The samples that a log line carries, or None if it is no embedded-format line."""
    if '"_aws"' not in line:
        return None
    try:
        record = json.loads(line)
        directives = record["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return None
    return [sample for directive in directives for sample in _samples(record, directive)]


def _samples(record: Mapping[str, Any], directive: Mapping[str, Any]) -> Iterable[Sample]:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = frozenset((name, str(record[name])) for name in names)
        for metric in directive["Metrics"]:
            values = record[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                yield Sample(Metric(directive["Namespace"], metric["Name"], dimensions), float(value))


class MetricStore:
    """Samples by metric and time, aggregated over whole periods."""

    def __init__(self) -> None:
        self._samples: dict[Metric, list[tuple[float, float]]] = defaultdict(list)

    def add(self, at: float, sample: Sample) -> None:
        """Keep a sample that arrived at ``at`` seconds; what is older than three hours is forgotten."""
        kept = self._samples[sample.metric]
        kept.append((at, sample.value))
        while kept[0][0] < at - KEPT_SECONDS:
            kept.pop(0)

    def latest(self, metric: Metric) -> float | None:
        """The value that arrived last, or None if none has."""
        kept = self._samples.get(metric)
        return kept[-1][1] if kept else None

    def periods(self, metric: Metric, *, statistic: str, period: float, count: int, now: float) -> list[float | None]:
        """The statistic of the last ``count`` whole periods before ``now``, oldest first.

        None stands for a period in which nothing arrived.
        """
        newest = math.floor(now / period) - 1
        values: dict[int, list[float]] = defaultdict(list)
        for at, value in self._samples.get(metric, ()):
            values[math.floor(at / period)].append(value)
        aggregate = STATISTICS[statistic]
        return [
            aggregate(values[index]) if index in values else None for index in range(newest - count + 1, newest + 1)
        ]
