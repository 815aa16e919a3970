"""Waking the worker service from zero."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from timmybot.ports.service_scaler import ScalerUnavailable
from timmybot.settings import ResourceNames

if TYPE_CHECKING:
    from botocore.session import Session
    from types_boto3_ecs import ECSClient

CONNECT_SECONDS = 0.3
READ_SECONDS = 0.8
ATTEMPTS = 2
"""A member waits for the answer, and Discord for three seconds at most: one retry, and then say so."""


class EcsServiceScaler:
    """Implements :class:`timmybot.ports.service_scaler.ServiceScaler` for the environment's worker service.

    The client is made at the first wake: making one costs a tenth of a second of CPU, and most commands wake nobody.
    """

    def __init__(
        self, names: ResourceNames, client: ECSClient | None = None, *, session: Session | None = None
    ) -> None:
        self._names = names
        self._session = session
        self._client = client

    async def wake(self) -> None:
        """Raise the desired count to 1 if it is 0. Raises :class:`ScalerUnavailable`.

        ECS has no conditional update, so another may scale between the read and the write; a service that was raised
        past 1 in that moment is set back to 1, and its scaling policy raises it again.
        """
        await asyncio.to_thread(self._wake)

    def _wake(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # see _make_client

        call = "ecs:DescribeServices"
        try:
            client = self._client = self._client or _make_client(self._session)
            found = client.describe_services(cluster=self._names.cluster, services=[self._names.worker_service])
            services = [service for service in found["services"] if service["status"] == "ACTIVE"]
            if services and services[0]["desiredCount"] == 0:
                call = "ecs:UpdateService"
                client.update_service(cluster=self._names.cluster, service=self._names.worker_service, desiredCount=1)
        except (BotoCoreError, ClientError) as error:
            raise ScalerUnavailable(f"{call} on {self._names.worker_service} failed: {error}") from error
        if not services:
            raise ScalerUnavailable(
                f"{call} found no active service {self._names.worker_service} in the cluster {self._names.cluster}: "
                "deploy the worker stack"
            )


def _make_client(session: Session | None) -> ECSClient:
    # Imported when first needed: neither a warm front door nor a worker outside AWS should pay for it.
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    # botocore types every client alike; the stubs know which one this is.
    client = (session or get_session()).create_client("ecs", config=config)
    return cast("ECSClient", client)
