"""Whether the URL that a session is to be resumed at may be trusted with the bot token.

A RESUME carries the token, so whoever could choose the URL would be given it. READY names one, and so does the stored
session of a predecessor: neither is believed unless it is Discord's, or the gateway this bot was configured with.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_DISCORD: Final = "discord.gg"


def is_trusted(url: str, gateway_url: str) -> bool:
    """Whether ``url`` is ``wss`` on a host of discord.gg, or has scheme, host and port of ``gateway_url``."""
    try:
        parts, ours = urlsplit(url), urlsplit(gateway_url)
        origin, our_origin = (
            (parts.scheme, parts.hostname, parts.port),
            (ours.scheme, ours.hostname, ours.port),
        )
    except ValueError:
        return False
    if parts.username is not None or parts.password is not None or not parts.hostname:
        return False
    if origin == our_origin:
        return parts.scheme in ("ws", "wss")
    return (
        parts.scheme == "wss"
        and parts.port in (None, 443)
        and (parts.hostname == _DISCORD or parts.hostname.endswith(f".{_DISCORD}"))
    )
