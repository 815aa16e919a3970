"""Acts as ECS: keeps as many worker processes running as the service's desired count says.

Limits: a task is healthy as soon as its process runs; one container a task; no placement, no image.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.cloud.agent import Agent, AgentRecord
from sandbox.cloud.emulator import ACCOUNT, Emulator
from sandbox.cloud.metrics import Sample
from sandbox.cloud.task import Task
from sandbox.cloud.task_definition import SecretUnavailableError, TaskDefinition
from sandbox.cloud.task_events import TaskEvents
from sandbox.reaper import Reaper
from timmybot.settings import ResourceNames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How fast the sandbox's ECS is, in seconds."""

    poll: float = 0.2
    restart: float = 1.0
    """Before a task is started in place of one that died; doubles while they keep dying young."""
    restart_limit: float = 30.0
    young: float = 10.0
    """A task that dies before this age counts as one that keeps dying."""
    farewell: float = 5.0
    """How long a task may take to end when the sandbox itself stops."""


@dataclass(frozen=True)
class Wanted:
    """What the service wants just now."""

    desired: int
    deployment: str
    definition: TaskDefinition


class Scheduler:
    """The tasks of one environment's worker service.

    ``programs`` maps the entry point of the image to a command of this machine; ``overrides`` are laid over the
    task definition's environment, for what the sandbox cannot offer under its real address.
    """

    def __init__(
        self,
        emulator: Emulator,
        names: ResourceNames,
        directory: Path,
        *,
        overrides: Mapping[str, str],
        on_sample: Callable[[Sample], None],
        reaper: Reaper,
        programs: Mapping[str, Sequence[str]] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.tasks: list[Task] = []
        """Every task so far, oldest first, ended ones included."""
        self._emulator = emulator
        self._names = names
        self._directory = directory / "tasks"
        self._overrides = overrides
        self._on_sample = on_sample
        self._reaper = reaper
        self._programs = programs or {"timmybot": [str(Path(sys.prefix) / "bin" / "timmybot")]}
        self._pace = pace or Pace()
        self._agent = Agent(self._agent_record, emulator.assume)
        self._ecs = emulator.client("ecs")
        self._definitions: dict[str, TaskDefinition] = {}
        self._changed = asyncio.Condition()
        self._wanted: Wanted | None = None
        self._restart_at = 0.0
        self._restart_delay = self._pace.restart
        self._mourned: set[str] = set()
        self._events = TaskEvents(emulator, names)
        self._told: set[str] = set()

    @property
    def running(self) -> list[Task]:
        """The tasks that run and have not been asked to stop."""
        return [task for task in self.tasks if task.running and not task.stopping]

    async def run(self) -> None:
        """Keep the service as wanted until cancelled, then end every task."""
        self._directory.mkdir(parents=True, exist_ok=True)
        async with self._agent:
            try:
                while True:
                    await self._step()
                    async with self._changed:
                        self._changed.notify_all()
                    await asyncio.sleep(self._pace.poll)
            finally:
                alive = [task for task in self.tasks if task.running]
                await asyncio.gather(*(task.end(self._pace.farewell) for task in alive))

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return when ``holds()`` is true, looking each time the scheduler has looked at the service."""
        async with self._changed:
            await self._changed.wait_for(holds)

    async def wait_for_tasks(self, count: int) -> None:
        """Return when ``count`` tasks are both wanted and running, and no other process is left."""

        def settled() -> bool:
            alive = [task for task in self.tasks if task.running]
            return (
                self._wanted is not None
                and self._wanted.desired == count == len(alive) == len(self.running)
                and all(task.deployment == self._wanted.deployment for task in alive)
            )

        await self.wait_until(settled)

    async def kill(self, task: Task, ending: signal.Signals = signal.SIGKILL) -> None:
        """Send a task a signal behind ECS's back; with SIGKILL, return when it is dead."""
        task.kill(ending)
        if ending is signal.SIGKILL:
            await task.wait()

    async def _step(self) -> None:
        try:
            wanted = await asyncio.to_thread(self._read_wanted)
        except (BotoCoreError, ClientError) as error:
            log.warning("the service could not be read: %s", error)
            return
        self._wanted = wanted
        self._mourn()
        await self._tell_of_stopped()
        current = [task for task in self.running if task.deployment == wanted.deployment]
        for _ in range(wanted.desired - len(current)):
            if time.monotonic() < self._restart_at:
                break
            await self._start_one(wanted)
        self._scale_in([*current], wanted.desired)
        if len(current) >= wanted.desired:
            self._scale_in([task for task in self.running if task.deployment != wanted.deployment], 0)

    def _read_wanted(self) -> Wanted:
        answer = self._ecs.describe_services(cluster=self._names.cluster, services=[self._names.worker_service])
        service: Mapping[str, Any] = answer["services"][0]
        arn = service["taskDefinition"]
        if arn not in self._definitions:
            described = self._ecs.describe_task_definition(taskDefinition=arn)
            self._definitions[arn] = TaskDefinition.described(described["taskDefinition"])
        return Wanted(service["desiredCount"], service["deployments"][0]["id"], self._definitions[arn])

    def _scale_in(self, tasks: Sequence[Task], keep: int) -> None:
        """Stop what is too many, oldest first, as far as protection allows."""
        surplus = len(tasks) - keep
        stoppable = sorted((task for task in tasks if not task.protected), key=lambda task: task.started_at)
        for task in stoppable[: max(surplus, 0)]:
            task.ask_to_stop()

    def _mourn(self) -> None:
        """Set the back-off for tasks that died without having been asked to."""
        for task in self.tasks:
            if task.running or task.stopping or task.id in self._mourned:
                continue
            self._mourned.add(task.id)
            assert task.stopped_at is not None
            log.warning("task %s ended by itself with status %s; its log is %s", task.id, task.exit_code, task.log)
            self._back_off(young=task.stopped_at - task.started_at < self._pace.young)

    async def _tell_of_stopped(self) -> None:
        """Each task that has stopped is an event; one that cannot be told now is told at the next look."""
        for task in self.tasks:
            if task.running or task.id in self._told:
                continue
            try:
                await asyncio.to_thread(self._events.stopped, task)
                self._told.add(task.id)
            except (BotoCoreError, ClientError) as error:
                log.warning("nobody was told that task %s stopped: %s", task.id, error)

    def _back_off(self, *, young: bool) -> None:
        self._restart_at = time.monotonic() + (self._restart_delay if young else self._pace.restart)
        self._restart_delay = min(self._restart_delay * 2, self._pace.restart_limit) if young else self._pace.restart

    async def _start_one(self, wanted: Wanted) -> None:
        definition = wanted.definition
        task_id = uuid.uuid4().hex
        arn = f"arn:aws:ecs:{self._emulator.region}:{ACCOUNT}:task/{self._names.cluster}/{task_id}"
        task = Task(
            id=task_id,
            deployment=wanted.deployment,
            agent=AgentRecord(arn, definition.family, definition.revision, definition.task_role_arn),
            stop_timeout_seconds=definition.stop_timeout_seconds,
            log=self._directory / f"{task_id}.log",
        )
        self.tasks.append(task)
        try:
            environment = await asyncio.to_thread(self._environment, definition, task_id)
            await task.start(self._command(definition), environment, self._on_sample, self._reaper)
        except (SecretUnavailableError, BotoCoreError, ClientError, OSError) as error:
            task.log.write_text(f"the task did not start: {error}\n")
            task.stopped_at = time.time()

    def _command(self, definition: TaskDefinition) -> list[str]:
        program, *arguments = definition.command
        return [*self._programs.get(program, [program]), *arguments]

    def _environment(self, definition: TaskDefinition, task_id: str) -> dict[str, str]:
        """What the container would see, and what a process of this machine cannot do without. Blocking."""
        home = self._directory / task_id
        home.mkdir()
        puller = definition.execution_role_arn
        role = self._emulator.assume(puller, task_id) if puller else None
        secrets = self._emulator.client("secretsmanager", role)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._emulator.location,
            **self._agent.environment(task_id),
            **definition.environment,
            **definition.secret_values(secrets),
            **self._overrides,
        }

    def _agent_record(self, task_id: str) -> AgentRecord | None:
        return next((task.agent for task in self.tasks if task.id == task_id), None)
