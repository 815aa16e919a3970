"""Waking the worker service."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from timmybot.adapters.ecs import EcsServiceScaler
from timmybot.ports.service_scaler import ScalerUnavailable
from timmybot.settings import ResourceNames


class Service:
    """One ECS service, as far as waking it goes."""

    def __init__(self, desired: int, status: str = "ACTIVE") -> None:
        self.desired = desired
        self.status = status
        self.updates: list[dict[str, Any]] = []
        self.fails: dict[str, Exception] = {}

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        if "describe" in self.fails:
            raise self.fails["describe"]
        assert (cluster, services) == ("timmybot-dev", ["timmybot-dev-worker"])
        return {"services": [{"status": self.status, "desiredCount": self.desired}] if self.status else []}

    def update_service(self, **changes: Any) -> None:
        if "update" in self.fails:
            raise self.fails["update"]
        self.updates.append(changes)


async def wake(service: Service) -> None:
    await EcsServiceScaler(ResourceNames("dev"), service).wake()  # type: ignore[arg-type]  # what it uses of a client


async def test_a_sleeping_service_is_set_to_one_task() -> None:
    service = Service(desired=0)
    await wake(service)
    assert service.updates == [{"cluster": "timmybot-dev", "service": "timmybot-dev-worker", "desiredCount": 1}]


@pytest.mark.parametrize("desired", [1, 5])
async def test_a_service_that_is_awake_is_left_as_it_is(desired: int) -> None:
    service = Service(desired)
    await wake(service)
    assert not service.updates


async def test_which_call_was_refused_is_said() -> None:
    service = Service(desired=0)
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateService")

    service.fails = {"update": denied}
    with pytest.raises(ScalerUnavailable, match=r"ecs:UpdateService on timmybot-dev-worker failed.*AccessDenied"):
        await wake(service)
    service.fails = {"describe": ConnectTimeoutError(endpoint_url="https://ecs")}
    with pytest.raises(ScalerUnavailable, match="ecs:DescribeServices on timmybot-dev-worker failed"):
        await wake(service)


@pytest.mark.parametrize("status", ["", "INACTIVE"])
async def test_a_service_that_is_not_there_is_said_to_be_missing(status: str) -> None:
    with pytest.raises(ScalerUnavailable, match=r"no active service timmybot-dev-worker .* deploy the worker stack"):
        await wake(Service(0, status))
