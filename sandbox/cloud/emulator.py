"""AWS on this machine: ministack as a child process, in memory, on a free loopback port, with IAM enforced.

Limits: IAM knows no ``dynamodb:LeadingKeys``, and root may assume whatever role trusts an AWS service. No container
runs, no scaling policy acts, no task-state event is sent; ``scheduler.py`` and ``scaling.py`` do those. Functions run
on this machine's Python.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from sandbox.cloud.roles import RoleCredentials, assume

ROOT = Path(__file__).parents[2]
ACCOUNT = "000000000000"
ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}
"""Of no worth anywhere else. The emulator takes whatever its own environment holds for root's."""
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class EmulatorError(RuntimeError):
    """The emulator did not start. The message names its log."""


class Emulator:
    """An AWS endpoint for as long as the context is open.

    ``function_environment`` reaches every function beside what the template gives it.
    """

    def __init__(self, directory: Path, *, region: str, function_environment: Mapping[str, str]) -> None:
        self.region = region
        self.endpoint_url = ""
        self.log = directory / "emulator.log"
        self._temporary = directory / "emulator"
        self._function_environment = function_environment
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Emulator:
        self._temporary.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to be root in this account."""
        return {**self.location, **ROOT_CREDENTIALS}

    @property
    def location(self) -> dict[str, str]:
        """What a process needs to speak to this AWS and to no other; it has to bring credentials of its own."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @property
    def pid(self) -> int | None:
        """The emulator's process, which leads a group of its own."""
        return self._process.pid if self._process else None

    def client(self, service: str, role: RoleCredentials | None = None) -> Any:
        """A boto3 client that speaks to this AWS, as root or under a role."""
        root = {name.lower(): value for name, value in ROOT_CREDENTIALS.items()}
        return boto3.client(  # type: ignore[call-overload]  # the stubs want a literal name
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            **(role.client_arguments() if role else root),
            config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2}),
        )

    def assume(self, role_arn: str, session: str) -> RoleCredentials:
        """Credentials of a role, as the AWS service that it trusts would get them. Blocking."""
        return assume(self.client("sts"), role_arn, session)

    async def stop(self) -> None:
        """End the emulator and the functions it runs, and remove what it kept on disk."""
        process, self._process = self._process, None
        if process is not None:
            # Its own process group: nothing of ours is in it, and nothing of its outlives it.
            for ending in (signal.SIGTERM, signal.SIGKILL):
                _signal_group(process.pid, ending)
                try:
                    await asyncio.wait_for(process.wait(), STOP_SECONDS)
                except TimeoutError:
                    continue
            _signal_group(process.pid, signal.SIGKILL)
        shutil.rmtree(self._temporary, ignore_errors=True)

    async def _start(self) -> None:
        port = _free_port()
        self.endpoint_url = f"http://127.0.0.1:{port}"
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                # By path and without its folder on the module path: it needs nothing else of the sandbox.
                *("-P", str(Path(__file__).with_name("emulated_aws.py"))),
                cwd=ROOT,
                env=self._process_environment(port),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await asyncio.to_thread(_answers, self.endpoint_url):
            if self._process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise EmulatorError(f"the AWS emulator did not start; its log is {self.log}")
            await asyncio.sleep(0.05)

    def _process_environment(self, port: int) -> dict[str, str]:
        temporary = str(self._temporary)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": temporary,
            "TMPDIR": temporary,
            "PYTHONDONTWRITEBYTECODE": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": self.region,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            # IAM is enforced: whoever has a role may do what its policies allow. The environment above is root's.
            "AUTH": "true",
            "S3_DATA_DIR": str(self._temporary / "s3"),
            # Listeners that it opens on fixed ports unless told not to.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            **self.environment,
            **self._function_environment,
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(endpoint_url: str) -> bool:
    try:
        response = urllib3.request("GET", f"{endpoint_url}/_ministack/health", timeout=1.0, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return response.status == 200


def _signal_group(pid: int, ending: signal.Signals) -> None:
    try:
        os.killpg(pid, ending)
    except ProcessLookupError:
        return
