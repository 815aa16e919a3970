"""REST calls with a bot's token, without any client library's help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from sandbox.discord import Application, FakeDiscord


class RestClient:
    """``call`` returns the status and the parsed body; the headers of the last answer are kept."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self._http = http
        self._base = base
        self.headers: CIMultiDictProxy[str] | dict[str, str] = {}

    def request(self, method: str, path: str, **options: Any) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The answer as it is."""
        return self._http.request(method, self._base + path, **options)

    async def call(self, method: str, path: str, body: object = None, *, raw: bytes | None = None) -> tuple[int, Any]:
        options: dict[str, Any] = {"data": raw} if raw is not None else {} if body is None else {"json": body}
        async with self.request(method, path, **options) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json() if answer.status != 204 else None


@asynccontextmanager
async def rest(discord: FakeDiscord, app: Application | None) -> AsyncIterator[RestClient]:
    """With the token of ``app``, or with a wrong one."""
    token = app.bot_token if app else "wrong"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {token}"}) as http:
        yield RestClient(http, discord.api_url)


PLAY = {
    "name": "play",
    "description": "Play a song",
    "options": [
        {"type": 3, "name": "url", "description": "Where it is", "required": True, "max_length": 200},
        {"type": 4, "name": "volume", "description": "How loud", "min_value": 0, "max_value": 200},
    ],
}
QUEUE = {"name": "queue", "description": "Show the queue"}


async def register(client: RestClient, app: Application) -> None:
    """Register /play and /queue."""
    status, _ = await client.call("PUT", f"/applications/{app.application_id}/commands", [PLAY, QUEUE])
    assert status == 200
