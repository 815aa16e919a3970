"""Tells who listens that a task has stopped, as ECS does through EventBridge.

Nobody but AWS may put events of AWS's own services on a bus, and the emulator keeps to that; so the deployed rule's
pattern is asked whether it matches, and its functions are called. Source: "Amazon ECS task state change events"
(Amazon ECS developer guide). Limit: of a task's states, only the last is told.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.cloud.emulator import ACCOUNT, Emulator
from sandbox.cloud.task import Task
from timmybot.settings import ResourceNames


class TaskEvents:
    def __init__(self, emulator: Emulator, names: ResourceNames) -> None:
        self._region = emulator.region
        self._names = names
        self._rule = f"{names.prefix}-task-stopped"
        self._events = emulator.client("events")
        self._lambda = emulator.client("lambda")

    def stopped(self, task: Task) -> None:
        """Blocking; raises what boto3 raises. A template without the rule is told nothing."""
        for rule in self._events.list_rules(NamePrefix=self._rule)["Rules"]:
            event = json.dumps(self._event(task))
            if self._events.test_event_pattern(EventPattern=rule["EventPattern"], Event=event)["Result"]:
                for target in self._events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                    self._lambda.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=event)

    def _event(self, task: Task) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": ACCOUNT,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [task.agent.task_arn],
            "detail": {
                "clusterArn": f"arn:aws:ecs:{self._region}:{ACCOUNT}:cluster/{self._names.cluster}",
                "taskArn": task.agent.task_arn,
                "group": f"service:{self._names.worker_service}",
                "desiredStatus": "STOPPED",
                "lastStatus": "STOPPED",
                "stopCode": "ServiceSchedulerInitiated" if task.stopping else "EssentialContainerExited",
            },
        }
