"""One page that says in ten seconds whether the bot is well."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.components import front_door_metrics, metrics, table_metrics, task_metrics
from infra.environments import Environment


class Dashboard(Construct):
    """Numbers first: is it used, does it answer, does it sound. Below them, since when; below that, what it costs."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        players = metrics.players(choices).with_(statistic="Sum", label="players")
        cloudwatch.Dashboard(
            self,
            "dashboard",
            dashboard_name=choices.names.prefix,
            widgets=[
                [
                    _number("Players", players),
                    _number("Tasks", *task_metrics.counts(choices)),
                    _number("Failed commands", front_door_metrics.failures(choices)),
                    _number("Late frames", metrics.frames_late(choices)),
                ],
                [
                    _graph("Players and tasks", players, *task_metrics.counts(choices)),
                    _graph("Commands", front_door_metrics.invocations(choices), front_door_metrics.errors(choices)),
                    _graph(
                        "Answer time (ms; Discord gives 3,000)",
                        front_door_metrics.duration(choices, "p50"),
                        front_door_metrics.duration(choices, "p99"),
                    ),
                ],
                [
                    _graph(
                        "Frames late and missing; players healed",
                        metrics.frames_late(choices),
                        metrics.frames_missing(choices),
                        metrics.players_healed(choices),
                    ),
                    _graph(
                        "Shards taken over; workers failed",
                        metrics.shards_taken(choices),
                        metrics.workers_failed(choices),
                    ),
                    _graph(
                        "Waking: seconds, woken again, failed",
                        metrics.wake_seconds(choices),
                        metrics.woken_again(choices),
                        metrics.wake_failed(choices),
                    ),
                ],
                [
                    _graph(
                        "Turned away: by DynamoDB, Lambda, Discord's voice",
                        table_metrics.throttled_writes(choices),
                        front_door_metrics.throttles(choices),
                        metrics.voice_refused(choices),
                    ),
                    _graph("Load of the tasks (%)", task_metrics.cpu(choices), task_metrics.memory(choices)),
                    _graph("Spend", task_metrics.spend()),
                ],
            ],
        )


def _number(title: str, *figures: cloudwatch.IMetric) -> cloudwatch.SingleValueWidget:
    return cloudwatch.SingleValueWidget(title=title, metrics=[*figures], width=6, height=3)


def _graph(title: str, *lines: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=[*lines], width=8, height=6)
