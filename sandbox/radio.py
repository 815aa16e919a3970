"""An HTTP server for audio files on loopback, with ranges; and the kinds of address that a bot must survive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK = "127.0.0.1"
METADATA_ADDRESS = "http://169.254.169.254/latest/meta-data/"
"""Where clouds keep credentials: the classic target of a redirect."""
CHUNK_BYTES = 4_096
SHUTDOWN_SECONDS = 1.0
CONTENT_TYPES = {
    ".webm": "audio/webm",
    ".ogg": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".aac": "audio/aac",
    ".m4a": "audio/mp4",
}


@dataclass(frozen=True)
class Request:
    """One request that was made: which path, and which part of it (the ``Range`` header)."""

    path: str
    range: str | None


class Radio:
    """Serves ``directory`` while the context lasts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()
        self.port = 0
        self.requests: list[Request] = []
        self.withheld: set[str] = set()
        """Names of files for which requests are taken from now on and never answered."""

    @property
    def host(self) -> str:
        """``host:port``, as settings that allow a host want it."""
        return f"{LOOPBACK}:{self.port}"

    def url(self, name: str) -> str:
        """The file as it is, ranges included."""
        return f"http://{self.host}/files/{quote(name)}"

    @property
    def missing_url(self) -> str:
        """Answers 404."""
        return self.url("there-is-no-such-file.mp3")

    @property
    def html_url(self) -> str:
        """Answers 200 with a web page."""
        return f"http://{self.host}/page"

    @property
    def silent_url(self) -> str:
        """Takes the request and never answers."""
        return f"http://{self.host}/never"

    def slow_url(self, name: str, bytes_per_second: int) -> str:
        """The file at that speed."""
        return f"http://{self.host}/slow/{bytes_per_second}/{quote(name)}"

    def truncated_url(self, name: str) -> str:
        """Promises the whole file, and breaks off after half of it."""
        return f"http://{self.host}/truncated/{quote(name)}"

    def redirect_url(self, target: str = METADATA_ADDRESS) -> str:
        """Redirects to ``target``: by default to an address that nobody should fetch for a stranger."""
        return f"http://{self.host}/redirect?to={quote(target, safe='')}"

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._remember])
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/slow/{speed}/{name}", self._slow)
        app.router.add_get("/truncated/{name}", self._truncated)
        app.router.add_get("/page", self._page)
        app.router.add_get("/never", self._never)
        app.router.add_get("/redirect", self._redirect)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner:
            await self._runner.cleanup()

    @web.middleware
    async def _remember(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(Request(request.path, request.headers.get("Range")))
        return await handler(request)

    def _path(self, request: web.Request) -> Path:
        path = (self._directory / request.match_info["name"]).resolve()
        if path.parent != self._directory or not path.is_file():
            raise web.HTTPNotFound
        return path

    async def _file(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["name"] in self.withheld:
            return await self._never(request)
        path = self._path(request)
        content_type = CONTENT_TYPES.get(path.suffix, "application/octet-stream")
        return web.FileResponse(path, headers={"Content-Type": content_type})

    async def _slow(self, request: web.Request) -> web.StreamResponse:
        data, speed = self._path(request).read_bytes(), int(request.match_info["speed"])
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        step = max(1, min(CHUNK_BYTES, speed // 10))
        for begin in range(0, len(data), step):
            await response.write(data[begin : begin + step])
            if await self._closes_within(step / speed):
                break
        return response

    async def _truncated(self, request: web.Request) -> web.StreamResponse:
        data = self._path(request).read_bytes()
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        if request.transport:
            request.transport.close()
        return response

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>Not a song</title>", content_type="text/html")

    async def _never(self, _request: web.Request) -> web.Response:
        await self._closing.wait()
        return web.Response(status=503)

    async def _redirect(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    async def _closes_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True
