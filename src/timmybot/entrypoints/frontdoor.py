"""The front door: the Lambda function that Discord posts interactions to.

It verifies, writes what the command wants, and answers within Discord's three seconds. Whether anyone is awake to make
it true does not matter to it: it wakes the service if nobody is. What is imported here is what a waiting member
pays for at a cold start.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.session import get_session

from timmybot import settings as configuration
from timmybot.adapters import dynamodb
from timmybot.adapters.discord_rest import DiscordRest
from timmybot.adapters.ecs import EcsServiceScaler
from timmybot.adapters.metrics import EmbeddedMetrics
from timmybot.adapters.secrets import SecretsManagerSecrets
from timmybot.adapters.signature import Signature
from timmybot.adapters.system_clock import SystemClock
from timmybot.entrypoints.logs import set_up_logging
from timmybot.entrypoints.new_id import new_id
from timmybot.ports.clock import Clock
from timmybot.ports.secrets import SecretMissing, Secrets
from timmybot.services.answering import Answering
from timmybot.services.deferring import Deferring
from timmybot.services.interactions import Interactions
from timmybot.services.invocation import BadPayload
from timmybot.services.wake import Waking

log = logging.getLogger(__name__)

BODY_LIMIT = 100_000
"""Bytes of a request that are looked at. Discord's interactions are a few thousand."""

PATIENCE_SECONDS = 8.0
"""How long a command may take where nobody says how much time is left."""

LAST_WORDS_SECONDS = 1.5
"""How long before the function is stopped a command is given up, so that the member can be told."""

Response = dict[str, Any]


@dataclass(frozen=True)
class FrontDoor:
    """Answers HTTP requests in the shape of a function URL's events."""

    secrets: Secrets
    interactions: Deferring
    clock: Clock

    async def respond(self, event: Mapping[str, Any], *, patience_seconds: float = PATIENCE_SECONDS) -> Response:
        """The response to one request, which may take ``patience_seconds``.

        202 without a body for what was answered over the callback route, as its command took long;
        401 for what Discord did not sign, 400 for what is no interaction, 503 while the secrets are not set.
        Source: AWS Lambda, "Function URLs", payload format 2.0.
        """
        headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        body = _body(event)
        try:
            signature = Signature((await self.secrets.credentials()).public_key)
        except (SecretMissing, ValueError) as error:
            log.error("the front door is not set up: %s", error)  # noqa: TRY400  # the sentence is the news
            return _response(503, {"error": "This bot is not set up yet."})
        if body is None or not signature.is_discords(
            signature=headers.get("x-signature-ed25519", ""),
            timestamp=headers.get("x-signature-timestamp", ""),
            body=body,
            now=self.clock.now(),
        ):
            return _response(401, {"error": "The request signature is invalid."})
        try:
            answer = await self.interactions.respond(json.loads(body), patience_seconds=patience_seconds)
        except (BadPayload, ValueError, RecursionError) as error:
            log.warning("a signed request was no interaction: %s", error)
            return _response(400, {"error": "This is not an interaction."})
        return _response(200, answer) if answer is not None else {"statusCode": 202}


def assemble() -> FrontDoor:
    """Join the parts, from the environment's settings."""
    settings = configuration.load()
    clock = SystemClock()
    # One for all clients: each session reads the service models and endpoints anew, a tenth of a cold start's CPU.
    session = get_session()
    secrets = SecretsManagerSecrets(settings.names, clock, session=session)
    stores = dynamodb.connect(settings, clock, session=session)
    metrics = EmbeddedMetrics(settings.environment, clock)
    rest = DiscordRest(settings.discord_api_url, secrets, clock)
    answering = Answering(
        guilds=stores.guilds,
        leases=stores.leases,
        inbox=stores.inbox,
        members=rest,
        waking=Waking(stores.leases, EcsServiceScaler(settings.names, session=session), metrics, clock, settings),
        clock=clock,
        new_id=new_id,
        settings=settings,
    )
    return FrontDoor(secrets, Deferring(Interactions(answering), rest, clock), clock)


class _Warm:
    """What one execution environment keeps between requests: connections, secrets, and the loop they belong to."""

    runner: asyncio.Runner | None = None
    door: FrontDoor


def handler(event: Mapping[str, Any], context: object) -> Response:
    """Lambda's entry: one request, one response."""
    if _Warm.runner is None:
        set_up_logging()
        _Warm.door = assemble()
        _Warm.runner = asyncio.Runner()
    return _Warm.runner.run(_Warm.door.respond(event, patience_seconds=_patience_seconds(context)))


def _patience_seconds(context: object) -> float:
    """What Lambda leaves of the function's time-out, less what it takes to say that it was not enough."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return PATIENCE_SECONDS if remaining is None else remaining() / 1000 - LAST_WORDS_SECONDS


def _body(event: Mapping[str, Any]) -> bytes | None:
    """The raw body, or ``None`` if there is none that could be an interaction."""
    text = event.get("body")
    if not isinstance(text, str) or len(text) > BODY_LIMIT:
        return None
    if not event.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _response(status: int, body: Mapping[str, Any]) -> Response:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body, ensure_ascii=False),
    }
