"""A small interactions endpoint that verifies as it should, or fails in the way a test asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from sandbox.discord import Application

Json = dict[str, Any]
Answer = Callable[[Json], Awaitable[web.Response]]


class FrontDoor:
    """Answers what ``answer`` says; ``trusting`` leaves out the check of signatures."""

    def __init__(self, app: Application, answer: Answer, *, trusting: bool = False, pongs: bool = True) -> None:
        self._key = VerifyKey(bytes.fromhex(app.public_key))
        self.answer = answer
        self._trusting = trusting
        self._pongs = pongs
        self.url = ""
        self.received: list[Json] = []
        self.refused = 0
        self.closing = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        signed = request.headers["X-Signature-Timestamp"].encode() + body
        try:
            self._key.verify(signed, bytes.fromhex(request.headers["X-Signature-Ed25519"]))
        except BadSignatureError:
            self.refused += 1
            if not self._trusting:
                return web.Response(status=401)
        interaction = json.loads(body)
        if interaction["type"] == 1:
            return web.json_response({"type": 1 if self._pongs else 4})
        self.received.append(interaction)
        return await self.answer(interaction)


@asynccontextmanager
async def front_door(
    app: Application, answer: Answer, *, trusting: bool = False, pongs: bool = True
) -> AsyncIterator[FrontDoor]:
    """Serve one on loopback."""
    door = FrontDoor(app, answer, trusting=trusting, pongs=pongs)
    server = web.Application()
    server.router.add_post("/", door.handle)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield door
    finally:
        door.closing.set()
        await runner.cleanup()


def says(content: str, *, flags: int = 0) -> Answer:
    """Answers with a message."""

    async def answer(_interaction: Json) -> web.Response:
        return web.json_response({"type": 4, "data": {"content": content, "flags": flags}})

    return answer


async def defers(_interaction: Json) -> web.Response:
    """Answers "thinking"."""
    return web.json_response({"type": 5})
