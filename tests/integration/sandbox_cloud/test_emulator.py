"""The emulated AWS comes and goes without a trace."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sandbox.cloud import EmulatorError
from sandbox.cloud.emulator import ROOT, Emulator


def emulator(directory: Path, **function_environment: str) -> Emulator:
    return Emulator(directory, region="eu-central-1", function_environment=function_environment)


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_it_answers_while_it_is_open_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with emulator(tmp_path) as aws:
        identity = await asyncio.to_thread(aws.client("sts").get_caller_identity)
        assert identity["Account"] == "000000000000"
        assert aws.endpoint_url.startswith("http://127.0.0.1:")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(aws.endpoint_url.rsplit(":", 1)[1]))
    assert left_in(tmp_path) == ["emulator.log"]


async def test_two_of_them_live_side_by_side(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in ("one", "two")]
    for directory in directories:
        directory.mkdir()
    async with emulator(directories[0]) as one, emulator(directories[1]) as two:
        await asyncio.to_thread(one.client("sqs").create_queue, QueueName="only-in-one")
        queues = await asyncio.to_thread(two.client("sqs").list_queues)
        assert not queues.get("QueueUrls")


async def test_one_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    """192.0.2.1 is nobody's address (RFC 5737): it cannot be bound."""
    with pytest.raises(EmulatorError, match=r"emulator\.log"):
        async with emulator(tmp_path, BIND_HOST="192.0.2.1"):
            pass
    assert left_in(tmp_path) == ["emulator.log"]


async def test_it_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    """Its standard input closes when they are gone, however they went."""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(tmp_path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    port = int(await owner.stdout.readline())
    connection, writer = await asyncio.open_connection("127.0.0.1", port)
    owner.kill()
    await owner.wait()
    async with asyncio.timeout(20):
        assert await connection.read() == b"", "the emulator is still there"
    writer.close()
    await writer.wait_closed()


OWNER = """
import asyncio, sys
from pathlib import Path
from sandbox.cloud.emulator import Emulator

async def main():
    async with Emulator(Path(sys.argv[1]), region="eu-central-1", function_environment={}) as aws:
        print(aws.endpoint_url.rsplit(':', 1)[1], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
