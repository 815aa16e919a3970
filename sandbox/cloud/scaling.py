"""Acts out the deployed template's scaling policies, on a clock that may run faster than the wall's.

Samples arrive from workers as they print them and from the function's log group; each minute of the
scaling clock the rules are evaluated and the service's desired count is set. Limit: a sample counts when it
arrives here, not when its line says it was taken, because only this clock runs fast.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloud.emulator import Emulator
from sandbox.cloud.metrics import MetricStore, Sample, embedded_samples
from sandbox.cloud.scaling_decisions import ScalingActivity, ScalingDecisions
from sandbox.cloud.scaling_template import scaling_rules
from timmybot.settings import ResourceNames

log = logging.getLogger(__name__)

MINUTE = 60.0
GRACE_MINUTES = 0.25
"""How long after a minute's end it is evaluated, for its last samples to arrive."""

LOG_POLL_SECONDS = 0.3


class Scaling:
    """The scaling of one environment's service. ``speed`` 60 makes a minute a second."""

    def __init__(self, emulator: Emulator, names: ResourceNames, *, speed: float) -> None:
        self._emulator = emulator
        self._names = names
        self._speed = speed
        self._started = time.monotonic()
        self.suspended = False
        """As an operator may suspend dynamic scaling on the scalable target: nothing scales in or out."""
        self.metrics = MetricStore()
        """What has arrived so far."""
        self._ecs = emulator.client("ecs")
        self._logs = emulator.client("logs")
        self._decisions: ScalingDecisions | None = None
        self._seen: set[tuple[str, int, str]] = set()

    @property
    def activities(self) -> list[ScalingActivity]:
        """Every change of capacity so far, oldest first."""
        return list(self._decisions.activities) if self._decisions else []

    def record(self, sample: Sample) -> None:
        """A worker emitted this now."""
        self.metrics.add(self._now(), sample)

    async def run(self) -> None:
        """Read the rules and act on them until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_function_log())
            group.create_task(self._evaluate_each_minute())

    def load_rules(self) -> None:
        """Read the rules from the deployed template, after each deploy."""
        cloudformation = self._emulator.client("cloudformation")
        answer = cloudformation.get_template(StackName=f"{self._names.prefix}-ecs", TemplateStage="Processed")
        rules = scaling_rules(_template(answer["TemplateBody"]))
        if self._decisions is None:
            self._decisions = ScalingDecisions(rules, self.metrics)
        else:
            self._decisions.rules = rules

    async def _evaluate_each_minute(self) -> None:
        while True:
            now = self._now()
            next_evaluation = (now // MINUTE + 1 + GRACE_MINUTES) * MINUTE
            await asyncio.sleep((next_evaluation - now) / self._speed)
            try:
                await asyncio.to_thread(self._evaluate)
            except (BotoCoreError, ClientError) as error:
                log.warning("scaling could not be evaluated: %s", error)

    def _evaluate(self) -> None:
        if self._decisions is None or self.suspended:
            return
        before = self._desired_count()
        after = self._decisions.decide(self._now(), before)
        if after != before:
            self._ecs.update_service(
                cluster=self._names.cluster, service=self._names.worker_service, desiredCount=after
            )

    def _desired_count(self) -> int:
        answer = self._ecs.describe_services(cluster=self._names.cluster, services=[self._names.worker_service])
        return int(answer["services"][0]["desiredCount"])

    async def _follow_function_log(self) -> None:
        while True:
            try:
                for sample in await asyncio.to_thread(self._new_function_samples):
                    self.record(sample)
            except (BotoCoreError, ClientError) as error:
                log.warning("the function's log could not be read: %s", error)
            await asyncio.sleep(LOG_POLL_SECONDS)

    def _new_function_samples(self) -> list[Sample]:
        group = f"/timmybot/{self._names.environment}/front-door"
        samples: list[Sample] = []
        since = int((time.time() - 60) * 1000)
        for page in self._logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                # ministack gives events no id; each invocation has a log stream of its own.
                identity = (event["logStreamName"], event["timestamp"], event["message"])
                if identity not in self._seen:
                    self._seen.add(identity)
                    samples.extend(embedded_samples(event["message"]) or ())
        return samples

    def _now(self) -> float:
        return (time.monotonic() - self._started) * self._speed


def _template(body: Any) -> Mapping[str, Any]:
    if isinstance(body, str):
        body = json.loads(body)
    assert isinstance(body, Mapping)
    return body
