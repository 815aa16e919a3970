"""Discord's REST API, version 10: the frame around every route (who calls, rate limits, errors, the record)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.discord import rest_errors
from sandbox.discord.gateway import Gateway
from sandbox.discord.log import Log, RestCall
from sandbox.discord.rest_errors import ApiError
from sandbox.discord.rest_limits import RateLimits
from sandbox.discord.world import Application, World

PREFIX = "/api/v10"
BODY_LIMIT_BYTES = 1 << 20
INVALID_REQUESTS_LIMIT = 10_000
"""Answers 401, 403 and 429 within 10 minutes after which Discord's edge bans the address (topics/rate-limits)."""
INVALID_REQUESTS_SECONDS = 600.0


class Call:
    """One request, as the routes see it."""

    def __init__(self, request: web.Request, app: Application | None, body: Any) -> None:
        self.request = request
        self._app = app
        self.body = body

    @property
    def application(self) -> Application:
        """The bot that calls. Raises :class:`ApiError` 401 for a wrong or missing token."""
        if self._app is None:
            raise rest_errors.unauthorized()
        return self._app

    def id(self, name: str) -> int:
        """A snowflake from the path. Raises :class:`ApiError` 50035 if it is none."""
        text = self.request.match_info[name]
        if not text.isdecimal():
            form = rest_errors.Form()
            form.fault((name,), "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
            form.check()
        return int(text)

    def text(self, name: str) -> str:
        return self.request.match_info[name]


Route = Callable[[Call], Awaitable[object]]
"""Returns what becomes the JSON body; ``None`` is a 204."""


class Rest:
    """Routes, and what surrounds them. ``limits`` is settable by tests."""

    def __init__(self, world: World, gateway: Gateway, log: Log) -> None:
        self.world = world
        self.gateway = gateway
        self.limits = RateLimits(world.clock)
        self._log = log
        self._invalid_at: list[float] = []
        self.invalid_requests_limit = INVALID_REQUESTS_LIMIT

    def add(self, router: web.UrlDispatcher, method: str, path: str, route: Route) -> None:
        """Serve ``path`` (below the API's prefix) with ``route``."""

        async def handle(request: web.Request) -> web.Response:
            return await self._handle(request, path, route)

        router.add_route(method, PREFIX + path, handle)

    async def not_found(self, request: web.Request) -> web.Response:
        """Any path there is no route for."""

        async def nothing(_call: Call) -> object:
            raise rest_errors.not_found()

        return await self._handle(request, request.path, nothing)

    async def _handle(self, request: web.Request, path: str, route: Route) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        app = self.world.application_by_token(authorization.removeprefix("Bot "))
        body, broken = await _read_json(request)
        headers, wait, everywhere = self.limits.take(
            request.method,
            path,
            dict(request.match_info),
            counts_globally=not path.startswith(("/interactions", "/webhooks")),
        )
        if self._is_banned():
            response = web.Response(status=429, text="error code: 1015")
        elif wait is not None:
            response = _too_many(wait, everywhere=everywhere)
        else:
            response = await self._answer(Call(request, app, body), route, broken=broken)
        response.headers.update(headers)
        # Clients take a 429 without it for a ban by Discord's edge.
        response.headers["Via"] = "1.1 sandbox"
        now = self.world.clock.monotonic()
        if response.status in (401, 403, 429):
            self._invalid_at.append(now)
        who = app.application_id if app else None
        self._log.add(RestCall(now, request.method, request.path.removeprefix(PREFIX), response.status, who, body))
        return response

    async def _answer(self, call: Call, route: Route, *, broken: bool) -> web.Response:
        try:
            if broken:
                raise rest_errors.invalid_json()
            result = await route(call)
        except ApiError as error:
            return _json(error.body, error.status)
        if result is None:
            return web.Response(status=204)
        return _json(result, 200)

    def _is_banned(self) -> bool:
        now = self.world.clock.monotonic()
        if self._invalid_at and now - self._invalid_at[0] >= INVALID_REQUESTS_SECONDS:
            self._invalid_at = [at for at in self._invalid_at if now - at < INVALID_REQUESTS_SECONDS]
        return len(self._invalid_at) >= self.invalid_requests_limit


async def _read_json(request: web.Request) -> tuple[Any, bool]:
    """The parsed body (``None`` if there is none), and whether it was broken."""
    raw = await request.read()
    if not raw:
        return None, False
    try:
        return json.loads(raw), False
    except (ValueError, RecursionError):
        return None, True


def _too_many(seconds: float, *, everywhere: bool) -> web.Response:
    body = {"message": "You are being rate limited.", "retry_after": round(seconds, 3), "global": everywhere}
    response = _json(body, 429)
    response.headers["Retry-After"] = str(int(seconds) + 1)
    return response


def _json(body: object, status: int) -> web.Response:
    # Without a charset, as Discord: discord.py takes anything but this exact type for text.
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
