"""Deploys the project's own templates with the real cdk command.

The templates are those of AWS but for two references that no machine without Docker or ARM can honour:
the container image's, and the architecture of the front door's wheels.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.synthesis import ASSEMBLIES, synthesise_in_child
from sandbox.cloud.emulator import ACCOUNT, ROOT, Emulator
from sandbox.reaper import Reaper

CHOICES: Mapping[str, str] = {
    "image": f"sandbox.invalid/timmybot@sha256:{'0' * 64}",
    "wheels": "host",
}


class DeployError(RuntimeError):
    """The cdk command failed. The message ends with the last lines it wrote."""


@dataclass(frozen=True)
class Deployment:
    """What a deploy did, and how long each part took."""

    environment: str
    stacks: tuple[str, ...]
    synthesis_seconds: float
    """Near zero when the cached assembly was still true."""
    deploy_seconds: float
    """``cdk bootstrap`` and ``cdk deploy --all``, or ``cdk destroy --all``, as a user would wait for them."""


class Cdk:
    """The cdk command, pointed at an emulator. ``directory`` keeps its home and its log."""

    def __init__(self, emulator: Emulator, directory: Path, reaper: Reaper) -> None:
        self._emulator = emulator
        self._reaper = reaper
        self._home = directory / "cdk-home"
        self.log = directory / "cdk.log"
        self._bootstrapped = False

    async def deploy(self, environment: str, choices: Mapping[str, str] | None = None) -> Deployment:
        """Bootstrap the account (once) and deploy every stack of the environment. Raises :class:`DeployError`."""
        started = time.monotonic()
        assembly = await self.assembly(environment, choices)
        synthesised = time.monotonic()
        if not self._bootstrapped:
            # With an assembly at hand, or cdk runs the app once more just to bootstrap.
            await self.run("bootstrap", f"aws://{ACCOUNT}/{self._emulator.region}", "--app", str(assembly))
            self._bootstrapped = True
        await self.run("deploy", "--all", "--require-approval", "never", "--app", str(assembly))
        stacks = await asyncio.to_thread(self._stacks, f"timmybot-{environment}-")
        return Deployment(
            environment, stacks, round(synthesised - started, 2), round(time.monotonic() - synthesised, 2)
        )

    async def destroy(self, environment: str) -> None:
        """Delete every stack of the environment. Raises :class:`DeployError`."""
        assembly = await self.assembly(environment)
        await self.run("destroy", "--all", "--force", "--app", str(assembly))

    async def assembly(self, environment: str, choices: Mapping[str, str] | None = None) -> Path:
        """The environment's synthesised templates, as the sandbox can deploy them. ``choices`` are what ``-c`` says
        beside that; each set of them has a directory of its own, and is synthesised once."""
        chosen = choices or {}
        name = "-".join(["sandbox", environment, *(f"{field}-{value}" for field, value in sorted(chosen.items()))])
        return await synthesise_in_child(environment, {**CHOICES, **chosen}, ASSEMBLIES / name)

    async def run(self, *arguments: str) -> None:
        """Run ``cdk`` with these arguments. Raises :class:`DeployError` if it fails."""
        self._home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                str(Path(sys.prefix) / "bin" / "cdk"),
                *arguments,
                cwd=ROOT,
                env=self._environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._reaper.watch_group(process.pid)
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
            self._reaper.forget_group(process.pid)
        if status != 0:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise DeployError(f"cdk {arguments[0]} failed (its log is {self.log}):\n{tail}")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)]),
            "HOME": str(self._home),
            "CI": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            **self._emulator.environment,
        }

    def _stacks(self, prefix: str) -> tuple[str, ...]:
        pages = self._emulator.client("cloudformation").get_paginator("describe_stacks").paginate()
        return tuple(
            stack["StackName"]
            for page in pages
            for stack in page["Stacks"]
            if stack["StackName"].startswith(prefix) and stack["StackStatus"].endswith("_COMPLETE")
        )
