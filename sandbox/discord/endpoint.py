"""Interactions over HTTP: signed delivery, and the probes by which Discord accepts or refuses an endpoint.

Source: https://docs.discord.com/developers/interactions/overview ("Setting up an endpoint"): the signature is Ed25519
over timestamp + body; an endpoint must answer a PING with a PONG and a bad signature with 401.
The real thing demands ``https``; the sandbox takes ``http`` too.
"""

from __future__ import annotations

import json
from typing import Any, Never

import aiohttp
from nacl.signing import SigningKey

from sandbox.discord.rest_errors import Form
from sandbox.discord.world import Application, World

Json = dict[str, Any]

PING, PONG = 1, 1
ANSWER_TIMEOUT_SECONDS = 3.0
REFUSED = 401


class EndpointFailed(Exception):
    """The endpoint was late, unreachable, or answered something that is no answer to an interaction."""


class InteractionsEndpoint:
    """Posts to applications' endpoints. Use as a context: it holds the HTTP connections."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Must be called before anything else."""
        self._http = aiohttp.ClientSession(auto_decompress=True)

    async def close(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.close()

    async def deliver(self, app: Application, url: str, payload: Json) -> Json | None:
        """Post an interaction and return the answer, or ``None`` for a 202 (it will use the callback route).

        Raises :class:`EndpointFailed`.
        """
        status, body = await self._post(url, payload, app.signing_key)
        if status == 202:
            return None
        if status != 200:
            raise EndpointFailed(f"{url} answered {status}")
        try:
            answer = json.loads(body)
        except ValueError:
            raise EndpointFailed(f"{url} answered something that is not JSON") from None
        if not isinstance(answer, dict):
            raise EndpointFailed(f"{url} answered {answer!r}")
        return answer

    async def probe(self, app: Application, url: str) -> None:
        """Refuse an endpoint that does not PONG, or that accepts a bad signature, with ``ApiError`` 50035."""
        ping = {
            "id": str(self._world.snowflakes.next()),
            "application_id": str(app.application_id),
            "type": PING,
            "token": self._world.random.randbytes(24).hex(),
            "version": 1,
            "app_permissions": "0",
            "authorizing_integration_owners": {},
            "attachment_size_limit": 10_485_760,
            "entitlements": [],
        }
        stranger = SigningKey(self._world.random.randbytes(32))
        try:
            answer = await self.deliver(app, url, ping)
            refused = [(await self._post(url, ping, key, spoil=spoil))[0] for key, spoil in _forgeries(app, stranger)]
        except EndpointFailed as error:
            _refuse("APPLICATION_INTERACTIONS_ENDPOINT_VERIFICATION_FAILED", str(error))
        if (answer or {}).get("type") != PONG:
            _refuse("APPLICATION_INTERACTIONS_ENDPOINT_VERIFICATION_FAILED", "a PING was not answered with a PONG")
        if any(status != REFUSED for status in refused):
            _refuse(
                "APPLICATION_INTERACTIONS_ENDPOINT_INVALID_SIGNATURE", f"bad signatures answered {refused}, not 401"
            )

    async def _post(self, url: str, payload: Json, key: SigningKey, *, spoil: bool = False) -> tuple[int, bytes]:
        assert self._http, "open() was not called"
        body = json.dumps(payload, separators=(",", ":")).encode()
        timestamp = str(int(self._world.clock.time()))
        signature = key.sign(timestamp.encode() + body).signature
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Discord-Interactions/1.0 (+https://discord.com)",
            "X-Signature-Ed25519": signature.hex(),
            "X-Signature-Timestamp": timestamp,
        }
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_SECONDS)
            async with self._http.post(
                url,
                data=body + b" " if spoil else body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise EndpointFailed(f"{url}: {type(error).__name__} {error}") from error


def _forgeries(app: Application, stranger: SigningKey) -> list[tuple[SigningKey, bool]]:
    """A stranger's key; and the right key over a body that was changed afterwards."""
    return [(stranger, False), (app.signing_key, True)]


def _refuse(code: str, message: str) -> Never:
    form = Form()
    form.fault(
        ("interactions_endpoint_url",),
        code,
        f"The specified interactions endpoint url could not be verified: {message}",
    )
    raise form.error()
