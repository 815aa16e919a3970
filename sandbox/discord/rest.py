"""Discord's REST API, version 10: the frame around every route (who calls, rate limits, errors, the record)."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.discord import rest_errors
from sandbox.discord.gateway import Gateway
from sandbox.discord.line import Line, Lost
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
    """Routes, and what surrounds them. ``limits`` and ``line`` are settable by tests."""

    def __init__(self, world: World, gateway: Gateway, log: Log, line: Line) -> None:
        self.world = world
        self.line = line
        self.gateway = gateway
        self.limits = RateLimits(world.clock)
        self._log = log
        self._invalid_at: list[float] = []
        self.invalid_requests_limit = INVALID_REQUESTS_LIMIT
        self._banned_until = float("-inf")

    def ban(self, seconds: float) -> None:
        """Have Discord's edge refuse every request of the address for so long."""
        self._banned_until = self.world.clock.monotonic() + seconds

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
        below = request.path.removeprefix(PREFIX)
        trouble = self.line.trouble(request.method, below)
        if trouble is Lost.REQUEST:
            return await self._silence(request)
        is_first_answer = below.endswith("/callback")
        await self._travel(self.line.first_answer() if is_first_answer else self.line.latency_seconds / 2)
        if self._is_banned():
            response = self._banned()
            self._note(request, response, app, body)
            return response
        headers, wait, everywhere = self.limits.take(
            request.method,
            path,
            dict(request.match_info),
            counts_globally=not path.startswith(("/interactions", "/webhooks")),
        )
        if isinstance(trouble, int):
            response = _json({"message": f"{trouble}: the sandbox's trouble", "code": 0}, trouble)
        elif wait is not None:
            response = _too_many(wait, everywhere=everywhere)
        else:
            name = f"{request.method} {path}"
            response = await self._answer(Call(request, app, body), route, name=name, broken=broken)
        response.headers.update(headers)
        # Clients take a 429 without it for a ban by Discord's edge.
        response.headers["Via"] = "1.1 sandbox"
        self._note(request, response, app, body)
        if trouble is Lost.ANSWER:
            return await self._silence(request)
        await self._travel(0.0 if is_first_answer else self.line.latency_seconds / 2)
        return response

    def _note(self, request: web.Request, response: web.Response, app: Application | None, body: Any) -> None:
        now = self.world.clock.monotonic()
        # Source: topics/rate-limits, "Invalid Request Limit": a 429 of a shared limit is nobody's fault.
        is_shared = response.headers.get("X-RateLimit-Scope") == "shared"
        if response.status in (401, 403, 429) and not is_shared:
            self._invalid_at.append(now)
        who = app.application_id if app else None
        self._log.add(RestCall(now, request.method, request.path.removeprefix(PREFIX), response.status, who, body))

    async def _travel(self, seconds: float) -> None:
        if seconds:
            await self.world.clock.sleep(seconds)

    async def _silence(self, request: web.Request) -> web.Response:
        """Never answer: wait until the bot gives up, and break the connection."""
        until = asyncio.get_running_loop().time() + self.line.silence_seconds
        # A look now and then: aiohttp tells a handler by nothing else that the other side has gone.
        while (line := request.transport) and not line.is_closing() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if line := request.transport:
            line.abort()
        return web.Response(status=500)

    def _banned(self) -> web.Response:
        """What Discord's edge (Cloudflare) answers: no JSON, no ``Via``, no limit's headers."""
        until = self._banned_until
        if len(self._invalid_at) >= self.invalid_requests_limit:
            until = max(until, self._invalid_at[0] + INVALID_REQUESTS_SECONDS)
        seconds = max(until - self.world.clock.monotonic(), 1.0)
        page = "<!doctype html><title>Access denied</title>error code: 1015"
        return web.Response(
            status=429, text=page, content_type="text/html", headers={"Retry-After": str(math.ceil(seconds))}
        )

    async def _answer(self, call: Call, route: Route, *, name: str, broken: bool) -> web.Response:
        try:
            if broken:
                raise rest_errors.invalid_json()
            result = await route(call)
        except ApiError as error:
            return _json(error.body, error.status)
        self.world.look.rest_answered(name, call.body, result)
        if result is None:
            return web.Response(status=204)
        return _json(result, 200)

    def _is_banned(self) -> bool:
        now = self.world.clock.monotonic()
        if self._invalid_at and now - self._invalid_at[0] >= INVALID_REQUESTS_SECONDS:
            self._invalid_at = [at for at in self._invalid_at if now - at < INVALID_REQUESTS_SECONDS]
        return now < self._banned_until or len(self._invalid_at) >= self.invalid_requests_limit


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
