"""A task has stopped: whoever still wants to hear something gets a worker, and nobody else costs one."""

from __future__ import annotations

import pytest

from tests.fakes.guild import GUILD, SONG, FrontOfHouse
from timmybot.entrypoints.task_stopped import has_failed
from timmybot.ports.service_scaler import ScalerUnavailable
from timmybot.services.task_stopped import TaskStopped


@pytest.fixture
def house() -> FrontOfHouse:
    return FrontOfHouse()


def stopped(house: FrontOfHouse) -> TaskStopped:
    return TaskStopped(house.guilds, house.scaler, house.metrics, house.settings)


async def test_a_play_that_came_as_the_last_worker_left_is_not_forgotten(house: FrontOfHouse) -> None:
    await house.says("play", url=SONG)
    woken = house.scaler.woken
    assert await stopped(house).handle(failed=False) == GUILD
    assert house.scaler.woken == woken + 1
    assert house.metrics.last("WokenAgain") == 1


async def test_nobody_is_woken_for_nobody(house: FrontOfHouse) -> None:
    assert await stopped(house).handle(failed=False) is None
    assert house.scaler.woken == 0


async def test_a_paused_guild_was_put_to_sleep_on_purpose(house: FrontOfHouse) -> None:
    await house.says("play", url=SONG)
    await house.says("pause")
    woken = house.scaler.woken
    assert await stopped(house).handle(failed=False) is None
    assert house.scaler.woken == woken


async def test_a_wake_that_ecs_refuses_is_counted_and_tried_again_by_lambda(house: FrontOfHouse) -> None:
    await house.says("play", url=SONG)
    house.scaler.refuses = True
    with pytest.raises(ScalerUnavailable):
        await stopped(house).handle(failed=False)
    assert house.metrics.last("WakeFailed") == 1


async def test_a_worker_that_ended_by_itself_is_counted_and_one_that_was_told_to_is_not(house: FrontOfHouse) -> None:
    await stopped(house).handle(failed=False)
    assert house.metrics.last("WorkersFailed") is None
    await stopped(house).handle(failed=True)
    assert house.metrics.last("WorkersFailed") == 1


@pytest.mark.parametrize(
    ("code", "failed"),
    [
        ("EssentialContainerExited", True),
        ("TaskFailedToStart", True),
        ("ServiceSchedulerInitiated", False),
        ("SpotInterruption", False),
        ("UserInitiated", False),
    ],
)
def test_ecs_says_who_ended_it(code: str, failed: bool) -> None:
    assert has_failed({"detail": {"lastStatus": "STOPPED", "stopCode": code}}) is failed


def test_an_event_that_says_nothing_is_no_failure() -> None:
    assert has_failed({}) is False
