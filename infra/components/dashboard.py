"""One page that says in ten seconds whether the bot is well."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components import front_door_metrics, metrics
from infra.environments import Environment


class Dashboard(Construct):
    """Above: is it used, and does it answer. Below: does it sound right."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        cloudwatch.Dashboard(
            self,
            "dashboard",
            dashboard_name=choices.names.prefix,
            widgets=[
                [
                    _graph("Players", metrics.players(choices).with_(statistic="Sum"), metrics.active(choices)),
                    _graph("Commands", front_door_metrics.invocations(choices), front_door_metrics.errors(choices)),
                    _graph(
                        "Answer time (ms)",
                        front_door_metrics.duration(choices, "p50"),
                        front_door_metrics.duration(choices, "p99"),
                    ),
                ],
                [
                    _graph("Frames", metrics.frames_late(choices), metrics.frames_missing(choices)),
                    _graph("Shards taken over", metrics.shards_taken(choices)),
                    _graph("Refusals", metrics.wake_failed(choices), front_door_metrics.throttles(choices)),
                ],
            ],
        )


def _graph(title: str, *lines: cloudwatch.Metric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=[*lines], width=8, height=6)
