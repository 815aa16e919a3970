"""AWS on this machine, as one object: deploy, look, and see workers run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from sandbox.cloud.deploy import Cdk, Deployment
from sandbox.cloud.emulator import Emulator
from sandbox.cloud.roles import RoleCredentials
from sandbox.cloud.scaling import Scaling
from sandbox.cloud.scheduler import Pace, Scheduler
from sandbox.reaper import Reaper
from timmybot.settings import ResourceNames, Settings

REGION = "eu-central-1"


class Cloud:
    """An emulated AWS account for as long as the context is open; everything in it ends with it.

    ``speed`` is how fast scaling's minutes pass (60: a minute is a second); workers are told to emit their
    metrics as much more often. ``task_environment`` and ``lambda_environment`` are laid over what the templates
    give workers and functions: addresses in the sandbox, and nothing that the code could not be told on AWS.
    Logs stay in ``directory``.
    """

    def __init__(
        self,
        directory: Path,
        *,
        speed: float = 60,
        task_environment: Mapping[str, str],
        lambda_environment: Mapping[str, str],
        programs: Mapping[str, Sequence[str]] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.region = REGION
        self._directory = directory
        self._speed = speed
        self._task_environment = {
            "TIMMYBOT_METRICS_SECONDS": str(Settings().metrics_seconds / speed),
            **task_environment,
        }
        self._programs = programs
        self._pace = pace
        self.reaper = Reaper()
        """Ends what is left if this process is killed; whoever owns directories may tell it of them."""
        self._emulator = Emulator(directory, region=REGION, function_environment=lambda_environment)
        self._cdk = Cdk(self._emulator, directory, self.reaper)
        self._open = AsyncExitStack()
        self._names: ResourceNames | None = None
        self._scheduler: Scheduler | None = None
        self._scaling: Scaling | None = None
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Cloud:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._leave_on_sigterm()
        self._open.enter_context(self.reaper)
        await self._open.enter_async_context(self._emulator)
        self._watch_emulator()
        self._open.push_async_callback(self._stop_loops)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.__aexit__(kind, error, trace)

    @property
    def endpoint_url(self) -> str:
        return self._emulator.endpoint_url

    @property
    def logs(self) -> Path:
        """Where the logs of the emulator, the cdk command and every task are."""
        return self._directory

    @property
    def cdk(self) -> Cdk:
        """The cdk command, for what ``deploy`` does not do."""
        return self._cdk

    def client(self, service: str, role: RoleCredentials | None = None) -> Any:
        """A boto3 client of the emulated account, as root or under a role."""
        return self._emulator.client(service, role)

    def assume(self, role_arn: str) -> RoleCredentials:
        """Credentials of a role of the account. Blocking."""
        return self._emulator.assume(role_arn, "sandbox")

    async def deploy(
        self, environment: str, choices: Mapping[str, str] | None = None, *, run_tasks: bool = True
    ) -> Deployment:
        """Deploy all stacks of an environment with the real cdk command, then run its service.

        ``choices`` are what ``-c`` would override. One environment of an account runs; deploying it again
        updates it. Raises :class:`~sandbox.cloud.deploy.DeployError`.
        """
        deployment = await self._cdk.deploy(environment, choices)
        if run_tasks:
            self._run(ResourceNames(environment))
            await asyncio.to_thread(self.scaling.load_rules)
        return deployment

    @property
    def scheduler(self) -> Scheduler:
        assert self._scheduler is not None, "nothing is deployed yet"
        return self._scheduler

    @property
    def scaling(self) -> Scaling:
        assert self._scaling is not None, "nothing is deployed yet"
        return self._scaling

    @property
    def names(self) -> ResourceNames:
        """What the running environment's resources are called."""
        assert self._names is not None, "nothing is deployed yet"
        return self._names

    @property
    def function_url(self) -> str:
        """Where the front door answers, over HTTP on loopback. AWS's own form of the address resolves nowhere here."""
        function = f"{self.names.prefix}-front-door"
        url = self.client("lambda").get_function_url_config(FunctionName=function)["FunctionUrl"]
        url_id = url.removeprefix("https://").split(".", 1)[0]
        return f"{self.endpoint_url}/_aws/lambda-url/{url_id}/"

    async def put_secret(self, secret: str, value: str) -> None:
        """Give ``bot-token``, ``application``, … a new value, as an operator would.

        As on AWS, tasks that already run keep what they were started with.
        """
        client = self.client("secretsmanager")
        name = self.names.secret(secret)
        await asyncio.to_thread(client.put_secret_value, SecretId=name, SecretString=value)

    async def set_desired_count(self, count: int) -> None:
        """Set the service's desired count, as an operator (or the front door) would."""
        await self._update_service(desiredCount=count)

    async def replace_tasks(self) -> None:
        """A new deployment of the same revision: every task is replaced, and reads its secrets anew."""
        await self._update_service(forceNewDeployment=True)

    async def wait_for_tasks(self, count: int, *, timeout: float = 60.0) -> None:  # noqa: ASYNC109  # reads best where it is called
        """Return when ``count`` tasks are wanted and running and no other is left.

        Raises :class:`TimeoutError`, or what ended the scheduler if it has ended.
        """
        waiting = asyncio.create_task(self.scheduler.wait_for_tasks(count), name=f"wait-for-{count}-tasks")
        try:
            async with asyncio.timeout(timeout):
                await asyncio.wait([waiting, *self._loops], return_when=asyncio.FIRST_COMPLETED)
                for ended in self._loops:
                    if ended.done():
                        ended.result()
        finally:
            waiting.cancel()

    async def _update_service(self, **change: object) -> None:
        await asyncio.to_thread(
            self.client("ecs").update_service,
            cluster=self.names.cluster,
            service=self.names.worker_service,
            **change,
        )

    def _watch_emulator(self) -> None:
        leader = self._emulator.pid
        assert leader is not None
        self.reaper.watch_group(leader)
        self._open.callback(self.reaper.forget_group, leader)

    def _leave_on_sigterm(self) -> None:
        """Python dies of SIGTERM without cleaning up, and the workers would play on: leave as on Ctrl-C."""
        loop, owner = asyncio.get_running_loop(), asyncio.current_task()
        assert owner is not None
        try:
            loop.add_signal_handler(signal.SIGTERM, owner.cancel)
        except (RuntimeError, ValueError):
            return  # Not the main thread: whoever owns that handles signals.
        self._open.callback(loop.remove_signal_handler, signal.SIGTERM)

    def _run(self, names: ResourceNames) -> None:
        if self._names is not None:
            assert names == self._names, f"{self._names.prefix} is what runs in this account"
            return
        self._names = names
        self._scaling = Scaling(self._emulator, names, speed=self._speed)
        self._scheduler = Scheduler(
            self._emulator,
            names,
            self._directory,
            overrides=self._task_environment,
            on_sample=self._scaling.record,
            reaper=self.reaper,
            programs=self._programs,
            pace=self._pace,
        )
        self._start_loop(self._scheduler.run(), "scheduler")
        self._start_loop(self._scaling.run(), "scaling")

    def _start_loop(self, loop: Coroutine[Any, Any, None], name: str) -> None:
        self._loops.append(asyncio.create_task(loop, name=name))

    async def _stop_loops(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
