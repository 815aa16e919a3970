"""Alarms and graphs are about metrics that someone really emits, and each alarm says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.infra.templates import Templates
from timmybot.adapters.metrics import DIMENSION, NAMESPACE, UNITS

# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
LAMBDA_METRICS = {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"}

Name = tuple[str, str, str]
"""Namespace, metric, and the name of its one dimension."""

EMITTED: set[Name] = {(NAMESPACE, name, DIMENSION) for name in UNITS} | {
    ("AWS/Lambda", name, "FunctionName") for name in LAMBDA_METRICS
}


def graphed(templates: Templates) -> Iterator[Name]:
    body = templates.one("AWS::CloudWatch::Dashboard")["DashboardBody"]
    text = body if isinstance(body, str) else "".join(p for p in body["Fn::Join"][1] if isinstance(p, str))
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            yield (metric[0], metric[1], metric[2])


def alarmed(templates: Templates) -> Iterator[Name]:
    for alarm in templates.all("AWS::CloudWatch::Alarm"):
        (dimension,) = alarm["Dimensions"]
        yield (alarm["Namespace"], alarm["MetricName"], dimension["Name"])


def tracked(templates: Templates) -> Iterator[Name]:
    for policy in templates.all("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if policy["PolicyType"] == "TargetTrackingScaling":
            tracking = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
            for query in tracking["Metrics"]:
                if "MetricStat" in query:
                    metric = query["MetricStat"]["Metric"]
                    (dimension,) = metric["Dimensions"]
                    yield (metric["Namespace"], metric["MetricName"], dimension["Name"])


def test_every_metric_that_is_looked_at_is_one_that_is_emitted(either: Templates) -> None:
    looked_at = {*graphed(either), *alarmed(either), *tracked(either)}
    assert len(looked_at) > 5
    assert looked_at <= EMITTED


def test_the_running_task_count_of_the_wrong_namespace_would_be_noticed() -> None:
    """AWS/ECS has no such metric; it belongs to Container Insights."""
    assert ("AWS/ECS", "RunningTaskCount", "ServiceName") not in EMITTED


def test_each_alarm_says_what_it_means_and_what_to_do(either: Templates) -> None:
    for alarm in either.all("AWS::CloudWatch::Alarm"):
        assert alarm["AlarmDescription"].count(". ") + alarm["AlarmDescription"].count(": ") >= 1
        assert alarm["AlarmActions"]


def test_dev_stays_within_the_ten_free_alarms(dev: Templates) -> None:
    """Target tracking makes two of its own."""
    tracking = [*tracked(dev)]
    assert len(dev.all("AWS::CloudWatch::Alarm")) + 2 * len(tracking) <= 10


def test_someone_is_told_before_the_money_is_gone(either: Templates) -> None:
    budget = either.one("AWS::Budgets::Budget")
    kinds = {n["Notification"]["NotificationType"] for n in budget["NotificationsWithSubscribers"]}
    assert kinds == {"ACTUAL", "FORECASTED"}


def test_prod_keeps_its_logs(prod: Templates) -> None:
    for group in prod.resources("AWS::Logs::LogGroup"):
        kept = group["Properties"]["LogGroupName"] in ("/timmybot/prod/worker", "/timmybot/prod/front-door")
        assert group["DeletionPolicy"] == ("Retain" if kept else "Delete")
