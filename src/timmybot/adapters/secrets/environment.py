"""Secrets from environment variables: on a laptop by hand, on ECS injected from Secrets Manager as the task starts."""

from __future__ import annotations

import os
from collections.abc import Mapping

from timmybot.adapters.secrets.parse import application_id, set_value
from timmybot.ports.secrets import Credentials

BOT_TOKEN = "TIMMYBOT_BOT_TOKEN"  # noqa: S105  # the variable's name
APPLICATION_ID = "TIMMYBOT_APPLICATION_ID"
PUBLIC_KEY = "TIMMYBOT_PUBLIC_KEY"


class EnvironmentSecrets:
    """Implements :class:`timmybot.ports.secrets.Secrets`.

    The public key may be absent: only the front door verifies signatures.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    async def credentials(self) -> Credentials:
        token = set_value(BOT_TOKEN, self._environ.get(BOT_TOKEN), "the bot's token")
        application = set_value(APPLICATION_ID, self._environ.get(APPLICATION_ID), "the application's id")
        return Credentials(
            bot_token=token,
            application_id=application_id(APPLICATION_ID, application),
            public_key=self._environ.get(PUBLIC_KEY, ""),
        )
