"""Secrets from AWS Secrets Manager, for the front door."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, cast

from timmybot.adapters.secrets.parse import application_id, set_value
from timmybot.ports.clock import Clock
from timmybot.ports.secrets import Credentials, SecretMissing
from timmybot.settings import ResourceNames

if TYPE_CHECKING:
    from botocore.session import Session
    from types_boto3_secretsmanager import SecretsManagerClient

MAX_AGE_SECONDS = 5 * 60.0
"""How long what was read is used: a rotated token is picked up within it, and a warm front door reads nothing."""

CONNECT_SECONDS = 0.3
READ_SECONDS = 0.8
ATTEMPTS = 2


class SecretsUnavailable(SecretMissing):
    """Secrets Manager did not answer or refused. The message names the secret and says why."""


class SecretsManagerSecrets:
    """Implements :class:`timmybot.ports.secrets.Secrets` with the secrets ``bot-token`` and ``application``.

    ``bot-token`` is the token as text; ``application`` is JSON ``{"application_id": …, "public_key": …}``.
    Only a complete answer is remembered, so that a secret the operator sets is seen at once. When a refresh fails,
    what was read before is used on: an outage of Secrets Manager stops nobody who is awake. A ``session`` that
    has made another client makes this one in a tenth of the CPU.
    """

    def __init__(
        self,
        names: ResourceNames,
        clock: Clock,
        client: SecretsManagerClient | None = None,
        *,
        session: Session | None = None,
    ) -> None:
        self._names = names
        self._session = session
        self._clock = clock
        self._client = client
        self._known: Credentials | None = None
        self._read_at = 0.0

    async def credentials(self) -> Credentials:
        """Raises :class:`SecretMissing`."""
        if self._known is None or self._clock.monotonic() - self._read_at >= MAX_AGE_SECONDS:
            read_at = self._clock.monotonic()
            try:
                self._known = await self._read()
            except SecretsUnavailable:
                if self._known is None:
                    raise
            self._read_at = read_at
        return self._known

    async def _read(self) -> Credentials:
        """Both at once: a member waits while a cold front door reads them."""
        application, token = self._names.secret("application"), self._names.secret("bot-token")
        if self._client is None:
            self._client = await asyncio.to_thread(_make_client, self._session)
        fields, bot_token = await asyncio.gather(
            asyncio.to_thread(self._application, application),
            asyncio.to_thread(self._value, token, "the bot's token"),
            return_exceptions=True,
        )
        if isinstance(fields, BaseException):
            raise fields
        if isinstance(bot_token, BaseException):
            raise bot_token
        key = f"public_key in the secret {application}"
        number = f"application_id in the secret {application}"
        return Credentials(
            bot_token=bot_token,
            application_id=application_id(number, set_value(number, fields.get("application_id"), "the id")),
            public_key=set_value(key, fields.get("public_key"), "the application's public key"),
        )

    def _application(self, name: str) -> dict[str, object]:
        wanted = 'JSON {"application_id": "…", "public_key": "…"}'
        try:
            fields = json.loads(self._value(name, wanted))
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            # Raised outside the except clause: a JSON error carries the document it failed on.
            raise SecretMissing(f"The secret {name} is not what it should be: put {wanted} there.")
        return fields

    def _value(self, name: str, what: str) -> str:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # see _make_client

        try:
            assert self._client is not None
            text = self._client.get_secret_value(SecretId=name).get("SecretString", "")
        except (BotoCoreError, ClientError) as error:
            raise SecretsUnavailable(f"The secret {name} could not be read: {error}") from error
        return set_value(f"The secret {name}", text, what)


def _make_client(session: Session | None) -> SecretsManagerClient:
    # Imported when first needed, so that EnvironmentSecrets, beside it in this package, costs nothing.
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": ATTEMPTS}
    )
    # botocore types every client alike; the stubs know which one this is.
    client = (session or get_session()).create_client("secretsmanager", config=config)
    return cast("SecretsManagerClient", client)
