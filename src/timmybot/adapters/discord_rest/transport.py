"""One HTTP exchange with Discord, in which no token can leak.

Interaction tokens are part of the URL (``/webhooks/{application}/{token}``), and urllib3 puts URLs into its exceptions
and its debug log: neither gets out of this module.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from timmybot.ports.discord import DiscordAway, DiscordError

USER_AGENT = "DiscordBot (https://timmybot.invalid, 0.1.0)"
"""Source: Discord, API Reference, "User Agent": ``DiscordBot ($url, $versionNumber)``; others may be blocked.
The project has no public address yet, and this one says so."""

CONNECT_SECONDS = 2.0
READ_SECONDS = 8.0
"""Uploads aside, Discord answers in well under a second; past this the member has given up."""

_TIMEOUT = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)

CONNECTIONS = 4
FIRST_ANSWER_CONNECTIONS = 16
"""Beside the others: each first answer that the line loses holds one for a second."""

_TOKEN_IN_PATH = re.compile(r"((?:webhooks|interactions)/\d+/)[^/?\s\"]+")


def scrubbed(text: str) -> str:
    """``text`` without the tokens of URLs in it."""
    return _TOKEN_IN_PATH.sub(r"\1***", text)


class _ScrubUrls(logging.Filter):
    """Takes tokens out of the lines that urllib3 logs about each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrubbed(record.getMessage()), ()
        return True


_SCRUB_URLS = _ScrubUrls()


_BROKEN = frozenset({500, 502, 503, 504})


@dataclass(frozen=True)
class Answer:
    """What Discord answered. ``headers`` have lower-case names; ``body`` is parsed JSON, ``None`` if there is none."""

    status: int
    headers: Mapping[str, str]
    body: object
    is_repeated: bool = False
    """Whether the request had been sent before, and nobody knows whether it was carried out then."""

    @property
    def is_broken(self) -> bool:
        """Whether Discord, or what stands before it, failed at a request that may succeed a moment later."""
        return self.status in _BROKEN

    @property
    def code(self) -> int:
        """Discord's JSON error code; 0 if it gave none."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return code if isinstance(code, int) else 0

    @property
    def message(self) -> str:
        message = self.body.get("message") if isinstance(self.body, dict) else None
        return scrubbed(message) if isinstance(message, str) else "no reason given"


class Transport:
    """Keeps a few connections to the API. Safe to use from several threads at once."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._http = urllib3.PoolManager(
            maxsize=CONNECTIONS + FIRST_ANSWER_CONNECTIONS,
            block=True,
            timeout=_TIMEOUT,
            retries=False,
            headers={"User-Agent": USER_AGENT},
        )
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(_SCRUB_URLS)  # adding it again does nothing

    def exchange(
        self, method: str, path: str, body: object | None, token: str | None, within_seconds: float | None = None
    ) -> Answer:
        """Send one request and wait for the answer, ``within_seconds`` if given.

        Raises :class:`DiscordError` when there is none, and :class:`DiscordAway` where that is the network's doing.
        """
        timeout = urllib3.Timeout(total=within_seconds) if within_seconds is not None else _TIMEOUT
        headers = {"User-Agent": USER_AGENT}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if token is not None:
            headers["Authorization"] = f"Bot {token}"
        kind: type[DiscordError] = DiscordAway
        trouble: str
        try:
            response = self._http.request(method, self._api_url + path, body=data, headers=headers, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            trouble = type(error).__name__
        except (ValueError, UnicodeError):
            # http.client repeats a header it refuses, and a token with a line break in it is one.
            kind, trouble = DiscordError, "the request could not be written"
        else:
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, _parsed(response.data))
        # Raised out here, so that the exception that holds the URL is not even its context.
        raise kind(f"Discord could not be reached ({trouble}) for {method} {scrubbed(path)}")

    def close(self) -> None:
        self._http.clear()


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None  # a proxy's error page; the status says enough
