"""The topic that people read, and the alarms about what users feel. Each says what it means and what to do."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.components import front_door_metrics, metrics, table_metrics
from infra.environments import Environment

SLOW_ANSWER_MS = 2_500
"""Discord gives an interaction 3 s before it tells the user that the application did not respond."""
MANY_HEALED = 3
"""Steps of the watchdog in five minutes. One alone is a slow source, and is healed."""
MANY_FAILED = 3
"""Tasks in a quarter of an hour. One alone is replaced, and its shards are taken over."""


class Alarms(Construct):
    """``topic`` is where they go; the environment's ``alarm_email`` reads it."""

    def __init__(self, scope: Construct, construct_id: str, choices: Environment) -> None:
        super().__init__(scope, construct_id)
        self._prefix = choices.names.prefix
        self.topic = sns.Topic(
            self,
            "topic",
            topic_name=f"{self._prefix}-alarms",
            display_name=f"TimmyBot {choices.name}",
            enforce_ssl=True,
        )
        # A topic that has a policy loses the default one, which let the account's own alarms in.
        self._admit("cloudwatch", f"{{region}}:{{account}}:alarm:{self._prefix}-*")
        self._admit("budgets", ":{account}:*")
        if choices.alarm_email is not None:
            self.topic.add_subscription(subscriptions.EmailSubscription(choices.alarm_email))
        self._alarm(
            "front-door-errors",
            front_door_metrics.errors(choices),
            threshold=1,
            means="The front door failed on a command and the user saw an error. "
            "Read its log group for the traceback; roll back if it began with a deploy.",
        )
        self._alarm(
            "front-door-slow",
            front_door_metrics.duration(choices, "p99"),
            threshold=SLOW_ANSWER_MS,
            means="Commands are about to miss Discord's 3 s. Look at DynamoDB latency and at cold starts; "
            "raise function_memory if importing is what takes long.",
        )
        self._alarm(
            "wake-failed",
            metrics.wake_failed(choices),
            threshold=1,
            means="Someone wanted to play and the workers could not be woken. Read the front door's log group: "
            "a missing right, a deleted service, or ECS refusing.",
        )
        self._alarm(
            "players-silent",
            metrics.players_healed(choices),
            threshold=MANY_HEALED,
            means="Players that should sound fell silent, again and again, and the watchdog stepped in. "
            "Read the worker's log group for what it did; look at FramesMissing (the source is slow) and at CPU.",
        )
        self._alarm(
            "workers-failing",
            metrics.workers_failed(choices),
            threshold=MANY_FAILED,
            minutes=15,
            means="Workers end by themselves or never start, several in a row. Look at the stopped tasks' reasons in "
            "ECS and at the worker's log group; roll back if it began with a deploy.",
        )
        self._alarm(
            "voice-refused",
            metrics.voice_refused(choices),
            threshold=1,
            means="Discord closed a voice connection for good: it no longer takes our encryption or our protocol. "
            "The worker's log group has the close code; update TimmyBot, until then stage channels may work.",
        )
        self._alarm(
            "store-throttled",
            table_metrics.throttled_writes(choices),
            threshold=1,
            means="DynamoDB turned writes to guild-queues away: commands fail. Look at what writes so much; "
            "an on-demand table grows by itself within half an hour.",
        )

    def _admit(self, service: str, source: str) -> None:
        """Let a service of AWS write to the topic, for what ``source`` says is this account's own and for nobody else.

        Source: "Example cases for Amazon SNS access control" (SNS); "Creating an Amazon SNS topic for budget
        notifications" (AWS Cost Management).
        """
        stack = cdk.Stack.of(self)
        arn = f"arn:aws:{service}:" + source.format(region=stack.region, account=stack.account)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal(f"{service}.amazonaws.com")],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": arn},
                },
            )
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.Metric,
        *,
        threshold: float,
        means: str,
        minutes: int = 5,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=means,
            metric=metric.with_(period=cdk.Duration.minutes(minutes)),
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            # Asleep, nothing emits, and that is no trouble.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
