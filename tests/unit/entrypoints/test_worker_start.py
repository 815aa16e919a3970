"""A worker's first minutes: with placeholders it waits, is healthy, and begins as soon as the secrets are set."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.clock import FakeClock, settle
from tests.fakes.surroundings import FakeMetrics
from timmybot.entrypoints.liveness import TOUCH_SECONDS, shown_alive
from timmybot.entrypoints.worker import secrets_once_set
from timmybot.ports.secrets import Credentials, SecretMissing, Secrets
from timmybot.services.progress import Progress
from timmybot.settings import Settings

SETTINGS = Settings()


@dataclass
class Vault(Secrets):
    set: bool

    async def credentials(self) -> Credentials:
        if not self.set:
            raise SecretMissing("The secret bot-token is still a placeholder.")
        return Credentials("a token", 5, "")


class Start:
    """A worker that looks for its secrets."""

    def __init__(self, *, injected: bool, managed: bool) -> None:
        self.clock = FakeClock()
        self.metrics = FakeMetrics()
        self.stop = asyncio.Event()
        self.injected, self.managed = Vault(injected), Vault(managed)
        self.found = asyncio.create_task(
            secrets_once_set(
                self.injected,
                self.managed,
                metrics=self.metrics,
                settings=SETTINGS,
                clock=self.clock,
                stop=self.stop,
            )
        )


async def test_a_task_that_was_given_its_secrets_begins_at_once() -> None:
    start = Start(injected=True, managed=False)
    assert await start.found is start.injected
    assert start.metrics.lines == []


async def test_a_task_with_placeholders_idles_and_begins_when_the_operator_sets_them() -> None:
    start = Start(injected=False, managed=False)
    await start.clock.advance(2 * SETTINGS.metrics_seconds)
    assert not start.found.done()
    assert start.metrics.last("Active") == 0, "so that it goes to sleep by itself"
    start.managed.set = True
    await start.clock.advance(SETTINGS.metrics_seconds)
    assert await start.found is start.managed


async def test_a_task_with_placeholders_leaves_when_it_is_told_to() -> None:
    start = Start(injected=False, managed=False)
    await settle()
    start.stop.set()
    assert await start.found is None


async def test_a_worker_touches_its_file_and_takes_it_away(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    clock = FakeClock()
    async with shown_alive(str(file), clock, Progress(2.5)):
        await settle()
        file.unlink()
        await clock.advance(TOUCH_SECONDS)
        assert file.exists()
    assert not file.exists()


async def test_a_worker_whose_loop_stands_still_touches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "alive"
    clock = FakeClock()
    async with shown_alive(str(file), clock, Progress(2.5)):
        await settle()
        file.unlink()
        clock.freeze(10 * TOUCH_SECONDS)
        assert not file.exists()


async def test_a_worker_whose_music_hangs_touches_nothing(tmp_path: Path) -> None:
    """The loop goes on, and would say for ever that all is well."""
    file = tmp_path / "alive"
    clock, progress, hanging_seconds = FakeClock(), Progress(2.5), [0.0]
    progress.follow(lambda: hanging_seconds[0])
    async with shown_alive(str(file), clock, progress):
        await settle()
        file.unlink()
        hanging_seconds[0] = 2.5
        await clock.advance(10 * TOUCH_SECONDS)
        assert not file.exists()
        hanging_seconds[0] = 0.0
        await clock.advance(TOUCH_SECONDS)
        assert file.exists()


async def test_outside_a_container_there_is_no_file() -> None:
    async with shown_alive("", FakeClock(), Progress(2.5)):
        await settle()
