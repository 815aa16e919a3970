"""Alarms and graphs are about metrics that someone really emits, and each alarm says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra.templates import Templates, plain
from timmybot.adapters.metrics import DIMENSION, NAMESPACE, UNITS

ROOT = Path(__file__).parents[2]

Name = tuple[str, str, frozenset[str]]
"""Namespace, metric, and the names of its dimensions."""

SERVICE = frozenset({"ClusterName", "ServiceName"})

OURS: set[Name] = {(NAMESPACE, name, frozenset({DIMENSION})) for name in UNITS}
AWS: set[Name] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    *(("AWS/Lambda", name, frozenset({"FunctionName"})) for name in ("Invocations", "Errors", "Throttles", "Duration")),
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    *(("AWS/ECS", name, SERVICE) for name in ("CPUUtilization", "MemoryUtilization")),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", "WriteThrottleEvents", frozenset({"TableName"})),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
    ("AWS/Billing", "EstimatedCharges", frozenset({"Currency"})),
}
INSIGHTS: set[Name] = {("ECS/ContainerInsights", name, SERVICE) for name in ("DesiredTaskCount", "RunningTaskCount")}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html"""


def emitted(templates: Templates) -> set[Name]:
    """What exists in this environment: Container Insights' metrics only where it is switched on."""
    (setting,) = templates.one("AWS::ECS::Cluster")["ClusterSettings"]
    return OURS | AWS | (INSIGHTS if setting["Value"] in ("enabled", "enhanced") else set())


def graphed(templates: Templates) -> Iterator[Name]:
    body = templates.one("AWS::CloudWatch::Dashboard")["DashboardBody"]
    text = body if isinstance(body, str) else "".join(p for p in body["Fn::Join"][1] if isinstance(p, str))
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            words = [part for part in metric if isinstance(part, str)]
            if words:
                yield (words[0], words[1], frozenset(words[2::2]))


def alarmed(templates: Templates) -> Iterator[Name]:
    for alarm in templates.all("AWS::CloudWatch::Alarm"):
        stats = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        for metric in stats or [alarm]:
            yield (metric["Namespace"], metric["MetricName"], frozenset(d["Name"] for d in metric["Dimensions"]))


def tracked(templates: Templates) -> Iterator[Name]:
    for policy in templates.all("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if policy["PolicyType"] == "TargetTrackingScaling":
            tracking = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
            for query in tracking["Metrics"]:
                if "MetricStat" in query:
                    metric = query["MetricStat"]["Metric"]
                    yield (
                        metric["Namespace"],
                        metric["MetricName"],
                        frozenset(d["Name"] for d in metric["Dimensions"]),
                    )


def test_every_metric_that_is_looked_at_is_one_that_is_emitted(either: Templates) -> None:
    looked_at = {*graphed(either), *alarmed(either), *tracked(either)}
    assert len(looked_at) > 5
    assert looked_at <= emitted(either)


def test_every_metric_of_ours_that_is_looked_at_has_a_line_of_code_that_emits_it(either: Templates) -> None:
    looked_at = {*graphed(either), *alarmed(either), *tracked(either)}
    ours = {name for namespace, name, _ in looked_at if namespace == NAMESPACE}
    code = [path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "metrics.py"]
    assert {name for name in ours if not any(f'"{name}":' in text for text in code)} == set()


def test_the_running_task_count_of_the_wrong_namespace_would_be_noticed(either: Templates) -> None:
    """AWS/ECS has no such metric; it belongs to Container Insights."""
    assert ("AWS/ECS", "RunningTaskCount", SERVICE) not in emitted(either)


def test_a_metric_of_container_insights_would_be_noticed_where_that_is_off(dev: Templates, prod: Templates) -> None:
    assert not INSIGHTS & emitted(dev)
    assert {*graphed(prod)} >= INSIGHTS


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
    assert "BudgetName" not in budget["Budget"], "what replaces it would find the name taken"
    kinds = {n["Notification"]["NotificationType"] for n in budget["NotificationsWithSubscribers"]}
    assert kinds == {"ACTUAL", "FORECASTED"}


def test_prod_keeps_its_logs(prod: Templates) -> None:
    for group in prod.resources("AWS::Logs::LogGroup"):
        kept = group["Properties"]["LogGroupName"] in (
            "/timmybot/prod/worker",
            "/timmybot/prod/front-door",
            "/timmybot/prod/task-stopped",
        )
        assert group["DeletionPolicy"] == ("RetainExceptOnCreate" if kept else "Delete")


def test_what_container_insights_logs_goes_with_the_stacks(prod: Templates, dev: Templates) -> None:
    def groups(templates: Templates) -> list[Any]:
        named = templates.resources("AWS::Logs::LogGroup")
        return [group for group in named if "/containerinsights/" in group["Properties"]["LogGroupName"]]

    (group,) = groups(prod)
    assert group["Properties"]["LogGroupName"] == f"/aws/ecs/containerinsights/{prod.names.cluster}/performance"
    assert (group["Properties"]["RetentionInDays"], group["DeletionPolicy"]) == (1, "Delete")
    assert groups(dev) == []


def may_publish(templates: Templates) -> dict[str, Any]:
    """Who may write to the alarms' topic, and under which conditions."""
    policy = templates.one("AWS::SNS::TopicPolicy")["PolicyDocument"]
    return {
        each["Principal"]["Service"]: each["Condition"]
        for each in policy["Statement"]
        if each["Effect"] == "Allow" and each["Action"] == "sns:Publish"
    }


def test_alarms_and_the_budget_may_write_to_the_topic_and_nobody_elses(either: Templates) -> None:
    """A topic with a policy has no default one: without the first, no alarm would ever reach anybody, and CloudWatch
    would say so in the alarm's history alone (automated-security-response-on-aws #43)."""
    allowed = may_publish(either)
    assert allowed.keys() == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    for service, condition in allowed.items():
        assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, service
    assert (
        plain(allowed["cloudwatch.amazonaws.com"]["ArnLike"]["aws:SourceArn"])
        == f"cloudwatch:alarm:{either.names.prefix}-*"
    )
    prefix = f"{either.names.prefix}-"
    assert all(alarm["AlarmName"].startswith(prefix) for alarm in either.all("AWS::CloudWatch::Alarm"))
