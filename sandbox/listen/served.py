"""Files of this machine as links that the bot can play: an HTTP server on loopback, with ranges."""

from __future__ import annotations

import mimetypes
import os
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from aiohttp import web

from sandbox.radio import CONTENT_TYPES, LOOPBACK

SHUTDOWN_SECONDS = 1.0
_BY_NAME = mimetypes.MimeTypes()
"""What Python itself knows, whatever is registered on this machine."""


class FileServer:
    """Serves the files that were added, and nothing else, while the context lasts."""

    def __init__(self) -> None:
        self._files: list[Path] = []
        self._runner: web.AppRunner | None = None
        self.host = ""
        """``host:port``, as settings that allow a host want it."""

    def add(self, file: Path) -> str:
        """The link of a file. It ends with the file's name, whatever characters that has."""
        self._files.append(file)
        return f"http://{self.host}/{len(self._files) - 1}/{quote(os.fsencode(file.name), safe='')}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{number:[0-9]+}/{name:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.host = f"{LOOPBACK}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.FileResponse:
        number = int(request.match_info["number"])
        if number >= len(self._files) or not self._files[number].is_file():
            raise web.HTTPNotFound
        return web.FileResponse(self._files[number], headers={"Content-Type": content_type(self._files[number])})


def content_type(file: Path) -> str:
    """The media type by the file's name, as most servers tell it."""
    suffix = file.suffix.lower()
    return CONTENT_TYPES.get(suffix) or _BY_NAME.types_map[True].get(suffix) or "application/octet-stream"
