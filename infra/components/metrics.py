"""The metrics our own code emits, as embedded-format log lines. Alarms and policies name no others of ours."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.environments import Environment

NAMESPACE = "TimmyBot"


def players(choices: Environment) -> cloudwatch.Metric:
    """Players held by a worker. Each worker writes its own, so the average is players per task."""
    return _metric(choices, "Players", "Average")


def active(choices: Environment) -> cloudwatch.Metric:
    """Above 0 while any worker has a player that wants to sound, or the front door has just taken a ``/play``."""
    return _metric(choices, "Active", "Maximum")


def shards_taken(choices: Environment) -> cloudwatch.Metric:
    """Shards that changed their worker: one at a wake or a hand-over, many when workers keep dying."""
    return _metric(choices, "ShardsTaken", "Sum")


def wake_failed(choices: Environment) -> cloudwatch.Metric:
    """A ``/play`` that found nobody awake and could not wake anybody."""
    return _metric(choices, "WakeFailed", "Sum")


def woken_again(choices: Environment) -> cloudwatch.Metric:
    """A task stopped, none was wanted, and a guild still wanted to hear something."""
    return _metric(choices, "WokenAgain", "Sum")


def wake_seconds(choices: Environment) -> cloudwatch.Metric:
    """From the beginning of the image pull to a worker that can play."""
    return _metric(choices, "WakeSeconds", "Maximum")


def workers_failed(choices: Environment) -> cloudwatch.Metric:
    """Tasks that ended by themselves or never started."""
    return _metric(choices, "WorkersFailed", "Sum")


def players_healed(choices: Environment) -> cloudwatch.Metric:
    """Steps that the watchdog took, for players that should send and did not."""
    return _metric(choices, "PlayersHealed", "Sum")


def voice_refused(choices: Environment) -> cloudwatch.Metric:
    """Voice connections that Discord closed for good."""
    return _metric(choices, "VoiceRefused", "Sum")


def frames_late(choices: Environment) -> cloudwatch.Metric:
    return _metric(choices, "FramesLate", "Sum")


def frames_missing(choices: Environment) -> cloudwatch.Metric:
    """Slots that came before their frame was decoded: heard as a gap."""
    return _metric(choices, "FramesMissing", "Sum")


def _metric(choices: Environment, name: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"Environment": choices.name},
        statistic=statistic,
        period=cdk.Duration.minutes(1),
    )
