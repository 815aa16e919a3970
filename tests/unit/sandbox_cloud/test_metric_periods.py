"""Embedded-format lines become samples, and samples become statistics by period."""

from __future__ import annotations

import json

from sandbox.cloud.metrics import Metric, MetricStore, Sample, embedded_samples

PLAYERS = Metric("TimmyBot", "Players", frozenset({("Environment", "dev")}))


def line(**values: object) -> str:
    directive = {
        "Namespace": "TimmyBot",
        "Dimensions": [["Environment"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
    }
    return json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, "Environment": "dev", **values})


def store(*samples: tuple[float, float]) -> MetricStore:
    made = MetricStore()
    for at, value in samples:
        made.add(at, Sample(PLAYERS, value))
    return made


def test_a_worker_says_how_many_players_it_holds() -> None:
    assert embedded_samples(line(Players=3)) == [Sample(PLAYERS, 3.0)]


def test_a_list_of_values_is_as_many_samples() -> None:
    assert embedded_samples(line(Players=[1, 2])) == [Sample(PLAYERS, 1.0), Sample(PLAYERS, 2.0)]


def test_an_ordinary_log_line_is_no_metric_even_if_it_is_json() -> None:
    assert embedded_samples("joined voice channel 7") is None
    assert embedded_samples('{"message": "ready"}') is None
    assert embedded_samples('{"_aws": "cut off') is None


def test_each_worker_counts_once_in_the_average_of_a_minute() -> None:
    both = store((61, 10), (75, 30), (100, 20))
    assert both.periods(PLAYERS, statistic="Average", period=60, count=1, now=120) == [20]
    assert both.periods(PLAYERS, statistic="Maximum", period=60, count=1, now=120) == [30]
    assert both.periods(PLAYERS, statistic="SampleCount", period=60, count=1, now=120) == [3]


def test_a_minute_without_a_sample_is_missing_not_zero() -> None:
    gap = store((10, 5), (130, 7))
    assert gap.periods(PLAYERS, statistic="Sum", period=60, count=3, now=185) == [5, None, 7]


def test_the_minute_that_has_not_ended_is_not_looked_at() -> None:
    assert store((61, 9)).periods(PLAYERS, statistic="Sum", period=60, count=1, now=119) == [None]


def test_another_environments_metric_is_another_metric() -> None:
    prod = Metric("TimmyBot", "Players", frozenset({("Environment", "prod")}))
    assert store((10, 5)).periods(prod, statistic="Sum", period=60, count=1, now=60) == [None]
